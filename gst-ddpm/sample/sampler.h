/* gst-ddpm: samplers: the timesteps between x_T and x_0, and the coefficients
 * of each reverse step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

/**
 * DdpmSamplerInfo:
 * @name: its name in properties and on command lines, such as "ddim"
 * @title: its name in prose, with the paper
 *
 * The names of a sampler.
 */
typedef struct
{
  const gchar *name;
  const gchar *title;
} DdpmSamplerInfo;

/**
 * ddpm_sampler_get_info:
 * @kind: number of a sampler, from 0
 *
 * Gets the names of a sampler.
 *
 * Returns: (transfer none) (nullable): the names; %NULL: there are fewer
 *   samplers
 */
const DdpmSamplerInfo *ddpm_sampler_get_info (guint kind);

/**
 * DDPM_MAX_RESAMPLE:
 *
 * The largest number of times that a step can be made.
 */
#define DDPM_MAX_RESAMPLE 100

/**
 * DdpmSamplerSpec:
 * @kind: sampler
 * @steps: number of steps of the timestep schedule from T to 0; 0: T
 * @spacing: how the steps are spread
 * @eta: noise that ddim adds, 0 (deterministic) to 1 (as much as ddpm)
 * @variance: variance of the noise that ddpm adds; learned-range needs a
 *   network that predicts it
 * @clip_x0: whether to clip the predicted x_0 before use
 * @start: state to start from, at most T (T: pure noise)
 * @stop: state to stop at, below @start (0: the image)
 * @guidance: classifier-free guidance scale w (0: ignore the label, 1: no
 *   guidance): eps = eps (no label) + w (eps (label) - eps (no label)), Ho &
 *   Salimans 2022, eq. 6, whose w is this one minus 1. Any value but 0 and 1
 *   doubles the time of a step.
 * @resample: how often each step is made, at most %DDPM_MAX_RESAMPLE (0 and 1:
 *   once): after it, noise leads back to where it began, as in RePaint (Lugmayr
 *   et al. 2022, algorithm 1), so that what is generated fits what is known
 * @steps_offset: as in #DdpmSampling
 * @clip_range: likewise; 0: 1, the data range
 * @keep_eps: likewise
 * @final_alpha_first: likewise
 *
 * How to sample. ddpm_sampler_spec_init() sets the defaults.
 */
typedef struct
{
  DdpmSamplerKind kind;
  guint steps;
  DdpmSpacing spacing;
  gdouble eta;
  DdpmVariance variance;
  gboolean clip_x0;
  guint start, stop;
  gdouble guidance;
  guint resample;
  guint steps_offset;
  gdouble clip_range;
  gboolean keep_eps;
  gboolean final_alpha_first;
} DdpmSamplerSpec;

/**
 * ddpm_sampler_spec_init:
 * @spec: the specification to write
 * @config: the model's configuration
 *
 * Sets the defaults for a model, from pure noise to the image: what the model
 * recommends (#DdpmSampling), and otherwise what follows.
 *
 * A model that predicts v gets DPM-Solver++(2M). One that predicts eps gets
 * DDIM with eta 1: the noise that a step adds repairs errors of the previous
 * prediction. A model distilled to few steps gets DDIM with eta 0 and these
 * steps, whatever its metadata recommends. Guidance is 3, or 1 for a model
 * distilled with guidance or always labelled.
 */
void ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config);

/**
 * ddpm_sampler_spec_choose:
 * @spec: the specification to change
 * @config: the model's configuration
 * @kind: a sampler
 *
 * Sets a sampler, and the steps, spacing and eta that suit it and the model.
 * Steps and eta that the model recommends are for its own sampler; eta is
 * otherwise 0.
 */
void ddpm_sampler_spec_choose (DdpmSamplerSpec * spec,
    const DdpmConfig * config, DdpmSamplerKind kind);

/**
 * ddpm_sampler_get_default_steps:
 * @kind: a sampler
 * @config: the model's configuration
 *
 * Gets the number of steps that suits a sampler: T for ddpm, few for the others
 * (Song et al. 2021, table 1; Lu et al. 2022, section 7). For ddim, the steps
 * that the model was distilled to, if any; otherwise those that it recommends
 * for its sampler.
 *
 * Returns: number of steps
 */
guint ddpm_sampler_get_default_steps (DdpmSamplerKind kind,
    const DdpmConfig * config);

/**
 * ddpm_sampler_get_default_spacing:
 * @kind: a sampler
 *
 * Gets the spacing that suits a sampler: linear for ddpm, which visits every
 * state; quadratic for samplers of few steps, where the last steps make the
 * details.
 *
 * Returns: the spacing
 */
DdpmSpacing ddpm_sampler_get_default_spacing (DdpmSamplerKind kind);

/**
 * ddpm_sampler_spec_check:
 * @spec: how to sample
 * @config: the model's configuration
 * @error: return location for a #GError
 *
 * Checks whether a model can be sampled in this way: steps and start at most T,
 * stop below start, eta 0 to 1, guidance 0 to %DDPM_MAX_GUIDANCE, resample at
 * most %DDPM_MAX_RESAMPLE, and betas whose coefficients are finite.
 *
 * Returns: whether it can; if not, @error is %DDPM_ERROR_SETTINGS
 */
gboolean ddpm_sampler_spec_check (const DdpmSamplerSpec * spec,
    const DdpmConfig * config, GError ** error);

G_END_DECLS
