/* gst-ddpm: what the tests of the operations share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/kernels.h"

const
typeof (test_backends[0])
    test_backends[2] = {
  {"reference", DDPM_BACKEND_REFERENCE},
  {"cpu", DDPM_BACKEND_CPU},
};

/* What malloc () returns is filled with 0x7f from here on: as a float or a
 * bf16 3.4e38, so that a library that reads its own memory before writing it
 * gives wrong results on every machine. (No byte that malloc () can be told to
 * use makes a NaN.) */
void
test_fill_new_memory (void)
{
#ifdef M_PERTURB
  mallopt (M_PERTURB, 0x80);    /* it stores the complement */
#endif
}

DdpmBackend *
test_reference (DdpmPrecision precision)
{
  return assert_ok (ddpm_backend_new (DDPM_BACKEND_REFERENCE, precision, 0,
          &error));
}

/* In f32, with two threads */
DdpmBackend *
test_backend_new (DdpmBackendKind kind)
{
  return assert_ok (ddpm_backend_new (kind, DDPM_PRECISION_F32, 2, &error));
}

/* Of each entry of a backend's table: there, or one that may be missing */
void
test_assert_table_is_full (const DdpmBackend * b)
{
  static const gsize optional[] = { G_STRUCT_OFFSET (DdpmOps, check),
    G_STRUCT_OFFSET (DdpmOps, probe), G_STRUCT_OFFSET (DdpmOps, set_cancel),
    G_STRUCT_OFFSET (DdpmOps, check_room), G_STRUCT_OFFSET (DdpmOps, yield),
    G_STRUCT_OFFSET (DdpmOps, wait),
    G_STRUCT_OFFSET (DdpmOps, wait_event), G_STRUCT_OFFSET (DdpmOps,
        record_event),
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
float *
test_random (guint32 seed, gsize count)
{
  GRand *rand = g_rand_new_with_seed (seed);
  float *x = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    x[i] = g_rand_int_range (rand, -1024, 1024) / 1024.0f;
  g_rand_free (rand);
  return x;
}

/* NaN everywhere: a result that was computed from it, or left unwritten, shows */
float *
test_unwritten (gsize count)
{
  float *x = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    x[i] = NAN;
  return x;
}

/* Memory of the backend with all bits set: NaN, as floats and as bf16 */
gpointer
test_unwritten_memory (DdpmBackend * b, gsize size)
{
  gpointer memory = b->ops->alloc (b, size);
  g_autofree gpointer bytes = g_malloc (size);

  g_assert_nonnull (memory);
  if (size > 0) {
    memset (bytes, 0xff, size);
    b->ops->upload (b, memory, bytes, size);
  }
  return memory;
}

/* As large as the plan says */
gpointer
test_scratch (DdpmPlan * plan)
{
  return test_unwritten_memory (plan->backend, plan->scratch);
}

void
test_plan_free (DdpmPlan * plan, gpointer scratch)
{
  plan->ops->free (plan->backend, scratch);
  ddpm_plan_free (plan);
}

/* Relative to the largest expected value, which must not be 0 */
void
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

void
test_assert_same_bits (gconstpointer a, gconstpointer b, gsize size)
{
  g_assert_cmpmem (a, size, b, size);
}
