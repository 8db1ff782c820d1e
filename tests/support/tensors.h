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
} Outcome;

static inline void
outcome_clear (Outcome * out)
{
  for (guint i = 0; i < out->count; i++)
    g_free (out->data[i]);
  memset (out, 0, sizeof (*out));
}

/* Takes data. */
static inline void
outcome_add (Outcome * out, const gchar * name, float *data, gsize size,
    gboolean per_image)
{
  g_assert_cmpuint (out->count, <, OUTCOME_MAX);
  out->name[out->count] = name;
  out->data[out->count] = data;
  out->size[out->count] = size;
  out->per_image[out->count++] = per_image;
}

/* --- tensors: memory of the backend, @shift elements off its alignment -------- */

typedef struct
{
  DdpmType type;
  gsize count;
  gpointer block;
  gpointer data;
} Tensor;

static inline Tensor
tensor_new (DdpmBackend * b, DdpmType type, gsize count, guint shift)
{
  Tensor t = { type, count };

  t.block = b->ops->alloc (b, (count + shift) * ddpm_type_size (type));
  g_assert_nonnull (t.block);
  t.data = (guint8 *) t.block + shift * ddpm_type_size (type);
  return t;
}

/* Where data is memory of the host */
static inline void
tensor_set (const Tensor * t, gsize i, float value)
{
  if (t->type == DDPM_TYPE_F32)
    ((float *) t->data)[i] = value;
  else
    ((guint16 *) t->data)[i] = ddpm_bf16_from_float (value);
}

static inline float
tensor_get (const Tensor * t, gsize i)
{
  return t->type == DDPM_TYPE_F32 ? ((float *) t->data)[i]
      : ddpm_bf16_to_float (((guint16 *) t->data)[i]);
}

static inline void
tensor_write (DdpmBackend * b, const Tensor * t, const float *values)
{
  const gsize size = t->count * ddpm_type_size (t->type);
  g_autofree gpointer bytes = g_malloc (size);
  const Tensor host = {.type = t->type,.data = bytes };

  for (gsize i = 0; i < t->count; i++)
    tensor_set (&host, i, values[i]);
  b->ops->upload (b, t->data, bytes, size);
}

static inline float *
tensor_read (DdpmBackend * b, const Tensor * t)
{
  const gsize size = t->count * ddpm_type_size (t->type);
  g_autofree gpointer bytes = g_malloc (size);
  const Tensor host = {.type = t->type,.data = bytes };
  float *values = g_new (float, t->count);

  b->ops->download (b, bytes, t->data, size);
  for (gsize i = 0; i < t->count; i++)
    values[i] = tensor_get (&host, i);
  return values;
}

/* About [-1, 1) * size + mean; image i is the same in every batch */
static inline Tensor
tensor_random (DdpmBackend * b, DdpmType type, gsize n, gsize count,
    guint32 seed, float size, float mean, guint shift)
{
  Tensor t = tensor_new (b, type, n * count, shift);
  g_autofree float *values = g_new (float, n * count);

  for (gsize image = 0; image < n; image++) {
    g_autofree float *x = test_random (seed + 1000 * image, count);

    for (gsize i = 0; i < count; i++)
      values[image * count + i] = size * x[i] + mean;
  }
  tensor_write (b, &t, values);
  return t;
}

static inline void
tensor_free (DdpmBackend * b, Tensor * t)
{
  b->ops->free (b, t->block);
}

/* Takes the tensor into the outcome. */
static inline void
tensor_result (DdpmBackend * b, Tensor * t, const gchar * name,
    gboolean per_image, Outcome * out)
{
  outcome_add (out, name, tensor_read (b, t), t->count, per_image);
  tensor_free (b, t);
}

/* --- comparing ------------------------------------------------------------- */

/* Mean square of the difference over that of the expected, of the first
 * @images of @n images where it is by image */
static inline void
outcome_assert_close (const Outcome * got, const Outcome * expected,
    guint images, guint n, double tolerance)
{
  g_assert_cmpuint (got->count, ==, expected->count);
  for (guint k = 0; k < got->count; k++) {
    const gsize count = got->per_image[k] ? expected->size[k] / n * images
        : images == n ? expected->size[k] : 0;
    double error = 0.0, power = 0.0;

    for (gsize i = 0; i < count; i++) {
      const double e = expected->data[k][i], d = got->data[k][i] - e;

      error += d * d;
      power += e * e;
    }
    if (!(error <= tolerance * power))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], error / power, tolerance);
  }
}

static inline void
outcome_assert_same_bits (const Outcome * a, const Outcome * b)
{
  g_assert_cmpuint (a->count, ==, b->count);
  for (guint k = 0; k < a->count; k++)
    test_assert_same_bits (a->data[k], b->data[k], a->size[k] * sizeof (float));
}
