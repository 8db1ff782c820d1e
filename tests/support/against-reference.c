/* gst-ddpm: a backend computes what the reference backend does, operation by
 * operation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/against-reference.h"

static DdpmBackend *
subject_reference (const Subject * subject)
{
  return test_reference (subject->backend->act_type == DDPM_TYPE_F32
      ? DDPM_PRECISION_F32 : DDPM_PRECISION_BF16);
}

Outcome
subject_run (const Subject * subject, const Case * c)
{
  Outcome outcome = case_run (subject->backend, c, 0);

  assert_ok (ddpm_backend_check (subject->backend, &error));
  return outcome;
}

/* Roundings to bf16 before the last one, of an operand, that the reference
 * does not do: of an attention's dS, and of the f32 gradient of an output to
 * the bf16 that a processor multiplies */
static guint
subject_roundings (const Subject * subject, const Case * c)
{
  if (subject->backend->act_type == DDPM_TYPE_F32)
    return 0;
  return c->run == run_attention || (c->run == run_conv
      && subject->backend->precision == DDPM_PRECISION_BF16
      && c->conv.src_type == DDPM_TYPE_BF16
      && c->conv.dst_type == DDPM_TYPE_F32);
}

/* tolerance: where it is more than the subject's */
void
assert_as_reference (const Subject * subject, const Case * c, guint n,
    double tolerance)
{
  g_autoptr (DdpmBackend) reference = subject_reference (subject);
  Outcome got = subject_run (subject, c);
  Outcome expected = case_run (reference, c, 0);

  if (subject->tolerance > 0 || tolerance > 0)
    outcome_assert_close (&got, &expected, n, n,
        MAX (tolerance, subject->tolerance));
  else
    outcome_assert_rounded_once (&got, &expected, n, n, subject->error
        + subject_roundings (subject, c) * BF16_ERROR);
  outcome_clear (&got);
  outcome_clear (&expected);
}

static void
assert_as_reference_to_the_bit (const Subject * subject, const Case * c)
{
  g_autoptr (DdpmBackend) reference = subject_reference (subject);
  Outcome got = subject_run (subject, c);
  Outcome expected = case_run (reference, c, 0);

  outcome_assert_same_bits (&got, &expected);
  outcome_clear (&got);
  outcome_clear (&expected);
}

void
check_conv (const Subject * subject, const ConvShape * s, DdpmType src,
    DdpmType dst, Residual residual, gboolean add)
{
  const Case c = {
    .run = run_conv,
    .conv = {s->n, s->height, s->width, s->cin0, s->cin1, s->cout, s->kernel,
        s->stride, src, dst, TRUE, s->pad_end},
    .residual = residual,
    .add = add,
  };

  assert_as_reference (subject, &c, s->n, 0);
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
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    check_conv (subject, &shapes[i], act, act, i % 3, i % 2);
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
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    check_conv (subject, &shapes[i], act, act, i % 3, i % 2);
}

/* Outputs one pixel wide or one channel deep, of which kernels for large ones
 * leave a part unwritten */
static void
convolutions_of_narrow_images (gconstpointer data)
{
  static const ConvShape shapes[] = {
    {2, 9, 1, 24, 0, 40, 3, 2}, {1, 1, 1, 16, 0, 16, 3, 2},
    {2, 12, 2, 32, 0, 32, 3, 2}, {3, 10, 2, 20, 12, 33, 3, 2},
    {2, 1, 12, 32, 0, 32, 3, 2}, {2, 2, 10, 32, 0, 32, 3, 2},
    {2, 5, 3, 24, 0, 1, 1, 1}, {1, 8, 8, 32, 16, 1, 1, 1},
    {2, 4, 1, 16, 0, 16, 3, 1}, {2, 5, 3, 1, 0, 24, 1, 1},
    {3, 10, 4, 42, 1, 2, 1, 1}, {1, 3, 3, 1, 29, 26, 1, 1},
    {2, 1, 7, 33, 1, 32, 1, 1}, {3, 13, 12, 1, 44, 44, 1, 1},
  };
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    check_conv (subject, &shapes[i], act, act, i % 3, FALSE);
    check_conv (subject, &shapes[i], act, act, i % 3, TRUE);
  }
}

