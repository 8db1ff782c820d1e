/* gst-ddpm: inner loops of the CPU backend: F(4x4, 3x3) of Winograd
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Polynomials are multiplied by multiplying their values at enough points; see
 * winograd.c. The points here are 0, +-a, +-b and infinity:
 *
 *   y = A^T [(G g) . (B^T d)],  A[p][i] = p^i,  G[p][i] = p^i / N(p),
 *   N(p) = product of p - q over the other finite points q,
 *   B^T[p] = the coefficients of N(p) of an unknown; of infinity, A and G take
 *   the highest power alone, and B^T the product over all finite points.
 *
 * The error is 1.7 times that of the direct sum for a = 11/16 and b = 3/2, and 4
 * times for the usual 1 and 2 (measured on normal numbers). It grows with the
 * spread of the powers of the points: Barabasz et al., "Error analysis and
 * improving the accuracy of Winograd convolution for deep neural networks"
 * (2020). All powers and products of a and b below are exact in float.
 */
#include "kernels/cpu/isa/winograd.h"

#define OUTPUTS 4
#define TRANSFORMS winograd_transforms_4

#define A1 (11.0f / 16)
#define B1 (3.0f / 2)
#define A2 (A1 * A1)
#define B2 (B1 * B1)
#define A3 (A2 * A1)
#define B3 (B2 * B1)
/* 1 / N of zero, of +-a and of +-b */
#define WEIGHT_0 (1.0f / (A2 * B2))
#define WEIGHT_A (0.5f / (A2 * (A2 - B2)))
#define WEIGHT_B (0.5f / (B2 * (B2 - A2)))

/* c + a b, a being a number */
KERN_INLINE Vec
plus_times (Vec c, float a, Vec b)
{
  return vec_fma (vec_all (a), b, c);
}

/* (x^2 - q^2) (x^2 +- p x) of the points +-p, p = +-a or +-b, q the other */
KERN_INLINE void
times_b (const Vec in[6], Vec out[6])
{
  const Vec even_a = plus_times (in[4], -B2, in[2]);
  const Vec even_b = plus_times (in[4], -A2, in[2]);
  const Vec odd_a = plus_times (in[3], -B2, in[1]);
  const Vec odd_b = plus_times (in[3], -A2, in[1]);

  out[0] = plus_times (plus_times (in[4], -(A2 + B2), in[2]), A2 * B2, in[0]);
  out[1] = plus_times (even_a, A1, odd_a);
  out[2] = plus_times (even_a, -A1, odd_a);
  out[3] = plus_times (even_b, B1, odd_b);
  out[4] = plus_times (even_b, -B1, odd_b);
  out[5] = plus_times (plus_times (in[5], -(A2 + B2), in[3]), A2 * B2, in[1]);
}

KERN_INLINE void
times_g (const Vec in[3], Vec out[6])
{
  const Vec even_a = plus_times (vec_all (WEIGHT_A) * in[0], WEIGHT_A * A2,
      in[2]);
  const Vec even_b = plus_times (vec_all (WEIGHT_B) * in[0], WEIGHT_B * B2,
      in[2]);

  out[0] = vec_all (WEIGHT_0) * in[0];
  out[1] = plus_times (even_a, WEIGHT_A * A1, in[1]);
  out[2] = plus_times (even_a, -WEIGHT_A * A1, in[1]);
  out[3] = plus_times (even_b, WEIGHT_B * B1, in[1]);
  out[4] = plus_times (even_b, -WEIGHT_B * B1, in[1]);
  out[5] = in[2];
}

KERN_INLINE void
times_a_transposed (const Vec in[6], Vec out[4])
{
  const Vec sum_a = in[1] + in[2], difference_a = in[1] - in[2];
  const Vec sum_b = in[3] + in[4], difference_b = in[3] - in[4];

  out[0] = (in[0] + sum_a) + sum_b;
  out[1] = plus_times (vec_all (A1) * difference_a, B1, difference_b);
  out[2] = plus_times (vec_all (A2) * sum_a, B2, sum_b);
  out[3] = plus_times (plus_times (in[5], A3, difference_a), B3, difference_b);
}

KERN_INLINE void
times_a (const Vec in[4], Vec out[6])
{
  const Vec even_a = plus_times (in[0], A2, in[2]);
  const Vec even_b = plus_times (in[0], B2, in[2]);
  const Vec odd_a = plus_times (in[1], A2, in[3]);
  const Vec odd_b = plus_times (in[1], B2, in[3]);

  out[0] = in[0];
  out[1] = plus_times (even_a, A1, odd_a);
  out[2] = plus_times (even_a, -A1, odd_a);
  out[3] = plus_times (even_b, B1, odd_b);
  out[4] = plus_times (even_b, -B1, odd_b);
  out[5] = in[3];
}

KERN_INLINE void
times_g_transposed (const Vec in[6], Vec out[3])
{
  const Vec sum_a = vec_all (WEIGHT_A) * (in[1] + in[2]);
  const Vec sum_b = vec_all (WEIGHT_B) * (in[3] + in[4]);
  const Vec difference_a = in[1] - in[2], difference_b = in[3] - in[4];

  out[0] = plus_times (sum_a + sum_b, WEIGHT_0, in[0]);
  out[1] = plus_times (vec_all (WEIGHT_A * A1) * difference_a, WEIGHT_B * B1,
      difference_b);
  out[2] = plus_times (plus_times (in[5], A2, sum_a), B2, sum_b);
}

#include "kernels/cpu/isa/winograd-transforms.h"
