/* gst-ddpm: the CPU backend computes what the reference backend does
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "test-cpu.h"

/* In f32: a few roundings of sums of up to some thousand products. In bf16 a
 * rounding has a normalised mean square error of 2^-18 / 3, about 1.3e-6, and
 * up to four of them follow each other (an attention's dqkv: probabilities,
 * dP, dS and the result); where only the last is rounded, in both backends,
 * few results differ at all. */
#define TOLERANCE_F32 1e-11
#define TOLERANCE_BF16 8e-6

static DdpmBackend *
cpu_backend (DdpmPrecision precision, guint threads)
{
  g_autoptr (GError) error = NULL;
  DdpmBackend *b =
      ddpm_backend_new (DDPM_BACKEND_CPU, precision, threads, &error);

  g_assert_no_error (error);
  return b;
}

static void
assert_as_reference (DdpmPrecision precision, const Case * c, guint n,
    double tolerance)
{
  const gboolean f32 = precision == DDPM_PRECISION_F32;
  g_autoptr (DdpmBackend) cpu = cpu_backend (precision, 2);
  g_autoptr (DdpmBackend) reference =
      test_reference (f32 ? DDPM_PRECISION_F32 : DDPM_PRECISION_BF16);
  Outcome got, expected;

  got = case_run (cpu, c, 0);
  expected = case_run (reference, c, 0);
  outcome_assert_close (&got, &expected, n, n,
      MAX (tolerance, f32 ? TOLERANCE_F32 : TOLERANCE_BF16));
  outcome_clear (&got);
  outcome_clear (&expected);
}

static DdpmType
act_type (DdpmPrecision precision)
{
  return precision == DDPM_PRECISION_F32 ? DDPM_TYPE_F32 : DDPM_TYPE_BF16;
}

/* n, height, width, cin0, cin1, cout, kernel, stride */
typedef struct
{
  guint n, height, width, cin0, cin1, cout, kernel, stride;
} ConvShape;

static void
check_conv (DdpmPrecision precision, const ConvShape * s, DdpmType src,
    DdpmType dst, Residual residual, gboolean add)
{
  const Case c = {
    .run = run_conv,
    .conv = {s->n, s->height, s->width, s->cin0, s->cin1, s->cout, s->kernel,
        s->stride, src, dst, TRUE},
    .residual = residual,
    .add = add,
  };

  assert_as_reference (precision, &c, s->n, 0);
}

/* Of the notebook's network, but for the number of images and pixels */
static void
convolutions_of_the_network (gconstpointer data)
{
  static const ConvShape shapes[] = {
    {1, 16, 16, 128, 0, 128, 3, 1}, {2, 8, 8, 256, 0, 256, 3, 1},
    {2, 4, 4, 256, 0, 128, 3, 1}, {1, 8, 8, 512, 0, 256, 3, 1},
    {2, 8, 8, 256, 0, 256, 3, 2}, {2, 8, 8, 256, 0, 768, 1, 1},
    {2, 8, 8, 256, 128, 128, 1, 1}, {2, 4, 4, 128, 256, 256, 1, 1},
  };
  const DdpmPrecision precision = GPOINTER_TO_INT (data);
  const DdpmType act = act_type (precision);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    check_conv (precision, &shapes[i], act, act, i % 3, i % 2);
}

/* Channels as tiles are computed of, images that they do not fill evenly */
static void
convolutions_of_any_size (gconstpointer data)
{
  static const ConvShape shapes[] = {
    {2, 11, 13, 32, 0, 64, 3, 1}, {1, 9, 8, 96, 0, 32, 3, 1},
    {3, 8, 9, 64, 0, 32, 3, 1}, {1, 64, 1, 32, 0, 32, 3, 1},
    {1, 2, 33, 32, 0, 32, 3, 1}, {9, 10, 8, 64, 0, 160, 3, 1},
    {1, 12, 12, 16, 0, 21, 3, 1}, {1, 8, 8, 32, 0, 33, 3, 1},
  };
  const DdpmPrecision precision = GPOINTER_TO_INT (data);
  const DdpmType act = act_type (precision);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    check_conv (precision, &shapes[i], act, act, i % 3, i % 2);
}

