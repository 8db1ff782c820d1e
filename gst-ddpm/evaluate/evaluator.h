/* gst-ddpm: how good a model is: loss by timestep, variational bits/dim
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DDPM_EVALUATION_BINS:
 *
 * The largest number of bins in a #DdpmEvaluation.
 */
#define DDPM_EVALUATION_BINS 10

/**
 * DdpmEvaluatorSettings:
 * @images: number of images to evaluate
 * @timesteps: evaluations of the network for each image: one at timestep 0, and
 *   one at a random timestep in each of @timesteps - 1 parts of 1..T-1. An
 *   evaluation is weighted by the width of its part, so that estimates are
 *   unbiased. 0: all T timesteps
 * @batch: evaluations computed together; it changes results by rounding only
 * @seed: seed of timesteps and noise
 * @variance: variance of the reverse steps
 * @clip_x0: whether to clip the predicted x_0 to the data range
 *
 * How to evaluate a model.
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
 * @value: mean over the images; NaN: no image was evaluated
 * @error: standard error of @value; NaN: unknown, as there is one image only
 *
 * A mean and how sure it is.
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
 *
 * The part of a #DdpmEvaluation that belongs to a range of timesteps.
 */
typedef struct
{
  guint first, last;
  guint64 evaluations;
  DdpmEstimate eps_mse, bits;
} DdpmEvaluationBin;

/**
 * DdpmEvaluation:
 * @images: number of images evaluated at all their timesteps
 * @evaluations: evaluations of the network for these images
 * @n_bins: number of bins, at most %DDPM_EVALUATION_BINS and at most T
 * @bins: timesteps 0..T-1 in parts of equal size
 * @loss: mean of (eps - eps_theta)^2 over all timesteps (Ho et al. 2020,
 *   eq. 14)
 * @prior: L_T in bits/dim (Ho et al. 2020, eq. 5), as the terms below
 * @kl: sum of L_t over timesteps 1..T-1, the "rate"
 * @decoder: L_0, the "distortion"
 * @total: sum of the three: a bound on the length of a lossless code
 *
 * How good a model is.
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
 * A model and the sums over the images that it was evaluated with.
 *
 * Only one thread at a time may use an evaluator.
 */
typedef struct _DdpmEvaluator DdpmEvaluator;

GType ddpm_evaluator_get_type (void);

/**
 * DdpmEvaluatorRead: (skip)
 * @data: the caller's data
 * @i: number of the image; the calls count from 0 to images - 1
 * @sample: the index to write of the image in its data set; its random numbers
 *   depend on it
 * @label: the class to write of the image, for a model with classes; it is
 *   %DDPM_NO_LABEL before the call
 * @pixels: [height][width][image_channels] bytes to write
 * @error: return location for a #GError
 *
 * Reads an image to evaluate.
 *
 * Returns: %TRUE, or %FALSE and an error if it cannot be read
 */
typedef gboolean (*DdpmEvaluatorRead) (gpointer data, guint64 i,
    guint64 * sample, gint * label, guint8 * pixels, GError ** error);

/**
 * ddpm_evaluator_settings_init:
 * @settings: the settings to write
 *
 * Sets the defaults: 500 images, 20 timesteps, batches of 16, seed 0,
 * %DDPM_VARIANCE_FIXED_SMALL, clipping.
 */
void ddpm_evaluator_settings_init (DdpmEvaluatorSettings * settings);

/**
 * ddpm_evaluator_new: (skip)
 * @model: a model; the evaluator keeps a reference
 * @backend: the backend that computes; the evaluator keeps a reference
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @settings: settings; they are copied
 * @read: reads the images
 * @data: data for @read
 * @error: return location for a #GError
 *
 * Loads the weights into the backend and allocates all memory.
 *
 * Returns: (transfer full): an evaluator; %NULL and %DDPM_ERROR_SETTINGS for 0
 *   images, more timesteps than T, 1 timestep where T is larger, or an image
 *   size that the network cannot have; %DDPM_ERROR_NO_SPACE if there is not
 *   enough memory
 */
DdpmEvaluator *ddpm_evaluator_new (DdpmModel * model, DdpmBackend * backend,
    guint width, guint height, const DdpmEvaluatorSettings * settings,
    DdpmEvaluatorRead read, gpointer data, GError ** error);

/**
 * ddpm_evaluator_free: (skip)
 * @evaluator: (nullable) (transfer full): an evaluator
 *
 * Frees an evaluator.
 */
void ddpm_evaluator_free (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_get_n_evaluations:
 * @evaluator: an evaluator
 *
 * Counts all evaluations of the network that the settings ask for.
 *
 * Returns: number of evaluations
 */
guint64 ddpm_evaluator_get_n_evaluations (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_get_n_done:
 * @evaluator: an evaluator
 *
 * Counts the evaluations of the network so far.
 *
 * Returns: number of evaluations
 */
guint64 ddpm_evaluator_get_n_done (DdpmEvaluator * evaluator);

/**
 * ddpm_evaluator_step:
 * @evaluator: an evaluator
 * @error: return location for a #GError
 *
 * Evaluates the next batch; the last one may be smaller. Does nothing when all
 * is done.
 *
 * Returns: %TRUE, or %FALSE and the error of the function that reads images;
 *   %DDPM_ERROR_SETTINGS for a label that is not a class of the model;
 *   %DDPM_ERROR_DIVERGED if a prediction is not finite; or a failure of the
 *   backend
 */
gboolean ddpm_evaluator_step (DdpmEvaluator * evaluator, GError ** error);

/**
 * ddpm_evaluator_get_results:
 * @evaluator: an evaluator
 * @results: (out caller-allocates): the estimates to write
 *
 * Estimates from the images evaluated so far.
 */
void ddpm_evaluator_get_results (DdpmEvaluator * evaluator,
    DdpmEvaluation * results);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmEvaluator, ddpm_evaluator_free)

G_END_DECLS
