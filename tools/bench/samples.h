/* gst-ddpm: ddpm-bench: repeated measurements of one thing
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <time.h>

G_BEGIN_DECLS

/* The one in the middle; of an even number, the mean of the two. min and max:
 * the spread. All 0 where nothing was measured. */
typedef struct
{
  gdouble median, min, max;
} BenchSpread;

/* samples: of gdouble; they are sorted. */
void bench_samples_summarise (GArray * samples, BenchSpread * spread);

/* That of the wall, which nobody sets */
#define BENCH_WALL CLOCK_MONOTONIC
/* How long processors worked for this process, all threads together */
#define BENCH_CPU CLOCK_PROCESS_CPUTIME_ID

/* Seconds */
gdouble bench_now (clockid_t clock);

G_END_DECLS
