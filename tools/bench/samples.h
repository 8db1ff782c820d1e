/* gst-ddpm: ddpm-bench: repeated measurements of one thing
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <time.h>

G_BEGIN_DECLS

/* The median of an even number of samples is the mean of the middle two. All
 * are 0 if there are no samples. */
typedef struct
{
  gdouble median, min, max;
} BenchSpread;

/* samples: of gdouble; the function sorts them. */
void bench_samples_summarise (GArray * samples, BenchSpread * spread);

/* Time that passes; setting the system's clock does not change it */
#define BENCH_WALL CLOCK_MONOTONIC
/* Time that processors worked for this process, all threads together */
#define BENCH_CPU CLOCK_PROCESS_CPUTIME_ID

/* Seconds */
gdouble bench_now (clockid_t clock);

G_END_DECLS
