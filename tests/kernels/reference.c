/* gst-ddpm: the reference backend against the formulas, written once more and
 * otherwise
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/bf16.h"
#include "kernels/philox.h"
#include "tests/support/operations.h"
#include "tests/support/test.h"

/* --- convolution --- */

typedef struct
{
  const gchar *name;
  DdpmConvDesc desc;
  gboolean residual;
} ConvCase;

static const ConvCase conv_cases[] = {
  {"3x3", {2, 5, 4, 3, 0, 5, 3, 1, 0, 0, FALSE}, FALSE},
  {"1x1", {2, 4, 3, 5, 0, 9, 1, 1, 0, 0, FALSE}, FALSE},
  {"stride-2", {2, 6, 4, 3, 0, 4, 3, 2, 0, 0, FALSE}, FALSE},
  {"stride-2-odd", {1, 5, 7, 2, 0, 8, 3, 2, 0, 0, FALSE}, FALSE},
  {"stride-2-1x1", {1, 5, 4, 2, 0, 3, 1, 2, 0, 0, FALSE}, FALSE},
  {"two-sources", {2, 4, 4, 9, 4, 10, 3, 1, 0, 0, FALSE}, FALSE},
  {"one-pixel", {3, 1, 1, 4, 0, 2, 3, 1, 0, 0, FALSE}, FALSE},
  {"residual", {2, 3, 4, 3, 2, 6, 3, 1, 0, 0, FALSE}, TRUE},
};

static double
conv_pixel (const DdpmConvDesc * d, const float *x0, const float *x1,
    const float *weight, guint image, gint oy, gint ox, guint co)
{
  const guint cin = d->cin0 + d->cin1;
  double sum = 0.0;

  for (guint ci = 0; ci < cin; ci++) {
    for (gint ky = 0; ky < (gint) d->kernel; ky++) {
      for (gint kx = 0; kx < (gint) d->kernel; kx++) {
        gint y = oy * (gint) d->stride + ky - (gint) d->kernel / 2;
        gint x = ox * (gint) d->stride + kx - (gint) d->kernel / 2;
        guint pixel = (image * d->height + y) * d->width + x;

        if (y < 0 || y >= (gint) d->height || x < 0 || x >= (gint) d->width)
          continue;
        sum += (ci < d->cin0 ? x0[pixel * d->cin0 + ci]
            : x1[pixel * d->cin1 + ci - d->cin0])
            * (double) weight[((co * cin + ci) * d->kernel + ky)
            * d->kernel + kx];
      }
    }
  }
  return sum;
}

TABLE_TEST (conv_is_its_formula, conv_cases)
{
  const DdpmConvDesc *d = &row->desc;
  const guint cin = d->cin0 + d->cin1;
  const guint oh = (d->height + d->stride - 1) / d->stride;
  const guint ow = (d->width + d->stride - 1) / d->stride;
  const guint pixels = d->n * d->height * d->width;
  const guint outputs = d->n * oh * ow * d->cout;
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x0 = test_random (1, pixels * d->cin0);
  g_autofree float *x1 = test_random (2, pixels * d->cin1);
  g_autofree float *weight =
      test_random (3, d->cout * cin * d->kernel * d->kernel);
  g_autofree float *bias = test_random (4, d->cout);
  /* in place: y holds the residual before */
  g_autofree float *residual = test_random (5, outputs);
  g_autofree float *y = row->residual ? g_memdup2 (residual,
      outputs * sizeof (float)) : test_unwritten (outputs);
  g_autofree double *expected = g_new (double, outputs);
  DdpmPlan *plan = b->ops->conv_new (b, d, NULL);
  gpointer scratch = test_scratch (plan);
  guint e = 0;

  for (guint image = 0; image < d->n; image++) {
    for (guint oy = 0; oy < oh; oy++) {
      for (guint ox = 0; ox < ow; ox++) {
        for (guint co = 0; co < d->cout; co++, e++)
          expected[e] = bias[co] + (row->residual ? residual[e] : 0.0)
              + conv_pixel (d, x0, x1, weight, image, oy, ox, co);
      }
    }
  }
  b->ops->conv_set_weights (plan, weight, bias);
  b->ops->conv_forward (plan, x0, x1, row->residual ? y : NULL, y, scratch);
  test_assert_close (y, expected, outputs, 1e-7);
  test_plan_free (plan, scratch);
}

