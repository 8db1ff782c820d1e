/* gst-ddpm: inner loops of the CPU backend: group norm (Wu & He 2018)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations are channels last, so a loop over channels runs along memory
 * and each channel has its own accumulator: vectors without any reordering of
 * sums.
 */
#include <math.h>
#include "kernels/cpu/isa/math.h"

/* Moments take two passes over a block, which stays in the cache between them:
 * the mean square minus the squared mean would lose the variance of channels
 * with large means. Four pixels at a time save loads and stores of the
 * accumulators. */
KERN_INLINE void
sum_block (DdpmType type, gsize pixels, gsize c, const void *restrict x,
    float *restrict sum)
{
  gsize p = 0;

  for (; p + 4 <= pixels; p += 4) {
    const void *row = kern_at (type, x, p * c);

    for (gsize i = 0; i < c; i++)
      sum[i] += (kern_get (type, row, i) + kern_get (type, row, i + c))
          + (kern_get (type, row, i + 2 * c) + kern_get (type, row, i + 3 * c));
  }
  for (; p < pixels; p++) {
    const void *row = kern_at (type, x, p * c);

    for (gsize i = 0; i < c; i++)
      sum[i] += kern_get (type, row, i);
  }
}

KERN_INLINE float
squared (float x)
{
  return x * x;
}

KERN_INLINE void
sum_squared_deviations (DdpmType type, gsize pixels, gsize c,
    const void *restrict x, const float *restrict mean, float *restrict m2)
{
  gsize p = 0;

  for (; p + 4 <= pixels; p += 4) {
    const void *row = kern_at (type, x, p * c);

    for (gsize i = 0; i < c; i++)
      m2[i] += (squared (kern_get (type, row, i) - mean[i])
          + squared (kern_get (type, row, i + c) - mean[i]))
          + (squared (kern_get (type, row, i + 2 * c) - mean[i])
          + squared (kern_get (type, row, i + 3 * c) - mean[i]));
  }
  for (; p < pixels; p++) {
    const void *row = kern_at (type, x, p * c);

    for (gsize i = 0; i < c; i++)
      m2[i] += squared (kern_get (type, row, i) - mean[i]);
  }
}

KERN_INLINE void
moments_typed (DdpmType type, gsize pixels, gsize c, const void *restrict x,
    float *restrict mean, float *restrict m2)
{
  const float count = pixels;

  memset (mean, 0, c * sizeof (float));
  memset (m2, 0, c * sizeof (float));
  sum_block (type, pixels, c, x, mean);
  for (gsize i = 0; i < c; i++)
    mean[i] /= count;
  sum_squared_deviations (type, pixels, c, x, mean, m2);
}

static void
moments (DdpmType type, gsize pixels, gsize c, const void *x, float *mean,
    float *m2)
{
  KERN_BY_TYPE (moments_typed, type, pixels, c, x, mean, m2);
}

/* sum[c] of the pixels of all blocks, from the blocks' means */
static void
sum_blocks (gsize pixels, gsize block, gsize c, const float *restrict moments,
    double *restrict sum)
{
  for (gsize p = 0; p < pixels; p += block, moments += 2 * c) {
    const double count = MIN (block, pixels - p);

    for (gsize i = 0; i < c; i++)
      sum[i] += count * moments[i];
  }
}

/* Chan, Golub & LeVeque 1983: the blocks' sums of squared deviations and
 * those of their means from mean[c] */
static void
sum_block_deviations (gsize pixels, gsize block, gsize c,
    const float *restrict moments, const double *restrict mean,
    double *restrict m2)
{
  for (gsize p = 0; p < pixels; p += block, moments += 2 * c) {
    const double count = MIN (block, pixels - p);

    for (gsize i = 0; i < c; i++) {
      const double deviation = moments[i] - mean[i];

      m2[i] += moments[c + i] + count * deviation * deviation;
    }
  }
}

