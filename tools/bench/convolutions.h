/* gst-ddpm: ddpm-bench: the convolutions of a network, each timed alone
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/samples.h"
#include "kernels/measure.h"

G_BEGIN_DECLS

#define BENCH_N_PASSES 3        /* forward, backward by data, by weights */

/**
 * BenchShape:
 * @desc: a convolution
 * @flops: floating-point operations of a call of any pass
 * @count: calls of each pass in a step; 0: the step has no such pass
 * @alone: seconds of a call in a row of the same calls
 * @in_step: mean seconds of a call in the step
 * @engine: what computes it (static)
 */
typedef struct
{
  DdpmConvDesc desc;
  gdouble flops;
  guint count[BENCH_N_PASSES];
  BenchSpread alone[BENCH_N_PASSES];
  gdouble in_step[BENCH_N_PASSES];
  const gchar *engine[BENCH_N_PASSES];
} BenchShape;

typedef struct _BenchConvolutions BenchConvolutions;

/* Plans each convolution that the timer has seen in @steps steps. The timer
 * must not be attached to the backend here and in the next function. */
BenchConvolutions *bench_convolutions_new (DdpmBackend * backend,
    const DdpmTimer * timer, guint steps, GError ** error);
void bench_convolutions_free (BenchConvolutions * c);
/* Times each shape once more.
 * Returns: seconds of all convolutions of a step */
gdouble bench_convolutions_time (BenchConvolutions * c);
/* Returns: array of BenchShape: all times so far, and what the timer has since
 * its last reset */
GArray *bench_convolutions_summarise (BenchConvolutions * c);

/* "forward", "backward by data", "backward by weights" */
const gchar *bench_pass_to_string (guint pass);
/* "3x3 128+128->256 at 16x16, stride 2"; free with g_free() */
gchar *bench_shape_to_string (const DdpmConvDesc * d);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchConvolutions, bench_convolutions_free)

G_END_DECLS
