/* gst-ddpm: ddpm-bench: repeated measurements of one thing
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The one in the middle; of an even number, the mean of the two. min and max:
 * the spread. All 0 where nothing was measured. */
typedef struct
{
  gdouble median, min, max;
} BenchSpread;

/* samples: of gdouble; they are sorted. */
void bench_samples_summarise (GArray * samples, BenchSpread * spread);

/* Seconds of a clock that nobody sets */
gdouble bench_now (void);
/* Seconds that processors worked for this process, all threads together */
gdouble bench_cpu_now (void);

G_END_DECLS
