/* gst-ddpm: inner loops of the CPU backend: group norm in bf16, by AVX-512 BF16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As norm.c, but with fused products, a reciprocal by Newton's method and the
 * instruction that rounds: a third of its cycles, and errors of the size of its
 * own. The vectors of 16 or 32 channels stay in registers during the loop over
 * the pixels.
 */
#include <immintrin.h>
#include "kernels/cpu/isa/math.h"

/* Channels from i on, which a mask cuts off after the last */
typedef struct
{
  __m512 mean, scale, shift;
  __mmask16 mask;
} Channels;

KERN_INLINE __mmask16
get_mask (gsize c, gsize i)
{
  return i + 16 <= c ? 0xFFFF : i < c ? (1 << (c - i)) - 1 : 0;
}

KERN_INLINE __m512
load_activations (const guint16 * x, __mmask16 mask)
{
  return (__m512) _mm512_slli_epi32 (_mm512_cvtepu16_epi32
      (_mm256_maskz_loadu_epi16 (mask, x)), 16);
}

KERN_INLINE void
store_activations (guint16 * y, __mmask16 mask, __m512 x)
{
  _mm256_mask_storeu_epi16 (y, mask, (__m256i) _mm512_cvtneps_pbh (x));
}

/* 1 / (1 + e^-z). e^-z = 2^n e^r: the Taylor series of e^r to r^6, |r| <= ln 2
 * / 2. Beyond 2^100 the result is so small that it no longer matters; a NaN
 * stays one. */
