/* gst-ddpm: ddpm-bench: one measurement
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Steps and the convolutions alone are timed in turn, so that other load on
 * the machine slows both down, and their ratio stays the same.
 *
 * On a GPU, timing single operations is slow: the timer waits after each one,
 * and graphs are not used. So each repeat makes two steps there: one is timed as
 * a whole, the other by operation.
 */
#include <string.h>

#include "tools/bench/beside.h"
#include "tools/bench/job.h"
#include "tools/bench/measure.h"
#include "gst-ddpm/ddpm.h"

typedef struct
{
  const BenchOptions *options;
  DdpmBackend *backend;
  BenchJob *job;
  DdpmTimer *timer;
  gboolean apart;               /* operations are timed in steps of their own */
  BenchConvolutions *convolutions;
  GArray *steps, *cpu, *alone, *ratios; /* of gdouble */
  BenchResult *result;
} Measurement;

gdouble
bench_flops_of_image (BenchMode mode, gdouble forward)
{
  return mode == BENCH_TRAIN ? 3.0 * forward : forward;
}

/* -1, not known, stays -1. */
static void
subtract (BenchAllocations * a, const BenchAllocations * b)
{
  if (a->calls < 0)
    return;
  a->calls -= b->calls;
  a->bytes -= b->bytes;
}

/* Also counts the allocations of the first step, and the peak of memory. */
static gboolean
warm_up (Measurement * m, GError ** error)
{
  BenchAllocations before;

  for (guint i = 0; i < m->options->warmup; i++) {
    bench_allocations_read (&before);
    if (!bench_job_step (m->job, m->timer, error))
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
time_step (Measurement * m, DdpmTimer * timer, gdouble * seconds,
    gdouble * cpu, GError ** error)
{
  BenchAllocations before, after;
  gdouble start, cpu_start;

  bench_allocations_read (&before);
  cpu_start = bench_now (BENCH_CPU);
  start = bench_now (m->options->clock);
  if (!bench_job_step (m->job, timer, error))
    return FALSE;
  *seconds = bench_now (m->options->clock) - start;
  *cpu = bench_now (BENCH_CPU) - cpu_start;
  bench_allocations_read (&after);
  subtract (&after, &before);
  m->result->steady.calls += after.calls;
  m->result->steady.bytes += after.bytes;
  return TRUE;
}

/* Times a step and its operations; with m->apart, those of another step */
static gboolean
time_step_and_operations (Measurement * m, gdouble * step, gdouble * cpu,
    GError ** error)
{
  gdouble start, seconds;

  if (!time_step (m, m->apart ? NULL : m->timer, step, cpu, error))
    return FALSE;
  seconds = *step;
  if (m->apart) {
    start = bench_now (m->options->clock);
    if (!bench_job_step (m->job, m->timer, error))
      return FALSE;
    seconds = bench_now (m->options->clock) - start;
  }
  m->result->total += seconds;
  return TRUE;
}

/* Before each timed step, an untimed one fills the caches again, which the
 * convolutions have used. */
static gboolean
time_all (Measurement * m, GError ** error)
{
  ddpm_timer_reset (m->timer);
  /* the first step without timer measures its graph, the second captures it */
  for (guint i = 0; m->apart && i < 2; i++) {
    if (!bench_job_step (m->job, NULL, error))
      return FALSE;
  }
  for (guint i = 0; i < m->options->repeats; i++) {
    gdouble step, cpu, alone, ratio;

    if (!bench_job_step (m->job, NULL, error)
        || !time_step_and_operations (m, &step, &cpu, error))
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

/* Wall-clock time: that of processors does not tell how long others held them */
static gboolean
time_one (Measurement * m, gdouble * seconds, GError ** error)
{
  const gdouble start = bench_now (BENCH_WALL);

  if (!bench_job_step (m->job, NULL, error))
    return FALSE;
  *seconds = bench_now (BENCH_WALL) - start;
  return TRUE;
}

static gboolean
time_in_turn (Measurement * m, BenchBeside * processes, GArray * beside,
    GArray * speeds, GError ** error)
{
  for (guint i = 0; i < m->options->repeats; i++) {
    gdouble idle, busy, speed;
    gboolean ok;

    if (!time_one (m, &idle, error))
      return FALSE;
    bench_beside_let_run (processes, TRUE);
    ok = time_one (m, &busy, error);
    bench_beside_let_run (processes, FALSE);
    if (!ok)
      return FALSE;
    speed = idle / busy;
    g_array_append_val (beside, busy);
    g_array_append_val (speeds, speed);
  }
  return TRUE;
}

static gboolean
time_beside (Measurement * m, GError ** error)
{
  g_autoptr (GArray) beside = g_array_new (FALSE, FALSE, sizeof (gdouble));
  g_autoptr (GArray) speeds = g_array_new (FALSE, FALSE, sizeof (gdouble));
  BenchBeside *processes;
  BenchSpread speed;
  gboolean ok;

  if (m->options->beside == 0)
    return TRUE;
  processes = bench_beside_new (m->options->beside, error);
  if (processes == NULL)
    return FALSE;
  ok = time_in_turn (m, processes, beside, speeds, error);
  bench_beside_free (processes);
  bench_samples_summarise (beside, &m->result->beside);
  bench_samples_summarise (speeds, &speed);
  m->result->beside_speed = speed.median;
  return ok;
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
      ddpm_predictor_count_flops (&o->model->config, o->width, o->height))
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
  BenchLimit before;

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
  if (m->convolutions == NULL)
    return FALSE;
  before = bench_limit_measure (m->backend);
  if (!time_all (m, error))
    return FALSE;
  m->result->limit = bench_limit_measure (m->backend);
  if (before.flops > m->result->limit.flops)
    m->result->limit = before;
  if (!time_beside (m, error))
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
