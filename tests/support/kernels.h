/* gst-ddpm: what the tests of the operations share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <math.h>
#include <string.h>

#include "kernels/ops.h"

static inline DdpmBackend *
test_reference (DdpmPrecision precision)
{
  g_autoptr (GError) error = NULL;
  DdpmBackend *b =
      ddpm_backend_new (DDPM_BACKEND_REFERENCE, precision, 0, &error);

  g_assert_no_error (error);
  return b;
}

/* Of each entry of a backend's table: there, or one that may be missing */
static inline void
test_assert_table_is_full (const DdpmBackend * b)
{
  static const gsize optional[] = { G_STRUCT_OFFSET (DdpmOps, check),
    G_STRUCT_OFFSET (DdpmOps, probe), G_STRUCT_OFFSET (DdpmOps, wait),
    G_STRUCT_OFFSET (DdpmOps, wait_event), G_STRUCT_OFFSET (DdpmOps, record_event),
    G_STRUCT_OFFSET (DdpmOps, adam_clipped),
    G_STRUCT_OFFSET (DdpmOps, graph_new),
    G_STRUCT_OFFSET (DdpmOps, graph_run)
  };

  for (gsize at = 0; at < sizeof (DdpmOps); at += sizeof (gpointer)) {
    gboolean there = G_STRUCT_MEMBER (gpointer, b->ops, at) != NULL;

    for (guint i = 0; i < G_N_ELEMENTS (optional); i++)
      there = there || at == optional[i];
    g_assert_true (there);
  }
}

/* Multiples of 1/1024 in [-1, 1): steps of difference quotients are exact */
static inline float *
test_random (guint32 seed, gsize count)
{
  GRand *rand = g_rand_new_with_seed (seed);
  float *x = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    x[i] = g_rand_int_range (rand, -1024, 1024) / 1024.0f;
  g_rand_free (rand);
  return x;
}

/* Not a number everywhere: whoever reads it before writing is found out */
static inline float *
test_unwritten (gsize count)
{
  float *x = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    x[i] = NAN;
  return x;
}

/* As large as the plan says; not zeroed, for nobody promises that */
static inline gpointer
test_scratch (DdpmPlan * plan)
{
  gpointer scratch = plan->ops->alloc (plan->backend, plan->scratch);
  g_autofree gpointer bytes = g_malloc (plan->scratch);

  g_assert_nonnull (scratch);
  if (plan->scratch > 0) {
    memset (bytes, 0xff, plan->scratch);
    plan->ops->upload (plan->backend, scratch, bytes, plan->scratch);
  }
  return scratch;
}

/* Relative to the largest expected value, which must not be 0 */
static inline void
test_assert_close (const float *got, const double *expected, gsize count,
    double tolerance)
{
  double largest = 0.0;

  for (gsize i = 0; i < count; i++)
    largest = MAX (largest, fabs (expected[i]));
  g_assert_cmpfloat (largest, >, 0.0);
  for (gsize i = 0; i < count; i++) {
    if (!(fabs (got[i] - expected[i]) <= tolerance * largest))
      g_error ("element %" G_GSIZE_FORMAT ": %.9g instead of %.9g", i, got[i],
          expected[i]);
  }
}

static inline void
test_assert_same_bits (gconstpointer a, gconstpointer b, gsize size)
{
  g_assert_cmpmem (a, size, b, size);
}