static void
convolutions_from_and_to_images (gconstpointer data)
{
  static const ConvShape heads[] = { {2, 16, 16, 3, 0, 128, 3, 1},
  {1, 8, 8, 1, 0, 32, 3, 1}
  };
  static const ConvShape tails[] = { {2, 16, 16, 128, 0, 3, 3, 1},
  {1, 8, 8, 32, 0, 1, 3, 1}
  };
  const DdpmPrecision precision = GPOINTER_TO_INT (data);
  const DdpmType act = act_type (precision);

  for (guint i = 0; i < 2; i++) {
    check_conv (precision, &heads[i], DDPM_TYPE_F32, act, NO_RESIDUAL, i);
    check_conv (precision, &tails[i], act, DDPM_TYPE_F32, NO_RESIDUAL, i);
  }
}

static void
convolutions_of_any_shape (gconstpointer data)
{
  const DdpmPrecision precision = GPOINTER_TO_INT (data);
  const DdpmType act = act_type (precision);

  for (guint i = 0; i < 16; i++) {
    const ConvShape s = {
      .n = g_test_rand_int_range (1, 4),
      .height = g_test_rand_int_range (1, 14),
      .width = g_test_rand_int_range (1, 14),
      .cin0 = g_test_rand_int_range (1, 50),
      .cin1 = i % 4 ? 0 : g_test_rand_int_range (1, 50),
      .cout = g_test_rand_int_range (1, 50),
      .kernel = i % 3 ? 3 : 1,
      .stride = i % 5 ? 1 : 2,
    };

    g_test_message ("%u x %u x %u, %u + %u to %u, kernel %u, stride %u", s.n,
        s.height, s.width, s.cin0, s.cin1, s.cout, s.kernel, s.stride);
    check_conv (precision, &s, act, act, i % 3, i % 2);
  }
}

static void
check_norm (DdpmPrecision precision, guint n, guint pixels, guint c0,
    guint c1, guint groups, guint variant)
{
  const Case c = {
    .run = run_norm,
    .norm = {n, pixels, c0, c1, groups, 1e-5f, variant % 4 != 3,
        c1 == 0 && variant % 2, TRUE},
    .add = variant % 3 == 1,
    .dropout = variant % 4 == 1 ? 0.1f : variant % 4 == 2 ? 0.5f : 0.0f,
  };

  g_test_message ("%u x %u, %u + %u channels, %u groups, variant %u", n,
      pixels, c0, c1, groups, variant);
  assert_as_reference (precision, &c, n, 0);
}

static void
norms_of_the_network (gconstpointer data)
{
  const DdpmPrecision precision = GPOINTER_TO_INT (data);

  for (guint variant = 0; variant < 4; variant++) {
    check_norm (precision, 1, 1024, 128, 0, 32, variant);
    check_norm (precision, 8, 64, 256, 0, 32, variant);
    check_norm (precision, 3, 256, 256, 128, 32, variant);
    check_norm (precision, 2, 16, 128, 256, 32, variant);
  }
}

static void
norms_of_any_shape (gconstpointer data)
{
  const DdpmPrecision precision = GPOINTER_TO_INT (data);

  for (guint variant = 0; variant < 24; variant++) {
    const guint groups = g_test_rand_int_range (1, 9);
    const guint channels = groups * g_test_rand_int_range (2, 9);
    const guint c1 = variant % 2 ? g_test_rand_int_range (1, channels) : 0;

    check_norm (precision, g_test_rand_int_range (1, 11),
        g_test_rand_int_range (2, 300), channels - c1, c1, groups, variant);
  }
}

