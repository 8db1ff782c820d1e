/* gst-ddpm: from x_T down to x_0: the ladder of states and the coefficients
 * of each step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In the formulas, as in the papers where they agree:
 *   A, A'        alpha-bar of the state that a step leaves and reaches
 *   x_0          the image predicted from x and eps, clipped if asked
 *   x'           the state reached
 * A step reads x_0 and not eps, so that a clipped x_0 is felt by every sampler.
 */
#include "gst-ddpm/sample/sampler.h"

#include <math.h>

/* What is usual for a built-in model */
#define USUAL_STEPS_DDIM 25
#define USUAL_STEPS_DPMPP_2M 5
#define USUAL_GUIDANCE 3.0

/* What the formulas need of a state */
typedef struct
{
  gdouble alpha_bar;
  gdouble one_minus;            /* 1 - alpha_bar, without its cancellation */
} Level;

static Level
level_of_state (const DdpmSchedule * schedule, guint s)
{
  Level level = { ddpm_schedule_alpha_bar_of_state (schedule, s), 0.0 };

  if (s > 0) {
    gdouble root = schedule->sqrt_one_minus_alphas_bar[s - 1];

    level.one_minus = root * root;
  }
  return level;
}

/* 1 - A / A': beta of the step, where A' is not the level just before A */
static gdouble
beta_between (Level from, Level to)
{
  return (from.one_minus - to.one_minus) / to.alpha_bar;
}

/* Ho et al. 2020, eq. 7, with a' = A / A' and b' = 1 - a' for alpha_t and
 * beta_t:
 *   mean     = sqrt (A') b' / (1 - A) x_0 + sqrt (a') (1 - A') / (1 - A) x
 *   variance = b' (1 - A') / (1 - A), "fixed small", or b', "fixed large"
 * (section 3.2). In their released code the first variance of "fixed large" is
 * another, but it belongs to the step to x_0, which adds no noise. */
static void
ddpm_step (const DdpmSamplerSpec * spec, Level from, Level to,
    DdpmReverseStep * c)
{
  gdouble beta = beta_between (from, to);
  gdouble variance = beta;

  if (spec->variance == DDPM_VARIANCE_FIXED_SMALL)
    variance *= to.one_minus / from.one_minus;
  c->c_x0 = sqrt (to.alpha_bar) * beta / from.one_minus;
  c->c_x = sqrt (from.alpha_bar / to.alpha_bar) * to.one_minus / from.one_minus;
  c->sigma = sqrt (variance);
}

/* Song, Meng & Ermon 2021, "Denoising diffusion implicit models", eq. 12 and
 * 16:
 *   sigma = eta sqrt ((1 - A') / (1 - A)) sqrt (1 - A / A')
 *   x'    = sqrt (A') x_0 + sqrt (1 - A' - sigma^2) e + sigma z
 * with e = (x - sqrt (A) x_0) / sqrt (1 - A), eps as the clipped x_0 has it. */
static void
ddim_step (const DdpmSamplerSpec * spec, Level from, Level to,
    DdpmReverseStep * c)
{
  gdouble variance = spec->eta * spec->eta
      * to.one_minus / from.one_minus * beta_between (from, to);
  gdouble direction = sqrt (MAX (to.one_minus - variance, 0.0)
      / from.one_minus);

  c->c_x = direction;
  c->c_x0 = sqrt (to.alpha_bar) - direction * sqrt (from.alpha_bar);
  c->sigma = sqrt (variance);
}

/* Lu et al. 2022: lambda = log (alpha / sigma) */
static gdouble
half_log_snr (Level level)
{
  return 0.5 * log (level.alpha_bar / level.one_minus);
}

/* Lu et al. 2022, "DPM-Solver++", algorithm 2. With alpha = sqrt (A), sigma =
 * sqrt (1 - A) and h = lambda' - lambda, the growth of the half log-SNR:
 *   x' = sigma' / sigma x - alpha' (e^-h - 1) D
 *   first order:   D = x_0
 *   second order:  D = (1 + 1 / 2r) x_0 - 1 / 2r x_0_prev,  r = h_prev / h
 * At A' = 1, h is infinite and x' = x_0. previous: the level before from, or
 * NULL, where there is no x_0 yet, for the first order. */
