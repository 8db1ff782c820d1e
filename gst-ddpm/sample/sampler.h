/* gst-ddpm: samplers: the timesteps between x_T and x_0, and the coefficients
 * of each reverse step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

/**
 * DdpmSamplerKind:
 * @DDPM_SAMPLER_DDPM: ancestral sampling, Ho et al. 2020, algorithm 2
 * @DDPM_SAMPLER_DDIM: Song et al. 2021, eq. 12
 * @DDPM_SAMPLER_DPMPP_2M: Lu et al. 2022, DPM-Solver++, algorithm 2
 *
 * Index of a sampler in the table of sampler.c. There may be more samplers than
 * names here: see ddpm_sampler_get_info ().
 */
typedef enum
{
  DDPM_SAMPLER_DDPM,
  DDPM_SAMPLER_DDIM,
  DDPM_SAMPLER_DPMPP_2M,
} DdpmSamplerKind;

/**
 * DdpmSamplerInfo:
 * @name: what properties and command lines call it: "ddim"
 * @title: its name in prose, with the paper
 */
typedef struct
{
  const gchar *name;
  const gchar *title;
} DdpmSamplerInfo;

/**
 * ddpm_sampler_get_info:
 * @kind: index of a sampler, from 0
 *
 * Returns: (transfer none) (nullable): the sampler's names, %NULL behind the
 *   last one
 */
const DdpmSamplerInfo *ddpm_sampler_get_info (guint kind);

typedef enum
{
  DDPM_VARIANCE_FIXED_SMALL,    /* beta tilde */
  DDPM_VARIANCE_FIXED_LARGE,    /* beta */
} DdpmVariance;

/**
 * DdpmSpacing:
 * @DDPM_SPACING_LINEAR: state i is round (T (S - i) / S)
 * @DDPM_SPACING_QUADRATIC: state i is round (T ((S - i) / S)^2), and at least
 *   S - i so that all states differ; the steps get shorter towards the image
 *
 * How the S + 1 states of a timestep schedule are spread over T..0 (Song et al.
 * 2021, appendix D.2). State 0 is x_T, state S is the image.
 */
typedef enum
{
  DDPM_SPACING_LINEAR,
  DDPM_SPACING_QUADRATIC,
} DdpmSpacing;

/**
 * DdpmSamplerSpec:
 * @kind: sampler
 * @steps: steps of the timestep schedule from T to 0; 0: all T
 * @spacing: how its states are spread
 * @eta: noise of ddim, 0 (deterministic) to 1 (as much as ddpm)
 * @variance: variance of ddpm
 * @clip_x0: clip the predicted x_0 to the data range before using it
 * @start: state to start from, at most T (T: pure noise)
 * @stop: state to stop at, below @start (0: the image)
 * @guidance: classifier-free guidance scale w (0: ignore the label, 1: no
 *   guidance): eps = eps (no label) + w (eps (label) - eps (no label)), Ho &
 *   Salimans 2022, eq. 6, whose w is this one minus 1. Any value but 0 and 1
 *   doubles the time of a step.
 *
 * What to sample, and how. ddpm_sampler_spec_init () fills in the defaults.
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
} DdpmSamplerSpec;

/**
 * ddpm_sampler_spec_init:
 * @spec: (out caller-allocates): the defaults for a model, from noise to image
 * @config: the model's configuration
 *
 * A model that predicts v gets DPM-Solver++(2M). One that predicts eps gets
 * DDIM with eta 1: the noise added in each step repairs what the network
 * predicted badly in the step before. A model distilled to few steps gets DDIM
 * with eta 0 and these steps. Guidance is 3, or 1 for a model distilled with
 * guidance.
 */
void ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config);

/**
 * ddpm_sampler_get_default_steps:
 * @kind: a sampler
 * @config: the model's configuration
 *
 * Returns: all T for ddpm; the others do better with few (Song et al. 2021,
 *   table 1; Lu et al. 2022, section 7). For ddim, the steps that the model was
 *   distilled to, if any.
 */
guint ddpm_sampler_get_default_steps (DdpmSamplerKind kind,
    const DdpmConfig * config);

/**
 * ddpm_sampler_get_default_spacing:
 * @kind: a sampler
 *
 * Returns: linear for ddpm, which visits every state; quadratic for samplers of
 *   few steps, where the last steps make the details
 */
DdpmSpacing ddpm_sampler_get_default_spacing (DdpmSamplerKind kind);

/**
 * ddpm_sampler_spec_check:
 * @spec: what to sample, and how
 * @config: the model's configuration
 * @error: DDPM_ERROR_SETTINGS for steps > T, stop >= start, start > T, eta
 *   outside 0..1, guidance outside 0..DDPM_MAX_GUIDANCE, and for betas that
 *   leave the range of numbers
 *
 * Returns: TRUE if the model can be sampled so
 */
gboolean ddpm_sampler_spec_check (const DdpmSamplerSpec * spec,
    const DdpmConfig * config, GError ** error);

G_END_DECLS
