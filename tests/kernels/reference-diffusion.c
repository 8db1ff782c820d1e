/* gst-ddpm: the reference backend: noise, loss, reverse step, Adam; and that
 * no image depends on the others of its batch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "kernels/diffusion-math.h"
#include "kernels/philox.h"
#include "tests/support/kernels.h"
#include "tests/support/test.h"

#define SEED G_GUINT64_CONSTANT (0x123456789abcdef0)

/* --- diffusion --- */

TEST (noise_is_the_normals_of_each_sample)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float out[3 * 7], z[4];

  b->ops->noise (b, SEED, 41, 9, 0, 3, 7, out);
  for (guint i = 0; i < 3 * 7; i++) {
    ddpm_normal4 (SEED, 41 + i / 7, 9, i % 7 / 4, z);
    g_assert_cmpfloat (out[i], ==, z[i % 7 % 4]);
  }
}

TEST (q_sample_mixes_image_and_noise)
{
  const float a[] = { 0.5f, 1.0f }, s[] = { 0.25f, -2.0f };
  const float x_0[] = { 1, 2, 3, 4 }, eps[] = { 4, 8, 1, 0 };
  const double expected[] = { 1.5, 3.0, 1.0, 4.0 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float x_t[4];

  b->ops->q_sample (b, 2, 2, a, s, x_0, eps, x_t);
  test_assert_close (x_t, expected, 4, 0.0);
}

TEST (mse_leaves_padding_images_out)
{
  const float pred[] = { 1, 2, 3, 4, NAN, INFINITY };
  const float target[] = { 0, 4, 3, 1, 0, 0 };
  const float scale[] = { 0.5f, 2.0f, 0.5f };
  const float expected[] = { 1, -2, 0, 12, 0, 0 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float dpred[6];
  double loss[3];

  b->ops->mse (b, 3, 2, 2, scale, pred, target, dpred, loss);
  g_assert_cmpfloat (loss[0], ==, 5.0);
  g_assert_cmpfloat (loss[1], ==, 9.0);
  g_assert_cmpfloat (loss[2], ==, 0.0);
  test_assert_same_bits (dpred, expected, sizeof dpred);
}

/* N images of E elements; E no multiple of 4, on purpose */
enum
{ N = 3, E = 10 };

static void
assert_reverse_step (const DdpmReverseStep * step, gboolean keep_x_0)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, N * E), *eps = test_random (2, N * E);
  g_autofree float *x_0 = test_random (3, N * E);
  g_autofree float *z = g_new0 (float, N * E);
  double expected[N * E], expected_x_0[N * E];

  b->ops->noise (b, SEED, 100, step->stream, 0, N, E, z);
  for (guint i = 0; i < N * E; i++) {
    double x_0_hat = (double) step->x0_x * x[i] + (double) step->x0_pred
        * eps[i];

    if (step->clip)
      x_0_hat = fmin (fmax (x_0_hat, step->clip_min), step->clip_max);
    expected_x_0[i] = x_0_hat;
    expected[i] = (double) step->c_x * x[i] + step->c_x0 * x_0_hat
        + (keep_x_0 ? (double) step->c_x0_prev * x_0[i] : 0.0)
        + (double) step->c_pred * eps[i]
        + (double) step->sigma * z[i];
  }
  b->ops->reverse_step (b, step, SEED, 100, N, E, x, eps,
      keep_x_0 ? x_0 : NULL);
  test_assert_close (x, expected, N * E, 1e-7);
  if (keep_x_0)
    test_assert_close (x_0, expected_x_0, N * E, 1e-7);
}

TEST (reverse_step_without_noise)
{
  const DdpmReverseStep step = {.x0_x = 2.0f,.x0_pred = -1.5f,.c_x = 0.25f,
    .c_x0 = 0.75f
  };

  assert_reverse_step (&step, FALSE);
}

TEST (reverse_step_with_noise_and_clipping)
{
  const DdpmReverseStep step = { 2.0f, -1.5f, TRUE, -1.0f, 1.0f, 0.25f, 0.75f,
    0.0f, 0.5f, 12
  };

  assert_reverse_step (&step, FALSE);
}

TEST (reverse_step_of_two_predictions)
{
  const DdpmReverseStep step = { 2.0f, -1.5f, TRUE, -1.0f, 1.0f, 0.25f, 0.75f,
    -0.3f, 0.0f, 0
  };

  assert_reverse_step (&step, TRUE);
}

TEST (reverse_step_takes_no_prediction_that_is_not_there)
{
  const DdpmReverseStep step = { 2.0f, -1.5f, FALSE, 0.0f, 0.0f, 0.25f, 0.75f,
    -0.3f, 0.0f, 0
  };

  assert_reverse_step (&step, FALSE);
}