/* Odd and even sizes, padded at the end only */
static void
convolutions_padded_at_the_end (gconstpointer data)
{
  static const ConvShape shapes[] = {
    {2, 16, 16, 128, 0, 128, 3, 2, TRUE}, {1, 8, 8, 256, 0, 256, 3, 2, TRUE},
    {2, 7, 9, 32, 0, 64, 3, 2, TRUE}, {3, 6, 5, 16, 8, 33, 3, 2, TRUE},
    {1, 1, 1, 16, 0, 16, 3, 2, TRUE}, {2, 9, 1, 24, 0, 40, 3, 2, TRUE},
    {2, 1, 12, 32, 0, 32, 3, 2, TRUE}, {2, 2, 10, 32, 0, 32, 3, 2, TRUE},
    {2, 5, 8, 1, 0, 2, 3, 2, TRUE}, {1, 8, 7, 3, 0, 1, 3, 2, TRUE},
    {3, 4, 4, 4, 3, 3, 3, 2, TRUE}, {1, 12, 2, 2, 0, 32, 3, 2, TRUE},
  };
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    check_conv (subject, &shapes[i], act, act, i % 3, FALSE);
    check_conv (subject, &shapes[i], act, act, i % 3, TRUE);
  }
}

static void
convolutions_from_and_to_images (gconstpointer data)
{
  static const ConvShape heads[] = { {2, 16, 16, 3, 0, 128, 3, 1},
  {1, 8, 8, 1, 0, 32, 3, 1}, {2, 9, 7, 2, 0, 16, 3, 1},
  {1, 8, 9, 4, 0, 64, 3, 1}
  };
  static const ConvShape tails[] = { {2, 16, 16, 128, 0, 3, 3, 1},
  {1, 8, 8, 32, 0, 1, 3, 1}, {2, 9, 7, 16, 0, 4, 3, 1},
  {1, 8, 9, 64, 0, 8, 3, 1}
  };
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++) {
    check_conv (subject, &heads[i], DDPM_TYPE_F32, act, NO_RESIDUAL, i % 2);
    check_conv (subject, &tails[i], act, DDPM_TYPE_F32, NO_RESIDUAL, i % 2);
  }
}

static void
convolutions_of_any_shape (gconstpointer data)
{
  const Subject *subject = data;
  const DdpmType act = subject->backend->act_type;

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
      .pad_end = i == 5 || i == 10,
    };

    g_test_message ("%u x %u x %u, %u + %u to %u, kernel %u, stride %u%s", s.n,
        s.height, s.width, s.cin0, s.cin1, s.cout, s.kernel, s.stride,
        s.pad_end ? ", padded at the end" : "");
    check_conv (subject, &s, act, act, i % 3, i % 2);
  }
}

void
check_norm (const Subject * subject, guint n, guint pixels, guint c0,
    guint c1, guint groups, guint variant)
{
  const gboolean modulation = c1 == 0 && variant / 4 % 2;
  const Case c = {
    .run = run_norm,
    .norm = {n, pixels, c0, c1, groups, 1e-5f, variant % 4 != 3,
        c1 == 0 && !modulation && variant % 2, TRUE, modulation},
    .add = variant % 3 == 1,
    .dropout = variant % 4 == 1 ? 0.1f : variant % 4 == 2 ? 0.5f : 0.0f,
  };

  g_test_message ("%u x %u, %u + %u channels, %u groups, variant %u", n,
      pixels, c0, c1, groups, variant);
  assert_as_reference (subject, &c, n, 0);
}

static void
norms_of_the_network (gconstpointer data)
{
  const Subject *subject = data;

  for (guint variant = 0; variant < 4; variant++) {
    check_norm (subject, 1, 1024, 128, 0, 32, variant);
    check_norm (subject, 8, 64, 256, 0, 32, variant);
    check_norm (subject, 3, 256, 256, 128, 32, variant);
    check_norm (subject, 2, 16, 128, 256, 32, variant);
  }
}

/* Groups of one channel, and of numbers of channels that fill no vector */
static void
norms_of_odd_groups (gconstpointer data)
{
  const Subject *subject = data;

  for (guint variant = 0; variant < 8; variant++) {
    check_norm (subject, 3, 37, 7, 0, 7, variant);
    check_norm (subject, 2, 64, 32, 0, 32, variant);
    check_norm (subject, 2, 25, 21, 0, 3, variant);
    check_norm (subject, 1, 50, 34, 0, 17, variant);
    check_norm (subject, 2, 16, 20, 13, 11, variant);
    check_norm (subject, 2, 9, 4, 0, 4, variant);
    check_norm (subject, 1, 30, 99, 0, 1, variant);
  }
}