TEST (conv_rounds_weights_and_results_in_bf16)
{
  const DdpmConvDesc to_f32 = { 1, 1, 1, 1, 0, 1, 1, 1,
    DDPM_TYPE_BF16, DDPM_TYPE_F32, FALSE
  };
  DdpmConvDesc to_bf16 = to_f32;
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_BF16);
  const guint16 x = ddpm_bf16_from_float (1.0f);
  const float weight = 1.0f + 0x1p-9f, bias = 0x1p-10f;
  DdpmPlan *f32, *bf16;
  gpointer scratch;
  float y32;
  guint16 y16;

  to_bf16.dst_type = DDPM_TYPE_BF16;
  f32 = b->ops->conv_new (b, &to_f32, NULL);
  bf16 = b->ops->conv_new (b, &to_bf16, NULL);
  scratch = test_scratch (f32);
  b->ops->conv_set_weights (f32, &weight, &bias);
  b->ops->conv_forward (f32, &x, NULL, NULL, &y32, scratch);
  g_assert_cmpfloat (y32, ==, 1.0f + 0x1p-10f);
  b->ops->conv_set_weights (bf16, &weight, &bias);
  b->ops->conv_forward (bf16, &x, NULL, NULL, &y16, scratch);
  g_assert_cmpfloat (ddpm_bf16_to_float (y16), ==, 1.0f);
  b->ops->free (b, scratch);
  ddpm_plan_free (f32);
  ddpm_plan_free (bf16);
}

/* --- group norm --- */

typedef struct
{
  const gchar *name;
  DdpmNormDesc desc;
  gfloat drop;
} NormCase;

static const NormCase norm_cases[] = {
  {"plain", {2, 6, 8, 0, 4, 1e-5f, FALSE, FALSE, FALSE}, 0.0f},
  {"swish", {2, 6, 8, 0, 8, 1e-5f, TRUE, FALSE, FALSE}, 0.0f},
  {"groups-over-the-seam", {2, 4, 64, 32, 32, 1e-5f, TRUE, FALSE, FALSE},
      0.0f},
  {"time-bias", {3, 4, 12, 0, 4, 1e-6f, TRUE, TRUE, FALSE}, 0.0f},
  {"dropout", {2, 5, 6, 3, 3, 1e-5f, TRUE, FALSE, FALSE}, 0.4f},
};

#define TIME_BIAS_STRIDE 20

