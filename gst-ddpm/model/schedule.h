/* gst-ddpm: the noise schedule and its coefficients
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

/**
 * DdpmSchedule:
 * @T: number of timesteps
 * @betas: variance of each forward step
 * @alphas: 1 - betas
 * @alphas_bar: product of all alphas up to this one
 * @alphas_bar_prev: alphas_bar of the timestep before; 1 at t = 0
 * @sqrt_alphas_bar: sqrt (alphas_bar)
 * @sqrt_one_minus_alphas_bar: sqrt (1 - alphas_bar)
 * @reciprocal_alphas_bar_sqrt: sqrt (1 / alphas_bar)
 * @reciprocal_alphas_bar_m1_sqrt: sqrt (1 / alphas_bar - 1)
 * @posterior_mean_coef1: coefficient of x_0 in the posterior mean (Ho et al.
 *   2020, eq. 7)
 * @posterior_mean_coef2: coefficient of x_t in the posterior mean
 * @posterior_variance: beta tilde, eq. 7 ("fixed small")
 *
 * With zero SNR, the last reciprocals are infinite.
 *
 * All arrays have @T elements, in double; index t = 0..T-1 is the paper's
 * t = 1..T. The names are the notebook's, or the paper's where the notebook's
 * mislead ("sigmas").
 */
typedef struct
{
  guint T;
  gdouble *betas;
  gdouble *alphas;
  gdouble *alphas_bar;
  gdouble *alphas_bar_prev;
  gdouble *sqrt_alphas_bar;
  gdouble *sqrt_one_minus_alphas_bar;
  gdouble *reciprocal_alphas_bar_sqrt;
  gdouble *reciprocal_alphas_bar_m1_sqrt;
  gdouble *posterior_mean_coef1;
  gdouble *posterior_mean_coef2;
  gdouble *posterior_variance;
} DdpmSchedule;

/**
 * ddpm_schedule_new:
 * @config: a configuration
 * @error: return location for a #GError
 *
 * Returns: (transfer full): the schedule; %NULL and %DDPM_ERROR_SETTINGS where
 *   @config is invalid, or a coefficient is beyond the range of floats
 */
DdpmSchedule *ddpm_schedule_new (const DdpmConfig * config, GError ** error);
void ddpm_schedule_free (DdpmSchedule * schedule);

/**
 * ddpm_schedule_alpha_bar_of_state:
 * @schedule: a schedule
 * @s: index of a state, 0..T
 *
 * Returns: alphas_bar of the state x_s: 1 for the image x_0, else
 *   alphas_bar[s - 1]
 */
gdouble ddpm_schedule_alpha_bar_of_state (const DdpmSchedule * schedule,
    guint s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSchedule, ddpm_schedule_free)

G_END_DECLS
