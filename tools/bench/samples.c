/* gst-ddpm: ddpm-bench: repeated measurements of one thing
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/bench/samples.h"

static gint
compare (gconstpointer a, gconstpointer b)
{
  const gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

void
bench_samples_summarise (GArray * samples, BenchSpread * spread)
{
  const guint n = samples->len;
  const gdouble *x = (const gdouble *) samples->data;

  *spread = (BenchSpread) {
  0.0, 0.0, 0.0};
  if (n == 0)
    return;
  g_array_sort (samples, compare);
  spread->median = (x[(n - 1) / 2] + x[n / 2]) / 2.0;
  spread->min = x[0];
  spread->max = x[n - 1];
}

gdouble
bench_now (clockid_t clock)
{
  struct timespec time;

  clock_gettime (clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}
