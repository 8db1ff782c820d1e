/* gst-ddpm: samplers: the timesteps between x_T and x_0, and the coefficients
 * of each reverse step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In the formulas, as in the papers where they agree:
 *   x, x'        the state before and after a reverse step
 *   A, A'        their alpha-bar
 *   x_0          the image predicted from x and eps, clipped if asked
 * Steps are written in terms of x_0, not eps, so that clipping x_0 affects every
 * sampler. The x and eps of the previous step are not kept.
 */
#include <math.h>

#include "gst-ddpm/model/require.h"
#include "gst-ddpm/sample/private.h"

#define DEFAULT_GUIDANCE 3.0

/* The noise level of a state */
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

/* 1 - A / A': the beta of a step that may skip timesteps */
static gdouble
beta_between (Level from, Level to)
{
  return (from.one_minus - to.one_minus) / to.alpha_bar;
}

/* The posterior q (x' given x, x_0) of Ho et al. 2020, eq. 7, for a step that
 * may skip timesteps: with a' = A / A' and b' = 1 - a' for alpha_t and beta_t,
 *   mean     = sqrt (A') b' / (1 - A) x_0 + sqrt (a') (1 - A') / (1 - A) x
 *   variance = b' (1 - A') / (1 - A), "fixed small", or b', "fixed large"
 * (section 3.2). Their released code has another first variance for "fixed
 * large", but it belongs to the step to x_0, which adds no noise. */
static void
fill_ddpm_step (const DdpmSamplerSpec * spec, const Level * previous,
    Level from, Level to, DdpmReverseStep * c)
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
 * with e = (x - sqrt (A) x_0) / sqrt (1 - A), the eps of the clipped x_0. */
static void
fill_ddim_step (const DdpmSamplerSpec * spec, const Level * previous,
    Level from, Level to, DdpmReverseStep * c)
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
 * sqrt (1 - A) and h = lambda' - lambda, the increase of the half log-SNR:
 *   x' = sigma' / sigma x - alpha' (e^-h - 1) D
 *   first order:   D = x_0
 *   second order:  D = (1 + 1 / 2r) x_0 - 1 / 2r x_0_prev,  r = h_prev / h
 * The first step is of first order, since there is no x_0_prev yet. */
static void
fill_dpmpp_2m_step (const DdpmSamplerSpec * spec, const Level * previous,
    Level from, Level to, DdpmReverseStep * c)
{
  gdouble lambda = half_log_snr (from);
  gdouble h = half_log_snr (to) - lambda;
  gdouble weight = -sqrt (to.alpha_bar) * expm1 (-h);

  c->c_x = sqrt (to.one_minus / from.one_minus);
  c->c_x0 = weight;
  if (previous) {
    gdouble half_of_1_r = 0.5 * h / (lambda - half_log_snr (*previous));

    c->c_x0 = weight * (1.0 + half_of_1_r);
    c->c_x0_prev = -weight * half_of_1_r;
  }
}

/* fill sets those of c_x, c_x0, c_x0_prev and sigma that are not 0, for the step
 * between the noise levels from and to (not the image). previous: the level
 * where the step before began; NULL in the first step. default_steps 0: T. */
static const struct
{
  DdpmSamplerInfo info;
  guint default_steps;
  DdpmSpacing default_spacing;
  void (*fill) (const DdpmSamplerSpec * spec, const Level * previous,
      Level from, Level to, DdpmReverseStep * c);
} samplers[] = {
  [DDPM_SAMPLER_DDPM] = {{"ddpm",
          "Ancestral sampling (Ho et al. 2020); default steps: all timesteps"},
      0, DDPM_SPACING_LINEAR, fill_ddpm_step},
  [DDPM_SAMPLER_DDIM] = {{"ddim",
          "Denoising diffusion implicit model (Song et al. 2021); default "
              "steps: 25"},
      25, DDPM_SPACING_QUADRATIC, fill_ddim_step},
  [DDPM_SAMPLER_DPMPP_2M] = {{"dpmpp-2m",
          "DPM-Solver++(2M) (Lu et al. 2022); default steps: 5"},
      5, DDPM_SPACING_QUADRATIC, fill_dpmpp_2m_step},
};

