/* gst-ddpm: made-up tensors of a backend, and what came out of them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/bf16.h"
#include "tests/support/kernels.h"

#define OUTCOME_MAX 8

/* Everything that a case computed, as floats */
typedef struct
{
  guint count;
  const gchar *name[OUTCOME_MAX];
  float *data[OUTCOME_MAX];
  gsize size[OUTCOME_MAX];      /* elements */
  gboolean per_image[OUTCOME_MAX];
  DdpmType type[OUTCOME_MAX];   /* in which they were stored */
} Outcome;

void outcome_clear (Outcome * out);
void outcome_add (Outcome * out, const gchar * name, DdpmType type,
    float *data, gsize size, gboolean per_image);

typedef struct
{
  DdpmType type;
  gsize count;
  gpointer block;
  gpointer data;
} Tensor;

Tensor tensor_new (DdpmBackend * b, DdpmType type, gsize count, guint shift);
void tensor_set (const Tensor * t, gsize i, float value);
float tensor_get (const Tensor * t, gsize i);
void tensor_write (DdpmBackend * b, const Tensor * t, const float *values);
Tensor tensor_random (DdpmBackend * b, DdpmType type, gsize n, gsize count,
    guint32 seed, float size, float mean, guint shift);
Tensor tensor_target (DdpmBackend * b, DdpmType type, gsize n, gsize count,
    guint32 seed, gboolean add, guint shift);
void tensor_free (DdpmBackend * b, Tensor * t);
void tensors_free (DdpmBackend * b, Tensor * const *tensors);
#define TENSORS_FREE(b, ...) \
  tensors_free (b, (Tensor *[]) {__VA_ARGS__, NULL})
void tensor_result (DdpmBackend * b, Tensor * t, const gchar * name,
    gboolean per_image, Outcome * out);

/* Rounding to nearest moves a number by up to half a unit in the last place.
 * The mean square of that is a twelfth of the unit's square. A type with p
 * significant bits has units of 2^(1 - p) in [1, 2), and numbers usually lie
 * in there with even logarithms, so that 1/x^2 is 3/4 / (2 ln 2) on average. */
#define ROUNDING_ERROR(unit) ((unit) * (unit) / 12 * 0.75 / (2 * G_LN2))
#define F32_ERROR ROUNDING_ERROR (0x1p-23)
#define BF16_UNIT 0x1p-7
#define BF16_ERROR ROUNDING_ERROR (BF16_UNIT)

/* In f32, a sum of K products rounds K partial sums, whose squares are k/K of
 * the result's: a relative mean square error of K / 2 roundings. The longest
 * sums here have 9 * 512 products. Winograd's transforms, the exponentials and
 * the statistics of norms are allowed to triple that. */
#define ERROR_F32 (3 * 9 * 512 / 2 * F32_ERROR)

typedef struct
{
  double error, power;          /* sums of squares: differences, elements */
} OutcomeError;

void outcome_assert_close (const Outcome * got, const Outcome * expected,
    guint images, guint n, double tolerance);
void outcome_assert_rounded_once (const Outcome * got,
    const Outcome * expected, guint images, guint n, double error);
void outcome_assert_same_bits (const Outcome * a, const Outcome * b);
