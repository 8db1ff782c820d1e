/* gst-ddpm: the terms of the variational bound on -log p (x_0) (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/sample/sampler.h"

G_BEGIN_DECLS

/* Ho et al. 2020, eq. 5: -log p (x_0) <= L_T + sum of L_t + L_0. All are means
 * over the values of an image, in nats. */

/* L_T: x_0 [count] */
gdouble ddpm_bound_prior (const DdpmSchedule * schedule, const gfloat * x_0,
    gsize count);
/* L_t of the step evaluated at timestep t, 1..T-1; x_0_mse: mean of the square
 * of (x_0 - the x_0 that the model predicts from x_t) */
gdouble ddpm_bound_kl (const DdpmSchedule * schedule, DdpmVariance variance,
    guint t, gdouble x_0_mse);
/* Standard deviation of the model about its mean, where it decodes */
gdouble ddpm_bound_decoder_sigma (const DdpmSchedule * schedule);
/* Of L_0: log of the probability that a normal of this mean and sigma falls
 * into the bin of a pixel */
gdouble ddpm_bound_log_pixel (DdpmDataRange range, guint8 pixel, gdouble mean,
    gdouble sigma);

G_END_DECLS
