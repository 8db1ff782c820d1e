/* gst-ddpm: the reference backend in bf16 is the one in f32, with what it
 * stores rounded
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/bf16.h"
#include "tests/support/kernels.h"
#include "tests/support/test.h"

/* An array of activations in both types, with the same values */
typedef struct
{
  gsize count;
  float *f32;
  guint16 *bf16;
} Both;

static Both
both_random (guint32 seed, gsize count)
{
  Both x = { count, test_random (seed, count), g_new (guint16, count) };

  for (gsize i = 0; i < count; i++) {
    x.bf16[i] = ddpm_bf16_from_float (x.f32[i]);
    x.f32[i] = ddpm_bf16_to_float (x.bf16[i]);
  }
  return x;
}

static void
both_clear (Both * x)
{
  g_free (x->f32);
  g_free (x->bf16);
}

static void
assert_rounded (const Both * x)
{
  gboolean some = FALSE;

  for (gsize i = 0; i < x->count; i++) {
    g_assert_cmphex (x->bf16[i], ==, ddpm_bf16_from_float (x->f32[i]));
    some |= ddpm_bf16_to_float (x->bf16[i]) != x->f32[i];
  }
  g_assert_true (some);
}

enum
{ PIXELS = 12, IN = 6, OUT = 5, WEIGHTS = OUT * IN * 9 };

TEST (conv_is_the_float_one_rounded)
{
  DdpmConvDesc d = { 1, 4, 3, IN, 0, OUT, 3, 1, DDPM_TYPE_F32,
    DDPM_TYPE_F32, TRUE
  };
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  Both x = both_random (1, PIXELS * IN), y = both_random (2, PIXELS * OUT);
  Both dy = both_random (3, PIXELS * OUT), dx = both_random (4, PIXELS * IN);
  g_autofree float *weight = test_random (5, WEIGHTS);
  g_autofree float *rounded = test_random (5, WEIGHTS);
  float bias[OUT] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f };
  float dweight[2][WEIGHTS], dbias[2][OUT];
  DdpmPlan *p32 = f32->ops->conv_new (f32, &d, NULL), *p16;
  gpointer scratch = test_scratch (p32);

  d.src_type = d.dst_type = DDPM_TYPE_BF16;
  p16 = bf16->ops->conv_new (bf16, &d, NULL);
  for (guint i = 0; i < WEIGHTS; i++)
    rounded[i] = ddpm_bf16_round (weight[i]);
  f32->ops->conv_set_weights (p32, rounded, bias);
  bf16->ops->conv_set_weights (p16, weight, bias);

  f32->ops->conv_forward (p32, x.f32, NULL, dy.f32, y.f32, scratch);
  bf16->ops->conv_forward (p16, x.bf16, NULL, dy.bf16, y.bf16, scratch);
  assert_rounded (&y);
  f32->ops->conv_backward_data (p32, dy.f32, dx.f32, TRUE, NULL, FALSE,
      scratch);
  bf16->ops->conv_backward_data (p16, dy.bf16, dx.bf16, TRUE, NULL, FALSE,
      scratch);
  assert_rounded (&dx);
  f32->ops->conv_backward_weights (p32, x.f32, NULL, dy.f32, dweight[0],
      dbias[0], FALSE, scratch);
  bf16->ops->conv_backward_weights (p16, x.bf16, NULL, dy.bf16, dweight[1],
      dbias[1], FALSE, scratch);
  test_assert_same_bits (dweight[0], dweight[1], sizeof dweight[0]);
  test_assert_same_bits (dbias[0], dbias[1], sizeof dbias[0]);

  f32->ops->free (f32, scratch);
  ddpm_plan_free (p32);
  ddpm_plan_free (p16);
  both_clear (&x);
  both_clear (&y);
  both_clear (&dx);
  both_clear (&dy);
}

