/* gst-ddpm: estimates with their standard errors, one value at a time
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/evaluate/estimate.h"

#include <math.h>

/* Welford 1962, "Note on a method for calculating corrected sums of squares
 * and products" */
void
ddpm_mean_add (DdpmMean * mean, gdouble value)
{
  gdouble off = value - mean->mean;

  mean->n++;
  mean->mean += off / mean->n;
  mean->squares += off * (value - mean->mean);
}

DdpmEstimate
ddpm_mean_get (const DdpmMean * mean)
{
  DdpmEstimate estimate = { NAN, NAN };

  if (mean->n > 0)
    estimate.value = mean->mean;
  if (mean->n > 1)
    estimate.error = sqrt (mean->squares / (mean->n - 1.0) / mean->n);
  return estimate;
}

void
ddpm_ratio_add (DdpmRatio * ratio, gdouble a, gdouble b)
{
  ratio->n++;
  ratio->a += a;
  ratio->b += b;
  ratio->aa += a * a;
  ratio->ab += a * b;
  ratio->bb += b * b;
}

/* Cochran 1977, "Sampling techniques", section 6.4: the variance of R is that
 * of the mean of a - R b, over the square of the mean of b. */
DdpmEstimate
ddpm_ratio_get (const DdpmRatio * ratio)
{
  DdpmEstimate estimate = { NAN, NAN };
  gdouble n = ratio->n, R, squares;

  if (ratio->b == 0.0)
    return estimate;
  R = estimate.value = ratio->a / ratio->b;
  if (n > 1) {
    squares = ratio->aa - 2.0 * R * ratio->ab + R * R * ratio->bb;
    estimate.error = sqrt (MAX (squares, 0.0) * n / (n - 1.0)) / ratio->b;
  }
  return estimate;
}