/* Floats keep 3 digits after the point of 1000; squares would keep none. */
static void
a_norm_keeps_the_variance_about_a_large_mean (void)
{
  const Case c = {
    .run = run_norm,
    .norm = {2, 1024, 64, 0, 32, 1e-5f, TRUE, TRUE, TRUE},
    .mean = 1000,
  };

  assert_as_reference (DDPM_PRECISION_F32, &c, 2, 1e-7);
}

static void
attention (gconstpointer data)
{
  static const DdpmAttentionDesc shapes[] = { {2, 64, 256, TRUE},
  {3, 16, 128, TRUE}, {1, 256, 64, TRUE}, {5, 9, 20, TRUE}, {2, 1, 8, TRUE}
  };
  const DdpmPrecision precision = GPOINTER_TO_INT (data);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const Case c = {.run = run_attention,.attention = shapes[i] };
    const gboolean alone = shapes[i].tokens == 1;

    /* a single token's scores do not matter: dq and dk are 0 +- rounding */
    assert_as_reference (precision, &c, shapes[i].n, alone ? 1e-5 : 0);
  }
}

static void
linear (void)
{
  static const guint shapes[][3] = { {16, 128, 512}, {5, 512, 512},
  {16, 512, 4096}, {1, 7, 3}
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const Case c = {
      .run = run_linear,
      .linear = {shapes[i][0], shapes[i][1], shapes[i][2]},
      .add = i % 2,
    };

    assert_as_reference (DDPM_PRECISION_F32, &c, shapes[i][0], 0);
  }
}

static void
run_small_activations (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out)
{
  const guint n = 3, h = 5, w = 7, channels = 24;
  const gsize in = h * w * channels;
  Tensor x = tensor_random (b, b->act_type, n, in, 61, 1, 0, shift);
  Tensor y = tensor_new (b, b->act_type, 4 * n * in, shift);
  Tensor dy = tensor_random (b, b->act_type, n, 4 * in, 62, 1, 0, shift);
  Tensor dx = tensor_random (b, b->act_type, n, in, 63, 1, 0, shift);
  Tensor sum = tensor_random (b, b->act_type, n, in, 64, 1, 0, shift);

  b->ops->upsample_forward (b, n, h, w, channels, x.data, y.data);
  b->ops->upsample_backward (b, n, h, w, channels, dy.data, dx.data, c->add);
  b->ops->accumulate (b, n * in, x.data, sum.data);
  tensor_result (b, &y, "upsampled", TRUE, out);
  tensor_result (b, &dx, "upsampling's gradient", TRUE, out);
  tensor_result (b, &sum, "sum", TRUE, out);
  tensor_free (b, &x);
  tensor_free (b, &dy);
}

static void
upsampling_and_sums (gconstpointer data)
{
  const Case once = {.run = run_small_activations };
  const Case more = {.run = run_small_activations,.add = TRUE };

  assert_as_reference (GPOINTER_TO_INT (data), &once, 3, 0);
  assert_as_reference (GPOINTER_TO_INT (data), &more, 3, 0);
}

static void
run_swish (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor x = tensor_random (b, f32, 1, 40000, 71, 100, 0, shift);
  Tensor y = tensor_new (b, f32, x.count, shift);
  Tensor dy = tensor_random (b, f32, 1, x.count, 72, 1, 0, shift);
  Tensor dx = tensor_new (b, f32, x.count, shift);

  b->ops->swish_forward (b, x.count, x.data, y.data);
  b->ops->swish_backward (b, x.count, x.data, dy.data, dx.data);
  tensor_result (b, &y, "swish", FALSE, out);
  tensor_result (b, &dx, "swish's gradient", FALSE, out);
  tensor_free (b, &x);
  tensor_free (b, &dy);
}

static void
swish (void)
{
  const Case c = {.run = run_swish };

  assert_as_reference (DDPM_PRECISION_F32, &c, 1, 1e-13);
}

/* What is computed in double: sums differ in their order, the rest in
 * nothing */
