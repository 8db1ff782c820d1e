/* gst-ddpm: the coefficients of reverse steps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In the formulas, as in the papers where they agree:
 *   x, x'        the state before and after a reverse step
 *   A, A'        their alpha-bar
 *   x_0          the image predicted from x, clipped if asked
 * Steps are written in terms of x_0, not eps, so that clipping x_0 affects every
 * sampler. The x and eps of the previous step are not kept.
 */
#include <math.h>

#include "gst-ddpm/sample/private.h"

/* Smallest variance whose logarithm diffusers takes */
#define LEAST_VARIANCE 1e-20

/* Where DPM-Solver++ needs log (alpha-bar), and it is 0: as in diffusers */
#define LEAST_ALPHA_BAR 0x1p-24

/* The noise level of a state */
typedef struct
{
  gdouble alpha_bar;
  gdouble one_minus;            /* 1 - alpha_bar, without its cancellation */
} Level;

/* of_x x + of_pred pred */
typedef struct
{
  gdouble of_x, of_pred;
} Sum;

/* One step. previous: the level where the step before began; NULL in the first
 * step */
typedef struct
{
  const DdpmSamplerSpec *spec;
  const Level *previous;
  Level from, to;
  Sum eps;                      /* that the network predicts */
} Step;

/* --- levels and predictions ----------------------------------------------- */

static Level
level_of_state (const DdpmSchedule * schedule, const DdpmSamplerSpec * spec,
    guint s)
{
  Level level = { ddpm_schedule_alpha_bar_of_state (schedule, s), 0.0 };

  if (s > 0) {
    gdouble root = schedule->sqrt_one_minus_alphas_bar[s - 1];

    level.one_minus = root * root;
  }
  if (level.alpha_bar == 0.0 && spec->kind == DDPM_SAMPLER_DPMPP_2M) {
    level.alpha_bar = LEAST_ALPHA_BAR;
    level.one_minus = 1.0 - LEAST_ALPHA_BAR;
  }
  return level;
}

static Sum
sum (gdouble of_x, gdouble of_pred)
{
  const Sum sum = { of_x, of_pred };

  return sum;
}

/* Ho et al. 2020, eq. 4, and Salimans & Ho 2022, section 4, solved for x_0 */
static Sum
predicted_x_0 (DdpmPrediction prediction, Level level)
{
  const gdouble a = sqrt (level.alpha_bar), s = sqrt (level.one_minus);

  switch (prediction) {
    case DDPM_PREDICTION_V:
      return sum (a, -s);
    case DDPM_PREDICTION_SAMPLE:
      return sum (0.0, 1.0);
    default:
      return sum (1.0 / a, -s / a);
  }
}

/* The same, solved for eps */
static Sum
predicted_eps (DdpmPrediction prediction, Level level)
{
  const gdouble a = sqrt (level.alpha_bar), s = sqrt (level.one_minus);

  switch (prediction) {
    case DDPM_PREDICTION_V:
      return sum (s, a);
    case DDPM_PREDICTION_SAMPLE:
      return sum (1.0 / s, -a / s);
    default:
      return sum (0.0, 1.0);
  }
}

/* 1 - A / A': the beta of a step that may skip timesteps */
static gdouble
beta_between (Level from, Level to)
{
  return (from.one_minus - to.one_minus) / to.alpha_bar;
}

/* --- samplers ------------------------------------------------------------- */

/* The posterior q (x' given x, x_0) of Ho et al. 2020, eq. 7, for a step that
 * may skip timesteps: with a' = A / A' and b' = 1 - a' for alpha_t and beta_t,
 *   mean     = sqrt (A') b' / (1 - A) x_0 + sqrt (a') (1 - A') / (1 - A) x
 *   variance = b' (1 - A') / (1 - A), "fixed small", or b', "fixed large"
 * (section 3.2), or between both (Nichol & Dhariwal 2021, eq. 15). Their
 * released code has another first variance for "fixed large", but it belongs to
 * the step to x_0, which adds no noise. */
static void
fill_ddpm_step (const Step * s, DdpmReverseStep * c)
{
  const gdouble beta = beta_between (s->from, s->to);
  const gdouble small = beta * (s->to.one_minus / s->from.one_minus);

  c->c_x0 = sqrt (s->to.alpha_bar) * beta / s->from.one_minus;
  c->c_x = sqrt (s->from.alpha_bar / s->to.alpha_bar) * s->to.one_minus
      / s->from.one_minus;
  switch (s->spec->variance) {
    case DDPM_VARIANCE_FIXED_SMALL:
      c->sigma = sqrt (small);
      break;
    case DDPM_VARIANCE_FIXED_LARGE:
      c->sigma = sqrt (beta);
      break;
    case DDPM_VARIANCE_LEARNED_RANGE:
      c->has_learned_noise = TRUE;
      c->log_low = 0.5 * log (MAX (small, LEAST_VARIANCE));
      c->log_high = 0.5 * log (beta);
      break;
  }
}

/* Song, Meng & Ermon 2021, "Denoising diffusion implicit models", eq. 12 and
 * 16:
 *   sigma = eta sqrt ((1 - A') / (1 - A)) sqrt (1 - A / A')
 *   x'    = sqrt (A') x_0 + sqrt (1 - A' - sigma^2) e + sigma z
 * with e = (x - sqrt (A) x_0) / sqrt (1 - A), the eps of the clipped x_0, or
 * the predicted eps. */