KERN_INLINE __m512
sigmoid (__m512 z)
{
  const __m512 one = _mm512_set1_ps (1.0f);
  const __m512 t = _mm512_min_ps (_mm512_set1_ps (100.0f),
      _mm512_mul_ps (z, _mm512_set1_ps (-1.44269504f)));
  const __m512 n = _mm512_roundscale_ps (t, _MM_FROUND_TO_NEAREST_INT
      | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_mul_ps (_mm512_sub_ps (t, n),
      _mm512_set1_ps (0.693147181f));
  __m512 p = _mm512_set1_ps (1.0f / 720), d, y;

  p = _mm512_fmadd_ps (p, r, _mm512_set1_ps (1.0f / 120));
  p = _mm512_fmadd_ps (p, r, _mm512_set1_ps (1.0f / 24));
  p = _mm512_fmadd_ps (p, r, _mm512_set1_ps (1.0f / 6));
  p = _mm512_fmadd_ps (p, r, _mm512_set1_ps (0.5f));
  p = _mm512_fmadd_ps (p, r, one);
  p = _mm512_fmadd_ps (p, r, one);
  d = _mm512_add_ps (one, _mm512_scalef_ps (p, n));
  y = _mm512_rcp14_ps (d);
  return _mm512_mul_ps (y, _mm512_fnmadd_ps (d, y, _mm512_set1_ps (2.0f)));
}

/* --- forward ------------------------------------------------------------- */

KERN_INLINE Channels
load_channels (gsize c, gsize i, const float *mean, const float *scale,
    const float *shift)
{
  const __mmask16 mask = get_mask (c, i);
  const Channels channels = { _mm512_maskz_loadu_ps (mask, mean + i),
    _mm512_maskz_loadu_ps (mask, scale + i),
    _mm512_maskz_loadu_ps (mask, shift + i), mask
  };

  return channels;
}

KERN_INLINE void
normalize_vector (const Channels * c, const guint16 * x, gboolean swish,
    const float *keep, guint16 * y)
{
  __m512 z = _mm512_fmadd_ps (_mm512_sub_ps (load_activations (x, c->mask),
          c->mean), c->scale, c->shift);

  if (swish)
    z = _mm512_mul_ps (z, sigmoid (z));
  if (keep)
    z = _mm512_mul_ps (z, _mm512_maskz_loadu_ps (c->mask, keep));
  store_activations (y, c->mask, z);
}

KERN_INLINE void
normalize_pixels (gsize pixels, gsize c, gsize row, const guint16 * x,
    const float *mean, const float *scale, const float *shift,
    gboolean swish, const float *keep, guint16 * y)
{
  for (gsize i = 0; i < c; i += 32) {
    const Channels low = load_channels (c, i, mean, scale, shift);
    const Channels high = load_channels (c, i + 16, mean, scale, shift);

    for (gsize p = 0; p < pixels; p++) {
      const guint16 *in = x + p * c + i;
      const float *factors = keep ? keep + p * row + i : NULL;
      guint16 *out = y + p * row + i;

      normalize_vector (&low, in, swish, factors, out);
      normalize_vector (&high, in + 16, swish, factors ? factors + 16 : NULL,
          out + 16);
    }
  }
}

static void
normalize (gsize pixels, gsize c, gsize row, const guint16 * x,
    const float *mean, const float *scale, const float *shift, gboolean swish,
    const float *keep, guint16 * y)
{
  if (!swish)
    normalize_pixels (pixels, c, row, x, mean, scale, shift, FALSE, keep, y);
  else if (keep)
    normalize_pixels (pixels, c, row, x, mean, scale, shift, TRUE, keep, y);
  else
    normalize_pixels (pixels, c, row, x, mean, scale, shift, TRUE, NULL, y);
}

/* --- backward ------------------------------------------------------------ */

KERN_INLINE void
gradient_channels (gsize pixels, gsize c, gsize row, gsize i,
    const guint16 * x, const guint16 * dy, const float *mean,
    const float *rstd, const float *gamma, const float *beta, gboolean swish,
    const float *keep, float *dz, float *sum_dz, float *sum_dz_x, float *sum_x)
{
  const __m512 one = _mm512_set1_ps (1.0f);
  const Channels channels = load_channels (c, i, mean, rstd, gamma);
  const __mmask16 mask = channels.mask;
  const __m512 shift = _mm512_maskz_loadu_ps (mask, beta + i);
  __m512 sum = _mm512_setzero_ps (), sum_of_dz_x = sum, sum_of_x = sum;

  for (gsize p = 0; p < pixels; p++) {
    const __m512 xh = _mm512_mul_ps (_mm512_sub_ps (load_activations (x + p * c
                + i, mask), channels.mean), channels.scale);
    __m512 d = load_activations (dy + p * row + i, mask);

    if (keep)
      d = _mm512_mul_ps (d, _mm512_maskz_loadu_ps (mask, keep + p * row + i));
    if (swish) {
      const __m512 z = _mm512_fmadd_ps (xh, channels.shift, shift);
      const __m512 s = sigmoid (z);

      d = _mm512_mul_ps (d, _mm512_mul_ps (s, _mm512_fmadd_ps (z,
                  _mm512_sub_ps (one, s), one)));
    }
    _mm512_mask_storeu_ps (dz + p * row + i, mask, d);
    sum = _mm512_add_ps (sum, d);
    sum_of_dz_x = _mm512_fmadd_ps (d, xh, sum_of_dz_x);
    sum_of_x = _mm512_add_ps (sum_of_x, xh);
  }
  _mm512_mask_storeu_ps (sum_dz + i, mask, sum);
  _mm512_mask_storeu_ps (sum_dz_x + i, mask, sum_of_dz_x);
  _mm512_mask_storeu_ps (sum_x + i, mask, sum_of_x);
}

static void
gradient (gsize pixels, gsize c, gsize row, const guint16 * x,
    const guint16 * dy, const float *mean, const float *rstd,
    const float *gamma, const float *beta, gboolean swish, const float *keep,
    float *dz, float *sum_dz, float *sum_dz_x, float *sum_x)
{
  for (gsize i = 0; i < c; i += 16) {
    if (swish)
      gradient_channels (pixels, c, row, i, x, dy, mean, rstd, gamma, beta,
          TRUE, keep, dz, sum_dz, sum_dz_x, sum_x);
    else
      gradient_channels (pixels, c, row, i, x, dy, mean, rstd, gamma, beta,
          FALSE, keep, dz, sum_dz, sum_dz_x, sum_x);
  }
}

const CpuNormBf16Kernels ddpm_cpu_norm_kernels_avx512bf16 = {
  .normalize = normalize,
  .gradient = gradient,
};
