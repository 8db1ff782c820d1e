/* gst-ddpm: how good a model is: loss by timestep, variational bits/dim
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"

G_BEGIN_DECLS

#define DDPM_EVALUATION_BINS 10

/**
 * DdpmEvaluatorSettings:
 * @images: how many are evaluated
 * @timesteps: evaluations of the network for each of them: one at timestep 0,
 *   the others at a random one in each of so many parts of 1..T-1, by whose
 *   width it is weighted, so that no estimate has a bias; 0: all T
 * @batch: evaluations at a time; results do not depend on it but for rounding
 * @seed: of timesteps and noise
 * @variance: of the reverse steps
 * @clip_x0: clip the predicted x_0 to the data range
 */
typedef struct
{
  guint64 images;
  guint timesteps;
  guint batch;
  guint64 seed;
  DdpmVariance variance;
  gboolean clip_x0;
} DdpmEvaluatorSettings;

/* error: standard error over the images; NaN: not known, of a single image.
 * value NaN: nothing was evaluated. */
typedef struct
{
  gdouble value, error;
} DdpmEstimate;

/* Timesteps first .. last. eps_mse: mean of (eps - eps_theta)^2; bits: what
 * their terms are of the total */
typedef struct
{
  guint first, last;
  guint64 evaluations;
  DdpmEstimate eps_mse, bits;
} DdpmEvaluationBin;

/**
 * DdpmEvaluation:
 * @images: images evaluated in full
 * @evaluations: of the network for them
 * @n_bins: of @bins; fewer than DDPM_EVALUATION_BINS where T is less
 * @loss: mean of (eps - eps_theta)^2 over all timesteps: Ho et al. 2020, eq. 14
 * @prior: L_T, bits/dim as the following: Ho et al. 2020, eq. 5
 * @kl: sum of the L_t of timesteps 1 to T-1, their "rate"
 * @decoder: L_0, their "distortion"
 * @total: sum of the three: a bound on the bits of a lossless code
 */
typedef struct
{
  guint64 images, evaluations;
  guint n_bins;
  DdpmEvaluationBin bins[DDPM_EVALUATION_BINS];
  DdpmEstimate loss, prior, kl, decoder, total;
} DdpmEvaluation;

typedef struct _DdpmEvaluator DdpmEvaluator;

/* Gives image i, 0 .. images - 1, in this order: pixels (height, width,
 * image_channels). sample: what its random numbers belong to, its number in
 * the data set. label: its class, for a model of classes; -1, as which it
 * comes: none. */
typedef gboolean (*DdpmEvaluatorRead) (gpointer data, guint64 i,
    guint64 * sample, gint * label, guint8 * pixels, GError ** error);

/* images 500, timesteps 20, batch 16, seed 0, fixed-small, clipped */
void ddpm_evaluator_settings_init (DdpmEvaluatorSettings * settings);

/* DDPM_ERROR_SETTINGS for no image, more timesteps than T or 1 of several, and
 * a size that the network cannot take. data: for read */
DdpmEvaluator *ddpm_evaluator_new (DdpmModel * model, DdpmBackend * backend,
    guint width, guint height, const DdpmEvaluatorSettings * settings,
    DdpmEvaluatorRead read, gpointer data, GError ** error);
void ddpm_evaluator_free (DdpmEvaluator * evaluator);

/* All evaluations of the network that there are to do, and those done */
guint64 ddpm_evaluator_get_n_evaluations (DdpmEvaluator * evaluator);
guint64 ddpm_evaluator_get_n_done (DdpmEvaluator * evaluator);
/* The next batch, the last of which may be smaller; nothing when all is done.
 * FALSE: an error of read, or DDPM_ERROR_DIVERGED where what the network says
 * is not finite; DDPM_ERROR_SETTINGS for a label that is no class of the model */
gboolean ddpm_evaluator_step (DdpmEvaluator * evaluator, GError ** error);
/* Of the images evaluated so far */
void ddpm_evaluator_get_results (DdpmEvaluator * evaluator,
    DdpmEvaluation * results);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmEvaluator, ddpm_evaluator_free)

G_END_DECLS
