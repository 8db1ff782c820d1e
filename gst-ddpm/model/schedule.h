/* gst-ddpm: the noise schedule and every coefficient made of it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/config.h"

G_BEGIN_DECLS

/**
 * DdpmSchedule:
 *
 * All arrays have T elements, index t = 0..T-1 stands for the paper's
 * t = 1..T, computed in double from the true double betas. alphas_bar_prev[0]
 * is 1. Names are the notebook's; where its name says something else than it
 * holds ("sigmas"), the paper's is used.
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
  gdouble *reciprocal_alphas_bar_sqrt;  /* sqrt (1 / alphas_bar) */
  gdouble *reciprocal_alphas_bar_m1_sqrt;       /* sqrt (1 / alphas_bar - 1) */
  gdouble *posterior_mean_coef1;        /* of x_0: Ho et al. 2020, eq. 7 */
  gdouble *posterior_mean_coef2;        /* of x_t */
  gdouble *posterior_variance;  /* beta tilde, eq. 7: "fixed small" */
} DdpmSchedule;

/* DDPM_ERROR_SETTINGS for betas that leave the range of numbers on the way */
DdpmSchedule *ddpm_schedule_new (const DdpmConfig * config, GError ** error);
void ddpm_schedule_free (DdpmSchedule * schedule);
/* alphas_bar of the state x_s, s = 0..T: 1 at s = 0, else alphas_bar[s - 1] */
gdouble ddpm_schedule_alpha_bar_of_state (const DdpmSchedule * schedule,
    guint s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSchedule, ddpm_schedule_free)

G_END_DECLS
