/* gst-ddpm: ddpm-bench: one measurement
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Steps and the convolutions alone are timed in turn, so that other load on
 * the machine slows both, and their ratio stays what it is.
 *
 * Of a device that runs behind the host, the stop-watch waits for each
 * operation, and its graphs are taken apart. So steps are timed without it,
 * and what they are made of is watched in others, beside them.
 */
#include <string.h>

#include "tools/bench/job.h"
#include "tools/bench/measure.h"
#include "gst-ddpm/unet/unet.h"

typedef struct
{
  const BenchOptions *options;
  DdpmBackend *backend;
  BenchJob *job;
  DdpmTimer *timer;
  gboolean apart;               /* the timer watches other steps than are timed */
  BenchConvolutions *convolutions;
  GArray *steps, *cpu, *alone, *ratios; /* of gdouble */
  BenchResult *result;
} Measurement;

gdouble
bench_flops_of_image (BenchMode mode, gdouble forward)
{
  return mode == BENCH_TRAIN ? 3.0 * forward : forward;
}

/* What is not known stays so. */
static void
subtract (BenchAllocations * a, const BenchAllocations * b)
{
  if (a->calls < 0)
    return;
  a->calls -= b->calls;
  a->bytes -= b->bytes;
}

static gboolean
plain_step (Measurement * m, GError ** error)
{
  return bench_job_step (m->job, error);
}

static gboolean
watched_step (Measurement * m, GError ** error)
{
  gboolean ok;

  ddpm_timer_attach (m->timer, m->backend);
  ok = bench_job_step (m->job, error);
  ddpm_timer_attach (NULL, m->backend);
  return ok;
}

/* What the first step allocates, and the peak of all that the job takes */
static gboolean
warm_up (Measurement * m, GError ** error)
{
  BenchAllocations before;

  for (guint i = 0; i < m->options->warmup; i++) {
    bench_allocations_read (&before);
    if (!watched_step (m, error))
      return FALSE;
    if (i > 0)
      continue;
    bench_allocations_read (&m->result->first);
    subtract (&m->result->first, &before);
  }
  m->result->peak_memory = bench_peak_memory_read ();
  return TRUE;
}

static gboolean
time_step (Measurement * m, gboolean watched, gdouble * seconds,
    gdouble * cpu, GError ** error)
{
  BenchAllocations before, after;
  gdouble start, cpu_start;

  bench_allocations_read (&before);
  cpu_start = bench_now (BENCH_CPU);
  start = bench_now (m->options->clock);
  if (!(watched ? watched_step : plain_step) (m, error))
    return FALSE;
  *seconds = bench_now (m->options->clock) - start;
  *cpu = bench_now (BENCH_CPU) - cpu_start;
  bench_allocations_read (&after);
  subtract (&after, &before);
  m->result->steady.calls += after.calls;
  m->result->steady.bytes += after.bytes;
  return TRUE;
}

/* A step that is timed, and what it is made of */
static gboolean
time_and_watch (Measurement * m, gdouble * step, gdouble * cpu, GError ** error)
{
  gdouble start, seconds;

  if (!time_step (m, !m->apart, step, cpu, error))
    return FALSE;
  seconds = *step;
  if (m->apart) {
    start = bench_now (m->options->clock);
    if (!watched_step (m, error))
      return FALSE;
    seconds = bench_now (m->options->clock) - start;
  }
  m->result->total += seconds;
  return TRUE;
}

/* The step before a timed one is not timed: the convolutions alone left other
 * things in the caches than a step does. */
static gboolean
time_all (Measurement * m, GError ** error)
{
  ddpm_timer_reset (m->timer);
  /* the first of them is measured for a graph, and the second captured */
  for (guint i = 0; m->apart && i < 2; i++) {
    if (!bench_job_step (m->job, error))
      return FALSE;
  }
  for (guint i = 0; i < m->options->repeats; i++) {
    gdouble step, cpu, alone, ratio;

    if (!bench_job_step (m->job, error)
        || !time_and_watch (m, &step, &cpu, error))
      return FALSE;
    alone = bench_convolutions_time (m->convolutions);
    ratio = step / alone;
    g_array_append_val (m->steps, step);
    g_array_append_val (m->cpu, cpu);
    g_array_append_val (m->alone, alone);
    g_array_append_val (m->ratios, ratio);
  }
  return TRUE;
}

static void
find_ceiling (BenchResult * result)
{
  for (guint i = 0; i < result->shapes->len; i++) {
    const BenchShape *shape = &g_array_index (result->shapes, BenchShape, i);

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      gdouble speed = shape->count[pass]
          ? shape->flops / shape->alone[pass].median : 0.0;

      if (speed <= result->ceiling)
        continue;
      result->ceiling = speed;
      result->ceiling_shape = i;
      result->ceiling_pass = pass;
    }
  }
}

static void
summarise (Measurement * m)
{
  const BenchOptions *o = m->options;
  BenchResult *result = m->result;
  BenchSpread ratio;

  result->flops = bench_flops_of_image (o->mode,
      ddpm_unet_count_flops (&o->model->config, o->width, o->height))
      * result->batch * result->evaluations;
  bench_samples_summarise (m->steps, &result->step);
  bench_samples_summarise (m->cpu, &result->cpu);
  bench_samples_summarise (m->alone, &result->convolutions);
  bench_samples_summarise (m->ratios, &ratio);
  result->ratio = ratio.median;
  memcpy (result->entries, m->timer->entries, sizeof result->entries);
  result->shapes = bench_convolutions_summarise (m->convolutions);
  find_ceiling (result);
}

static gboolean
measure_job (Measurement * m, GError ** error)
{
  const gdouble start = bench_now (m->options->clock);

  m->job = bench_job_new (m->options, m->backend, m->result->batch, error);
  if (m->job == NULL)
    return FALSE;
  m->result->setup = bench_now (m->options->clock) - start;
  m->result->evaluations = bench_job_get_evaluations (m->job);
  m->result->pass = bench_job_get_pass (m->job);
  if (!warm_up (m, error))
    return FALSE;
  m->convolutions = bench_convolutions_new (m->backend, m->timer,
      m->options->warmup, error);
  if (m->convolutions == NULL || !time_all (m, error))
    return FALSE;
  summarise (m);
  return TRUE;
}

gboolean
bench_measure (const BenchOptions * options, DdpmBackend * backend,
    guint batch, BenchResult * result, GError ** error)
{
  Measurement m = {.options = options,.backend = backend,.result = result,
    .apart = ddpm_backend_get_context (backend) != NULL
  };
  GArray **samples[] = { &m.steps, &m.cpu, &m.alone, &m.ratios };
  gboolean ok;

  memset (result, 0, sizeof *result);
  result->batch = batch;
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    *samples[i] = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m.timer = ddpm_timer_new (options->clock);
  bench_peak_memory_reset ();
  ok = measure_job (&m, error);
  bench_convolutions_free (m.convolutions);
  bench_job_free (m.job);
  ddpm_timer_free (m.timer);
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    g_array_unref (*samples[i]);
  return ok;
}

void
bench_result_clear (BenchResult * result)
{
  g_clear_pointer (&result->shapes, g_array_unref);
}