/* The time bias moves the mean of a channel and keeps its deviations: subtracting
 * mean - bias is the same as adding the bias to every pixel first. */
static void
group_stats (gsize pixels, gsize block, gsize c, gsize groups, float eps,
    const float *moments, const float *time_bias, double *work, float *stats)
{
  const gsize per_group = c / groups;
  const double count = (double) pixels * per_group;
  double *mean = work, *m2 = work + c;

  memset (work, 0, 2 * c * sizeof (double));
  sum_blocks (pixels, block, c, moments, mean);
  for (gsize g = 0; g < groups; g++) {
    double sum = 0.0;

    for (gsize i = g * per_group; i < (g + 1) * per_group; i++)
      sum += mean[i] + (time_bias ? (double) pixels * time_bias[i] : 0.0);
    stats[2 * g] = sum / count;
    for (gsize i = g * per_group; i < (g + 1) * per_group; i++)
      mean[i] = sum / count - (time_bias ? time_bias[i] : 0.0);
  }
  sum_block_deviations (pixels, block, c, moments, mean, m2);
  for (gsize g = 0; g < groups; g++) {
    double sum = 0.0;

    for (gsize i = g * per_group; i < (g + 1) * per_group; i++)
      sum += m2[i];
    stats[2 * g + 1] = 1.0 / sqrt (sum / count + eps);
  }
}

KERN_INLINE void
normalize_row (DdpmType type, gsize c, const void *restrict x,
    const float *restrict mean, const float *restrict scale,
    const float *restrict shift, gboolean swish, const float *restrict keep,
    void *restrict y)
{
  for (gsize i = 0; i < c; i++) {
    float z = (kern_get (type, x, i) - mean[i]) * scale[i] + shift[i];

    if (swish)
      z = kern_swish (z);
    if (keep)
      z *= keep[i];
    kern_set (type, y, i, z);
  }
}

KERN_INLINE void
normalize_typed (DdpmType type, gsize pixels, gsize c, gsize row,
    const void *x, const float *mean, const float *scale, const float *shift,
    gboolean swish, const float *keep, void *y)
{
  for (gsize p = 0; p < pixels; p++) {
    const void *in = kern_at (type, x, p * c);
    void *out = kern_at_mutable (type, y, p * row);

    if (!swish && !keep)
      normalize_row (type, c, in, mean, scale, shift, FALSE, NULL, out);
    else if (!swish)
      normalize_row (type, c, in, mean, scale, shift, FALSE, keep + p * row,
          out);
    else if (!keep)
      normalize_row (type, c, in, mean, scale, shift, TRUE, NULL, out);
    else
      normalize_row (type, c, in, mean, scale, shift, TRUE, keep + p * row,
          out);
  }
}

static void
normalize (DdpmType type, gsize pixels, gsize c, gsize row, const void *x,
    const float *mean, const float *scale, const float *shift, gboolean swish,
    const float *keep, void *y)
{
  KERN_BY_TYPE (normalize_typed, type, pixels, c, row, x, mean, scale, shift,
      swish, keep, y);
}

KERN_INLINE void
gradient_row (DdpmType type, gsize c, const void *restrict x,
    const void *restrict dy, const float *restrict mean,
    const float *restrict rstd, const float *restrict gamma,
    const float *restrict beta, gboolean swish, const float *restrict keep,
    float *restrict dz, float *restrict sum_dz, float *restrict sum_dz_x,
    float *restrict sum_x)
{
  for (gsize i = 0; i < c; i++) {
    float xh = (kern_get (type, x, i) - mean[i]) * rstd[i];
    float d = kern_get (type, dy, i);

    if (keep)
      d *= keep[i];
    if (swish)
      d *= kern_swish_gradient (xh * gamma[i] + beta[i]);
    dz[i] = d;
    sum_dz[i] += d;
    sum_dz_x[i] += d * xh;
    sum_x[i] += xh;
  }
}

