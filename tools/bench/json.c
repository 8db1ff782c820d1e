/* gst-ddpm: ddpm-bench: results as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include <math.h>

#include "tools/bench/report.h"
#include "tools/common/json.h"

/* number is negative if the system does not count allocations: null */
static void
set_allocations (JsonObject * json, const gchar * name, gint64 number,
    guint steps)
{
  json_set_double (json, name, number < 0 ? NAN : (gdouble) number / steps);
}

static void
set_milliseconds (JsonObject * json, const gchar * name,
    const BenchSpread * spread)
{
  JsonObject *numbers = json_object_new ();

  json_object_set_double_member (numbers, "median", 1e3 * spread->median);
  json_object_set_double_member (numbers, "min", 1e3 * spread->min);
  json_object_set_double_member (numbers, "max", 1e3 * spread->max);
  json_object_set_object_member (json, name, numbers);
}

static JsonObject *
network_to_json (const BenchOptions * o)
{
  const DdpmConfig *config = &o->model->config;
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (config);
  g_autofree gchar *levels = ddpm_config_attention_levels_to_string (config);
  JsonObject *json = json_object_new ();

  json_object_set_string_member (json, "weights",
      o->model->location ? o->model->location : "random");
  json_object_set_int_member (json, "image-channels", config->image_channels);
  json_object_set_int_member (json, "channels", config->channels);
  json_object_set_string_member (json, "channel-mult", mult);
  json_object_set_string_member (json, "attention-levels", levels);
  json_object_set_int_member (json, "res-blocks", config->res_blocks);
  json_object_set_int_member (json, "timesteps", config->timesteps);
  json_object_set_int_member (json, "classes", config->classes);
  json_object_set_int_member (json, "width", o->width);
  json_object_set_int_member (json, "height", o->height);
  json_object_set_int_member (json, "parameters",
      ddpm_config_count_parameters (&o->model->config));
  return json;
}

static void
set_machine (JsonObject * json, DdpmBackend * backend)
{
  g_autofree gchar *processor = bench_processor_name ();
  const gchar *precision = ddpm_backend_get_precision_name (backend);

  json_object_set_string_member (json, "processor", processor);
  json_object_set_string_member (json, "backend",
      ddpm_backend_get_name (backend));
  json_object_set_string_member (json, "device",
      ddpm_backend_get_device (backend));
  json_object_set_string_member (json, "precision", precision);
  json_object_set_int_member (json, "threads",
      ddpm_measure_get_threads (backend));
}

static JsonObject *
ceiling_to_json (const BenchResult * r)
{
  const BenchShape *shape =
      &g_array_index (r->shapes, BenchShape, r->ceiling_shape);
  g_autofree gchar *name = bench_shape_to_string (&shape->desc);
  JsonObject *json = json_object_new ();

  json_object_set_double_member (json, "gflops", 1e-9 * r->ceiling);
  json_object_set_string_member (json, "convolution", name);
  json_object_set_string_member (json, "pass",
      bench_pass_to_string (r->ceiling_pass));
  return json;
}

static void
add_kind (JsonArray * breakdown, const gchar * name, gdouble calls,
    gdouble seconds, gdouble flops, gdouble total)
{
  JsonObject *json = json_object_new ();

  json_object_set_string_member (json, "kind", name);
  json_object_set_double_member (json, "calls", calls);
  json_object_set_double_member (json, "ms", 1e3 * seconds);
  json_object_set_double_member (json, "share", seconds / total);
  if (flops > 0.0)
    json_object_set_double_member (json, "gflops", 1e-9 * flops / seconds);
  json_array_add_object_element (breakdown, json);
}

static JsonArray *
breakdown_to_json (const BenchResult * r, guint steps)
{
  JsonArray *breakdown = json_array_new ();
  gdouble rest = r->total;

  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++) {
    const DdpmTimerEntry *e = &r->entries[i];

    if (e->calls == 0)
      continue;
    rest -= e->seconds;
    add_kind (breakdown, ddpm_timer_kind_to_string (i),
        (gdouble) e->calls / steps, e->seconds / steps, e->flops / steps,
        r->total / steps);
  }
  add_kind (breakdown, "the rest", 0, rest / steps, 0.0, r->total / steps);
  return breakdown;
}

static JsonObject *
pass_to_json (const BenchShape * shape, guint pass)
{
  JsonObject *json = json_object_new ();

  json_object_set_int_member (json, "calls", shape->count[pass]);
  set_milliseconds (json, "alone_ms", &shape->alone[pass]);
  json_object_set_double_member (json, "in_step_ms",
      1e3 * shape->in_step[pass]);
  json_object_set_double_member (json, "gflops",
      1e-9 * shape->flops / shape->alone[pass].median);
  json_object_set_string_member (json, "implementation", shape->engine[pass]);
  return json;
}

