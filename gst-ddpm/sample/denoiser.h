/* gst-ddpm: sampling a batch of images, step by step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"
#include "kernels/backend.h"
#include "kernels/picture.h"

G_BEGIN_DECLS

/**
 * DdpmDenoiser:
 *
 * A model, a sampler and a batch of states on their way from noise to images. A
 * denoiser is for one thread at a time.
 *
 * States are (batch, height, width, image_channels) floats.
 */
typedef struct _DdpmDenoiser DdpmDenoiser;

/**
 * ddpm_denoiser_new:
 * @model: a model, which is referenced
 * @backend: the backend that computes, which is referenced
 * @batch: images
 * @width: pixels of an image
 * @height: pixels of an image
 * @spec: how to sample, which is copied
 * @error: DDPM_ERROR_SETTINGS for a spec or a size that the model does not
 *   allow; DDPM_ERROR_NO_SPACE if there is not enough memory
 *
 * Loads the weights into the backend and allocates all memory: steps allocate
 * nothing.
 *
 * Returns: (transfer full): a denoiser, or NULL
 */
DdpmDenoiser *ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, const DdpmSamplerSpec * spec,
    GError ** error);
void ddpm_denoiser_free (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_get_n_steps:
 * @denoiser: a denoiser
 *
 * Returns: reverse steps from the first state to the last
 */
guint ddpm_denoiser_get_n_steps (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_set_labels:
 * @denoiser: a denoiser
 * @labels: (nullable): [batch] the class that each sample shows, or
 *   DDPM_NO_LABEL; NULL: none has a label, as at first
 * @error: DDPM_ERROR_SETTINGS for a label that is not a class of the model
 *
 * Sets the labels of all following steps.
 *
 * Returns: TRUE if they were set
 */
gboolean ddpm_denoiser_set_labels (DdpmDenoiser * denoiser,
    const gint * labels, GError ** error);

/**
 * ddpm_denoiser_begin:
 * @denoiser: a denoiser
 * @x: the first state, spec.start, in memory of the host
 * @seed: seed of the noise that steps add
 * @first_sample: index of the first sample of the batch
 *
 * Starts, or starts again, with other samples. The noise of a sample depends on
 * @seed and on its index, and not on the batch.
 */
void ddpm_denoiser_begin (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);

/**
 * ddpm_denoiser_begin_from:
 * @denoiser: a denoiser
 * @x: the first state in memory of a backend of the same context, which is
 *   complete, and can be written again after the call
 * @seed: seed of the noise that steps add
 * @first_sample: index of the first sample of the batch
 *
 * Starts as ddpm_denoiser_begin () does.
 */
void ddpm_denoiser_begin_from (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);

/**
 * ddpm_denoiser_step:
 * @denoiser: a denoiser
 *
 * Makes the next reverse step.
 *
 * Returns: FALSE if there was none left, or the backend failed, which
 *   ddpm_denoiser_read () then reports
 */
gboolean ddpm_denoiser_step (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_get_state:
 * @denoiser: a denoiser
 *
 * Returns: the state reached: spec.start at first, spec.stop at the end
 */
guint ddpm_denoiser_get_state (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_read:
 * @denoiser: a denoiser
 * @x: where the state is copied to, in memory of the host
 * @error: the first failure since ddpm_denoiser_begin ()
 *
 * Returns: FALSE if the backend failed, and then @x is of no use
 */
gboolean ddpm_denoiser_read (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);

/**
 * ddpm_denoiser_wait:
 * @denoiser: a denoiser
 * @error: the first failure since ddpm_denoiser_begin ()
 *
 * Waits until the state is computed.
 *
 * Returns: FALSE if the backend failed
 */
gboolean ddpm_denoiser_wait (DdpmDenoiser * denoiser, GError ** error);

/**
 * ddpm_denoiser_copy:
 * @denoiser: a denoiser
 * @x: where the state is copied to, in memory of a backend of the same context;
 *   it is complete after the call
 * @error: the first failure since ddpm_denoiser_begin ()
 *
 * Returns: FALSE if the backend failed, and then @x is of no use
 */
gboolean ddpm_denoiser_copy (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);

/**
 * ddpm_denoiser_paint:
 * @denoiser: a denoiser
 * @first: the first of the samples that are painted
 * @picture: as many samples as are painted, and memory that the backend can
 *   write; size and channels of an image and the range of its numbers are
 *   ignored, and are those of the model
 * @stream: (nullable): a CUstream of the backend's context, in whose order the
 *   memory is used by others: painting takes its place in that order, and the
 *   host does not wait. NULL: painting comes behind the work of the default
 *   stream, and the picture is complete after the call
 * @error: the first failure since ddpm_denoiser_begin ()
 *
 * Paints the state as pixels.
 *
 * Returns: FALSE if the backend failed, and then the picture is of no use
 */
gboolean ddpm_denoiser_paint (DdpmDenoiser * denoiser, guint first,
    const DdpmPicture * picture, gpointer stream, GError ** error);

/**
 * ddpm_denoiser_paint_on_host:
 * @denoiser: a denoiser
 * @first: the first of the samples that are painted
 * @picture: as for ddpm_denoiser_paint (), but in memory of the host
 * @error: the first failure since ddpm_denoiser_begin ()
 *
 * Returns: FALSE if the backend failed, and then the picture is of no use
 */
gboolean ddpm_denoiser_paint_on_host (DdpmDenoiser * denoiser, guint first,
    const DdpmPicture * picture, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmDenoiser, ddpm_denoiser_free)

G_END_DECLS