static void
modulated_norms (gconstpointer data)
{
  const Subject *subject = data;

  for (guint variant = 4; variant < 8; variant++) {
    check_norm (subject, 1, 1024, 128, 0, 32, variant);
    check_norm (subject, 8, 64, 256, 0, 32, variant);
    check_norm (subject, 3, 49, 40, 0, 5, variant);
    check_norm (subject, 70, 4, 24, 0, 4, variant);
  }
}

/* Of four channels and more: one sum can be 0 but for its rounding */
static void
norms_of_any_shape (gconstpointer data)
{
  const Subject *subject = data;

  for (guint variant = 0; variant < 24; variant++) {
    const guint groups = g_test_rand_int_range (1, 9);
    const guint channels = groups
        * g_test_rand_int_range (groups < 4 ? 4 : 1, 9);
    const guint c1 = variant % 2 ? g_test_rand_int_range (1, channels) : 0;

    check_norm (subject, g_test_rand_int_range (1, 11),
        g_test_rand_int_range (2, 300), channels - c1, c1, groups, variant);
  }
}

static void
attention (gconstpointer data)
{
  static const DdpmAttentionDesc shapes[] = { {2, 64, 256, 1, TRUE},
  {3, 16, 128, 1, TRUE}, {1, 256, 64, 1, TRUE}, {5, 9, 20, 1, TRUE},
  {2, 1, 8, 1, TRUE}, {2, 64, 256, 4, TRUE}, {3, 16, 64, 8, TRUE},
  {2, 9, 21, 7, TRUE}, {3, 9, 20, 2, FALSE},
  /* P is not kept, and computed in blocks */
  {2, 1056, 8, 1, TRUE}, {1, 560, 16, 4, TRUE},
  };
  const Subject *subject = data;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const Case c = {.run = run_attention,.attention = shapes[i] };
    const gboolean alone = shapes[i].tokens == 1;

    /* a single token's scores do not matter: dq and dk are 0 +- rounding */
    assert_as_reference (subject, &c, shapes[i].n, alone ? 1e-5 : 0);
  }
}

static void
attention_s_memory_grows_with_the_tokens (gconstpointer data)
{
  const Subject *subject = data;

  assert_attention_memory_is_linear (subject->backend);
}

static void
linear (gconstpointer data)
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

    assert_as_reference (data, &c, shapes[i][0], 0);
  }
}

#define BITS -1.0

/* Operations in a case or two; f32: the same in any precision */
typedef struct
{
  const gchar *name;
  guint group;
  gboolean f32;
  guint n;                      /* images */
  double tolerance;             /* more than the subject's; BITS: none */
  Case cases[2];
} Small;

static const Small small_tests[] = {
  {"upsampling-and-sums", TEST_ELEMENTS, FALSE, 3, 0,
        {{.run = run_small_activations},
          {.run = run_small_activations,.add = TRUE}}},
  /* floats keep 3 digits after the point of 1000; squares would keep none */
  {"a-norm-keeps-the-variance-about-a-large-mean", TEST_NORMS, TRUE, 2, 1e-7,
        {{.run = run_norm,.norm = {2, 1024, 64, 0, 32, 1e-5f, TRUE, TRUE,
                  TRUE},.mean = 1000}}},
  {"swish", TEST_ELEMENTS, TRUE, 1, 0, {{.run = run_swish}}},
  {"halves-of-channels-keep-every-bit", TEST_ELEMENTS, TRUE, 0, BITS,
      {{.run = run_halves}}},
  {"a-time-is-a-row-of-the-table", TEST_ELEMENTS, TRUE, 0, BITS,
      {{.run = run_embedding}}},
  {"labels-are-the-reference-s-to-the-bit", TEST_ELEMENTS, TRUE, 0, BITS,
      {{.run = run_labels}, {.run = run_labels,.add = TRUE}}},
  {"noise-and-steps-are-the-reference-s-to-the-bit", TEST_ELEMENTS, TRUE, 0,
      BITS, {{.run = run_diffusion}}},
  {"losses", TEST_ELEMENTS, TRUE, 4, 1e-14, {{.run = run_losses}}},
  {"adam-is-the-reference-s-to-the-bit", TEST_ELEMENTS, TRUE, 0, BITS,
      {{.run = run_adam}}},
};