/* though x_0 is clipped */
TEST (reverse_step_along_the_prediction)
{
  const DdpmReverseStep step = {.x0_x = 2.0f,.x0_pred = -1.5f,.clip = TRUE,
    .clip_min = -1.0f,.clip_max = 1.0f,.c_x0 = 0.75f,.c_pred = 0.4f
  };

  assert_reverse_step (&step, FALSE);
}

/* Nichol & Dhariwal 2021, eq. 15, of standard deviations, by another route: a
 * power of their quotient. Networks predict v outside of -1..1 too. */
TEST (learned_noise_is_between_two_variances)
{
  const double low = 0.02, high = 0.7;
  const DdpmReverseStep step = {.stream = 12,.has_learned_noise = TRUE,
    .log_low = log (low),.log_high = log (high)
  };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, N * E), *v = test_random (2, N * E);
  g_autofree float *z = g_new0 (float, N * E);
  double expected[N * E];

  v[0] = -1.0f;
  v[1] = 1.0f;
  v[2] = -3.0f;
  v[3] = 3.0f;
  b->ops->noise (b, SEED, 100, step.stream, 0, N, E, z);
  for (guint i = 0; i < N * E; i++)
    expected[i] = x[i] + low * pow (high / low, (v[i] + 1) / 2) * z[i];
  b->ops->learned_noise (b, &step, SEED, 100, N, E, v, x);
  /* the logarithms are floats */
  test_assert_close (x, expected, N * E, 3e-6);
}

TEST (a_step_without_learned_noise_adds_none)
{
  const DdpmReverseStep step = {.stream = 12 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  float x[] = { 1, -2 };
  const float v[] = { NAN, 5 };

  b->ops->learned_noise (b, &step, SEED, 100, 1, 2, v, x);
  g_assert_cmpfloat (x[0], ==, 1);
  g_assert_cmpfloat (x[1], ==, -2);
}

TEST (exponentials_have_the_digits_of_a_double)
{
  for (double y = -745; y < 705; y += 0.37) {
    const double expected = y < -700 ? 0.0 : exp (MIN (y, 700));

    g_assert_cmpfloat (fabs (ddpm_exp (y) - expected), <=, 4e-16 * expected);
  }
  g_assert_true (isnan (ddpm_exp (NAN)));
  g_assert_cmpfloat (ddpm_exp (-INFINITY), ==, 0.0);
  g_assert_cmpfloat (ddpm_exp (0.0), ==, 1.0);
}

TEST (a_prediction_that_is_no_number_stays_visible)
{
  const DdpmReverseStep step = { 1.0f, 1.0f, TRUE, -1.0f, 1.0f, 0.0f, 1.0f,
    0.0f, 0.0f, 0
  };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  const float eps = NAN;
  float x = 0.0f;

  b->ops->reverse_step (b, &step, 0, 0, 1, 1, &x, &eps, NULL);
  g_assert_true (isnan (x));
}

/* --- optimizer --- */

/* The documentation of torch.optim.Adam, m hat and v hat written out */
TEST (adam_is_the_one_of_pytorch)
{
  enum
  { COUNT = 20, STEPS = 4 };
  const double lr = 2e-4, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  const double decay = 0.9, scale = 0.5;
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *param = test_random (1, COUNT);
  g_autofree float *start = g_memdup2 (param, COUNT * sizeof (float));
  float m[COUNT] = { 0, }, v[COUNT] = { 0, }, ema[COUNT] = { 0, };
  double p64[COUNT], m64[COUNT] = { 0, }, v64[COUNT] = { 0, };
  double ema64[COUNT] = { 0, }, moved[COUNT];

  for (guint i = 0; i < COUNT; i++)
    p64[i] = param[i];
  for (guint step = 1; step <= STEPS; step++) {
    g_autofree float *grad = test_random (10 + step, COUNT);
    const DdpmAdam adam = { scale, beta1, beta2, eps,
      lr / (1.0 - pow (beta1, step)), sqrt (1.0 - pow (beta2, step)), decay
    };

    b->ops->adam (b, &adam, COUNT, grad, param, m, v, ema);
    for (guint i = 0; i < COUNT; i++) {
      const double g = scale * grad[i];

      m64[i] = beta1 * m64[i] + (1.0 - beta1) * g;
      v64[i] = beta2 * v64[i] + (1.0 - beta2) * g * g;
      p64[i] -= lr * (m64[i] / (1.0 - pow (beta1, step)))
          / (sqrt (v64[i] / (1.0 - pow (beta2, step))) + eps);
      ema64[i] = decay * ema64[i] + (1.0 - decay) * p64[i];
    }
  }
  test_assert_close (m, m64, COUNT, 1e-6);
  test_assert_close (v, v64, COUNT, 2e-5);      /* 1 - 0.999f has 5 digits */
  test_assert_close (ema, ema64, COUNT, 1e-6);
  for (guint i = 0; i < COUNT; i++) {
    moved[i] = p64[i] - start[i];
    param[i] -= start[i];
  }
  test_assert_close (param, moved, COUNT, 2e-4);
}

TEST (adam_needs_no_average)
{
  const DdpmAdam adam = { 1.0f, 0.9f, 0.999f, 1e-8f, 1.0f, 1.0f, 0.5f };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  const float grad = 2.0f;
  float param = 1.0f, m = 0.0f, v = 0.0f;

  b->ops->adam (b, &adam, 1, &grad, &param, &m, &v, NULL);
  /* m = 0.2, v = 0.004 */
  g_assert_cmpfloat_with_epsilon (param, 1.0 - 0.2 / sqrt (0.004), 1e-4);
}

TEST (sum_of_squares_shows_what_is_not_finite)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  g_assert_cmpfloat (b->ops->sum_of_squares (b, 3,
          (const float[]) { 1e20f, 3.0f, 4.0f }), >, 9.9e39);
  g_assert_cmpfloat (b->ops->sum_of_squares (b, 2,
          (const float[]) { 3.0f, 4.0f }), ==, 25.0);
  g_assert_false (isfinite (b->ops->sum_of_squares (b, 2,
              (const float[]) { 1.0f, -INFINITY })));
  g_assert_false (isfinite (b->ops->sum_of_squares (b, 2,
              (const float[]) { NAN, 1.0f })));
}

