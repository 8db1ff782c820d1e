/* gst-ddpm: the noise schedule and its coefficients
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Papers: Ho, Jain & Abbeel 2020, "Denoising diffusion probabilistic models";
 * Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models".
 */
#include "gst-ddpm/model/schedule.h"

#include <float.h>
#include <math.h>

#define N_TABLES 11

static DdpmSchedule *
schedule_alloc (guint T)
{
  DdpmSchedule *s = g_new0 (DdpmSchedule, 1);
  /* one allocation, which begins at betas */
  gdouble *tables = g_new0 (gdouble, (gsize) T * N_TABLES);
  gdouble **table[N_TABLES] = { &s->betas, &s->alphas, &s->alphas_bar,
    &s->alphas_bar_prev, &s->sqrt_alphas_bar, &s->sqrt_one_minus_alphas_bar,
    &s->reciprocal_alphas_bar_sqrt, &s->reciprocal_alphas_bar_m1_sqrt,
    &s->posterior_mean_coef1, &s->posterior_mean_coef2, &s->posterior_variance
  };

  s->T = T;
  for (guint i = 0; i < N_TABLES; i++)
    *table[i] = tables + (gsize) i *T;
  return s;
}

void
ddpm_schedule_free (DdpmSchedule * schedule)
{
  if (!schedule)
    return;
  g_free (schedule->betas);
  g_free (schedule);
}

/* Ho et al., section 4: evenly from beta_start to beta_end */
static gdouble
linear_beta (const DdpmConfig * config, guint t)
{
  guint T = config->timesteps;
  gdouble range = config->beta_end - config->beta_start;

  return T > 1 ? config->beta_start + range * t / (T - 1) : config->beta_start;
}

/* Nichol & Dhariwal, eq. 17, with s = 0.008:
 * f (u) = cos^2 ((u + s) / (1 + s) pi / 2) */
static gdouble
cosine_alpha_bar (gdouble u)
{
  gdouble c = cos ((u + 0.008) / 1.008 * G_PI / 2.0);

  return c * c;
}

/* Nichol & Dhariwal, section 3.2: 1 - alpha_bar_t / alpha_bar_{t-1}, at most
 * 0.999, because near t = T it would reach 1 */
static gdouble
cosine_beta (guint T, guint t)
{
  gdouble after = cosine_alpha_bar ((t + 1.0) / T);
  gdouble before = cosine_alpha_bar ((gdouble) t / T);

  return MIN (1.0 - after / before, 0.999);
}

/* The coefficients of one t; the numbers are Ho et al.'s equations.
 * one_minus: 1 - alphas_bar[t], one_minus_prev: 1 - alphas_bar_prev[t] */
static void
fill_timestep (DdpmSchedule * s, guint t, gdouble one_minus,
    gdouble one_minus_prev)
{
  gdouble A = s->alphas_bar[t];

  /* eq. 4: x_t of x_0 and eps, and solved for x_0 */
  s->sqrt_alphas_bar[t] = sqrt (A);
  s->sqrt_one_minus_alphas_bar[t] = sqrt (one_minus);
  s->reciprocal_alphas_bar_sqrt[t] = sqrt (1.0 / A);
  s->reciprocal_alphas_bar_m1_sqrt[t] = sqrt (one_minus / A);

  /* eq. 7: mean and variance of q (x_{t-1} | x_t, x_0). Samplers have their own
   * (sample/sampler.c), for steps that skip timesteps. */
  s->posterior_mean_coef1[t] =
      sqrt (s->alphas_bar_prev[t]) * s->betas[t] / one_minus;
  s->posterior_mean_coef2[t] = sqrt (s->alphas[t]) * one_minus_prev / one_minus;
  s->posterior_variance[t] = s->betas[t] * one_minus_prev / one_minus;
}

DdpmSchedule *
ddpm_schedule_new (const DdpmConfig * config, GError ** error)
{
  DdpmSchedule *s;
  gdouble A_prev = 1.0, one_minus_prev = 0.0;
  guint t;

  if (!ddpm_config_check (config, error))
    return NULL;

  s = schedule_alloc (config->timesteps);
  for (t = 0; t < s->T; t++) {
    gdouble beta = config->schedule == DDPM_SCHEDULE_COSINE ?
        cosine_beta (s->T, t) : linear_beta (config, t);
    /* 1 - alphas_bar without the cancellation of the subtraction */
    gdouble one_minus = one_minus_prev + A_prev * beta;

    s->betas[t] = beta;
    s->alphas[t] = 1.0 - beta;
    s->alphas_bar_prev[t] = A_prev;
    s->alphas_bar[t] = A_prev * s->alphas[t];
    fill_timestep (s, t, one_minus, one_minus_prev);

    /* sampling uses float, and this is the largest coefficient */
    if (!(s->reciprocal_alphas_bar_sqrt[t] <= FLT_MAX)
        || one_minus < FLT_MIN)
      goto out_of_range;
    A_prev = s->alphas_bar[t];
    one_minus_prev = one_minus;
  }
  return s;

out_of_range:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "betas %g to %g over %u timesteps are beyond the range of floats at "
      "timestep %u, where alpha-bar is %g", config->beta_start,
      config->beta_end, s->T, t, s->alphas_bar[t]);
  ddpm_schedule_free (s);
  return NULL;
}

gdouble
ddpm_schedule_alpha_bar_of_state (const DdpmSchedule * schedule, guint s)
{
  g_return_val_if_fail (s <= schedule->T, 1.0);
  return s == 0 ? 1.0 : schedule->alphas_bar[s - 1];
}