static void
dpmpp_2m_step (const Level * previous, Level from, Level to,
    DdpmReverseStep * c)
{
  gdouble lambda = half_log_snr (from);
  gdouble h, weight;

  if (to.one_minus == 0.0) {
    c->c_x0 = 1.0;
    return;
  }
  h = half_log_snr (to) - lambda;
  weight = -sqrt (to.alpha_bar) * expm1 (-h);
  c->c_x = sqrt (to.one_minus / from.one_minus);
  c->c_x0 = weight;
  if (previous) {
    gdouble half_of_1_r = 0.5 * h / (lambda - half_log_snr (*previous));

    c->c_x0 = weight * (1.0 + half_of_1_r);
    c->c_x0_prev = -weight * half_of_1_r;
  }
}

static void
fill_step (const DdpmSchedule * schedule, DdpmDataRange range,
    DdpmSampler * sampler, guint i)
{
  const DdpmSamplerSpec *spec = &sampler->spec;
  DdpmSamplerStep *step = &sampler->steps[i];
  DdpmReverseStep *c = &step->coefs;
  Level from = level_of_state (schedule, step->state);
  Level to = level_of_state (schedule, step->next_state);
  Level previous;

  step->t = step->state - 1;
  /* Ho et al. 2020, eq. 4 solved for x_0 */
  c->x0_x = schedule->reciprocal_alphas_bar_sqrt[step->t];
  c->x0_eps = -schedule->reciprocal_alphas_bar_m1_sqrt[step->t];
  c->clip = spec->clip_x0;
  c->clip_min = range == DDPM_DATA_RANGE_UNIT ? 0.0f : -1.0f;
  c->clip_max = 1.0f;
  c->stream = step->t;

  switch (spec->kind) {
    case DDPM_SAMPLER_DDPM:
      ddpm_step (spec, from, to, c);
      break;
    case DDPM_SAMPLER_DDIM:
      ddim_step (spec, from, to, c);
      break;
    case DDPM_SAMPLER_DPMPP_2M:
      if (i > 0)
        previous = level_of_state (schedule, sampler->steps[i - 1].state);
      dpmpp_2m_step (i > 0 ? &previous : NULL, from, to, c);
      break;
  }
  /* Ho et al. 2020, algorithm 2, line 3; stream 0 belongs to x_T */
  if (step->next_state == 0)
    c->sigma = 0.0f;
}

/* State i of the full ladder: T at i = 0, 0 at i = S */
static guint
ladder_state (DdpmSpacing spacing, guint64 T, guint64 S, guint i)
{
  const guint64 left = S - i;

  switch (spacing) {
    case DDPM_SPACING_QUADRATIC:
      return MAX ((2 * T * left * left + S * S) / (2 * S * S), left);
    case DDPM_SPACING_LINEAR:
      break;
  }
  return (2 * T * left + S) / (2 * S);
}

static void
build_ladder (DdpmSampler * sampler, guint T)
{
  const DdpmSamplerSpec *spec = &sampler->spec;
  guint state = spec->start;
  guint i;

  /* at most one step for each state of the ladder, and one from start */
  sampler->steps = g_new0 (DdpmSamplerStep, (gsize) spec->steps + 1);
  for (i = 1; i <= spec->steps && state > spec->stop; i++) {
    guint next = MAX (ladder_state (spec->spacing, T, spec->steps, i),
        spec->stop);

    if (next < state) {
      sampler->steps[sampler->n_steps].state = state;
      sampler->steps[sampler->n_steps].next_state = next;
      sampler->n_steps++;
      state = next;
    }
  }
}