KERN_INLINE void
gradient_typed (DdpmType type, gsize pixels, gsize c, gsize row,
    const void *x, const void *dy, const float *mean, const float *rstd,
    const float *gamma, const float *beta, gboolean swish, const float *keep,
    float *dz, float *sum_dz, float *sum_dz_x, float *sum_x)
{
  memset (sum_dz, 0, c * sizeof (float));
  memset (sum_dz_x, 0, c * sizeof (float));
  memset (sum_x, 0, c * sizeof (float));
  for (gsize p = 0; p < pixels; p++) {
    const void *in = kern_at (type, x, p * c);
    const void *above = kern_at (type, dy, p * row);
    float *out = dz + p * row;

    if (!swish && !keep)
      gradient_row (type, c, in, above, mean, rstd, gamma, beta, FALSE, NULL,
          out, sum_dz, sum_dz_x, sum_x);
    else if (!swish)
      gradient_row (type, c, in, above, mean, rstd, gamma, beta, FALSE,
          keep + p * row, out, sum_dz, sum_dz_x, sum_x);
    else if (!keep)
      gradient_row (type, c, in, above, mean, rstd, gamma, beta, TRUE, NULL,
          out, sum_dz, sum_dz_x, sum_x);
    else
      gradient_row (type, c, in, above, mean, rstd, gamma, beta, TRUE,
          keep + p * row, out, sum_dz, sum_dz_x, sum_x);
  }
}

static void
gradient (DdpmType type, gsize pixels, gsize c, gsize row, const void *x,
    const void *dy, const float *mean, const float *rstd, const float *gamma,
    const float *beta, gboolean swish, const float *keep, float *dz,
    float *sum_dz, float *sum_dz_x, float *sum_x)
{
  KERN_BY_TYPE (gradient_typed, type, pixels, c, row, x, dy, mean, rstd, gamma,
      beta, swish, keep, dz, sum_dz, sum_dz_x, sum_x);
}

KERN_INLINE void
input_gradient_row (DdpmType type, gsize c, const void *restrict x,
    const float *restrict dz, const float *restrict mean,
    const float *restrict rstd, const float *restrict scale,
    const float *restrict offset, const float *restrict slope,
    void *restrict dx, gboolean add)
{
  for (gsize i = 0; i < c; i++) {
    float xh = (kern_get (type, x, i) - mean[i]) * rstd[i];
    float d = (scale[i] * dz[i] - offset[i]) - slope[i] * xh;

    kern_set (type, dx, i, add ? kern_get (type, dx, i) + d : d);
  }
}

KERN_INLINE void
input_gradient_typed (DdpmType type, gsize pixels, gsize c, gsize row,
    const void *x, const float *dz, const float *mean, const float *rstd,
    const float *scale, const float *offset, const float *slope, void *dx,
    gboolean add)
{
  for (gsize p = 0; p < pixels; p++) {
    const void *in = kern_at (type, x, p * c);
    void *out = kern_at_mutable (type, dx, p * c);

    if (add)
      input_gradient_row (type, c, in, dz + p * row, mean, rstd, scale, offset,
          slope, out, TRUE);
    else
      input_gradient_row (type, c, in, dz + p * row, mean, rstd, scale, offset,
          slope, out, FALSE);
  }
}

static void
input_gradient (DdpmType type, gsize pixels, gsize c, gsize row,
    const void *x, const float *dz, const float *mean, const float *rstd,
    const float *scale, const float *offset, const float *slope, void *dx,
    gboolean add)
{
  KERN_BY_TYPE (input_gradient_typed, type, pixels, c, row, x, dz, mean, rstd,
      scale, offset, slope, dx, add);
}

extern const CpuNormKernels KERN (norm_kernels);
const CpuNormKernels KERN (norm_kernels) = {
  .moments = moments,
  .group_stats = group_stats,
  .normalize = normalize,
  .gradient = gradient,
  .input_gradient = input_gradient,
};
