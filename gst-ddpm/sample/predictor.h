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
 * A model in the memory of a backend, which predicts the noise (or v, as its
 * config says) of a batch of states, with classifier-free guidance. A predictor
 * is for one thread at a time.
 */
typedef struct _DdpmPredictor DdpmPredictor;

/**
 * ddpm_predictor_new:
 * @model: a model, which is referenced
 * @backend: the backend that computes, which is referenced
 * @batch: images at a time
 * @width: pixels of an image
 * @height: pixels of an image
 * @guidance: guidance scale, as in DdpmSamplerSpec
 * @error: DDPM_ERROR_SETTINGS for a batch or a size that the network cannot
 *   have; DDPM_ERROR_NO_SPACE if there is not enough memory
 *
 * Loads the weights into the backend and allocates all memory.
 *
 * Returns: (transfer full): a predictor, or NULL
 */
DdpmPredictor *ddpm_predictor_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, gdouble guidance, GError ** error);
void ddpm_predictor_free (DdpmPredictor * predictor);

/**
 * ddpm_predictor_predict:
 * @predictor: a predictor
 * @x_t: (nullable): states, (batch, height, width, image_channels); NULL: those
 *   of the call before
 * @t: [batch] the timestep of each state, 0 to T - 1
 * @labels: (nullable): [batch] the class of each image, DDPM_NO_LABEL for none;
 *   NULL: none has a label
 * @out: (nullable): what the network predicts, of the size of @x_t; NULL: the
 *   call waits for it, and copies nothing
 * @error: what failed
 *
 * Evaluates the network once. All arrays are memory of the host.
 *
 * Returns: FALSE if the backend failed, and then @out is of no use
 */
gboolean ddpm_predictor_predict (DdpmPredictor * predictor, const gfloat * x_t,
    const gint * t, const gint * labels, gfloat * out, GError ** error);

/**
 * ddpm_predictor_count_flops:
 * @config: a configuration
 * @width: pixels of an image, which passes the network
 * @height: pixels of an image
 *
 * Returns: floating-point operations of convolutions and gemms in one
 *   evaluation of one image without guidance: a multiplication and an addition
 *   are two
 */
gdouble ddpm_predictor_count_flops (const DdpmConfig * config, guint width,
    guint height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmPredictor, ddpm_predictor_free)

G_END_DECLS
