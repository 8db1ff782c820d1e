/* gst-ddpm: the UNet, forward and backward, over the operation table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

/* One network for one batch size, image size and backend: plans and memory
 * are made once, running allocates nothing. */
typedef struct _DdpmUnet DdpmUnet;

/* training: keeps what backward needs. References backend. DDPM_ERROR_SETTINGS
 * for a batch or a size that the network cannot have, DDPM_ERROR_NO_SPACE where
 * memory is short. */
DdpmUnet *ddpm_unet_new (const DdpmConfig * config, DdpmBackend * backend,
    guint batch, guint width, guint height, gboolean training, GError ** error);
void ddpm_unet_free (DdpmUnet * unet);
/* bytes of backend memory taken */
gsize ddpm_unet_get_memory (DdpmUnet * unet);
/* Floating-point operations of a forward pass of one image, as far as they are
 * of gemms and convolutions: a multiplication and an addition are two. config
 * and size must be possible. */
gdouble ddpm_unet_count_flops (const DdpmConfig * config, guint width,
    guint height);

/* As ddpm_unet_set_weights (), from any thread */
void ddpm_unet_load_weights (DdpmUnet * unet, const float *arena);

/* The next three are called inside ddpm_backend_run (). Pointers are memory of
 * the backend, but t and labels, which are host memory. */

/* arena [params->total]: must stay valid and unchanged until set again, since
 * norms and linears read it directly; convolutions are reordered now. */
void ddpm_unet_set_weights (DdpmUnet * unet, const float *arena);
/* x_t (batch, height, width, image_channels), t [batch], eps as x_t. labels
 * [batch]: below the number of classes; -1, and NULL for all: no label.
 * drop: seed and first_sample of dropout, whose p comes from the config;
 * NULL: no dropout. */
void ddpm_unet_forward (DdpmUnet * unet, const float *x_t, const gint * t,
    const gint * labels, const DdpmDropout * drop, float *eps);
/* After forward with the same x_t, labels and drop. deps as eps; grads
 * [params->trainable]; add: += instead of =. */
void ddpm_unet_backward (DdpmUnet * unet, const float *x_t,
    const gint * labels, const DdpmDropout * drop, const float *deps,
    float *grads, gboolean add);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmUnet, ddpm_unet_free)

G_END_DECLS
