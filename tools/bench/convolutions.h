/* gst-ddpm: ddpm-bench: the convolutions of a network, each one alone
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/samples.h"
#include "kernels/profile.h"

G_BEGIN_DECLS

#define BENCH_N_PASSES 3        /* forward, backward by data, by weights */

/**
 * BenchShape:
 * @desc: a convolution
 * @flops: of one call of any pass
 * @count: calls of each pass in a step; 0: that pass is not taken
 * @alone: seconds of a call that only the same call comes before
 * @in_step: mean seconds of a call in the step
 * @implementation: what computes it (static)
 */
typedef struct
{
  DdpmConvDesc desc;
  gdouble flops;
  guint count[BENCH_N_PASSES];
  BenchSpread alone[BENCH_N_PASSES];
  gdouble in_step[BENCH_N_PASSES];
  const gchar *implementation[BENCH_N_PASSES];
} BenchShape;

typedef struct _BenchConvolutions BenchConvolutions;

/* Plans, on backend, the convolutions that were run on profile in the last
 * @steps steps: each shape once. */
BenchConvolutions *bench_convolutions_new (DdpmBackend * backend,
    DdpmBackend * profile, guint steps, clockid_t clock, GError ** error);
void bench_convolutions_free (BenchConvolutions * c);
/* Times each shape once more.
 * Returns: seconds of all convolutions of a step */
gdouble bench_convolutions_time (BenchConvolutions * c);
/* Array of BenchShape: of all times so far, and of @steps steps on profile */
GArray *bench_convolutions_summarise (BenchConvolutions * c,
    DdpmBackend * profile);

/* "forward", "backward by data", "backward by weights" */
const gchar *bench_pass_to_string (guint pass);
/* "3x3 128+128->256 at 16x16, stride 2"; free with g_free() */
gchar *bench_shape_to_string (const DdpmConvDesc * d);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchConvolutions, bench_convolutions_free)

G_END_DECLS
