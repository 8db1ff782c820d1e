/* gst-ddpm: samplers: their names, defaults and limits
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/require.h"
#include "gst-ddpm/sample/private.h"

#define DEFAULT_GUIDANCE 3.0

/* default_steps 0: T */
static const struct
{
  DdpmSamplerInfo info;
  guint default_steps;
  DdpmSpacing default_spacing;
} samplers[] = {
  [DDPM_SAMPLER_DDPM] = {{"ddpm",
          "Ancestral sampling (Ho et al. 2020); default steps: all timesteps"},
      0, DDPM_SPACING_LINEAR},
  [DDPM_SAMPLER_DDIM] = {{"ddim",
          "Denoising diffusion implicit model (Song et al. 2021); default "
              "steps: 25"},
      25, DDPM_SPACING_QUADRATIC},
  [DDPM_SAMPLER_DPMPP_2M] = {{"dpmpp-2m",
          "DPM-Solver++(2M) (Lu et al. 2022); default steps: 5"},
      5, DDPM_SPACING_QUADRATIC},
};

const DdpmSamplerInfo *
ddpm_sampler_get_info (guint kind)
{
  return kind < G_N_ELEMENTS (samplers) ? &samplers[kind].info : NULL;
}

/* Samplers other than ddpm do not look at the variance. */
static gboolean
check_variance (const DdpmSamplerSpec * spec, const DdpmConfig * config,
    GError ** error)
{
  return ddpm_require (spec->variance >= DDPM_VARIANCE_FIXED_SMALL
      && spec->variance <= DDPM_VARIANCE_LEARNED_RANGE, error,
      "there is no variance number %d", spec->variance)
      && ddpm_require (spec->variance != DDPM_VARIANCE_LEARNED_RANGE
      || spec->kind != DDPM_SAMPLER_DDPM || config->learned_variance, error,
      "variance must be fixed-small or fixed-large, not learned-range: the "
      "network predicts no variance");
}