const DdpmSamplerInfo *
ddpm_sampler_get_info (guint kind)
{
  return kind < G_N_ELEMENTS (samplers) ? &samplers[kind].info : NULL;
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

  step->t = step->state - 1;
  /* Ho et al. 2020, eq. 4 solved for x_0 */
  c->x0_x = schedule->reciprocal_alphas_bar_sqrt[step->t];
  c->x0_eps = -schedule->reciprocal_alphas_bar_m1_sqrt[step->t];
  c->clip = spec->clip_x0;
  c->clip_min = range == DDPM_DATA_RANGE_UNIT ? 0.0f : -1.0f;
  c->clip_max = 1.0f;
  c->stream = step->t;

  if (step->next_state == 0) {
    /* The image is the last x_0, without noise (Ho et al. 2020, algorithm 2,
     * line 3). */
    c->c_x0 = 1.0f;
  } else if (i == 0) {
    samplers[spec->kind].fill (spec, NULL, from, to, c);
  } else {
    Level previous = level_of_state (schedule, sampler->steps[i - 1].state);

    samplers[spec->kind].fill (spec, &previous, from, to, c);
  }
  sampler->multistep |= c->c_x0_prev != 0.0f;
}

/* State i of a timestep schedule: T at i = 0, 0 at i = S */
static guint
state_at_step (DdpmSpacing spacing, guint64 T, guint64 S, guint i)
{
  const guint64 left = S - i;

  switch (spacing) {
    case DDPM_SPACING_QUADRATIC:
      return MAX ((2 * T * left * left + S * S) / (2 * S * S), left);
    default:
      break;
  }
  return (2 * T * left + S) / (2 * S);
}

static void
build_timesteps (DdpmSampler * sampler, guint T)
{
  const DdpmSamplerSpec *spec = &sampler->spec;
  guint state = spec->start;

  /* at most one step to each state, and one more from start */
  sampler->steps = g_new0 (DdpmSamplerStep, (gsize) spec->steps + 1);
  for (guint i = 1; i <= spec->steps && state > spec->stop; i++) {
    guint next = MAX (state_at_step (spec->spacing, T, spec->steps, i),
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
  return ddpm_require (ddpm_sampler_get_info (spec->kind) != NULL, error,
      "there is no sampler number %d", spec->kind)
      && ddpm_require (spec->variance == DDPM_VARIANCE_FIXED_SMALL
      || spec->variance == DDPM_VARIANCE_FIXED_LARGE, error,
      "there is no variance number %d", spec->variance)
      && ddpm_require (spec->spacing == DDPM_SPACING_LINEAR
      || spec->spacing == DDPM_SPACING_QUADRATIC, error,
      "there is no spacing number %d", spec->spacing)
      && ddpm_require (spec->steps <= T, error,
      "a model of %u timesteps cannot be sampled in %u steps", T, spec->steps)
      && ddpm_require (spec->eta >= 0.0 && spec->eta <= 1.0, error,
      "eta must be 0 to 1, not %g", spec->eta)
      && ddpm_require (spec->guidance >= 0.0
      && spec->guidance <= DDPM_MAX_GUIDANCE, error,
      "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, spec->guidance)
      && ddpm_require (spec->start <= T && spec->stop < spec->start, error,
      "sampling from state %u to state %u: expected stop < start <= %u",
      spec->start, spec->stop, T);
}

guint
ddpm_sampler_get_default_steps (DdpmSamplerKind kind, const DdpmConfig * config)
{
  const guint steps = samplers[kind].default_steps;

  if (kind == DDPM_SAMPLER_DDIM && config->steps > 0)
    return config->steps;
  return steps > 0 ? MIN (steps, config->timesteps) : config->timesteps;
}

DdpmSpacing
ddpm_sampler_get_default_spacing (DdpmSamplerKind kind)
{
  return samplers[kind].default_spacing;
}

void
ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config)
{
  const gboolean distilled = config->steps > 0;

  *spec = (DdpmSamplerSpec) {
  .kind = DDPM_SAMPLER_DDIM,.eta = distilled ? 0.0 : 1.0,.clip_x0 =
        TRUE,.start = config->timesteps,.guidance =
        config->guidance == 1.0 ? DEFAULT_GUIDANCE : 1.0};
  if (config->prediction == DDPM_PREDICTION_V && !distilled)
    spec->kind = DDPM_SAMPLER_DPMPP_2M;
  spec->steps = ddpm_sampler_get_default_steps (spec->kind, config);
  spec->spacing = ddpm_sampler_get_default_spacing (spec->kind);
}

gboolean
ddpm_sampler_spec_check (const DdpmSamplerSpec * spec,
    const DdpmConfig * config, GError ** error)
{
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (config, error);

  return schedule && check_spec (spec, schedule->T, error);
}

DdpmSampler *
ddpm_sampler_new (const DdpmSchedule * schedule, DdpmDataRange range,
    const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmSampler *sampler;

  if (!check_spec (spec, schedule->T, error))
    return NULL;

  sampler = g_new0 (DdpmSampler, 1);
  sampler->spec = *spec;
  if (spec->steps == 0)
    sampler->spec.steps = schedule->T;
  build_timesteps (sampler, schedule->T);
  for (guint i = 0; i < sampler->n_steps; i++)
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
