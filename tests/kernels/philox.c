/* gst-ddpm: random numbers and bfloat16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib.h>
#include <math.h>

#include "kernels/bf16.h"
#include "kernels/philox.h"
#include "tests/support/test.h"

static void
assert_philox (const guint32 counter[4], const guint32 key[2],
    const guint32 expected[4])
{
  guint32 out[4];

  ddpm_philox4x32 (counter, key, out);
  for (guint i = 0; i < 4; i++)
    g_assert_cmphex (out[i], ==, expected[i]);
}

/* kat_vectors of Random123: philox4x32 10 */
TEST (philox_gives_the_known_answers)
{
  const guint32 zero[4] = { 0, 0, 0, 0 };
  const guint32 ones[4] = { ~0u, ~0u, ~0u, ~0u };
  const guint32 pi[6] = { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344,
    0xa4093822, 0x299f31d0
  };

  assert_philox (zero, zero, (const guint32[4]) {
        0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8
      });
  assert_philox (ones, ones, (const guint32[4]) {
        0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd
      });
  assert_philox (pi, pi + 4, (const guint32[4]) {
        0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1
      });
}

TEST (every_part_of_seed_and_sample_counts)
{
  const guint32 counter[4] = { 5, 0x89abcdef, 0x01234567, 7 };
  const guint32 key[2] = { 0x76543210, 0xfedcba98 };
  guint32 expected[4], out[4];

  ddpm_philox4x32 (counter, key, expected);
  ddpm_random4 (G_GUINT64_CONSTANT (0xfedcba9876543210),
      G_GUINT64_CONSTANT (0x0123456789abcdef), 7, 5, out);
  for (guint i = 0; i < 4; i++)
    g_assert_cmphex (out[i], ==, expected[i]);
}

TEST (uniforms_are_exact_and_never_0_or_1)
{
  g_assert_cmpfloat (ddpm_uniform (0), ==, 0x1p-24);
  g_assert_cmpfloat (ddpm_uniform (0x1ff), ==, 0x1p-24);
  g_assert_cmpfloat (ddpm_uniform (0x80000000u), ==, 0.5 + 0x1p-24);
  g_assert_cmpfloat (ddpm_uniform (~0u), ==, 1.0 - 0x1p-24);
}

static void
assert_relative (double got, double expected, double tolerance)
{
  g_assert_cmpfloat (fabs (got - expected), <=, tolerance * fabs (expected));
}

TEST (logarithm_is_the_one_of_libm)
{
  for (guint32 i = 0; i < 1u << 23; i += 5) {
    double u = ddpm_uniform (i << 9);

    assert_relative (ddpm_log (u), log (u), 1e-15);
  }
  assert_relative (ddpm_log (1.0 - 0x1p-24), log (1.0 - 0x1p-24), 1e-15);
}

/* sin (2 pi u), whose argument is brought near 0 before it is rounded */
static double
sine_of_turns (double u)
{
  double half_turns = floor (2.0 * u + 0.5);
  double sine = sin (2.0 * G_PI * (u - 0.5 * half_turns));

  return fmod (half_turns, 2.0) == 0.0 ? sine : -sine;
}

TEST (cosine_and_sine_are_those_of_libm)
{
  for (guint32 i = 0; i < 1u << 23; i += 5) {
    double u = ddpm_uniform (i << 9), cosine, sine;

    ddpm_cos_sin_2pi (u, &cosine, &sine);
    assert_relative (sine, sine_of_turns (u), 1e-15);
    assert_relative (cosine, sine_of_turns (u + 0.25), 1e-15);
  }
}

/* DESIGN: u_i = ((r_i >> 9) + 0.5) 2^-23, then Box and Muller's formula */
TEST (normals_are_the_formula_rounded_to_float)
{
  const guint blocks = 200000;
  guint neighbours = 0;

  for (guint block = 0; block < blocks; block++) {
    guint32 r[4];
    float z[4];

    ddpm_random4 (12345, 678, 9, block, r);
    ddpm_normal4 (12345, 678, 9, block, z);
    for (guint i = 0; i < 4; i++) {
      double u0 = ((r[i & 2] >> 9) + 0.5) * 0x1p-23;
      double u1 = ((r[i | 1] >> 9) + 0.5) * 0x1p-23;
      float exact = sqrt (-2.0 * log (u0))
          * (i & 1 ? sin (2.0 * G_PI * u1) : cos (2.0 * G_PI * u1));

      if (z[i] != exact) {
        neighbours++;
        g_assert_cmpfloat (z[i], ==, nextafterf (exact, z[i]));
      }
    }
  }
  g_assert_cmpuint (neighbours, <=, 4 * blocks / 100000);
}

TEST (normals_have_mean_0_variance_1_and_kurtosis_3)
{
  const guint blocks = 250000;
  double sum = 0.0, squares = 0.0, fourths = 0.0;

  for (guint block = 0; block < blocks; block++) {
    float z[4];

    ddpm_normal4 (1, 2, 3, block, z);
    for (guint i = 0; i < 4; i++) {
      double square = (double) z[i] * z[i];

      sum += z[i];
      squares += square;
      fourths += square * square;
    }
  }
  /* five standard errors of a million draws */
  g_assert_cmpfloat (fabs (sum / 1e6), <, 5e-3);
  g_assert_cmpfloat (fabs (squares / 1e6 - 1.0), <, 5e-3 * sqrt (2.0));
  g_assert_cmpfloat (fabs (fourths / 1e6 - 3.0), <, 5e-3 * sqrt (96.0));
}

TEST (bf16_rounds_to_nearest_ties_to_even)
{
  g_assert_cmpfloat (ddpm_bf16_round (1.0f), ==, 1.0f);
  g_assert_cmpfloat (ddpm_bf16_round (1.0f + 0x1p-8f), ==, 1.0f);
  g_assert_cmpfloat (ddpm_bf16_round (1.0f + 0x3p-8f), ==, 1.0f + 0x1p-6f);
  g_assert_cmpfloat (ddpm_bf16_round (1.0f + 0x1p-8f + 0x1p-23f), ==,
      1.0f + 0x1p-7f);
  g_assert_cmpfloat (ddpm_bf16_round (-1.0f - 0x1p-8f), ==, -1.0f);
  g_assert_true (signbit (ddpm_bf16_round (-0.0f)));
}

TEST (bf16_keeps_infinity_and_nan)
{
  const guint32 nan_bits = 0x7fffffff, negative_nan_bits = 0xff800001;
  float nan, negative_nan;

  memcpy (&nan, &nan_bits, sizeof nan);
  memcpy (&negative_nan, &negative_nan_bits, sizeof negative_nan);
  g_assert_cmpfloat (ddpm_bf16_round (INFINITY), ==, INFINITY);
  g_assert_cmpfloat (ddpm_bf16_round (-INFINITY), ==, -INFINITY);
  g_assert_cmpfloat (ddpm_bf16_round (3.4028235e38f), ==, INFINITY);
  g_assert_true (isnan (ddpm_bf16_round (nan)));
  g_assert_true (isnan (ddpm_bf16_round (negative_nan)));
}

TEST (bf16_numbers_survive_the_way_through_float)
{
  for (guint half = 0; half < 0x10000; half++) {
    float value = ddpm_bf16_to_float (half);

    if (!isnan (value))
      g_assert_cmphex (ddpm_bf16_from_float (value), ==, half);
  }
}
