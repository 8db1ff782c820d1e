/* gst-ddpm: random numbers: Philox4x32-10, uniform and normal ones
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every random number is a function of (seed, sample, stream, element), and has
 * the same bits on every machine. So this file does not use libm, whose last
 * digits differ between libraries. Its logarithm and sine are polynomials in
 * double. They use additions, multiplications, a division and a square root,
 * which IEEE 754 rounds correctly everywhere. Their error is about 1e-15. So a
 * normal number, rounded to float at the end, is nearly always the float that
 * is nearest to the exact one.
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/host-device.h"

/* Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): the
 * ten-round Philox of four 32-bit words, with Random123's constants */
DDPM_HOST_DEVICE void
ddpm_philox4x32 (const uint32_t counter[4], const uint32_t key[2],
    uint32_t out[4])
{
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  int round;

  for (round = 0; round < 10; round++) {
    uint64_t product0 = (uint64_t) 0xD2511F53u * c0;
    uint64_t product1 = (uint64_t) 0xCD9E8D57u * c2;

    c0 = (uint32_t) (product1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t) product1;
    c2 = (uint32_t) (product0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t) product0;
    k0 += 0x9E3779B9u;          /* the golden ratio */
    k1 += 0xBB67AE85u;          /* sqrt (3) - 1 */
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* The four words of elements 4 block .. 4 block + 3 */
DDPM_HOST_DEVICE void
ddpm_random4 (uint64_t seed, uint64_t sample, uint32_t stream, uint32_t block,
    uint32_t out[4])
{
  const uint32_t counter[4] =
      { block, (uint32_t) sample, (uint32_t) (sample >> 32), stream };
  const uint32_t key[2] = { (uint32_t) seed, (uint32_t) (seed >> 32) };

  ddpm_philox4x32 (counter, key, out);
}

/* A number strictly between 0 and 1: an odd multiple of 2^-24, which is exact
 * in float and in double */
DDPM_HOST_DEVICE float
ddpm_uniform (uint32_t word)
{
  return ((float) (word >> 9) + 0.5f) * 0x1p-23f;
}

DDPM_HOST_DEVICE void
ddpm_uniform4 (uint64_t seed, uint64_t sample, uint32_t stream, uint32_t block,
    float out[4])
{
  uint32_t words[4];
  int i;

  ddpm_random4 (seed, sample, stream, block, words);
  for (i = 0; i < 4; i++)
    out[i] = ddpm_uniform (words[i]);
}

/* ln u for u in (0, 1) that is not denormal:
 *   u = 2^e m with sqrt (1/2) <= m < sqrt (2), and s = (m - 1) / (m + 1);
 *   ln m = 2 artanh (s) = 2 (s + s^3/3 + s^5/5 + ...) */
DDPM_HOST_DEVICE double
ddpm_log (double u)
{
  const double ln2 = 0.693147180559945309417;
  const double sqrt2 = 1.41421356237309504880;
  uint64_t bits;
  double e, m, s, s2, p;

  memcpy (&bits, &u, sizeof bits);
  e = (double) ((int) (bits >> 52) - 1023);
  bits = (bits & 0x000FFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  memcpy (&m, &bits, sizeof m);
  e = m > sqrt2 ? e + 1.0 : e;
  m = m > sqrt2 ? 0.5 * m : m;

  s = (m - 1.0) / (m + 1.0);
  s2 = s * s;                   /* at most 0.0295 */
  p = 1.0 / 21.0;
  p = ddpm_multiply_add (p, s2, 1.0 / 19.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 17.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 15.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 13.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 11.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 9.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 7.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 5.0);
  p = ddpm_multiply_add (p, s2, 1.0 / 3.0);
  p = ddpm_multiply_add (p * s2, s, s);
  return ddpm_multiply_add (e, ln2, 2.0 * p);
}

/* cos (2 pi u) and sin (2 pi u) for u in [0, 1): u = q/4 + r exactly, the
 * Taylor series of x = 2 pi r in [-pi/4, pi/4], and q quarter turns. A compiler
 * may fuse the products 4 u and q / 4 with a sum: they are exact, so nothing
 * changes. */
DDPM_HOST_DEVICE void
ddpm_cos_sin_2pi (double u, double *cosine, double *sine)
{
  const double two_pi = 6.28318530717958647693;
  int q = (int) (4.0 * u + 0.5);
  double x = two_pi * (u - 0.25 * (double) q);
  double x2 = x * x;
  double c, s, a, b;

  s = 1.0 / 355687428096000.0;  /* 1/17! */
  s = ddpm_multiply_add (s, x2, -1.0 / 1307674368000.0);
  s = ddpm_multiply_add (s, x2, 1.0 / 6227020800.0);
  s = ddpm_multiply_add (s, x2, -1.0 / 39916800.0);
  s = ddpm_multiply_add (s, x2, 1.0 / 362880.0);
  s = ddpm_multiply_add (s, x2, -1.0 / 5040.0);
  s = ddpm_multiply_add (s, x2, 1.0 / 120.0);
  s = ddpm_multiply_add (s, x2, -1.0 / 6.0);
  s = ddpm_multiply_add (s * x2, x, x);

  c = 1.0 / 20922789888000.0;   /* 1/16! */
  c = ddpm_multiply_add (c, x2, -1.0 / 87178291200.0);
  c = ddpm_multiply_add (c, x2, 1.0 / 479001600.0);
  c = ddpm_multiply_add (c, x2, -1.0 / 3628800.0);
  c = ddpm_multiply_add (c, x2, 1.0 / 40320.0);
  c = ddpm_multiply_add (c, x2, -1.0 / 720.0);
  c = ddpm_multiply_add (c, x2, 1.0 / 24.0);
  c = ddpm_multiply_add (c, x2, -1.0 / 2.0);
  c = ddpm_multiply_add (c, x2, 1.0);

  a = q & 1 ? s : c;
  b = q & 1 ? c : s;
  *cosine = (q + 1) & 2 ? -a : a;
  *sine = q & 2 ? -b : b;
}

/* Box and Muller (1958): two normal numbers from two uniform ones */
DDPM_HOST_DEVICE void
ddpm_normal2 (uint32_t word0, uint32_t word1, float out[2])
{
  double radius = sqrt (-2.0 * ddpm_log ((double) ddpm_uniform (word0)));
  double cosine, sine;

  ddpm_cos_sin_2pi ((double) ddpm_uniform (word1), &cosine, &sine);
  out[0] = (float) (radius * cosine);
  out[1] = (float) (radius * sine);
}

/* The cosine and the sine of pi place / (2 interval), rounded to floats */
DDPM_HOST_DEVICE void
ddpm_keyframe_weights (uint32_t place, uint32_t interval, double *cosine,
    double *sine)
{
  ddpm_cos_sin_2pi ((double) place / (4.0 * (double) interval), cosine, sine);
  *cosine = (double) (float) *cosine;
  *sine = (double) (float) *sine;
}

DDPM_HOST_DEVICE float
ddpm_keyframe_mix (double cosine, float z, double sine, float next)
{
  return (float) (cosine * (double) z + sine * (double) next);
}

/* The normal numbers of elements 4 block .. 4 block + 3 */
DDPM_HOST_DEVICE void
ddpm_normal4 (uint64_t seed, uint64_t sample, uint32_t stream, uint32_t block,
    float out[4])
{
  uint32_t words[4];

  ddpm_random4 (seed, sample, stream, block, words);
  ddpm_normal2 (words[0], words[1], out);
  ddpm_normal2 (words[2], words[3], out + 2);
}

/* The same between two keyframes: sample n of @interval stands at
 * f = (n mod interval) / interval between keyframes K = n div interval and K +
 * 1, and its numbers are cos (pi f / 2) z (K) + sin (pi f / 2) z (K + 1), which
 * are normal too. interval 0: those of sample n. Products of floats are exact
 * in double, so that a compiler may fuse them with the sum. */
DDPM_HOST_DEVICE void
ddpm_keyframe_normal4 (uint64_t seed, uint64_t sample, uint32_t interval,
    uint32_t stream, uint32_t block, float out[4])
{
  double cosine, sine;
  float next[4];
  uint32_t place;

  if (interval == 0) {
    ddpm_normal4 (seed, sample, stream, block, out);
    return;
  }
  place = (uint32_t) (sample % interval);
  ddpm_normal4 (seed, sample / interval, stream, block, out);
  if (place == 0)
    return;
  ddpm_normal4 (seed, sample / interval + 1, stream, block, next);
  ddpm_keyframe_weights (place, interval, &cosine, &sine);
  for (int i = 0; i < 4; i++)
    out[i] = ddpm_keyframe_mix (cosine, out[i], sine, next[i]);
}
