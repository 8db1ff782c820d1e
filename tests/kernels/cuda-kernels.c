/* gst-ddpm: the CUDA backend's norms and attention agree with the reference.
 * Their kernels run on the CPU (tests/support/host-cuda.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/operations.h"
#include "kernels/norm-math.h"
#include "tests/support/host-backend.h"
#include "tests/support/host-device.h"

/* --- cases ---------------------------------------------------------------- */

/* Kernels of forward, backward and sums over images: 1 each, or 2, 3 and 1 */
enum
{ ONE_PASS = 3, GENERAL = 6 };

static void
assert_norm (const HostPrecision * p, guint launches, guint n, guint pixels,
    guint c0, guint c1, guint groups, guint variant, guint shift)
{
  const gboolean modulation = c1 == 0 && variant % 5 == 3;
  const Case c = {
    .run = run_norm,
    .norm = {n, pixels, c0, c1, groups, 1e-5f, variant % 4 != 3,
        variant % 2 && c1 == 0 && !modulation, TRUE, modulation},
    .add = variant / 2 % 2,
    .dropout = variant % 3 == 1 ? 0.3f : 0.0f,
    .mean = 0.5f,
  };

  g_assert_cmpuint (host_assert_as_reference (p, &c, n, shift), ==, launches);
}

static const gchar *
implementation (DdpmType type, const DdpmNormDesc * d, guint kind)
{
  CudaBackend b = host_backend (type);
  DdpmPlan *plan = assert_ok (host_ops.norm_new (&b.base, d, &error));
  const gchar *name;

  name = plan->implementation[kind];
  ddpm_plan_free (plan);
  return name;
}

TABLE_TEST (the_networks_norms_take_one_pass, host_precisions)
{
  static const guint shapes[][3] = {
    {1024, 128, 0}, {1024, 256, 128}, {1024, 128, 128}, {1024, 256, 0},
    {256, 256, 256}, {256, 256, 128}, {256, 128, 0}, {64, 256, 256},
    {64, 256, 128}, {64, 128, 256}, {16, 128, 128}, {16, 256, 128},
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (guint kind = 0; kind < 2; kind++) {
      const DdpmNormDesc d = { 128, shapes[i][0], shapes[i][1], shapes[i][2],
        32, 1e-5f, TRUE, FALSE, TRUE
      };

      g_assert_cmpstr (implementation (row->type, &d, kind),
          ==, "cuda:one-pass");
    }
  }
}

/* Groups of 4, 8, 12 and 16 channels, in which x0 may end and x1 begin */
TABLE_TEST (norms_in_one_pass, host_precisions)
{
  for (guint variant = 0; variant < 4; variant++) {
    assert_norm (row, ONE_PASS, 2, 16, 32, 0, 8, variant, 0);
    assert_norm (row, ONE_PASS, 2, 20, 8, 40, 4, variant + 4, 0);
    assert_norm (row, ONE_PASS, 1, 33, 32, 32, 4, variant + 8, 0);
  }
  assert_norm (row, ONE_PASS, 2, 64, 16, 0, 2, 1, 0);
  assert_norm (row, ONE_PASS, 1, 37, 16, 8, 2, 4, 0);
  assert_norm (row, ONE_PASS, 1, 520, 8, 16, 2, 10, 0);
}

TABLE_TEST (modulated_norms_in_one_pass, host_precisions)
{
  static const guint modulated[] = { 3, 8, 13, 18 };

  for (guint i = 0; i < G_N_ELEMENTS (modulated); i++) {
    assert_norm (row, ONE_PASS, 3, 20, 32, 0, 4, modulated[i], 0);
    assert_norm (row, ONE_PASS, 2, 9, 16, 0, 16, modulated[i], 0);
    assert_norm (row, ONE_PASS, 1, 37, 48, 0, 2, modulated[i], 0);
  }
  assert_norm (row, ONE_PASS, 150, 5, 64, 0, 16, 3, 0);
}