static void
run_diffusion (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const guint n = 3, elements = 3 * 37 * 11;
  const guint64 seed = G_GUINT64_CONSTANT (0xfedcba9876543210);
  const guint64 first = G_GUINT64_CONSTANT (0xffffffff);
  const float a[] = { 0.9f, 0.1f, 0.5f }, s[] = { 0.3f, 0.99f, 0.8f };
  const DdpmReverseStep step = { 1.1f, -0.4f, TRUE, -1.0f, 1.0f, 0.3f, 0.7f,
    0.2f, 0.1f, 17
  };
  const DdpmReverseStep last = { 1.1f, -0.4f, FALSE, 0, 0, 0.3f, 0.7f, 0.5f,
    0, 0
  };
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor x0 = tensor_random (b, f32, n, elements, 81, 1, 0, shift);
  Tensor eps = tensor_new (b, f32, n * elements, shift);
  Tensor x_t = tensor_new (b, f32, n * elements, shift);
  Tensor x = tensor_random (b, f32, n, elements, 82, 1, 0, shift);
  Tensor dpred = tensor_random (b, f32, n, elements, 83, 1, 0, shift);
  Tensor prev = tensor_random (b, f32, n, elements, 84, 1, 0, shift);

  b->ops->noise (b, seed, first, 5, n, elements, eps.data);
  b->ops->q_sample (b, n, elements, a, s, x0.data, eps.data, x_t.data);
  b->ops->reverse_step (b, &step, seed, first, n, elements, x.data, eps.data,
      prev.data);
  b->ops->reverse_step (b, &last, seed, first, n, elements, x.data, eps.data,
      NULL);
  tensor_result (b, &eps, "noise", TRUE, out);
  tensor_result (b, &x_t, "x_t", TRUE, out);
  tensor_result (b, &x, "x", TRUE, out);
  tensor_result (b, &prev, "x_0", TRUE, out);
  tensor_free (b, &x0);
  tensor_free (b, &dpred);
}

static void
noise_and_steps_are_the_reference_s_to_the_bit (void)
{
  const Case c = {.run = run_diffusion };
  g_autoptr (DdpmBackend) cpu = cpu_backend (DDPM_PRECISION_F32, 2);
  g_autoptr (DdpmBackend) reference = test_reference (DDPM_PRECISION_F32);
  Outcome got = case_run (cpu, &c, 0), expected = case_run (reference, &c, 0);

  outcome_assert_same_bits (&got, &expected);
  outcome_clear (&got);
  outcome_clear (&expected);
}

static void
run_losses (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  enum
  { N = 4, ELEMENTS = 1001 };
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor pred = tensor_random (b, f32, N, ELEMENTS, 91, 1, 0, shift);
  Tensor target = tensor_random (b, f32, N, ELEMENTS, 92, 1, 0, shift);
  Tensor dpred = tensor_random (b, f32, N, ELEMENTS, 93, 1, 0, shift);
  Tensor losses = tensor_new (b, f32, N + 1, shift);
  double loss[N];

  b->ops->mse (b, N, N - 1, ELEMENTS, 0.25f, pred.data, target.data,
      dpred.data, loss);
  for (guint i = 0; i < N; i++)
    tensor_set (&losses, i, loss[i]);
  tensor_set (&losses, N, b->ops->sum_of_squares (b, pred.count, pred.data));
  g_assert_cmpfloat (loss[N - 1], ==, 0.0);
  tensor_result (b, &losses, "losses", FALSE, out);
  tensor_result (b, &dpred, "dpred", TRUE, out);
  tensor_free (b, &pred);
  tensor_free (b, &target);
}

static void
losses (void)
{
  const Case c = {.run = run_losses };

  assert_as_reference (DDPM_PRECISION_F32, &c, 4, 1e-14);
}