TABLE_TEST (norm_is_its_formula, norm_cases)
{
  const DdpmNormDesc *d = &row->desc;
  const guint channels = d->c0 + d->c1, size = channels / d->groups;
  const guint elements = d->n * d->pixels * channels;
  const DdpmDropout drop = { row->drop, 77, 5, 1000 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x0 = test_random (1, d->n * d->pixels * d->c0);
  g_autofree float *x1 = test_random (2, d->n * d->pixels * d->c1);
  g_autofree float *bias = test_random (3, d->n * TIME_BIAS_STRIDE);
  g_autofree float *gamma = test_random (4, channels);
  g_autofree float *beta = test_random (5, channels);
  g_autofree float *y = test_unwritten (elements);
  g_autofree float *stats = test_unwritten (d->n * d->groups * 2);
  g_autofree double *a = g_new (double, elements);
  g_autofree double *expected = g_new (double, elements);
  g_autofree double *expected_stats = g_new (double, d->n * d->groups * 2);
  DdpmPlan *plan = b->ops->norm_new (b, d, NULL);
  gpointer scratch = test_scratch (plan);

  for (guint e = 0; e < elements; e++) {
    guint c = e % channels, pixel = e / channels;

    a[e] = c < d->c0 ? x0[pixel * d->c0 + c] : x1[pixel * d->c1 + c - d->c0];
    if (d->time_bias)
      a[e] += bias[pixel / d->pixels * TIME_BIAS_STRIDE + c];
  }
  for (guint e = 0; e < elements; e++) {
    guint image = e / (d->pixels * channels), c = e % channels;
    double mean = 0.0, var = 0.0, u;

    for (guint i = 0; i < d->pixels * size; i++)
      mean += a[(image * d->pixels + i / size) * channels
          + c / size * size + i % size] / (d->pixels * size);
    for (guint i = 0; i < d->pixels * size; i++)
      var += pow (a[(image * d->pixels + i / size) * channels
              + c / size * size + i % size] - mean, 2) / (d->pixels * size);
    u = (a[e] - mean) / sqrt (var + d->eps) * gamma[c] + beta[c];
    if (d->swish)
      u *= 0.5 * (1.0 + tanh (0.5 * u));
    if (row->drop > 0.0f) {
      guint32 r[4];
      guint in_image = e % (d->pixels * channels);

      ddpm_random4 (5, 1000 + image, 77, in_image / 4, r);
      u *= ((r[in_image % 4] >> 9) + 0.5) * 0x1p-23 < row->drop
          ? 0.0 : 1.0 / (1.0 - row->drop);
    }
    expected[e] = u;
    expected_stats[(image * d->groups + c / size) * 2] = mean;
    expected_stats[(image * d->groups + c / size) * 2 + 1] =
        1.0 / sqrt (var + d->eps);
  }
  b->ops->norm_forward (plan, x0, x1, bias, TIME_BIAS_STRIDE, gamma, beta,
      row->drop > 0.0f ? &drop : NULL, y, stats, scratch);
  test_assert_close (y, expected, elements, 1e-7);
  test_assert_close (stats, expected_stats, d->n * d->groups * 2, 1e-7);
  test_plan_free (plan, scratch);
}

TEST (dropout_keeps_the_mean)
{
  const DdpmNormDesc d = { 4, 1024, 16, 0, 4, 1e-5f, FALSE, FALSE, FALSE };
  const DdpmDropout drop = { 0.1f, 3, 1, 0 };
  const guint count = 4 * 1024 * 16;
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, count), *y = test_unwritten (count);
  g_autofree float *gamma = g_new0 (float, 16), *beta = g_new (float, 16);
  float stats[4 * 4 * 2];
  DdpmPlan *plan = b->ops->norm_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);
  double mean = 0.0;
  guint dropped = 0;

  for (guint c = 0; c < 16; c++)
    beta[c] = 1.0f;             /* with gamma 0: y = 1 before dropout */
  b->ops->norm_forward (plan, x, NULL, NULL, 0, gamma, beta, &drop, y, stats,
      scratch);
  for (guint i = 0; i < count; i++) {
    dropped += y[i] == 0.0f;
    mean += y[i] / count;
  }
  /* five standard errors: sqrt (0.1 0.9 / count) = 0.00117 */
  g_assert_cmpfloat (fabs ((double) dropped / count - 0.1), <, 0.006);
  g_assert_cmpfloat (fabs (mean - 1.0), <, 0.0066);
  test_plan_free (plan, scratch);
}

/* --- attention, linear and the small ones --- */

