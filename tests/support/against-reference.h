/* gst-ddpm: a backend computes what the reference backend does, operation by
 * operation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/operations.h"

/* The backend that is held to the reference, and how far its results may be
 * off, as a normalised mean square error: tolerance, or, if each result is
 * rounded once, error before that (see outcome_assert_rounded_once ()). What
 * is compared to the bit is computed in double, each operation rounded by
 * itself. */
typedef struct
{
  DdpmBackend *backend;
  double tolerance;             /* 0: by error */
  double error;
} Subject;

Outcome subject_run (const Subject * subject, const Case * c);
void assert_as_reference (const Subject * subject, const Case * c, guint n,
    double tolerance);

typedef struct
{
  guint n, height, width, cin0, cin1, cout, kernel, stride;
  gboolean pad_end;
} ConvShape;

void check_conv (const Subject * subject, const ConvShape * s, DdpmType src,
    DdpmType dst, Residual residual, gboolean add);
void check_norm (const Subject * subject, guint n, guint pixels, guint c0,
    guint c1, guint groups, guint variant);

enum
{
  TEST_CONVOLUTIONS = 1,
  TEST_NORMS = 2,
  TEST_ATTENTION = 4,
  TEST_LINEAR = 8,
  TEST_ELEMENTS = 16,
  TEST_ALL_OPERATIONS = 31,
};

void add_operation_tests (const gchar * prefix, const Subject * subject,
    guint groups);
