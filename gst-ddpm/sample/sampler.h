/* gst-ddpm: from x_T down to x_0: the ladder of states and the coefficients
 * of each step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_SAMPLER_DDPM,            /* ancestral, Ho et al. 2020, algorithm 2 */
  DDPM_SAMPLER_DDIM,            /* Song et al. 2021, eq. 12 */
  DDPM_SAMPLER_DPMPP_2M,        /* Lu et al. 2022, DPM-Solver++, algorithm 2 */
} DdpmSamplerKind;

typedef enum
{
  DDPM_VARIANCE_FIXED_SMALL,    /* beta tilde */
  DDPM_VARIANCE_FIXED_LARGE,    /* beta */
} DdpmVariance;

/* Of the S + 1 states of a full ladder from T down to 0 (Song et al. 2021,
 * appendix D.2), number i from the top */
typedef enum
{
  DDPM_SPACING_LINEAR,          /* round (T (S - i) / S) */
  DDPM_SPACING_QUADRATIC,       /* round (T ((S - i) / S)^2), closer together
                                 * towards the image; S - i at least, so that
                                 * no two are the same */
} DdpmSpacing;

/**
 * DdpmSamplerSpec:
 * @kind: sampler
 * @steps: of a full ladder from T to 0; 0: all T
 * @spacing: of the states of that ladder
 * @eta: of ddim: 0 deterministic, 1 ancestral
 * @variance: of ddpm
 * @clip_x0: clip the predicted x_0 to the data range before it is used
 * @start: the state to start from, T at most (T: pure noise)
 * @stop: the state to stop at, below @start (0: the image)
 * @guidance: w of eps = eps (no label) + w (eps (label) - eps (no label)): Ho &
 *   Salimans 2022, eq. 6, where it is called 1 + w. 0: labels say nothing, 1:
 *   they say what they said in training; neither takes more time, while
 *   anything else takes twice the time
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


/* What is usual for such a model, from pure noise to the image: of one that
 * predicts v DPM-Solver++(2M), else DDIM with eta 1, since noise that is added
 * again mends what a network of eps did badly a step before; and guidance 3, or
 * 1 where the weights have learnt guidance. Where they have learnt steps: those
 * steps, of DDIM with eta 0. */
void ddpm_sampler_spec_init (DdpmSamplerSpec * spec, const DdpmConfig * config);
/* T for ddpm; with fewer the others are better (Song et al. 2021, table 1; Lu et
 * al. 2022, section 7), and DDIM with those that the weights have learnt */
guint ddpm_sampler_usual_steps (DdpmSamplerKind kind,
    const DdpmConfig * config);
/* Linear for ddpm, which takes every step; quadratic where there are few: the
 * last ones make the details */
DdpmSpacing ddpm_sampler_usual_spacing (DdpmSamplerKind kind);

/* One evaluation of the network at timestep t = state - 1 and the step to
 * next_state that follows it */
typedef struct
{
  guint state, next_state;
  guint t;
  DdpmReverseStep coefs;
} DdpmSamplerStep;

typedef struct
{
  DdpmSamplerSpec spec;         /* steps 0 replaced by T */
  guint n_steps;
  DdpmSamplerStep *steps;
  gboolean multistep;           /* needs x_0 of the step before */
} DdpmSampler;

/* The full ladder of S steps visits the states of its spacing; from start it
 * goes to the next lower of them, and last to stop.
 * DDPM_ERROR_SETTINGS for steps > T, stop >= start, start > T, eta outside
 * 0..1, guidance outside 0..DDPM_MAX_GUIDANCE. The schedule is read during the call only. */
DdpmSampler *ddpm_sampler_new (const DdpmSchedule * schedule,
    DdpmDataRange range, const DdpmSamplerSpec * spec, GError ** error);
void ddpm_sampler_free (DdpmSampler * sampler);
/* "ddpm", "ddim", "dpmpp-2m" */
const gchar *ddpm_sampler_kind_to_string (DdpmSamplerKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSampler, ddpm_sampler_free)

G_END_DECLS