static void
run_adam (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmAdam adam = { 0.5f, 0.9f, 0.999f, 1e-8f, 2e-3f, 0.0447f, 0.999f };
  const DdpmType f32 = DDPM_TYPE_F32;
  const gsize count = 40001;
  Tensor grad = tensor_random (b, f32, 1, count, 101, 1, 0, shift);
  Tensor param = tensor_random (b, f32, 1, count, 102, 1, 0, shift);
  Tensor m = tensor_random (b, f32, 1, count, 103, 1, 0, shift);
  Tensor v = tensor_random (b, f32, 1, count, 104, 0.5f, 0.5f, shift);
  Tensor ema = tensor_random (b, f32, 1, count, 105, 1, 0, shift);

  b->ops->adam (b, &adam, count, grad.data, param.data, m.data, v.data, NULL);
  b->ops->adam (b, &adam, count, grad.data, param.data, m.data, v.data,
      ema.data);
  tensor_result (b, &param, "param", FALSE, out);
  tensor_result (b, &m, "m", FALSE, out);
  tensor_result (b, &v, "v", FALSE, out);
  tensor_result (b, &ema, "ema", FALSE, out);
  tensor_free (b, &grad);
}

static void
adam (void)
{
  const Case c = {.run = run_adam };

  assert_as_reference (DDPM_PRECISION_F32, &c, 1, 0);
}

static gpointer
run_not_finite (DdpmBackend * b, float value)
{
  const gsize count = 100000;
  float *x = test_random (111, count);
  double sum;

  x[77777] = value;
  sum = b->ops->sum_of_squares (b, count, x);
  g_assert_false (isfinite (sum));
  g_free (x);
  return NULL;
}

static void
not_finite_job (gpointer data)
{
  run_not_finite (data, NAN);
  run_not_finite (data, -INFINITY);
}

static void
a_sum_of_squares_tells_of_an_element_that_is_not_finite (void)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 2);

  b->ops->run (b, not_finite_job, b);
}

static void
add_for_precision (const gchar * name, DdpmPrecision precision)
{
  static const struct
  {
    const gchar *name;
    GTestDataFunc func;
  } tests[] = {
    {"convolutions-of-the-network", convolutions_of_the_network},
    {"convolutions-of-any-size", convolutions_of_any_size},
    {"convolutions-from-and-to-images", convolutions_from_and_to_images},
    {"convolutions-of-any-shape", convolutions_of_any_shape},
    {"norms-of-the-network", norms_of_the_network},
    {"norms-of-any-shape", norms_of_any_shape},
    {"attention", attention},
    {"upsampling-and-sums", upsampling_and_sums},
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree gchar *path =
        g_strdup_printf ("/cpu/%s/%s", name, tests[i].name);

    g_test_add_data_func (path, GINT_TO_POINTER (precision), tests[i].func);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (DdpmBackend) native = NULL;

  g_test_init (&argc, &argv, NULL);
  native = ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_BF16, 1, NULL);
  add_for_precision ("f32", DDPM_PRECISION_F32);
  add_for_precision ("bf16-emulated", DDPM_PRECISION_BF16_EMULATED);
  if (native)
    add_for_precision ("bf16", DDPM_PRECISION_BF16);
  g_test_add_func ("/cpu/a-norm-keeps-the-variance-about-a-large-mean",
      a_norm_keeps_the_variance_about_a_large_mean);
  g_test_add_func ("/cpu/linear", linear);
  g_test_add_func ("/cpu/swish", swish);
  g_test_add_func ("/cpu/noise-and-steps-are-the-reference-s-to-the-bit",
      noise_and_steps_are_the_reference_s_to_the_bit);
  g_test_add_func ("/cpu/losses", losses);
  g_test_add_func ("/cpu/adam", adam);
  g_test_add_func
      ("/cpu/a-sum-of-squares-tells-of-an-element-that-is-not-finite",
      a_sum_of_squares_tells_of_an_element_that_is_not_finite);
  return g_test_run ();
}
