/* gst-ddpm: what the tests of the operations share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <malloc.h>
#include <math.h>
#include <string.h>

#include "kernels/ops.h"
#include "tests/support/calls.h"

/* The backends that any machine has: a table for tests */
extern const struct
{
  const gchar *name;
  DdpmBackendKind kind;
} test_backends[2];

void test_fill_new_memory (void);
DdpmBackend *test_reference (DdpmPrecision precision);
DdpmBackend *test_backend_new (DdpmBackendKind kind);
void test_assert_table_is_full (const DdpmBackend * b);
float *test_random (guint32 seed, gsize count);
float *test_unwritten (gsize count);
gpointer test_unwritten_memory (DdpmBackend * b, gsize size);
gpointer test_scratch (DdpmPlan * plan);
void test_plan_free (DdpmPlan * plan, gpointer scratch);
void test_assert_close (const float *got, const double *expected, gsize count,
    double tolerance);
void test_assert_same_bits (gconstpointer a, gconstpointer b, gsize size);
