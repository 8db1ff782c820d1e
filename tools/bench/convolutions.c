/* gst-ddpm: ddpm-bench: the convolutions of a network, each timed alone
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/bench/convolutions.h"

/* One sample is the mean of so many calls that it takes this long. */
#define SAMPLE_SECONDS 2e-3
#define MAX_CALLS 1000

typedef struct
{
  BenchShape shape;
  guint calls[BENCH_N_PASSES];  /* of one sample */
  GArray *samples[BENCH_N_PASSES];      /* of gdouble: seconds of a call */
} Shape;

struct _BenchConvolutions
{
  const DdpmTimer *timer;
  DdpmMeasure *measure;
  GArray *shapes;               /* of Shape, as the timer's convolutions */
};

const gchar *
bench_pass_to_string (guint pass)
{
  static const gchar *const names[BENCH_N_PASSES] =
      { "forward", "backward by data", "backward by weights" };

  return names[pass];
}

gchar *
bench_shape_to_string (const DdpmConvDesc * d)
{
  GString *s = g_string_new (NULL);

  g_string_printf (s, "%ux%u %u", d->kernel, d->kernel, d->cin0);
  if (d->cin1)
    g_string_append_printf (s, "+%u", d->cin1);
  g_string_append_printf (s, "->%u at %ux%u", d->cout, d->width, d->height);
  if (d->stride > 1)
    g_string_append_printf (s, ", stride %u", d->stride);
  return g_string_free (s, FALSE);
}

static const DdpmTimerConvolution *
seen (BenchConvolutions * c, guint i)
{
  return &g_array_index (c->timer->convolutions, DdpmTimerConvolution, i);
}

static void
add_shape (BenchConvolutions * c, guint i, guint steps)
{
  const DdpmTimerEntry *passes = seen (c, i)->passes;
  Shape s = {.shape.desc = seen (c, i)->desc };

  s.shape.flops = passes[0].flops / passes[0].calls;
  for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
    gdouble calls;

    s.samples[pass] = g_array_new (FALSE, FALSE, sizeof (gdouble));
    s.shape.count[pass] = passes[pass].calls / steps;
    if (s.shape.count[pass] == 0)
      continue;
    ddpm_measure_time (c->measure, i, pass, 1); /* the first call is slower */
    calls = SAMPLE_SECONDS / ddpm_measure_time (c->measure, i, pass, 1);
    s.calls[pass] = CLAMP (calls, 1, MAX_CALLS);
    s.shape.engine[pass] =
        g_intern_string (ddpm_measure_get_engine (c->measure, i, pass));
  }
  g_array_append_val (c->shapes, s);
}

BenchConvolutions *
bench_convolutions_new (DdpmBackend * backend, const DdpmTimer * timer,
    guint steps, GError ** error)
{
  DdpmMeasure *measure = ddpm_measure_new (backend, timer, error);
  BenchConvolutions *c;

  if (measure == NULL)
    return NULL;
  c = g_new0 (BenchConvolutions, 1);
  c->timer = timer;
  c->measure = measure;
  c->shapes = g_array_new (FALSE, FALSE, sizeof (Shape));
  for (guint i = 0; i < timer->convolutions->len; i++)
    add_shape (c, i, steps);
  return c;
}

void
bench_convolutions_free (BenchConvolutions * c)
{
  if (c == NULL)
    return;
  for (guint i = 0; i < c->shapes->len; i++)
    for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
      g_array_unref (g_array_index (c->shapes, Shape, i).samples[pass]);
  g_array_unref (c->shapes);
  ddpm_measure_free (c->measure);
  g_free (c);
}

gdouble
bench_convolutions_time (BenchConvolutions * c)
{
  gdouble total = 0.0;

  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *s = &g_array_index (c->shapes, Shape, i);

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      gdouble seconds;

      if (s->shape.count[pass] == 0)
        continue;
      seconds = ddpm_measure_time (c->measure, i, pass, s->calls[pass]);
      g_array_append_val (s->samples[pass], seconds);
      total += seconds * s->shape.count[pass];
    }
  }
  return total;
}

GArray *
bench_convolutions_summarise (BenchConvolutions * c)
{
  GArray *shapes = g_array_new (FALSE, FALSE, sizeof (BenchShape));

  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *s = &g_array_index (c->shapes, Shape, i);
    const DdpmTimerEntry *passes = seen (c, i)->passes;

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      bench_samples_summarise (s->samples[pass], &s->shape.alone[pass]);
      if (passes[pass].calls)
        s->shape.in_step[pass] = passes[pass].seconds / passes[pass].calls;
    }
    g_array_append_val (shapes, s->shape);
  }
  return shapes;
}
