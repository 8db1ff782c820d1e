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
 * A model, a sampler and a batch of states on their way from noise to images.
 *
 * States are [batch][height][width][image_channels] floats. Only one thread at
 * a time may use a denoiser.
 */
typedef struct _DdpmDenoiser DdpmDenoiser;

GType ddpm_denoiser_get_type (void);

/**
 * ddpm_denoiser_new:
 * @model: a model; the denoiser keeps a reference
 * @backend: the backend that computes; the denoiser keeps a reference
 * @batch: images of a batch
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @spec: how to sample; it is copied
 * @error: return location for a #GError
 *
 * Loads the weights into the backend and allocates all memory: steps allocate
 * nothing.
 *
 * Returns: (transfer full): a denoiser; %NULL and %DDPM_ERROR_SETTINGS for a
 *   specification or an image size that the model does not allow,
 *   %DDPM_ERROR_NO_SPACE if there is not enough memory
 */
DdpmDenoiser *ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, const DdpmSamplerSpec * spec,
    GError ** error);

/**
 * ddpm_denoiser_free: (skip)
 * @denoiser: (nullable) (transfer full): a denoiser
 *
 * Frees a denoiser.
 */
void ddpm_denoiser_free (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_set_spec:
 * @denoiser: a denoiser
 * @spec: how to sample; it is copied
 * @error: return location for a #GError
 *
 * Sets how the following batches are sampled. The network stays as it is, so
 * this takes little time, unless the guidance needs one evaluation a step in
 * the place of two, or two in the place of one. The current batch is given up.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a specification that
 *   the model does not allow, or %DDPM_ERROR_NO_SPACE if there is not enough
 *   memory; the specification is then the one before
 */
gboolean ddpm_denoiser_set_spec (DdpmDenoiser * denoiser,
    const DdpmSamplerSpec * spec, GError ** error);

/**
 * ddpm_denoiser_get_n_steps:
 * @denoiser: a denoiser
 *
 * Counts the reverse steps from the first state to the last.
 *
 * Returns: number of steps
 */
guint ddpm_denoiser_get_n_steps (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_set_labels: (skip)
 * @denoiser: a denoiser
 * @labels: (nullable): the class of each sample, [batch], or %DDPM_NO_LABEL;
 *   %NULL: no sample has a label, which is the default
 * @error: return location for a #GError
 *
 * Sets the labels of all following steps.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a label that is not a
 *   class of the model
 */
gboolean ddpm_denoiser_set_labels (DdpmDenoiser * denoiser,
    const gint * labels, GError ** error);

/**
 * ddpm_denoiser_set_label_mix: (skip)
 * @denoiser: a denoiser
 * @labels: the class of each sample, [batch], or %DDPM_NO_LABEL
 * @others: a second class of each sample, [batch], or %DDPM_NO_LABEL
 * @weights: the weight of the second one, [batch], 0 to 1
 * @error: return location for a #GError
 *
 * Sets the labels of all following steps, each between two classes: sample i
 * has the class embedding (1 - @weights[i]) e (@labels[i]) + @weights[i] e
 * (@others[i]), where that of %DDPM_NO_LABEL is 0. With weight 0 it has the
 * bits that ddpm_denoiser_set_labels() gives it.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a label that is not a
 *   class of the model, or a weight that is not 0 to 1
 */
gboolean ddpm_denoiser_set_label_mix (DdpmDenoiser * denoiser,
    const gint * labels, const gint * others, const gfloat * weights,
    GError ** error);

/**
 * ddpm_denoiser_set_sample_labels: (skip)
 * @denoiser: a denoiser
 * @labels: (nullable): gives each sample its class; %NULL: none has a label
 * @first_sample: index of the first sample of the batch
 * @error: return location for a #GError
 *
 * Sets the labels of all following steps to those that @labels give the samples
 * of a batch; between keyframes, to a mixture of those that they give to sample
 * K and K + 1 for the keyframes K and K + 1.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for labels of another
 *   model, or %DDPM_ERROR_NO_SPACE
 */
gboolean ddpm_denoiser_set_sample_labels (DdpmDenoiser * denoiser,
    const DdpmLabels * labels, guint64 first_sample, GError ** error);

/**
 * ddpm_denoiser_set_keyframes:
 * @denoiser: a denoiser
 * @interval: samples from one keyframe to the next; 0, the default: there are
 *   no keyframes
 *
 * Makes samples flow into one another: all noise of a sample, x_T and what
 * steps add, is that of ddpm_noise_keyframe_normal(). It holds for batches that
 * begin after the call, and for the labels that are set after it.
 */
void ddpm_denoiser_set_keyframes (DdpmDenoiser * denoiser, guint interval);

/**
 * ddpm_denoiser_begin: (skip)
 * @denoiser: a denoiser
 * @x: the state to start from, in system memory
 * @seed: seed of the noise that steps add
 * @first_sample: index of the first sample of the batch
 *
 * Starts a batch at the state `start` of the #DdpmSamplerSpec. The noise of a
 * sample depends on @seed and on its index, and not on the batch.
 */
void ddpm_denoiser_begin (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);

/**
 * ddpm_denoiser_begin_from: (skip)
 * @denoiser: a denoiser
 * @x: the state to start from, in memory of a backend of the same context. It
 *   must be complete, and may be overwritten after the call
 * @seed: seed of the noise that steps add
 * @first_sample: index of the first sample of the batch
 *
 * Starts a batch as ddpm_denoiser_begin() does.
 */
void ddpm_denoiser_begin_from (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);

/**
 * ddpm_denoiser_begin_with_noise:
 * @denoiser: a denoiser
 * @labels: (nullable): gives each sample its class; %NULL: no sample has a
 *   label
 * @seed: seed of x_T and of the noise that steps add
 * @first_sample: index of the first sample of the batch
 * @error: return location for a #GError
 *
 * Starts a batch from noise: draws x_T from the stream %DDPM_STREAM_X_T and
 * sets the labels of all following steps. These are the images that the
 * elements generate for the same seed.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for labels of another
 *   model, or if the backend failed
 */
gboolean ddpm_denoiser_begin_with_noise (DdpmDenoiser * denoiser,
    const DdpmLabels * labels, guint64 seed, guint64 first_sample,
    GError ** error);

/**
 * ddpm_denoiser_set_known: (skip)
 * @denoiser: a denoiser
 * @pixels: (nullable): the images of which a part is known, [batch][height]
 *   [width][image_channels]; %NULL: nothing is known
 * @alpha: (nullable): [batch][height][width], 128 and more where a pixel is
 *   known
 * @error: return location for a #GError
 *
 * Sets what is known of the images of the batch that has begun, so that the
 * steps generate the rest: inpainting (Lugmayr et al. 2022, "RePaint",
 * algorithm 1). After each step to a state s, the known pixels of sample n are
 * put back, with as much noise as the state has: that of the stream 2^30 + s of
 * (seed, n), and of 2^30 + s + 65536 r at the r-th return to s, which the
 * resample of #DdpmSamplerSpec makes. At the end known pixels are exactly those
 * of @pixels, and others are blended with them by @alpha / 255.
 *
 * The state to start from should contain the known part too. Each
 * ddpm_denoiser_begin() forgets what is known.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE if there is not enough
 *   memory
 */
gboolean ddpm_denoiser_set_known (DdpmDenoiser * denoiser,
    const guint8 * pixels, const guint8 * alpha, GError ** error);

/**
 * ddpm_denoiser_set_cancel: (skip)
 * @denoiser: a denoiser
 * @func: (nullable): tells whether a step should stop; %NULL: none should
 * @data: for @func
 *
 * Sets a function that is asked often during a step, so that a step of large
 * images, which may take seconds, ends soon. A GPU makes the steps behind the
 * program; there, @func is not asked.
 */
void ddpm_denoiser_set_cancel (DdpmDenoiser * denoiser, DdpmCancelFunc func,
    gpointer data);

/**
 * ddpm_denoiser_step:
 * @denoiser: a denoiser
 *
 * Makes the next reverse step. A cancelled step changes nothing; the next call
 * makes it again.
 *
 * Returns: %FALSE if no step was left, if the step was cancelled, if the
 *   backend failed, or if the
 *   prediction is not finite (on a GPU, this is checked after the last step).
 *   The functions that read the state then report the error, which is
 *   %DDPM_ERROR_DIVERGED if the prediction was not finite
 */
gboolean ddpm_denoiser_step (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_get_state:
 * @denoiser: a denoiser
 *
 * Tells how far the batch is.
 *
 * Returns: index s of the current state x_s: `start` of the #DdpmSamplerSpec at
 *   first, `stop` at the end
 */
guint ddpm_denoiser_get_state (DdpmDenoiser * denoiser);

/**
 * ddpm_denoiser_read: (skip)
 * @denoiser: a denoiser
 * @x: the state to write, in system memory
 * @error: return location for a #GError
 *
 * Waits for the current state and copies it.
 *
 * Returns: %TRUE, or %FALSE and the first failure of the backend since the
 *   batch began; @x is then undefined
 */
gboolean ddpm_denoiser_read (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);

/**
 * ddpm_denoiser_read_pixels:
 * @denoiser: a denoiser
 * @error: return location for a #GError
 *
 * Waits for the current state and converts it to pixels.
 *
 * Returns: (transfer full): [batch][height][width][image_channels] bytes; %NULL
 *   and the first failure of the backend since the batch began
 */
GBytes *ddpm_denoiser_read_pixels (DdpmDenoiser * denoiser, GError ** error);

/**
 * ddpm_denoiser_wait:
 * @denoiser: a denoiser
 * @error: return location for a #GError
 *
 * Waits until the current state is computed.
 *
 * Returns: %TRUE, or %FALSE and the first failure of the backend since the
 *   batch began
 */
gboolean ddpm_denoiser_wait (DdpmDenoiser * denoiser, GError ** error);

/**
 * ddpm_denoiser_copy: (skip)
 * @denoiser: a denoiser
 * @x: the state to write, in memory of a backend of the same context. It is
 *   complete after the call
 * @error: return location for a #GError
 *
 * Copies the current state inside the memory of the device.
 *
 * Returns: %TRUE, or %FALSE and the first failure of the backend since the
 *   batch began; @x is then undefined
 */
gboolean ddpm_denoiser_copy (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);

/**
 * ddpm_denoiser_paint: (skip)
 * @denoiser: a denoiser
 * @first: index in the batch of the first sample to paint
 * @picture: as many images as samples to paint, in memory that the backend can
 *   write. Its image size, channels and unit are ignored: they are the model's
 * @stream: (nullable): a CUstream of the backend's context in which others use
 *   the memory of @picture: painting is queued there and the call does not
 *   wait. %NULL: the picture is complete after the call
 * @error: return location for a #GError
 *
 * Converts samples of the current state to pixels of a picture.
 *
 * Returns: %TRUE, or %FALSE and the first failure of the backend since the
 *   batch began; the picture is then undefined
 */
gboolean ddpm_denoiser_paint (DdpmDenoiser * denoiser, guint first,
    const DdpmPicture * picture, gpointer stream, GError ** error);

/**
 * ddpm_denoiser_paint_on_host: (skip)
 * @denoiser: a denoiser
 * @first: index in the batch of the first sample to paint
 * @picture: as for ddpm_denoiser_paint(), but in system memory
 * @error: return location for a #GError
 *
 * Converts samples of the current state to pixels of a picture in system
 * memory.
 *
 * Returns: %TRUE, or %FALSE and the first failure of the backend since the
 *   batch began; the picture is then undefined
 */
gboolean ddpm_denoiser_paint_on_host (DdpmDenoiser * denoiser, guint first,
    const DdpmPicture * picture, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmDenoiser, ddpm_denoiser_free)

G_END_DECLS
