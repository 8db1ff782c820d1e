/* gst-ddpm: estimates with their standard errors, one value at a time (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/evaluate/evaluator.h"

G_BEGIN_DECLS

/* All 0 at first */
typedef struct
{
  guint64 n;
  gdouble mean, squares;        /* squares: sum of those about the mean */
} DdpmMean;

/* Sum of a over sum of b */
typedef struct
{
  guint64 n;
  gdouble a, b, aa, ab, bb;     /* sums of the values and of their products */
} DdpmRatio;

void ddpm_mean_add (DdpmMean * mean, gdouble value);
DdpmEstimate ddpm_mean_get (const DdpmMean * mean);

void ddpm_ratio_add (DdpmRatio * ratio, gdouble a, gdouble b);
DdpmEstimate ddpm_ratio_get (const DdpmRatio * ratio);

G_END_DECLS