/* With many images, blocks are wider. */
TABLE_TEST (norms_of_large_batches, host_precisions)
{
  assert_norm (row, ONE_PASS, 150, 5, 64, 0, 16, 1, 0);
  assert_norm (row, ONE_PASS, 140, 3, 32, 64, 8, 4, 0);
}

/* Channels that are no multiple of 16 bytes, or tensors that are not aligned to
 * them */
TABLE_TEST (norms_of_odd_shapes, host_precisions)
{
  for (guint variant = 0; variant < 12; variant += 2) {
    assert_norm (row, GENERAL, 2, 7, 10, 0, 5, variant + 1, 0);
    assert_norm (row, GENERAL, 3, 5, 3, 6, 3, variant, 0);
    assert_norm (row, GENERAL, 2, 17, 16, 8, 3, variant, 1);
  }
  assert_norm (row, GENERAL, 1, 1, 35, 0, 1, 1, 0);
  assert_norm (row, GENERAL, 2, 50, 1, 0, 1, 2, 0);
  assert_norm (row, GENERAL, 2, 9, 60, 21, 3, 4, 0);
}

TABLE_TEST (modulated_norms_of_odd_shapes, host_precisions)
{
  static const guint modulated[] = { 3, 8, 13, 18 };

  for (guint i = 0; i < G_N_ELEMENTS (modulated); i++) {
    assert_norm (row, GENERAL, 3, 7, 10, 0, 5, modulated[i], 0);
    assert_norm (row, GENERAL, 2, 11, 7, 0, 7, modulated[i], 0);
    assert_norm (row, GENERAL, 2, 17, 16, 0, 4, modulated[i], 1);
    assert_norm (row, GENERAL, 1, 5, 65, 0, 1, modulated[i], 0);
  }
}

TABLE_TEST (norms_without_enough_shared_memory, host_precisions)
{
  host_shared_memory = 16 << 10;
  assert_norm (row, GENERAL, 1, 600, 16, 8, 2, 4, 0);
  host_shared_memory = 227 << 10;
}

TEST (norms_keep_the_variance_about_a_large_mean)
{
  for (guint shift = 0; shift < 2; shift++) {
    const Case c = {
      .run = run_norm,
      .norm = {2, 256, 16, 0, 4, 1e-5f, TRUE, TRUE, FALSE},
      .mean = 1000.0f,
    };
    CudaBackend b = host_backend (DDPM_TYPE_F32);
    g_autoptr (DdpmBackend) reference = test_reference (DDPM_PRECISION_F32);
    Outcome expected = case_run (reference, &c, shift);
    Outcome got = case_run (&b.base, &c, shift);

    outcome_assert_close (&got, &expected, 2, 2, 1e-6);
    outcome_clear (&expected);
    outcome_clear (&got);
  }
}

/* A seed gives the same image in any batch. */
TABLE_TEST (an_image_is_the_same_in_any_batch, host_precisions)
{
  Case c = {
    .run = run_norm,
    .norm = {150, 24, 64, 0, 16, 1e-5f, TRUE, TRUE, TRUE},
    .dropout = 0.1f,
  };
  CudaBackend b = host_backend (row->type);
  Outcome many = case_run (&b.base, &c, 0), one;

  c.norm.n = 1;
  one = case_run (&b.base, &c, 0);
  for (guint k = 0; k < one.count; k++) {
    if (one.per_image[k])
      test_assert_same_bits (one.data[k], many.data[k],
          one.size[k] * sizeof (float));
  }
  outcome_clear (&many);
  outcome_clear (&one);
}

