/* gst-ddpm: ddpm-bench: results as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include <json-glib/json-glib.h>

#include "tools/bench/report.h"

static void
add_string (JsonBuilder * json, const gchar * name, const gchar * text)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, text);
}

static void
add_int (JsonBuilder * json, const gchar * name, gint64 number)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, number);
}

static void
add_double (JsonBuilder * json, const gchar * name, gdouble number)
{
  json_builder_set_member_name (json, name);
  json_builder_add_double_value (json, number);
}

/* calls and bytes are negative where they are not known: null */
static void
add_allocations (JsonBuilder * json, const gchar * name, gint64 number,
    guint steps)
{
  json_builder_set_member_name (json, name);
  if (number < 0)
    json_builder_add_null_value (json);
  else
    json_builder_add_double_value (json, (gdouble) number / steps);
}

static void
add_milliseconds (JsonBuilder * json, const gchar * name,
    const BenchSpread * spread)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
  add_double (json, "median", 1e3 * spread->median);
  add_double (json, "min", 1e3 * spread->min);
  add_double (json, "max", 1e3 * spread->max);
  json_builder_end_object (json);
}

static void
add_network (JsonBuilder * json, const BenchOptions * o)
{
  const DdpmConfig *config = &o->model->config;
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (config);
  g_autofree gchar *levels = ddpm_config_attention_levels_to_string (config);

  json_builder_set_member_name (json, "network");
  json_builder_begin_object (json);
  add_string (json, "weights",
      o->model->location ? o->model->location : "random");
  add_int (json, "image-channels", config->image_channels);
  add_int (json, "channels", config->channels);
  add_string (json, "channel-mult", mult);
  add_string (json, "attention-levels", levels);
  add_int (json, "res-blocks", config->res_blocks);
  add_int (json, "timesteps", config->timesteps);
  add_int (json, "classes", config->classes);
  add_int (json, "width", o->width);
  add_int (json, "height", o->height);
  add_int (json, "parameters", o->model->params->trainable);
  json_builder_end_object (json);
}

static void
add_machine (JsonBuilder * json, DdpmBackend * backend)
{
  g_autofree gchar *processor = bench_processor_name ();

  add_string (json, "processor", processor);
  add_string (json, "backend", ddpm_backend_get_name (backend));
  add_string (json, "device", ddpm_backend_get_device (backend));
  add_string (json, "precision", ddpm_backend_get_precision_name (backend));
  add_int (json, "threads", backend->threads);
}

static void
add_ceiling (JsonBuilder * json, const BenchResult * r)
{
  const BenchShape *shape =
      &g_array_index (r->shapes, BenchShape, r->ceiling_shape);
  g_autofree gchar *name = bench_shape_to_string (&shape->desc);

  json_builder_set_member_name (json, "ceiling");
  json_builder_begin_object (json);
  add_double (json, "gflops", 1e-9 * r->ceiling);
  add_string (json, "convolution", name);
  add_string (json, "pass", bench_pass_to_string (r->ceiling_pass));
  json_builder_end_object (json);
}

static void
add_breakdown_entry (JsonBuilder * json, const gchar * name, gdouble calls,
    gdouble seconds, gdouble flops, gdouble total)
{
  json_builder_begin_object (json);
  add_string (json, "kind", name);
  add_double (json, "calls", calls);
  add_double (json, "ms", 1e3 * seconds);
  add_double (json, "share", seconds / total);
  if (flops > 0.0)
    add_double (json, "gflops", 1e-9 * flops / seconds);
  json_builder_end_object (json);
}

static void
add_breakdown (JsonBuilder * json, const BenchResult * r, guint steps)
{
  gdouble rest = r->total;

  json_builder_set_member_name (json, "breakdown");
  json_builder_begin_array (json);
  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++) {
    const DdpmTimerEntry *e = &r->entries[i];

    if (e->calls == 0)
      continue;
    rest -= e->seconds;
    add_breakdown_entry (json, ddpm_timer_kind_to_string (i),
        (gdouble) e->calls / steps, e->seconds / steps, e->flops / steps,
        r->total / steps);
  }
  add_breakdown_entry (json, "the rest", 0, rest / steps, 0.0,
      r->total / steps);
  json_builder_end_array (json);
}

static void
add_pass (JsonBuilder * json, const BenchShape * shape, guint pass)
{
  json_builder_set_member_name (json, bench_pass_to_string (pass));
  json_builder_begin_object (json);
  add_int (json, "calls", shape->count[pass]);
  add_milliseconds (json, "alone_ms", &shape->alone[pass]);
  add_double (json, "in_step_ms", 1e3 * shape->in_step[pass]);
  add_double (json, "gflops", 1e-9 * shape->flops / shape->alone[pass].median);
  add_string (json, "implementation", shape->engine[pass]);
  json_builder_end_object (json);
}

static void
add_shapes (JsonBuilder * json, const BenchResult * r)
{
  json_builder_set_member_name (json, "convolutions");
  json_builder_begin_array (json);
  for (guint i = 0; i < r->shapes->len; i++) {
    const BenchShape *shape = &g_array_index (r->shapes, BenchShape, i);
    g_autofree gchar *name = bench_shape_to_string (&shape->desc);

    json_builder_begin_object (json);
    add_string (json, "shape", name);
    add_double (json, "gflop", 1e-9 * shape->flops);
    for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
      if (shape->count[pass])
        add_pass (json, shape, pass);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_speed (JsonBuilder * json, const BenchResult * r)
{
  const gdouble evaluations = (gdouble) r->batch * r->evaluations;

  add_milliseconds (json, "step_ms", &r->step);
  add_milliseconds (json, "cpu_ms", &r->cpu);
  add_double (json, "images_per_second", r->batch / r->step.median);
  add_double (json, "evaluations_per_second", evaluations / r->step.median);
  add_double (json, "gflop_per_evaluation", 1e-9 * r->flops / evaluations);
  add_double (json, "gflops", 1e-9 * r->flops / r->step.median);
  add_ceiling (json, r);
  add_double (json, "fraction_of_ceiling",
      r->flops / r->step.median / r->ceiling);
  add_milliseconds (json, "convolutions_alone_ms", &r->convolutions);
  add_double (json, "step_to_convolutions", r->ratio);
}

static void
add_cost (JsonBuilder * json, const BenchResult * r, guint steps)
{
  add_double (json, "setup_ms", 1e3 * r->setup);
  add_double (json, "peak_memory_mib", r->peak_memory / 1048576.0);
  add_allocations (json, "first_step_allocations", r->first.calls, 1);
  add_allocations (json, "allocations_per_step", r->steady.calls, steps);
  add_allocations (json, "allocated_bytes_per_step", r->steady.bytes, steps);
}

void
bench_report_json (const BenchOptions * options, DdpmBackend * backend,
    const BenchResult * result)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *text = NULL;

  json_builder_begin_object (json);
  add_string (json, "benchmark", bench_mode_to_string (options->mode));
  add_string (json, "version", VERSION);
  add_network (json, options);
  add_machine (json, backend);
  add_int (json, "batch", result->batch);
  add_int (json, "micro_batch", result->pass);
  add_int (json, "evaluations", result->evaluations);
  add_int (json, "repeats", options->repeats);
  add_string (json, "clock", options->clock == BENCH_WALL ? "wall" : "cpu");
  add_speed (json, result);
  add_breakdown (json, result, options->repeats);
  add_cost (json, result, options->repeats);
  add_shapes (json, result);
  json_builder_end_object (json);

  root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, NULL);
  g_print ("%s\n", text);
}
