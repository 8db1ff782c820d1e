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

typedef struct
{
  BenchJob *job;
  DdpmBackend *profile;
  gboolean apart;               /* steps are timed, and watched in others */
  clockid_t clock;
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

/* What the first step allocates, and the peak of all that the job takes */
static gboolean
warm_up (Measurement * m, guint steps, GError ** error)
{
  BenchAllocations before;

  for (guint i = 0; i < steps; i++) {
    bench_allocations_read (&before);
    if (!bench_job_step (m->job, error))
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
time_step (Measurement * m, gdouble * seconds, gdouble * cpu, GError ** error)
{
  BenchAllocations before, after;
  gdouble start, cpu_start;

  bench_allocations_read (&before);
  cpu_start = bench_now (BENCH_CPU);
  start = bench_now (m->clock);
  if (!bench_job_step (m->job, error))
    return FALSE;
  *seconds = bench_now (m->clock) - start;
  *cpu = bench_now (BENCH_CPU) - cpu_start;
  bench_allocations_read (&after);
  subtract (&after, &before);
  m->result->steady.calls += after.calls;
  m->result->steady.bytes += after.bytes;
  return TRUE;
}

/* The convolutions alone leave caches that are not those of a stream of
 * steps. */
static gboolean
settle (Measurement * m, GError ** error)
{
  ddpm_profile_backend_set_active (m->profile, FALSE);
  return bench_job_step (m->job, error);
}

/* A step that is timed, and what it is made of */
static gboolean
time_and_watch (Measurement * m, gdouble * step, gdouble * cpu, GError ** error)
{
  gdouble watched;

  ddpm_profile_backend_set_active (m->profile, !m->apart);
  if (!time_step (m, step, cpu, error))
    return FALSE;
  watched = *step;
  if (m->apart) {
    const gdouble start = bench_now (m->clock);

    ddpm_profile_backend_set_active (m->profile, TRUE);
    if (!bench_job_step (m->job, error))
      return FALSE;
    watched = bench_now (m->clock) - start;
  }
  m->result->total += watched;
  return TRUE;
}

static gboolean
time_all (Measurement * m, guint repeats, GError ** error)
{
  ddpm_profile_backend_reset (m->profile);
  /* the first of them is measured for a graph, and the second captured */
  for (guint i = 0; m->apart && i < 2; i++) {
    if (!settle (m, error))
      return FALSE;
  }
  for (guint i = 0; i < repeats; i++) {
    gdouble step, cpu, alone, ratio;

    if (!settle (m, error) || !time_and_watch (m, &step, &cpu, error))
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
summarise (Measurement * m, const BenchOptions * options)
{
  BenchResult *result = m->result;
  const gdouble forward =
      ddpm_profile_backend_get_planned_flops (m->profile) / result->pass;
  BenchSpread ratio;

  result->flops = bench_flops_of_image (options->mode, forward)
      * result->batch * result->evaluations;
  bench_samples_summarise (m->steps, &result->step);
  bench_samples_summarise (m->cpu, &result->cpu);
  bench_samples_summarise (m->alone, &result->convolutions);
  bench_samples_summarise (m->ratios, &ratio);
  result->ratio = ratio.median;
  memcpy (result->entries, ddpm_profile_backend_get_entries (m->profile),
      sizeof result->entries);
  result->shapes = bench_convolutions_summarise (m->convolutions, m->profile);
  find_ceiling (result);
}

static gboolean
measure_job (Measurement * m, const BenchOptions * options,
    DdpmBackend * backend, GError ** error)
{
  const gdouble start = bench_now (m->clock);

  m->job = bench_job_new (options, m->profile, m->result->batch, error);
  if (m->job == NULL)
    return FALSE;
  m->result->setup = bench_now (m->clock) - start;
  m->result->evaluations = bench_job_get_evaluations (m->job);
  m->result->pass = bench_job_get_pass (m->job);
  ddpm_profile_backend_reset (m->profile);
  if (!warm_up (m, options->warmup, error))
    return FALSE;
  m->convolutions = bench_convolutions_new (backend, m->profile,
      options->warmup, m->clock, error);
  if (m->convolutions == NULL || !time_all (m, options->repeats, error))
    return FALSE;
  summarise (m, options);
  return TRUE;
}

gboolean
bench_measure (const BenchOptions * options, DdpmBackend * backend,
    guint batch, BenchResult * result, GError ** error)
{
  g_autoptr (DdpmBackend) profile = ddpm_profile_backend_new (backend);
  Measurement m = {.profile = profile,.apart = backend->ops->wait != NULL,
    .clock = options->clock,.result = result
  };
  gboolean ok;

  memset (result, 0, sizeof *result);
  result->batch = batch;
  m.steps = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m.cpu = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m.alone = g_array_new (FALSE, FALSE, sizeof (gdouble));
  m.ratios = g_array_new (FALSE, FALSE, sizeof (gdouble));
  ddpm_profile_backend_set_clock (profile, options->clock);
  bench_peak_memory_reset ();
  ok = measure_job (&m, options, backend, error);
  bench_convolutions_free (m.convolutions);
  bench_job_free (m.job);
  g_array_unref (m.steps);
  g_array_unref (m.cpu);
  g_array_unref (m.alone);
  g_array_unref (m.ratios);
  return ok;
}

void
bench_result_clear (BenchResult * result)
{
  g_clear_pointer (&result->shapes, g_array_unref);
}
