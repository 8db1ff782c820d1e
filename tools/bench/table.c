/* gst-ddpm: ddpm-bench: results as a table for people
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/bench/report.h"

void
bench_report_heading (const BenchOptions * options, DdpmBackend * backend)
{
  const DdpmModel *model = options->model;
  g_autofree gchar *network = ddpm_config_to_string (&model->config);
  g_autofree gchar *processor = bench_processor_name ();

  g_print ("%s: %s, %.2f million parameters, %ux%u, weights: %s\n",
      bench_mode_to_string (options->mode), network,
      1e-6 * ddpm_config_count_parameters (&model->config), options->width,
      options->height, model->location ? model->location : "random");
  g_print ("%s: %s, %s\n", processor, ddpm_backend_get_device (backend),
      ddpm_backend_get_precision_name (backend));
}

static void
print_spread (const gchar * name, const BenchSpread * spread)
{
  g_print ("  %-34s %10.3f ms  (%.3f to %.3f)\n", name, 1e3 * spread->median,
      1e3 * spread->min, 1e3 * spread->max);
}

static void
print_number (const gchar * name, gdouble number, const gchar * unit)
{
  g_print ("  %-34s %10.2f %s\n", name, number, unit);
}

static void
print_speed (const BenchOptions * options, const BenchResult * r)
{
  const gdouble evaluations = (gdouble) r->batch * r->evaluations;
  static const gchar *const steps[] =
      { "one evaluation", "noise to images", "one optimizer step" };

  print_spread (steps[options->mode], &r->step);
  print_spread ("time of processors", &r->cpu);
  print_number ("images", r->batch / r->step.median, "a second");
  if (options->mode == BENCH_SAMPLE)
    print_number ("evaluations", evaluations / r->step.median, "a second");
  print_number ("operations", 1e-9 * r->flops / evaluations,
      options->mode == BENCH_TRAIN ? "GFLOP an image" : "GFLOP an evaluation");
  print_number ("speed", 1e-9 * r->flops / r->step.median, "GFLOP/s");
}

static void
print_limit (const BenchResult * r)
{
  if (r->limit.flops == 0.0)
    return;
  g_print ("  %-34s %10.2f GFLOP/s  (%s)\n", "limit", 1e-9 * r->limit.flops,
      r->limit.instruction);
  print_number ("of the limit", 100.0 * r->flops / r->step.median
      / r->limit.flops, "%");
}

static void
print_ceiling (const BenchResult * r)
{
  const BenchShape *shape =
      &g_array_index (r->shapes, BenchShape, r->ceiling_shape);
  g_autofree gchar *name = bench_shape_to_string (&shape->desc);

  g_print ("  %-34s %10.2f GFLOP/s  (%s, %s)\n", "ceiling", 1e-9 * r->ceiling,
      name, bench_pass_to_string (r->ceiling_pass));
  print_number ("of the ceiling",
      100.0 * r->flops / r->step.median / r->ceiling, "%");
  print_spread ("its convolutions, each alone", &r->convolutions);
  print_number ("step : convolutions alone", r->ratio, "");
}

static void
print_beside (const BenchResult * r, guint processes)
{
  g_autofree gchar *name = g_strdup_printf ("beside %u busy process%s",
      processes, processes == 1 ? "" : "es");

  if (processes == 0)
    return;
  print_spread (name, &r->beside);
  print_number ("speed beside them : without", r->beside_speed, "");
}

static void
print_cost (const BenchResult * r, guint steps)
{
  print_number ("to plan and take memory", 1e3 * r->setup, "ms");
  if (r->peak_memory)
    print_number ("peak memory", r->peak_memory / 1048576.0, "MiB");
  if (r->steady.calls < 0)
    return;
  g_print ("  %-34s %10.1f a step, %.1f KiB  (%" G_GINT64_FORMAT
      " in the first)\n", "allocations", (gdouble) r->steady.calls / steps,
      (gdouble) r->steady.bytes / steps / 1024.0, r->first.calls);
}

static void
print_kind (const gchar * name, gdouble calls, gdouble seconds, gdouble flops,
    gdouble total)
{
  g_print ("  %-34s %10.3f %6.1f %8.0f", name, 1e3 * seconds,
      100.0 * seconds / total, calls);
  if (flops > 0.0)
    g_print (" %10.1f", 1e-9 * flops / seconds);
  g_print ("\n");
}

static void
print_breakdown (const BenchResult * r, guint steps)
{
  gdouble rest = r->total;

  g_print ("\n  %-34s %10s %6s %8s %10s\n", "in a step", "ms", "%", "calls",
      "GFLOP/s");
  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++) {
    const DdpmTimerEntry *e = &r->entries[i];

    rest -= e->seconds;
    if (e->calls)
      print_kind (ddpm_timer_kind_to_string (i), (gdouble) e->calls / steps,
          e->seconds / steps, e->flops / steps, r->total / steps);
  }
  print_kind ("the rest", 0, rest / steps, 0.0, r->total / steps);
}

static void
print_pass (const BenchResult * r, const BenchShape * shape, const gchar * name,
    guint pass)
{
  const gdouble speed = shape->flops / shape->alone[pass].median;

  g_print ("  %-34s %5u %10.3f %10.3f %8.1f", name, shape->count[pass],
      1e3 * shape->alone[pass].median, 1e3 * shape->in_step[pass],
      1e-9 * speed);
  if (r->limit.flops > 0.0)
    g_print (" %5.1f %%", 100.0 * speed / r->limit.flops);
  g_print ("  %s, %s\n", bench_pass_to_string (pass), shape->engine[pass]);
}

static void
print_shapes (const BenchResult * r)
{
  g_print ("\n  %-34s %5s %10s %10s %8s%s\n", "convolution", "calls",
      "alone ms", "in step", "GFLOP/s", r->limit.flops > 0.0 ? "   limit" : "");
  for (guint i = 0; i < r->shapes->len; i++) {
    const BenchShape *shape = &g_array_index (r->shapes, BenchShape, i);
    g_autofree gchar *name = bench_shape_to_string (&shape->desc);

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      if (shape->count[pass] == 0)
        continue;
      print_pass (r, shape, name, pass);
    }
  }
}

void
bench_report_table (const BenchOptions * options, const BenchResult * result)
{
  g_print ("\nbatch %u", result->batch);
  if (result->pass != result->batch)
    g_print (", %u at a time", result->pass);
  if (options->mode == BENCH_SAMPLE)
    g_print (", %u evaluations", result->evaluations);
  g_print (", %u times%s\n", options->repeats,
      options->clock == BENCH_WALL ? "" : ", all in time of processors");
  print_speed (options, result);
  print_limit (result);
  print_ceiling (result);
  print_beside (result, options->beside);
  print_cost (result, options->repeats);
  print_breakdown (result, options->repeats);
  if (options->shapes)
    print_shapes (result);
}