TEST (attention_is_its_formula)
{
  enum
  { N = 2, TOKENS = 5, C = 11 };
  const DdpmAttentionDesc d = { N, TOKENS, C, 1, FALSE };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *qkv = test_random (1, N * TOKENS * 3 * C);
  g_autofree float *y = test_unwritten (N * TOKENS * C);
  g_autofree float *probs = test_unwritten (N * TOKENS * TOKENS);
  double expected[N * TOKENS * C] = { 0.0, };
  DdpmPlan *plan = b->ops->attention_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);

  for (guint i = 0; i < N * TOKENS; i++) {
    const float *q = qkv + i * 3 * C;
    const float *image = qkv + i / TOKENS * TOKENS * 3 * C;
    double weight[TOKENS], sum = 0.0;

    for (guint j = 0; j < TOKENS; j++) {
      const float *k = image + j * 3 * C + C;
      double score = 0.0;

      for (guint c = 0; c < C; c++)
        score += (double) q[c] * k[c];
      sum += weight[j] = exp (score / sqrt (C));
    }
    for (guint j = 0; j < TOKENS; j++) {
      for (guint c = 0; c < C; c++)
        expected[i * C + c] += weight[j] / sum * image[(j * 3 + 2) * C + c];
    }
  }
  b->ops->attention_forward (plan, qkv, y, probs, scratch);
  test_assert_close (y, expected, N * TOKENS * C, 1e-6);
  test_plan_free (plan, scratch);
}

TEST (attention_of_large_scores_is_finite)
{
  const DdpmAttentionDesc d = { 1, 2, 1, 1, FALSE };
  const float qkv[] = { 1e4f, 1e4f, 3.0f, -1e4f, -1e4f, 5.0f };
  const double expected[] = { 3.0, 5.0 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  DdpmPlan *plan = b->ops->attention_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);
  float y[2], probs[4];

  b->ops->attention_forward (plan, qkv, y, probs, scratch);
  test_assert_close (y, expected, 2, 0.0);
  test_plan_free (plan, scratch);
}

