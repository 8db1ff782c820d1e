/* gst-ddpm: made-up tensors of a backend, and what came out of them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/tensors.h"

void
outcome_clear (Outcome * out)
{
  for (guint i = 0; i < out->count; i++)
    g_free (out->data[i]);
  memset (out, 0, sizeof (*out));
}

/* data: (transfer full) */
void
outcome_add (Outcome * out, const gchar * name, DdpmType type, float *data,
    gsize size, gboolean per_image)
{
  g_assert_cmpuint (out->count, <, OUTCOME_MAX);
  out->name[out->count] = name;
  out->type[out->count] = type;
  out->data[out->count] = data;
  out->size[out->count] = size;
  out->per_image[out->count++] = per_image;
}

/* --- tensors: memory of the backend, @shift elements off its alignment -------- */

/* NaN everywhere */
Tensor
tensor_new (DdpmBackend * b, DdpmType type, gsize count, guint shift)
{
  Tensor t = { type, count };

  t.block = test_unwritten_memory (b, (count + shift) * ddpm_type_size (type));
  t.data = (guint8 *) t.block + shift * ddpm_type_size (type);
  return t;
}

/* Where data is memory of the host */
void
tensor_set (const Tensor * t, gsize i, float value)
{
  if (t->type == DDPM_TYPE_F32)
    ((float *) t->data)[i] = value;
  else
    ((guint16 *) t->data)[i] = ddpm_bf16_from_float (value);
}

float
tensor_get (const Tensor * t, gsize i)
{
  return t->type == DDPM_TYPE_F32 ? ((float *) t->data)[i]
      : ddpm_bf16_to_float (((guint16 *) t->data)[i]);
}

void
tensor_write (DdpmBackend * b, const Tensor * t, const float *values)
{
  const gsize size = t->count * ddpm_type_size (t->type);
  g_autofree gpointer bytes = g_malloc (size);
  const Tensor host = {.type = t->type,.data = bytes };

  for (gsize i = 0; i < t->count; i++)
    tensor_set (&host, i, values[i]);
  b->ops->upload (b, t->data, bytes, size);
}

static float *
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
Tensor
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

/* Where a result goes: random numbers if it is added to them, else NaN */
Tensor
tensor_target (DdpmBackend * b, DdpmType type, gsize n, gsize count,
    guint32 seed, gboolean add, guint shift)
{
  return add ? tensor_random (b, type, n, count, seed, 1, 0, shift)
      : tensor_new (b, type, n * count, shift);
}

void
tensor_free (DdpmBackend * b, Tensor * t)
{
  b->ops->free (b, t->block);
}

/* Up to a NULL */
void
tensors_free (DdpmBackend * b, Tensor * const *tensors)
{
  for (; *tensors; tensors++)
    tensor_free (b, *tensors);
}

/* Takes the tensor into the outcome. */
void
tensor_result (DdpmBackend * b, Tensor * t, const gchar * name,
    gboolean per_image, Outcome * out)
{
  outcome_add (out, name, t->type, tensor_read (b, t), t->count, per_image);
  tensor_free (b, t);
}

/* --- comparing ------------------------------------------------------------- */

/* A bound for the sum of squared differences of two results. error: what is
 * expected of the mean square of their difference before they are stored, over
 * that of the elements; power: the sum of squares of the elements; largest:
 * the largest of them.
 *
 * Stored as f32: twice what is expected.
 *
 * Stored as bf16, each rounded once: two numbers d apart, where d is less than
 * a unit u, become neighbours with probability d/u, else the same. So the
 * expected square is d u (not d^2), which over all elements is at most
 * mean (d) rms (u) = sqrt (2 / pi) rms (d) rms (u); and u^2 is twelve times
 * the mean square of a rounding. How many become neighbours is a Poisson
 * variable, and the largest of them are a unit of the largest element apart:
 * two such units beside the root of the expected sum are four standard
 * deviations where there are many, and four neighbours where none is
 * expected. */
double
outcome_bound (DdpmType type, double expected, double power, double largest)
{
  const double rms_unit = sqrt (12 * BF16_ERROR);
  const double rounded = sqrt (2 / G_PI * expected) * rms_unit * power;

  if (type == DDPM_TYPE_F32)
    return 2 * expected * power;
  return pow (sqrt (rounded) + 2 * BF16_UNIT * largest, 2);
}

/* Of result k of the first @images of @n images where it is by image */
static OutcomeError
outcome_error (const Outcome * got, const Outcome * expected, guint k,
    guint images, guint n)
{
  const gsize count = got->per_image[k] ? expected->size[k] / n * images
      : images == n ? expected->size[k] : 0;
  OutcomeError sum = { 0, };

  for (gsize i = 0; i < count; i++) {
    const double e = expected->data[k][i], d = got->data[k][i] - e;

    sum.error += d * d;
    sum.power += e * e;
    sum.largest = MAX (sum.largest, fabs (e));
  }
  return sum;
}

/* tolerance: of the mean square of the difference over that of the expected */
void
outcome_assert_close (const Outcome * got, const Outcome * expected,
    guint images, guint n, double tolerance)
{
  g_assert_cmpuint (got->count, ==, expected->count);
  for (guint k = 0; k < got->count; k++) {
    const OutcomeError sum = outcome_error (got, expected, k, images, n);

    if (!(sum.error <= tolerance * sum.power))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], sum.error / sum.power, tolerance);
  }
}

/* error: of the mean square of the difference before results are stored, over
 * that of the expected (see outcome_bound ()) */
void
outcome_assert_rounded_once (const Outcome * got, const Outcome * expected,
    guint images, guint n, double error)
{
  g_assert_cmpuint (got->count, ==, expected->count);
  for (guint k = 0; k < got->count; k++) {
    const OutcomeError sum = outcome_error (got, expected, k, images, n);
    const double bound =
        outcome_bound (got->type[k], error, sum.power, sum.largest);

    if (!(sum.error <= bound))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], sum.error / sum.power, bound / sum.power);
  }
}

void
outcome_assert_same_bits (const Outcome * a, const Outcome * b)
{
  g_assert_cmpuint (a->count, ==, b->count);
  for (guint k = 0; k < a->count; k++)
    test_assert_same_bits (a->data[k], b->data[k], a->size[k] * sizeof (float));
}