typedef struct
{
  const Subject *subject;
  const Small *test;
} SmallJob;

static void
small_operations (gconstpointer data)
{
  const SmallJob *job = data;
  const Small *test = job->test;

  g_test_message ("%s", test->name);
  for (guint i = 0; i < G_N_ELEMENTS (test->cases) && test->cases[i].run; i++) {
    if (test->tolerance == BITS)
      assert_as_reference_to_the_bit (job->subject, &test->cases[i]);
    else
      assert_as_reference (job->subject, &test->cases[i], test->n,
          test->tolerance);
  }
}

static void
not_finite_job (gpointer data)
{
  static const float values[] = { NAN, -INFINITY, 0 };
  DdpmBackend *b = data;
  const gsize count = 100000;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    g_autofree float *x = test_random (111, count);
    Tensor t = tensor_new (b, DDPM_TYPE_F32, count, 0);
    double sum;

    x[77777] = values[i];
    tensor_write (b, &t, x);
    sum = b->ops->sum_of_squares (b, count, t.data);
    g_assert_true (isfinite (sum) == isfinite (values[i]));
    tensor_free (b, &t);
  }
}

static void
a_sum_of_squares_tells_of_an_element_that_is_not_finite (gconstpointer data)
{
  const Subject *subject = data;

  subject->backend->ops->run (subject->backend, not_finite_job,
      subject->backend);
}

/* prefix: "/cpu/f32"; groups: which operations. What is in f32 in any precision
 * is tested in f32 only. */
void
add_operation_tests (const gchar * prefix, const Subject * subject,
    guint groups)
{
  static const struct
  {
    const gchar *name;
    guint group;
    gboolean f32;
    GTestDataFunc func;
  } tests[] = {
    {"convolutions-of-the-network", TEST_CONVOLUTIONS, FALSE,
        convolutions_of_the_network},
    {"convolutions-of-any-size", TEST_CONVOLUTIONS, FALSE,
        convolutions_of_any_size},
    {"convolutions-of-narrow-images", TEST_CONVOLUTIONS, FALSE,
        convolutions_of_narrow_images},
    {"convolutions-padded-at-the-end", TEST_CONVOLUTIONS, FALSE,
        convolutions_padded_at_the_end},
    {"convolutions-from-and-to-images", TEST_CONVOLUTIONS, FALSE,
        convolutions_from_and_to_images},
    {"convolutions-of-any-shape", TEST_CONVOLUTIONS, FALSE,
        convolutions_of_any_shape},
    {"norms-of-the-network", TEST_NORMS, FALSE, norms_of_the_network},
    {"norms-of-odd-groups", TEST_NORMS, FALSE, norms_of_odd_groups},
    {"modulated-norms", TEST_NORMS, FALSE, modulated_norms},
    {"norms-of-any-shape", TEST_NORMS, FALSE, norms_of_any_shape},
    {"attention", TEST_ATTENTION, FALSE, attention},
    {"attention-s-memory-grows-with-the-tokens", TEST_ATTENTION, FALSE,
        attention_s_memory_grows_with_the_tokens},
    {"linear", TEST_LINEAR, TRUE, linear},
    {"a-sum-of-squares-tells-of-an-element-that-is-not-finite",
          TEST_ELEMENTS, TRUE,
        a_sum_of_squares_tells_of_an_element_that_is_not_finite},
  };
  const gboolean f32 = subject->backend->act_type == DDPM_TYPE_F32;

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree gchar *path = g_strconcat (prefix, "/", tests[i].name, NULL);

    if ((groups & tests[i].group) && (f32 || !tests[i].f32))
      g_test_add_data_func (path, subject, tests[i].func);
  }
  for (guint i = 0; i < G_N_ELEMENTS (small_tests); i++) {
    const Small *test = &small_tests[i];
    const SmallJob job = { subject, test };
    g_autofree gchar *path = g_strconcat (prefix, "/", test->name, NULL);

    if ((groups & test->group) && (f32 || !test->f32))
      g_test_add_data_func_full (path, g_memdup2 (&job, sizeof (job)),
          small_operations, g_free);
  }
}
