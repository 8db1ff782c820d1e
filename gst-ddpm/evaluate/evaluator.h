/* gst-ddpm: how good a model is: loss by timestep, variational bits/dim
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

#define DDPM_EVALUATION_BINS 10

/**
 * DdpmEvaluatorSettings:
 * @images: images to evaluate
 * @timesteps: evaluations of the network for each image: one at timestep 0, the
 *   others at a random timestep in each of so many parts of 1 to T-1. The width
 *   of its part is the weight of an evaluation, so that no estimate is biased;
 *   0: all T timesteps
 * @batch: evaluations at a time; results depend on it by rounding only
 * @seed: seed of timesteps and noise
 * @variance: variance of the reverse steps
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

/**
 * DdpmEstimate:
 * @value: mean over the images; NaN: nothing was evaluated
 * @error: standard error of @value; NaN: not known, with a single image
 */
typedef struct
{
  gdouble value, error;
} DdpmEstimate;

/**
 * DdpmEvaluationBin:
 * @first: first timestep
 * @last: last timestep
 * @evaluations: evaluations of the network at these timesteps
 * @eps_mse: mean of (eps - eps_theta)^2
 * @bits: bits/dim that these timesteps add to the total
 */
typedef struct
{
  guint first, last;
  guint64 evaluations;
  DdpmEstimate eps_mse, bits;
} DdpmEvaluationBin;

/**
 * DdpmEvaluation:
 * @images: images evaluated at all their timesteps
 * @evaluations: evaluations of the network for these images
 * @n_bins: bins; fewer than DDPM_EVALUATION_BINS where T is less
 * @bins: timesteps 0 to T-1 in parts of equal size
 * @loss: mean of (eps - eps_theta)^2 over all timesteps (Ho et al. 2020,
 *   eq. 14)
 * @prior: L_T in bits/dim, as all following (Ho et al. 2020, eq. 5)
 * @kl: sum of L_t over timesteps 1 to T-1, the "rate"
 * @decoder: L_0, the "distortion"
 * @total: sum of the three: a bound on the bits of a lossless code
 */
typedef struct
{
  guint64 images, evaluations;
  guint n_bins;
  DdpmEvaluationBin bins[DDPM_EVALUATION_BINS];
  DdpmEstimate loss, prior, kl, decoder, total;
} DdpmEvaluation;

/**
 * DdpmEvaluator:
 *
 * A model and the sums over its evaluated images. An evaluator is for one
 * thread at a time.
 */
typedef struct _DdpmEvaluator DdpmEvaluator;

/**
 * DdpmEvaluatorRead:
 * @data: (closure): the caller's data
 * @i: number of the image, 0 to images - 1, in this order
 * @sample: (out): index of the image in its data set, on which its random
 *   numbers depend
 * @label: (inout): class of the image, for a model of classes; it is
 *   DDPM_NO_LABEL when the function is called
 * @pixels: (out): (height, width, image_channels) bytes
 * @error: why there is no image
 *
 * Reads an image that is to be evaluated.
 *
 * Returns: FALSE if it cannot be read
 */
typedef gboolean (*DdpmEvaluatorRead) (gpointer data, guint64 i,
    guint64 * sample, gint * label, guint8 * pixels, GError ** error);

/**
 * ddpm_evaluator_settings_init:
 * @settings: (out): 500 images, 20 timesteps, batches of 16, seed 0, the
 *   variance DDPM_VARIANCE_FIXED_SMALL, clipped
 */
void ddpm_evaluator_settings_init (DdpmEvaluatorSettings * settings);

/**
 * ddpm_evaluator_new:
 * @model: a model, which is referenced
 * @backend: the backend that computes, which is referenced
 * @width: pixels of an image
 * @height: pixels of an image
 * @settings: settings, which are copied
 * @read: (scope forever): reads the images
 * @data: (closure read): data for @read
 * @error: DDPM_ERROR_SETTINGS for no image, for more timesteps than T or 1 of
 *   several, and for a size that the network cannot have; DDPM_ERROR_NO_SPACE
 *   if there is not enough memory
 *
 * Returns: (transfer full): an evaluator, or NULL
 */
DdpmEvaluator *ddpm_evaluator_new (DdpmModel * model, DdpmBackend * backend,
    guint width, guint height, const DdpmEvaluatorSettings * settings,
    DdpmEvaluatorRead read, gpointer data, GError ** error);
void ddpm_evaluator_free (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_get_n_evaluations:
 * @evaluator: an evaluator
 *
 * Returns: evaluations of the network to do in all
 */
guint64 ddpm_evaluator_get_n_evaluations (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_get_n_done:
 * @evaluator: an evaluator
 *
 * Returns: evaluations of the network done so far
 */
guint64 ddpm_evaluator_get_n_done (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_step:
 * @evaluator: an evaluator
 * @error: an error of the function that reads images; DDPM_ERROR_SETTINGS for a
 *   label that is not a class of the model; DDPM_ERROR_DIVERGED if the network
 *   predicts what is not a finite number; or a failure of the backend
 *
 * Evaluates the next batch, the last of which may be smaller. When all is done
 * it does nothing.
 *
 * Returns: FALSE on an error
 */
gboolean ddpm_evaluator_step (DdpmEvaluator * evaluator, GError ** error);

/**
 * ddpm_evaluator_get_results:
 * @evaluator: an evaluator
 * @results: (out): estimates from the images evaluated so far
 */
void ddpm_evaluator_get_results (DdpmEvaluator * evaluator,
    DdpmEvaluation * results);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmEvaluator, ddpm_evaluator_free)

G_END_DECLS