static gboolean
check_spec (const DdpmSamplerSpec * spec, const DdpmConfig * config,
    GError ** error)
{
  const guint T = config->timesteps;

  return ddpm_require (ddpm_sampler_get_info (spec->kind) != NULL, error,
      "there is no sampler number %d", spec->kind)
      && check_variance (spec, config, error)
      && ddpm_require (spec->spacing >= DDPM_SPACING_LINEAR
      && spec->spacing <= DDPM_SPACING_LINSPACE, error,
      "there is no spacing number %d", spec->spacing)
      && ddpm_require (spec->steps <= T && spec->steps_offset <= T, error,
      "a model of %u timesteps cannot be sampled in %u steps with an offset of "
      "%u", T, spec->steps, spec->steps_offset)
      && ddpm_require (spec->eta >= 0.0 && spec->eta <= 1.0, error,
      "eta must be 0 to 1, not %g", spec->eta)
      && ddpm_require (spec->clip_range >= 0.0 && spec->clip_range <= 1e6,
      error, "the range of clipping must be 0 to 1e6, not %g", spec->clip_range)
      && ddpm_require (spec->guidance >= 0.0
      && spec->guidance <= DDPM_MAX_GUIDANCE, error,
      "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, spec->guidance)
      && ddpm_require (spec->resample <= DDPM_MAX_RESAMPLE, error,
      "resample must be 0 to %u, not %u", DDPM_MAX_RESAMPLE, spec->resample)
      && ddpm_require (spec->start <= T && spec->stop < spec->start, error,
      "sampling from state %u to state %u: expected stop < start <= %u",
      spec->start, spec->stop, T);
}

/* Whether what the model recommends for a sampler is for this one */
static gboolean
is_recommended (DdpmSamplerKind kind, const DdpmSampling * sampling)
{
  return sampling->sampler < 0 || sampling->sampler == (gint) kind;
}

guint
ddpm_sampler_get_default_steps (DdpmSamplerKind kind, const DdpmConfig * config)
{
  const DdpmSampling *model = &config->sampling;
  guint steps = samplers[kind].default_steps;

  if (kind == DDPM_SAMPLER_DDIM && config->steps > 0)
    return config->steps;
  if (model->steps > 0 && is_recommended (kind, model))
    steps = model->steps;
  return steps > 0 ? MIN (steps, config->timesteps) : config->timesteps;
}

DdpmSpacing
ddpm_sampler_get_default_spacing (DdpmSamplerKind kind)
{
  return samplers[kind].default_spacing;
}

void
ddpm_sampler_spec_choose (DdpmSamplerSpec * spec, const DdpmConfig * config,
    DdpmSamplerKind kind)
{
  const DdpmSampling *model = &config->sampling;
  const gboolean distilled = config->steps > 0 && kind == DDPM_SAMPLER_DDIM;

  spec->kind = kind;
  spec->steps = ddpm_sampler_get_default_steps (kind, config);
  spec->spacing = model->spacing >= 0 && !distilled ?
      (DdpmSpacing) model->spacing : ddpm_sampler_get_default_spacing (kind);
  spec->eta = model->eta >= 0.0 && !distilled && is_recommended (kind, model) ?
      model->eta : 0.0;
}

/* What the author of a model recommends is not for what was distilled from
 * it. */
static void
choose_sampler (DdpmSamplerSpec * spec, const DdpmConfig * config)
{
  const DdpmSampling *model = &config->sampling;

  if (config->steps > 0) {
    ddpm_sampler_spec_choose (spec, config, DDPM_SAMPLER_DDIM);
  } else if (model->sampler >= 0) {
    ddpm_sampler_spec_choose (spec, config, model->sampler);
  } else if (config->prediction == DDPM_PREDICTION_V) {
    ddpm_sampler_spec_choose (spec, config, DDPM_SAMPLER_DPMPP_2M);
  } else {
    ddpm_sampler_spec_choose (spec, config, DDPM_SAMPLER_DDIM);
    if (model->eta < 0.0)
      spec->eta = 1.0;
  }
}

void
ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config)
{
  const DdpmSampling *model = &config->sampling;
  const gboolean unguided = config->guidance != 1.0 || model->always_labelled;

  *spec = (DdpmSamplerSpec) {
  .clip_x0 = model->clip != 0,.start = config->timesteps,.guidance =
        unguided ? 1.0 : DEFAULT_GUIDANCE,.resample = 1,.steps_offset =
        model->steps_offset,.clip_range = model->clip_range,.keep_eps =
        model->keep_eps,.final_alpha_first = model->final_alpha_first};
  if (model->variance >= 0)
    spec->variance = model->variance;
  else if (config->learned_variance)
    spec->variance = DDPM_VARIANCE_LEARNED_RANGE;
  choose_sampler (spec, config);
}

gboolean
ddpm_sampler_spec_check (const DdpmSamplerSpec * spec,
    const DdpmConfig * config, GError ** error)
{
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (config, error);

  return schedule && check_spec (spec, config, error);
}

/* What the coefficients are for. Predictions of v become eps, whose rounding is
 * in all images that models of ours have made. That loses digits where alpha-bar
 * is small, and all of them where it is 0. */
static DdpmPrediction
choose_prediction (const DdpmSamplerSpec * spec, const DdpmConfig * config)
{
  const gboolean exact = config->zero_snr || spec->keep_eps;

  return config->prediction == DDPM_PREDICTION_V && !exact ?
      DDPM_PREDICTION_EPSILON : config->prediction;
}

DdpmSampler *
ddpm_sampler_new (const DdpmSchedule * schedule, const DdpmConfig * config,
    const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmSampler *sampler;

  if (!check_spec (spec, config, error))
    return NULL;

  sampler = g_new0 (DdpmSampler, 1);
  sampler->spec = *spec;
  if (spec->steps == 0)
    sampler->spec.steps = schedule->T;
  sampler->prediction = choose_prediction (spec, config);
  ddpm_sampler_build_timesteps (sampler, schedule->T);
  ddpm_sampler_fill_steps (sampler, schedule, config);
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