static JsonArray *
shapes_to_json (const BenchResult * r)
{
  JsonArray *shapes = json_array_new ();

  for (guint i = 0; i < r->shapes->len; i++) {
    const BenchShape *shape = &g_array_index (r->shapes, BenchShape, i);
    g_autofree gchar *name = bench_shape_to_string (&shape->desc);
    JsonObject *json = json_object_new ();

    json_object_set_string_member (json, "shape", name);
    json_object_set_double_member (json, "gflop", 1e-9 * shape->flops);
    for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
      if (shape->count[pass])
        json_object_set_object_member (json, bench_pass_to_string (pass),
            pass_to_json (shape, pass));
    json_array_add_object_element (shapes, json);
  }
  return shapes;
}

/* Nothing where it is not known */
static void
set_limit (JsonObject * json, const BenchResult * r)
{
  JsonObject *limit;

  if (r->limit.flops == 0.0)
    return;
  limit = json_object_new ();
  json_object_set_double_member (limit, "gflops", 1e-9 * r->limit.flops);
  json_object_set_string_member (limit, "instruction", r->limit.instruction);
  json_object_set_object_member (json, "limit", limit);
  json_object_set_double_member (json, "fraction_of_limit",
      r->flops / r->step.median / r->limit.flops);
}

static void
set_speed (JsonObject * json, const BenchResult * r)
{
  const gdouble evaluations = (gdouble) r->batch * r->evaluations;
  const gdouble seconds = r->step.median;

  set_milliseconds (json, "step_ms", &r->step);
  set_milliseconds (json, "cpu_ms", &r->cpu);
  json_object_set_double_member (json, "images_per_second", r->batch / seconds);
  json_object_set_double_member (json, "evaluations_per_second",
      evaluations / seconds);
  json_object_set_double_member (json, "gflop_per_evaluation",
      1e-9 * r->flops / evaluations);
  json_object_set_double_member (json, "gflops", 1e-9 * r->flops / seconds);
  set_limit (json, r);
  json_object_set_object_member (json, "ceiling", ceiling_to_json (r));
  json_object_set_double_member (json, "fraction_of_ceiling",
      r->flops / seconds / r->ceiling);
  set_milliseconds (json, "convolutions_alone_ms", &r->convolutions);
  json_object_set_double_member (json, "step_to_convolutions", r->ratio);
}

static void
set_beside (JsonObject * json, const BenchResult * r, guint processes)
{
  JsonObject *beside;

  if (processes == 0)
    return;
  beside = json_object_new ();
  json_object_set_int_member (beside, "processes", processes);
  set_milliseconds (beside, "step_ms", &r->beside);
  json_object_set_double_member (beside, "speed_to_idle", r->beside_speed);
  json_object_set_object_member (json, "beside", beside);
}

static void
set_cost (JsonObject * json, const BenchResult * r, guint steps)
{
  json_object_set_double_member (json, "setup_ms", 1e3 * r->setup);
  json_object_set_double_member (json, "peak_memory_mib",
      r->peak_memory / 1048576.0);
  set_allocations (json, "first_step_allocations", r->first.calls, 1);
  set_allocations (json, "allocations_per_step", r->steady.calls, steps);
  set_allocations (json, "allocated_bytes_per_step", r->steady.bytes, steps);
}

void
bench_report_json (const BenchOptions * options, DdpmBackend * backend,
    const BenchResult * result)
{
  JsonObject *json = json_object_new ();

  json_object_set_string_member (json, "benchmark",
      bench_mode_to_string (options->mode));
  json_object_set_string_member (json, "version", VERSION);
  json_object_set_object_member (json, "network", network_to_json (options));
  set_machine (json, backend);
  json_object_set_int_member (json, "batch", result->batch);
  json_object_set_int_member (json, "micro_batch", result->pass);
  json_object_set_int_member (json, "evaluations", result->evaluations);
  json_object_set_int_member (json, "repeats", options->repeats);
  json_object_set_string_member (json, "clock",
      options->clock == BENCH_WALL ? "wall" : "cpu");
  set_speed (json, result);
  set_beside (json, result, options->beside);
  json_object_set_array_member (json, "breakdown",
      breakdown_to_json (result, options->repeats));
  set_cost (json, result, options->repeats);
  json_object_set_array_member (json, "convolutions", shapes_to_json (result));
  json_print_line (json);
}
