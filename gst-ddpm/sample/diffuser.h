/* gst-ddpm: images to noisy states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DdpmDiffuser:
 *
 * Adds as much noise to images as the schedule of a model has in one of its
 * states, from which a #DdpmDenoiser can then start (Meng et al. 2022,
 * "SDEdit", algorithm 1).
 *
 * Only one thread at a time may use a diffuser.
 */
typedef struct _DdpmDiffuser DdpmDiffuser;

GType ddpm_diffuser_get_type (void);

/**
 * ddpm_diffuser_new:
 * @model: the model, whose schedule, image channels and data range it has; the
 *   diffuser keeps a reference
 * @backend: the backend that computes; the diffuser keeps a reference
 * @batch: images of a batch
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @state: index s of the states x_s to make, 0 (the image) to T (pure noise)
 * @error: return location for a #GError
 *
 * Allocates all memory that a diffuser needs. The images may have any size up
 * to %DDPM_MAX_IMAGE_SIZE.
 *
 * Returns: (transfer full): a diffuser; %NULL and %DDPM_ERROR_SETTINGS for a
 *   batch, a size or a state that cannot be, %DDPM_ERROR_NO_SPACE if there is
 *   not enough memory
 */
DdpmDiffuser *ddpm_diffuser_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, guint state, GError ** error);

/**
 * ddpm_diffuser_free: (skip)
 * @diffuser: (nullable) (transfer full): a diffuser
 *
 * Frees a diffuser.
 */
void ddpm_diffuser_free (DdpmDiffuser * diffuser);

/**
 * ddpm_diffuser_set_keyframes:
 * @diffuser: a diffuser
 * @interval: samples from one keyframe to the next; 0, the default: there are
 *   none
 *
 * Sets whether the noise flows from keyframe to keyframe, as
 * ddpm_denoiser_set_keyframes() does for the steps.
 */
void ddpm_diffuser_set_keyframes (DdpmDiffuser * diffuser, guint interval);

/**
 * ddpm_diffuser_run: (skip)
 * @diffuser: a diffuser
 * @pixels: the images, [batch][height][width][image_channels] bytes in system
 *   memory
 * @seed: seed of the noise
 * @first_sample: index of the first sample
 * @x: the states to write, of the shape of @pixels, in system memory
 * @error: return location for a #GError
 *
 * Computes x_s = sqrt (alpha_bar) x_0 + sqrt (1 - alpha_bar) eps (Ho et al.
 * 2020, eq. 4), where alpha_bar is that of timestep s - 1 (from 0), and eps of
 * sample n has the numbers of ddpm_noise_normal() of the stream
 * %DDPM_STREAM_X_T. So the state T of sample n is about the noise from which
 * ddpm_denoiser_begin_with_noise() would start.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE or %DDPM_ERROR_LIBRARY if
 *   the backend failed; @x is then undefined
 */
gboolean ddpm_diffuser_run (DdpmDiffuser * diffuser, const guint8 * pixels,
    guint64 seed, guint64 first_sample, gfloat * x, GError ** error);

/**
 * ddpm_diffuser_choose_state:
 * @config: the configuration of a model
 * @state: index of a state, 0 to T
 *
 * Finds a state that the model can be sampled from. A model that was distilled
 * to few steps knows only the states where these begin: the nearest of them is
 * chosen, the noisier one of two. Other models know every state.
 *
 * Returns: index of the state; @state if @config is invalid
 */
guint ddpm_diffuser_choose_state (const DdpmConfig * config, guint state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmDiffuser, ddpm_diffuser_free)

G_END_DECLS
