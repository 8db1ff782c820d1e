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

/* How many elements of result k are compared: those of the first @images of @n
 * images, if it is by image */
static gsize
outcome_count (const Outcome * expected, guint k, guint images, guint n)
{
  if (expected->per_image[k])
    return expected->size[k] / n * images;
  return images == n ? expected->size[k] : 0;
}

static OutcomeError
outcome_error (const Outcome * got, const Outcome * expected, guint k,
    gsize count)
{
  OutcomeError sum = { 0, };

  for (gsize i = 0; i < count; i++) {
    const double e = expected->data[k][i], d = got->data[k][i] - e;

    sum.error += d * d;
    sum.power += e * e;
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
    const OutcomeError sum = outcome_error (got, expected, k,
        outcome_count (expected, k, images, n));

    if (!(sum.error <= tolerance * sum.power))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], sum.error / sum.power, tolerance);
  }
}

/* The distance from a number to the next one of bf16 */
static double
bf16_unit (double x)
{
  int exponent;

  frexp (x, &exponent);
  return x == 0 ? 0 : ldexp (BF16_UNIT, exponent - 1);
}

/* Two numbers that are d apart round to neighbours in bf16, a unit u apart, with
 * probability d / u, and else to the same number. So the elements that differ are
 * a Poisson variable, whose mean is the sum of E|d| / u: at most four standard
 * deviations more of them, and four, may differ. No element may differ by more
 * than its unit and the largest d. That is far in the tail of errors whose root
 * mean square is relative to the elements; large elements have large terms, and
 * so larger errors than others. */
static void
assert_rounded_once (const gchar * name, const float *got,
    const float *expected, gsize count, double rms, double relative)
{
  const double mean_d = sqrt (2 / G_PI) * relative * rms;
  double likely = 0;
  gsize different = 0;

  for (gsize i = 0; i < count; i++) {
    const double e = expected[i], unit = bf16_unit (e);
    const double difference = fabs (got[i] - e);
    const double largest_d = 16 * relative * MAX (rms, fabs (e));

    if (!(difference <= unit + largest_d))
      g_error ("%s: element %zu is %g, expected %g", name, i, got[i], e);
    different += difference > 0;
    likely += unit > 0 ? MIN (1, mean_d / unit) : 0;
  }
  if (different > likely + 4 * sqrt (likely) + 4)
    g_error ("%s: %zu of %zu elements differ, expected about %g", name,
        different, count, likely);
}

/* error: of the mean square of the difference before results are rounded and
 * stored, over that of the expected. Those that are stored as f32 may have twice
 * that. */
void
outcome_assert_rounded_once (const Outcome * got, const Outcome * expected,
    guint images, guint n, double error)
{
  g_assert_cmpuint (got->count, ==, expected->count);
  for (guint k = 0; k < got->count; k++) {
    const gsize count = outcome_count (expected, k, images, n);
    const OutcomeError sum = outcome_error (got, expected, k, count);

    if (got->type[k] == DDPM_TYPE_BF16)
      assert_rounded_once (got->name[k], got->data[k], expected->data[k], count,
          sqrt (sum.power / MAX (count, 1)), sqrt (error));
    else if (!(sum.error <= 2 * error * sum.power))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], sum.error / sum.power, 2 * error);
  }
}

void
outcome_assert_same_bits (const Outcome * a, const Outcome * b)
{
  g_assert_cmpuint (a->count, ==, b->count);
  for (guint k = 0; k < a->count; k++)
    test_assert_same_bits (a->data[k], b->data[k], a->size[k] * sizeof (float));
}
