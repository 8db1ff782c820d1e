/* gst-ddpm: a model, a sampler and a batch of states on their way to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"

G_BEGIN_DECLS

typedef struct _DdpmDenoiser DdpmDenoiser;

/* Loads the weights into the backend, plans, and takes all memory: steps take
 * none. References model and backend. DDPM_ERROR_SETTINGS for a spec or a size
 * that the model does not allow, DDPM_ERROR_NO_SPACE where memory is short. A
 * denoiser is for one thread at a time. */
DdpmDenoiser *ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, const DdpmSamplerSpec * spec,
    GError ** error);
void ddpm_denoiser_free (DdpmDenoiser * denoiser);

/* Evaluations of the network from start to stop */
guint ddpm_denoiser_get_n_steps (DdpmDenoiser * denoiser);
/* labels [batch], copied: the class that each sample shows, or -1: none. They
 * stay until others are set; before that, and with NULL, there are none.
 * DDPM_ERROR_SETTINGS for what is no class of the model */
gboolean ddpm_denoiser_set_labels (DdpmDenoiser * denoiser,
    const gint * labels, GError ** error);
/* x: host, (batch, height, width, image_channels), the state spec.start of
 * samples first_sample .. first_sample + batch - 1 */
void ddpm_denoiser_begin (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);
/* The same; x: memory of a backend of the same context, complete, and free for
 * other use after the call */
void ddpm_denoiser_begin_from (DdpmDenoiser * denoiser, const gfloat * x,
    guint64 seed, guint64 first_sample);
/* One reverse step. FALSE: there was none left, or the backend failed, which
 * read says. */
gboolean ddpm_denoiser_step (DdpmDenoiser * denoiser);
/* The state reached: spec.start after begin, spec.stop at the end */
guint ddpm_denoiser_get_state (DdpmDenoiser * denoiser);
/* Copies the state to host memory of the size that begin takes. FALSE: the
 * backend failed since begin, by now or before; x is of no use. */
gboolean ddpm_denoiser_read (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);
/* Waits until the state is there; FALSE as read */
gboolean ddpm_denoiser_wait (DdpmDenoiser * denoiser, GError ** error);
/* As read, to memory of a backend of the same context, where it is complete
 * after the call */
gboolean ddpm_denoiser_copy (DdpmDenoiser * denoiser, gfloat * x,
    GError ** error);
/* Paints picture->n of the samples, from first on, in such memory. Size and
 * channels of an image, and the range of its numbers, are filled in here.
 * stream: a CUstream of the context in which others use that memory: painting
 * is put in its order, and the host does not wait. NULL: it comes behind what
 * the default stream has, and is complete after the call. FALSE as read */
gboolean ddpm_denoiser_paint (DdpmDenoiser * denoiser, guint first,
    const DdpmPicture * picture, gpointer stream, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmDenoiser, ddpm_denoiser_free)

G_END_DECLS