static gboolean
check_spec (const DdpmSamplerSpec * spec, guint T, GError ** error)
{
  if (spec->kind != DDPM_SAMPLER_DDPM && spec->kind != DDPM_SAMPLER_DDIM
      && spec->kind != DDPM_SAMPLER_DPMPP_2M) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "there is no sampler of number %d", spec->kind);
    return FALSE;
  }
  if (spec->variance != DDPM_VARIANCE_FIXED_SMALL
      && spec->variance != DDPM_VARIANCE_FIXED_LARGE) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "there is no variance of number %d", spec->variance);
    return FALSE;
  }
  if (spec->spacing != DDPM_SPACING_LINEAR
      && spec->spacing != DDPM_SPACING_QUADRATIC) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "there is no spacing of number %d", spec->spacing);
    return FALSE;
  }
  if (spec->steps > T) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "a model of %u timesteps cannot be sampled in %u steps", T,
        spec->steps);
    return FALSE;
  }
  if (!(spec->eta >= 0.0 && spec->eta <= 1.0)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "eta must be 0 to 1, not %g", spec->eta);
    return FALSE;
  }
  if (!(spec->guidance >= 0.0 && spec->guidance <= DDPM_MAX_GUIDANCE)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, spec->guidance);
    return FALSE;
  }
  if (spec->start > T || spec->stop >= spec->start) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "sampling must go down from timestep %u at most, not from %u to %u", T,
        spec->start, spec->stop);
    return FALSE;
  }
  return TRUE;
}

guint
ddpm_sampler_usual_steps (DdpmSamplerKind kind, const DdpmConfig * config)
{
  switch (kind) {
    case DDPM_SAMPLER_DDIM:
      return config->steps > 0 ? config->steps :
          MIN (USUAL_STEPS_DDIM, config->timesteps);
    case DDPM_SAMPLER_DPMPP_2M:
      return MIN (USUAL_STEPS_DPMPP_2M, config->timesteps);
    case DDPM_SAMPLER_DDPM:
      break;
  }
  return config->timesteps;
}

DdpmSpacing
ddpm_sampler_usual_spacing (DdpmSamplerKind kind)
{
  return kind == DDPM_SAMPLER_DDPM ? DDPM_SPACING_LINEAR :
      DDPM_SPACING_QUADRATIC;
}

void
ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config)
{
  const gboolean few_by_v =
      config->prediction == DDPM_PREDICTION_V && config->steps == 0;

  *spec = (DdpmSamplerSpec) {
  .kind = few_by_v ? DDPM_SAMPLER_DPMPP_2M : DDPM_SAMPLER_DDIM,.eta =
        config->steps > 0 ? 0.0 : 1.0,.clip_x0 = TRUE,.start =
        config->timesteps,.guidance =
        config->guidance == 1.0 ? USUAL_GUIDANCE : 1.0,};
  spec->steps = ddpm_sampler_usual_steps (spec->kind, config);
  spec->spacing = ddpm_sampler_usual_spacing (spec->kind);
}

DdpmSampler *
ddpm_sampler_new (const DdpmSchedule * schedule, DdpmDataRange range,
    const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmSampler *sampler;
  guint i;

  if (!check_spec (spec, schedule->T, error))
    return NULL;

  sampler = g_new0 (DdpmSampler, 1);
  sampler->spec = *spec;
  if (spec->steps == 0)
    sampler->spec.steps = schedule->T;
  sampler->multistep = spec->kind == DDPM_SAMPLER_DPMPP_2M;
  build_ladder (sampler, schedule->T);
  for (i = 0; i < sampler->n_steps; i++)
    fill_step (schedule, range, sampler, i);
  return sampler;
}

void
ddpm_sampler_free (DdpmSampler * sampler)
{
  if (!sampler)
    return;
  g_free (sampler->steps);
  g_free (sampler);
}

const gchar *
ddpm_sampler_kind_to_string (DdpmSamplerKind kind)
{
  switch (kind) {
    case DDPM_SAMPLER_DDPM:
      return "ddpm";
    case DDPM_SAMPLER_DDIM:
      return "ddim";
    case DDPM_SAMPLER_DPMPP_2M:
      return "dpmpp-2m";
  }
  g_return_val_if_reached (NULL);
}