TABLE_TEST (attention_is_the_reference_s, host_precisions)
{
  static const DdpmAttentionDesc shapes[] = { {2, 16, 32, 1, TRUE},
  {1, 64, 8, 1, TRUE}, {1, 256, 4, 1, TRUE}, {3, 7, 5, 1, TRUE},
  {1, 300, 3, 1, TRUE}, {2, 1, 1, 1, TRUE}, {1, 40, 24, 1, TRUE},
  {2, 16, 32, 4, TRUE}, {3, 7, 15, 5, TRUE}, {2, 7, 10, 2, FALSE},
  /* P is not kept */
  {1, 1032, 2, 1, TRUE}, {1, 740, 4, 2, TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (guint shift = 0; shift < 2; shift++) {
      const Case c = {.run = run_attention,.attention = shapes[i] };

      host_assert_as_reference (row, &c, c.attention.n, shift);
    }
  }
}

/* Gradients of keys and values are sums over blocks. */
TEST (many_tokens_are_attended_in_blocks)
{
  const Case c = {.run = run_attention,.attention = {1, 4128, 1, 1, TRUE} };
  CudaBackend b = host_backend (DDPM_TYPE_F32);
  g_autoptr (DdpmBackend) reference = test_reference (DDPM_PRECISION_F32);
  Outcome got = case_run (&b.base, &c, 0);
  Outcome expected = case_run (reference, &c, 0);

  outcome_assert_rounded_once (&got, &expected, 1, 1, ERROR_F32);
  outcome_clear (&got);
  outcome_clear (&expected);
}

TABLE_TEST (memory_of_attention_grows_with_the_tokens, host_precisions)
{
  CudaBackend b = host_backend (row->type);

  assert_attention_memory_is_linear (&b.base);
}

TABLE_TEST (a_replayed_graph_launches_nothing, host_precisions)
{
  static const Case cases[] = {
    {.run = run_norm,.norm = {1, 24, 64, 0, 16, 1e-5f, TRUE, TRUE, TRUE},
        .dropout = 0.1f},
    {.run = run_norm,.norm = {1, 5, 3, 0, 3, 1e-5f, TRUE, FALSE, TRUE,
            TRUE}},
    {.run = run_attention,.attention = {1, 7, 5, 1, TRUE}},
  };
  CudaBackend b = host_backend (row->type);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    host_assert_replay (&b.base, &cases[i]);
}

/* --- arithmetic ----------------------------------------------------------- */

TEST (dropout_keeps_what_its_uniform_says)
{
  static const float ps[] = { 1e-9f, 0x1p-24f, 0x1.8p-23f, 0.1f, 0.3f, 0.5f,
    0.9f, 0x1.fffffep-1f, 1.0f, 7.0f
  };

  for (guint i = 0; i < G_N_ELEMENTS (ps); i++) {
    const guint32 limit = ddpm_dropout_limit (ps[i]);
    const guint32 near = MIN (limit, (1 << 23) - 1);

    for (guint32 r = near > 2 ? near - 2 : 0; r < near + 3 && r < 1 << 23; r++)
      g_assert_cmpint (ddpm_dropout_keeps (r << 9 | 0x155, limit), ==,
          ddpm_uniform (r << 9) >= ps[i]);
  }
}

TEST (swish_is_good_to_the_last_digits)
{
  for (double x = -85; x < 90; x += 0.0173) {
    const double s = 1 / (1 + exp (-(float) x));
    const double swish = (float) x * s;
    const double derivative = s * (1 + (float) x * (1 - s));

    g_assert_cmpfloat (fabs (ddpm_swish (x, FALSE) - swish), <=,
        4e-7 * fabs (swish));
    g_assert_cmpfloat (fabs (ddpm_swish_derivative (x, FALSE) - derivative),
        <=, 1e-6 * MAX (fabs (derivative), s));
  }
  g_assert_cmpfloat (ddpm_swish (-INFINITY, TRUE), !=, 0.0);
  g_assert_cmpfloat (ddpm_swish (-1e30f, TRUE), ==, 0.0);
  g_assert_cmpfloat (ddpm_swish (1e30f, TRUE), ==, 1e30f);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ddpm_cuda_attention_set_ops (&host_ops);
  ddpm_cuda_norm_set_ops (&host_ops);
  return g_test_run ();
}
