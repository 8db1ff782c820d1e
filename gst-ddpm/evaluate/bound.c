/* gst-ddpm: the terms of the variational bound on -log p (x_0)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Papers: Ho, Jain & Abbeel 2020, "Denoising diffusion probabilistic models";
 * Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models".
 *
 * The step that is evaluated at timestep t = 0..T-1 goes from the papers'
 * x_{t+1} to x_t, and its term is their L_t; that of the prior is their L_T.
 */
#include "gst-ddpm/evaluate/bound.h"

#include <float.h>
#include <math.h>

/* The KL of N (sqrt (A) x_0, 1 - A) from N (0, 1), A = alpha-bar of x_T */
gdouble
ddpm_bound_prior (const DdpmSchedule * schedule, const gfloat * x_0,
    gsize count)
{
  guint last = schedule->T - 1;
  gdouble squares = 0.0;

  for (gsize i = 0; i < count; i++)
    squares += (gdouble) x_0[i] * x_0[i];
  return 0.5 * schedule->alphas_bar[last] * (squares / count - 1.0)
      - log (schedule->sqrt_one_minus_alphas_bar[last]);
}

/* The KL of q (x_{t-1} | x_t, x_0) from p (x_{t-1} | x_t). Their means (Ho et
 * al., eq. 7) differ by the coefficient of x_0 times the error in x_0; q has
 * the variance beta tilde, p that or beta (section 3.2). */
gdouble
ddpm_bound_kl (const DdpmSchedule * schedule, DdpmVariance variance, guint t,
    gdouble x_0_mse)
{
  gdouble coef = schedule->posterior_mean_coef1[t];
  gdouble q = schedule->posterior_variance[t];
  gdouble p = variance == DDPM_VARIANCE_FIXED_LARGE ? schedule->betas[t] : q;

  return 0.5 * (log (p / q) + q / p - 1.0 + coef * coef * x_0_mse / p);
}

/* beta tilde is 0 at the last step; as in the code released with both papers,
 * that of the step before stands for it, for either variance. */
gdouble
ddpm_bound_decoder_sigma (const DdpmSchedule * schedule)
{
  return sqrt (schedule->T > 1 ? schedule->posterior_variance[1] :
      schedule->betas[0]);
}

/* log of 1 - Phi (a), a >= 0; beyond the range of erfc () with the first terms
 * of its asymptotic series (Abramowitz & Stegun 1964, eq. 26.2.12) */
static gdouble
log_tail (gdouble a)
{
  gdouble tail = 0.5 * erfc (a * G_SQRT2 / 2.0);

  if (tail > DBL_MIN || isinf (a))
    return log (tail);
  return -0.5 * a * a - log (a * sqrt (2.0 * G_PI)) - 1.0 / (a * a);
}

/* log of Phi (b) - Phi (a), without the cancellation of the subtraction */
static gdouble
log_between (gdouble a, gdouble b)
{
  if (a < 0.0 && b > 0.0)
    return log (0.5 * (erf (b * G_SQRT2 / 2.0) - erf (a * G_SQRT2 / 2.0)));
  if (b <= 0.0)
    return log_between (-b, -a);
  return log_tail (a) + log (-expm1 (log_tail (b) - log_tail (a)));
}

/* Ho et al., eq. 13: bins of one level of 8 bits, the first and the last open
 * towards infinity. Exact, where their code takes a formula for Phi and no
 * probability below 1e-12. */
gdouble
ddpm_bound_log_pixel (DdpmDataRange range, guint8 pixel, gdouble mean,
    gdouble sigma)
{
  gboolean unit = range == DDPM_DATA_RANGE_UNIT;
  gdouble half = (unit ? 0.5 : 1.0) / 255.0;
  gdouble distance = pixel * 2.0 * half - (unit ? 0.0 : 1.0) - mean;
  gdouble a = pixel == 0 ? -INFINITY : (distance - half) / sigma;
  gdouble b = pixel == 255 ? INFINITY : (distance + half) / sigma;

  return log_between (a, b);
}