TEST (norm_is_the_float_one_rounded)
{
  const DdpmNormDesc d = { 1, PIXELS, IN, 0, 2, 1e-5f, TRUE, TRUE, TRUE };
  const DdpmDropout drop = { 0.25f, 1, 2, 3 };
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  Both x = both_random (1, PIXELS * IN), y = both_random (2, PIXELS * IN);
  Both dy = both_random (3, PIXELS * IN), dx = both_random (4, PIXELS * IN);
  g_autofree float *bias = test_random (5, IN), *gamma = test_random (6, IN);
  float stats[2][4], dgamma[2][IN], dbeta[2][IN], dbias[2][IN];
  DdpmPlan *p32 = f32->ops->norm_new (f32, &d, NULL);
  DdpmPlan *p16 = bf16->ops->norm_new (bf16, &d, NULL);
  gpointer scratch = test_scratch (p32);

  f32->ops->norm_forward (p32, x.f32, NULL, bias, IN, gamma, gamma, &drop,
      y.f32, stats[0], scratch);
  bf16->ops->norm_forward (p16, x.bf16, NULL, bias, IN, gamma, gamma, &drop,
      y.bf16, stats[1], scratch);
  assert_rounded (&y);
  test_assert_same_bits (stats[0], stats[1], sizeof stats[0]);
  f32->ops->norm_backward (p32, dy.f32, x.f32, NULL, bias, IN, gamma, gamma,
      &drop, stats[0], dx.f32, TRUE, NULL, FALSE, dgamma[0], dbeta[0], FALSE,
      dbias[0], scratch);
  bf16->ops->norm_backward (p16, dy.bf16, x.bf16, NULL, bias, IN, gamma,
      gamma, &drop, stats[1], dx.bf16, TRUE, NULL, FALSE, dgamma[1],
      dbeta[1], FALSE, dbias[1], scratch);
  assert_rounded (&dx);
  test_assert_same_bits (dgamma[0], dgamma[1], sizeof dgamma[0]);
  test_assert_same_bits (dbeta[0], dbeta[1], sizeof dbeta[0]);
  test_assert_same_bits (dbias[0], dbias[1], sizeof dbias[0]);

  f32->ops->free (f32, scratch);
  ddpm_plan_free (p32);
  ddpm_plan_free (p16);
  both_clear (&x);
  both_clear (&y);
  both_clear (&dx);
  both_clear (&dy);
}

/* y is made of the probabilities as they are kept, so it is not the float one
 * rounded; four of bf16's steps are allowed. */
TEST (attention_keeps_rounded_probabilities)
{
  enum
  { TOKENS = 4, C = 3 };
  const DdpmAttentionDesc d = { 1, TOKENS, C, 1, TRUE };
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  Both qkv = both_random (1, TOKENS * 3 * C);
  Both probs = both_random (2, TOKENS * TOKENS);
  float y32[TOKENS * C], y16_as_float[TOKENS * C];
  guint16 y16[TOKENS * C];
  double expected[TOKENS * C];
  DdpmPlan *p32 = f32->ops->attention_new (f32, &d, NULL);
  DdpmPlan *p16 = bf16->ops->attention_new (bf16, &d, NULL);
  gpointer scratch = test_scratch (p32);

  f32->ops->attention_forward (p32, qkv.f32, y32, probs.f32, scratch);
  bf16->ops->attention_forward (p16, qkv.bf16, y16, probs.bf16, scratch);
  assert_rounded (&probs);
  for (guint i = 0; i < TOKENS * C; i++) {
    expected[i] = y32[i];
    y16_as_float[i] = ddpm_bf16_to_float (y16[i]);
  }
  test_assert_close (y16_as_float, expected, TOKENS * C, 4 * 0x1p-8);

  f32->ops->free (f32, scratch);
  ddpm_plan_free (p32);
  ddpm_plan_free (p16);
  both_clear (&qkv);
  both_clear (&probs);
}

TEST (accumulate_is_the_float_one_rounded)
{
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  Both x = both_random (1, 100), y = both_random (2, 100);

  f32->ops->accumulate (f32, 100, x.f32, y.f32);
  bf16->ops->accumulate (bf16, 100, x.bf16, y.bf16);
  assert_rounded (&y);
  both_clear (&x);
  both_clear (&y);
}

TEST (upsampling_is_the_float_one_rounded)
{
  g_autoptr (DdpmBackend) f32 = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  Both dy = both_random (1, 2 * 4 * 6 * 5), dx = both_random (2, 2 * 2 * 3 * 5);

  f32->ops->upsample_backward (f32, 2, 2, 3, 5, dy.f32, dx.f32, TRUE);
  bf16->ops->upsample_backward (bf16, 2, 2, 3, 5, dy.bf16, dx.bf16, TRUE);
  assert_rounded (&dx);
  bf16->ops->upsample_forward (bf16, 2, 2, 3, 5, dx.bf16, dy.bf16);
  for (guint i = 0; i < 5; i++)
    g_assert_cmphex (dy.bf16[6 * 5 + 5 + i], ==, dx.bf16[i]);
  both_clear (&dy);
  both_clear (&dx);
}