/* --- one image, alone or in a batch of eight --- */

enum
{ BATCH = 8, SIDE = 6, PIXELS = SIDE * SIDE, C = 12 };

/* Reads C floats per pixel and writes as many */
typedef void (*PerImageFunc) (DdpmBackend * b, guint n, guint first,
    const float *x, float *y);

static void
conv_images (DdpmBackend * b, guint n, guint first, const float *x, float *y)
{
  const DdpmConvDesc d = { n, SIDE, SIDE, C, 0, C, 3, 1, DDPM_TYPE_F32,
    DDPM_TYPE_F32, FALSE
  };
  g_autofree float *weight = test_random (2, C * C * 9);
  DdpmPlan *plan = b->ops->conv_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);

  b->ops->conv_set_weights (plan, weight, weight);
  b->ops->conv_forward (plan, x, NULL, x, y, scratch);
  test_plan_free (plan, scratch);
}

static void
norm_images (DdpmBackend * b, guint n, guint first, const float *x, float *y)
{
  const DdpmNormDesc d = { n, PIXELS, C, 0, 4, 1e-5f, TRUE, FALSE, FALSE };
  const DdpmDropout drop = { 0.3f, 1, SEED, first };
  g_autofree float *gamma = test_random (2, C);
  float stats[BATCH * 4 * 2];
  DdpmPlan *plan = b->ops->norm_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);

  b->ops->norm_forward (plan, x, NULL, NULL, 0, gamma, gamma, &drop, y,
      stats, scratch);
  test_plan_free (plan, scratch);
}

static void
attention_images (DdpmBackend * b, guint n, guint first, const float *x,
    float *y)
{
  const DdpmAttentionDesc d = { n, PIXELS, C / 3, 1, FALSE };
  const gsize size = PIXELS * C / 3;
  g_autofree float *probs = test_unwritten (BATCH * PIXELS * PIXELS);
  g_autofree float *out = test_unwritten (n * size);
  DdpmPlan *plan = b->ops->attention_new (b, &d, NULL);
  gpointer scratch = test_scratch (plan);

  b->ops->attention_forward (plan, x, out, probs, scratch);
  for (guint image = 0; image < n; image++) {
    float *dst = y + image * PIXELS * C;

    /* a third of the channels of qkv: the rest of y stays empty */
    memset (dst, 0, PIXELS * C * sizeof (float));
    memcpy (dst, out + image * size, size * sizeof (float));
  }
  test_plan_free (plan, scratch);
}

static void
reverse_images (DdpmBackend * b, guint n, guint first, const float *x, float *y)
{
  const DdpmReverseStep step = { 2.0f, -1.5f, TRUE, -1.0f, 1.0f, 0.25f, 0.75f,
    0.0f, 0.5f, 12
  };

  memcpy (y, x, (gsize) n * PIXELS * C * sizeof (float));
  b->ops->reverse_step (b, &step, SEED, first, n, PIXELS * C, y, x, NULL);
}

static const struct
{
  const gchar *name;
  PerImageFunc func;
} operations[] = {
  {"conv", conv_images}, {"norm", norm_images},
  {"attention", attention_images}, {"reverse-step", reverse_images},
};

TABLE_TEST (no_image_depends_on_its_batch, operations)
{
  enum
  { SIZE = PIXELS * C };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, BATCH * SIZE);
  g_autofree float *together = test_unwritten (BATCH * SIZE);
  g_autofree float *alone = test_unwritten (SIZE);

  row->func (b, BATCH, 0, x, together);
  for (guint image = 0; image < BATCH; image++) {
    row->func (b, 1, image, x + image * SIZE, alone);
    test_assert_same_bits (alone, together + image * SIZE,
        SIZE * sizeof (float));
  }
}
