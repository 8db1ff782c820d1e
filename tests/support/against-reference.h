/* gst-ddpm: a backend computes what the reference backend does, operation by
 * operation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/operations.h"

/* The backend that is held to the reference, and how far its results may be
 * off, as a normalised mean square error: tolerance, or, where each result is
 * rounded once, error before that (see outcome_bound ()). What is compared to
 * the bit is computed in double, each operation rounded by itself. */
typedef struct
{
  DdpmBackend *backend;
  double tolerance;             /* 0: by error */
  double error;
} Subject;

Outcome subject_run (const Subject * subject, const Case * c);
void assert_as_reference (const Subject * subject, const Case * c, guint n,
    double tolerance);

/* n, height, width, cin0, cin1, cout, kernel, stride */
typedef struct
{
  guint n, height, width, cin0, cin1, cout, kernel, stride;
} ConvShape;

void check_conv (const Subject * subject, const ConvShape * s, DdpmType src,
    DdpmType dst, Residual residual, gboolean add);
void check_norm (const Subject * subject, guint n, guint pixels, guint c0,
    guint c1, guint groups, guint variant);
void attention (gconstpointer data);
void linear (gconstpointer data);
void upsampling_and_sums (gconstpointer data);
void swish (gconstpointer data);
void a_time_is_a_row_of_the_table (gconstpointer data);
void labels_are_the_reference_s_to_the_bit (gconstpointer data);
void noise_and_steps_are_the_reference_s_to_the_bit (gconstpointer data);
void losses (gconstpointer data);
void adam_is_the_reference_s_to_the_bit (gconstpointer data);
void a_sum_of_squares_tells_of_an_element_that_is_not_finite (gconstpointer
    data);
void add_operation_tests (const gchar * prefix, const Subject * subject);
