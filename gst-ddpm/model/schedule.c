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

/* Number t of T, evenly from first to last */
static gdouble
evenly (gdouble first, gdouble last, guint t, guint T)
{
  return T > 1 ? first + (last - first) * t / (T - 1) : first;
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

static void
fill_betas (const DdpmConfig * config, gdouble * betas)
{
  const gdouble first = config->beta_start, last = config->beta_end;
  const guint T = config->timesteps;

  for (guint t = 0; t < T; t++) {
    gdouble root;

    switch (config->schedule) {
      case DDPM_SCHEDULE_LINEAR:       /* Ho et al., section 4 */
        betas[t] = evenly (first, last, t, T);
        break;
      case DDPM_SCHEDULE_COSINE:
        betas[t] = cosine_beta (T, t);
        break;
      case DDPM_SCHEDULE_SCALED_LINEAR:
        root = evenly (sqrt (first), sqrt (last), t, T);
        betas[t] = root * root;
        break;
      case DDPM_SCHEDULE_SIGMOID:
        betas[t] = first + (last - first)
            / (1.0 + exp (-evenly (-6.0, 6.0, t, T)));
        break;
    }
  }
}

/* Lin et al. 2024, "Common diffusion noise schedules and sample steps are
 * flawed", algorithm 1: shifts and scales sqrt (alphas_bar) so that the last one
 * is 0 and the first one stays */
static void
rescale_betas_to_zero_snr (gdouble * betas, guint T)
{
  gdouble A = 1.0, root_prev = 1.0, first = sqrt (1.0 - betas[0]), last;

  for (guint t = 0; t < T; t++)
    A *= 1.0 - betas[t];
  last = sqrt (A);
  A = 1.0;
  for (guint t = 0; t < T; t++) {
    gdouble root;

    A *= 1.0 - betas[t];
    root = (sqrt (A) - last) * first / (first - last);
    betas[t] = 1.0 - root * root / (root_prev * root_prev);
    root_prev = root;
  }
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
  fill_betas (config, s->betas);
  if (config->zero_snr)
    rescale_betas_to_zero_snr (s->betas, s->T);
  for (t = 0; t < s->T; t++) {
    gdouble beta = s->betas[t];
    /* 1 - alphas_bar without the cancellation of the subtraction */
    gdouble one_minus = one_minus_prev + A_prev * beta;

    s->alphas[t] = 1.0 - beta;
    s->alphas_bar_prev[t] = A_prev;
    s->alphas_bar[t] = A_prev * s->alphas[t];
    fill_timestep (s, t, one_minus, one_minus_prev);

    /* Sampling uses float, and this is the largest coefficient, which only
     * predictions of epsilon need. */
    if ((!(s->reciprocal_alphas_bar_sqrt[t] <= FLT_MAX)
            && !(config->zero_snr && t + 1 == s->T)) || one_minus < FLT_MIN)
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
