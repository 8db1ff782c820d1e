/* gst-ddpm: what a model predicts for a batch of states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DdpmPredictor:
 *
 * A model in the memory of a backend. It predicts the noise (or v or the image,
 * as the model's configuration says) of a batch of states, with classifier-free
 * guidance. What the network predicts of the variance is not shown.
 *
 * Only one thread at a time may use a predictor.
 */
typedef struct _DdpmPredictor DdpmPredictor;

GType ddpm_predictor_get_type (void);

/**
 * ddpm_predictor_new:
 * @model: a model; the predictor keeps a reference
 * @backend: the backend that computes; the predictor keeps a reference
 * @batch: images of a batch
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @guidance: guidance scale, as in #DdpmSamplerSpec
 * @error: return location for a #GError
 *
 * Loads the weights into the backend and allocates all memory.
 *
 * Returns: (transfer full): a predictor; %NULL and %DDPM_ERROR_SETTINGS for a
 *   batch or an image size that the network cannot have, %DDPM_ERROR_NO_SPACE
 *   if there is not enough memory
 */
DdpmPredictor *ddpm_predictor_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, gdouble guidance, GError ** error);

/**
 * ddpm_predictor_free: (skip)
 * @predictor: (nullable) (transfer full): a predictor
 *
 * Frees a predictor.
 */
void ddpm_predictor_free (DdpmPredictor * predictor);

/**
 * ddpm_predictor_predict: (skip)
 * @predictor: a predictor
 * @x_t: (nullable): states, [batch][height][width][image_channels]; %NULL: the
 *   states of the previous call
 * @t: the timestep of each state, [batch], 0 to T - 1
 * @labels: (nullable): the class of each image, [batch], or %DDPM_NO_LABEL;
 *   %NULL: no image has a label
 * @out: (nullable): the prediction to write, of the size of @x_t; %NULL: the
 *   call only waits for it
 * @error: return location for a #GError
 *
 * Evaluates the network once. All arrays are in system memory.
 *
 * Returns: %FALSE if the backend failed; @out is then undefined
 */
gboolean ddpm_predictor_predict (DdpmPredictor * predictor, const gfloat * x_t,
    const gint * t, const gint * labels, gfloat * out, GError ** error);

/**
 * ddpm_predictor_count_flops:
 * @config: a configuration
 * @width: width of an image in pixels, which the network accepts
 * @height: height of an image in pixels
 *
 * Counts the floating-point operations of the convolutions and gemms in one
 * evaluation of one image without guidance. A multiplication and an addition
 * count as two.
 *
 * Returns: number of operations
 */
gdouble ddpm_predictor_count_flops (const DdpmConfig * config, guint width,
    guint height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmPredictor, ddpm_predictor_free)

G_END_DECLS