static void
fill_ddim_step (const Step * s, DdpmReverseStep * c)
{
  const gdouble variance = s->spec->eta * s->spec->eta
      * s->to.one_minus / s->from.one_minus * beta_between (s->from, s->to);
  const gdouble rest = MAX (s->to.one_minus - variance, 0.0);

  if (s->spec->keep_eps) {
    c->c_x = sqrt (rest) * s->eps.of_x;
    c->c_pred = sqrt (rest) * s->eps.of_pred;
    c->c_x0 = sqrt (s->to.alpha_bar);
  } else {
    gdouble direction = sqrt (rest / s->from.one_minus);

    c->c_x = direction;
    c->c_x0 = sqrt (s->to.alpha_bar) - direction * sqrt (s->from.alpha_bar);
  }
  c->sigma = sqrt (variance);
}

/* Lu et al. 2022: lambda = log (alpha / sigma) */
static gdouble
half_log_snr (Level level)
{
  return 0.5 * log (level.alpha_bar / level.one_minus);
}

/* Lu et al. 2022, "DPM-Solver++", algorithm 2. With alpha = sqrt (A), sigma =
 * sqrt (1 - A) and h = lambda' - lambda, the increase of the half log-SNR:
 *   x' = sigma' / sigma x - alpha' (e^-h - 1) D
 *   first order:   D = x_0
 *   second order:  D = (1 + 1 / 2r) x_0 - 1 / 2r x_0_prev,  r = h_prev / h
 * The first step is of first order, since there is no x_0_prev yet. */
static void
fill_dpmpp_2m_step (const Step * s, DdpmReverseStep * c)
{
  const gdouble lambda = half_log_snr (s->from);
  const gdouble h = half_log_snr (s->to) - lambda;
  const gdouble weight = -sqrt (s->to.alpha_bar) * expm1 (-h);

  c->c_x = sqrt (s->to.one_minus / s->from.one_minus);
  c->c_x0 = weight;
  if (s->previous) {
    gdouble half_of_1_r = 0.5 * h / (lambda - half_log_snr (*s->previous));

    c->c_x0 = weight * (1.0 + half_of_1_r);
    c->c_x0_prev = -weight * half_of_1_r;
  }
}

static void (*const fill_step_of[]) (const Step * s, DdpmReverseStep * c) = {
  [DDPM_SAMPLER_DDPM] = fill_ddpm_step,
  [DDPM_SAMPLER_DDIM] = fill_ddim_step,
  [DDPM_SAMPLER_DPMPP_2M] = fill_dpmpp_2m_step,
};

/* --- all steps ------------------------------------------------------------ */

/* The image is the last x_0, without noise (Ho et al. 2020, algorithm 2, line
 * 3). In the spacings of diffusers, a last ddpm step from above t = 0 adds
 * noise, and ddim may end before the image. */
static gboolean
is_last_x_0 (const DdpmSamplerSpec * spec, const DdpmSamplerStep * step)
{
  if (step->next_state != 0)
    return FALSE;
  switch (spec->kind) {
    case DDPM_SAMPLER_DDPM:
      return step->t == 0 || !ddpm_spacing_is_of_timesteps (spec->spacing)
          || spec->variance == DDPM_VARIANCE_FIXED_SMALL;
    case DDPM_SAMPLER_DDIM:
      return !spec->final_alpha_first;
    default:
      return TRUE;
  }
}

static void
fill_prediction (const DdpmSchedule * schedule, const DdpmConfig * config,
    const DdpmSampler * sampler, Level level, DdpmSamplerStep * step)
{
  const gdouble range =
      sampler->spec.clip_range > 0.0 ? sampler->spec.clip_range : 1.0;
  DdpmReverseStep *c = &step->coefs;

  if (sampler->prediction == DDPM_PREDICTION_EPSILON) {
    c->x0_x = schedule->reciprocal_alphas_bar_sqrt[step->t];
    c->x0_pred = -schedule->reciprocal_alphas_bar_m1_sqrt[step->t];
  } else {
    Sum x_0 = predicted_x_0 (sampler->prediction, level);

    c->x0_x = x_0.of_x;
    c->x0_pred = x_0.of_pred;
  }
  c->clip = sampler->spec.clip_x0;
  c->clip_min = config->data_range == DDPM_DATA_RANGE_UNIT ? 0.0 : -range;
  c->clip_max = range;
  c->stream = step->t;
}

static void
fill_step (const DdpmSchedule * schedule, const DdpmConfig * config,
    DdpmSampler * sampler, guint i)
{
  const DdpmSamplerSpec *spec = &sampler->spec;
  DdpmSamplerStep *step = &sampler->steps[i];
  guint next_state = step->next_state;
  Level previous;
  Step s = {.spec = spec };

  step->t = step->state - 1;
  s.from = level_of_state (schedule, spec, step->state);
  s.eps = predicted_eps (sampler->prediction, s.from);
  fill_prediction (schedule, config, sampler, s.from, step);
  if (is_last_x_0 (spec, step)) {
    step->coefs.c_x0 = 1.0f;
    return;
  }
  if (next_state == 0 && spec->kind == DDPM_SAMPLER_DDIM)
    next_state = 1;
  s.to = level_of_state (schedule, spec, next_state);
  if (i > 0) {
    previous = level_of_state (schedule, spec, sampler->steps[i - 1].state);
    s.previous = &previous;
  }
  fill_step_of[spec->kind] (&s, &step->coefs);
  sampler->multistep |= step->coefs.c_x0_prev != 0.0f;
  sampler->learned_noise |= step->coefs.has_learned_noise;
}

void
ddpm_sampler_fill_steps (DdpmSampler * sampler, const DdpmSchedule * schedule,
    const DdpmConfig * config)
{
  for (guint i = 0; i < sampler->n_steps; i++)
    fill_step (schedule, config, sampler, i);
}