TEST (linear_is_its_formula)
{
  const float x[] = { 1, 2, 3, -1, 0, 2 }, weight[] = { 1, 0, -1, 2, 2, 0.5f };
  const float bias[] = { 10, -10 };
  const double expected[] = { 8, -2.5, 7, -11 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  DdpmPlan *plan = b->ops->linear_new (b, 2, 3, 2, NULL);
  gpointer scratch = test_scratch (plan);
  float y[4];

  b->ops->linear_forward (plan, x, weight, bias, y, scratch);
  test_assert_close (y, expected, 4, 0.0);
  test_plan_free (plan, scratch);
}

/* 2 images of 1 x 2 pixels, 2 channels */
TEST (upsampling_doubles_pixels)
{
  const float x[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  const float expected[] = { 1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4,
    5, 6, 5, 6, 7, 8, 7, 8, 5, 6, 5, 6, 7, 8, 7, 8
  };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float y[32];

  b->ops->upsample_forward (b, 2, 1, 2, 2, x, y);
  test_assert_same_bits (y, expected, sizeof y);
}

TEST (accumulate_adds_in_float_and_in_bf16)
{
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  const float x32 = 0x1p-9f;
  const guint16 x16 = ddpm_bf16_from_float (0x1p-9f);
  float y32 = 1.0f;
  guint16 y16 = ddpm_bf16_from_float (1.0f);

  f32->ops->accumulate (f32, 1, &x32, &y32);
  g_assert_cmpfloat (y32, ==, 1.0f + 0x1p-9f);
  bf16->ops->accumulate (bf16, 1, &x16, &y16);
  g_assert_cmpfloat (ddpm_bf16_to_float (y16), ==, 1.0f);
}

TEST (embedding_takes_rows_of_the_table)
{
  const float table[] = { 0, 1, 10, 11, 20, 21 };
  const float expected[] = { 20, 21, 0, 1, 20, 21 };
  const gint t[] = { 2, 0, 2 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float out[6];

  b->ops->embedding (b, 3, 2, table, t, out);
  test_assert_same_bits (out, expected, sizeof out);
}

TEST (labels_add_rows_and_get_their_gradients)
{
  const gint labels[] = { 2, -1, 2 };
  const float table[] = { 1, 2, 10, 20, 100, 200 };
  const float sums[] = { 107, 207, 7, 7, 107, 207 };
  const float dy[] = { 1, 2, 3, 4, 5, 6 };
  const float once[] = { 0, 0, 0, 0, 6, 8 };
  const float twice[] = { 0, 0, 0, 0, 12, 16 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float out[] = { 7, 7, 7, 7, 7, 7 }, dtable[] = { 9, 9, 9, 9, 9, 9 };

  b->ops->embedding_add (b, 3, 2, table, labels, out);
  test_assert_same_bits (out, sums, sizeof out);
  b->ops->embedding_backward (b, 3, 2, 3, labels, dy, dtable, FALSE);
  test_assert_same_bits (dtable, once, sizeof dtable);
  b->ops->embedding_backward (b, 3, 2, 3, labels, dy, dtable, TRUE);
  test_assert_same_bits (dtable, twice, sizeof dtable);
}

TEST (guidance_goes_through_both_predictions)
{
  const float weights[] = { 0, 1, 3 }, expected[] = { 2, 5, 11 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
    const float without = 2;
    float eps = 5;

    b->ops->guide (b, 1, weights[i], &without, &eps);
    g_assert_cmpfloat (eps, ==, expected[i]);
  }
}

TEST (swish_is_right_far_from_zero)
{
  const float x[] = { 0.0f, 1.0f, -1.0f, 1000.0f, -1000.0f };
  const double expected[] = { 0.0, 0.7310585786300049, -0.2689414213699951,
    1000.0, 0.0
  };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float y[5];

  b->ops->swish_forward (b, 5, x, y);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpfloat_with_epsilon (y[i], expected[i], 1e-7);
}

TEST (impossible_shapes_are_refused)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  const DdpmConvDesc conv[] = {
    {0, 4, 4, 1, 0, 1, 3, 1, 0, 0, FALSE},
    {1, 4, 4, 1, 0, 1, 2, 1, 0, 0, FALSE},
    {1, 4, 4, 1, 0, 1, 3, 3, 0, 0, FALSE},
    {1, 4, 4, G_MAXUINT, 1, 1, 3, 1, 0, 0, FALSE},
    {G_MAXUINT, G_MAXUINT, G_MAXUINT, 1, 0, 1, 3, 1, 0, 0, FALSE},
  };
  const DdpmNormDesc norm[] = {
    {1, 4, 6, 0, 4, 1e-5f, FALSE, FALSE, FALSE},
    {1, 4, 6, 0, 0, 1e-5f, FALSE, FALSE, FALSE},
    {1, 4, 6, 6, 4, 1e-5f, FALSE, TRUE, FALSE},
    {G_MAXUINT, G_MAXUINT, G_MAXUINT, 0, 1, 1e-5f, FALSE, FALSE, FALSE},
  };
  const DdpmAttentionDesc attention[] = {
    {1, 0, 4, 1, FALSE}, {1, 4, 4, 0, FALSE}, {1, 4, 4, 3, FALSE},
    {G_MAXUINT, G_MAXUINT, G_MAXUINT, 1, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (conv); i++)
    assert_fails (b->ops->conv_new (b, &conv[i], &error), DDPM_ERROR_SETTINGS,
        NULL);
  for (guint i = 0; i < G_N_ELEMENTS (norm); i++)
    assert_fails (b->ops->norm_new (b, &norm[i], &error), DDPM_ERROR_SETTINGS,
        NULL);
  for (guint i = 0; i < G_N_ELEMENTS (attention); i++)
    assert_fails (b->ops->attention_new (b, &attention[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
  assert_fails (b->ops->linear_new (b, 1, 0, 1, &error), DDPM_ERROR_SETTINGS,
      NULL);
}

TEST (memory_of_attention_grows_with_the_tokens)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  assert_attention_memory_is_linear (b);
}
