/* gst-ddpm: the UNet, forward and backward, over the operation table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

/* How many timesteps are computed together. As many as a layer of few rows has
 * on a GPU: it then computes them as it computes those of a small batch. */
#define DDPM_TIMES_AT_ONCE 16

/* Bytes: what is kept of timesteps takes no more memory than this, unless two
 * rows for each image of a batch do. Tests change it. */
extern gsize ddpm_kept_times_size;

/* A network for one batch size, image size and backend. Plans and memory are
 * made once; running it allocates nothing. */
typedef struct _DdpmUnet DdpmUnet;

/* References backend. training: keeps what the backward pass reads. others:
 * bytes that the caller will allocate besides, for the same purpose. Errors:
 * DDPM_ERROR_SETTINGS for a batch or an image size that the network cannot
 * have, DDPM_ERROR_NO_SPACE if there is not enough memory for all together. */
DdpmUnet *ddpm_unet_new (const DdpmConfig * config, DdpmBackend * backend,
    guint batch, guint width, guint height, gboolean training, gsize others,
    GError ** error);
void ddpm_unet_free (DdpmUnet * unet);
/* Returns: bytes of memory of the backend in use */
gsize ddpm_unet_get_memory (DdpmUnet * unet);
/* Counts the floating-point operations of gemms and convolutions in a forward
 * pass of one image. A multiplication and an addition count as two. config and
 * size must be valid. */
gdouble ddpm_unet_count_flops (const DdpmConfig * config, guint width,
    guint height);

/* Does what ddpm_unet_set_weights () does; any thread may call it. */
void ddpm_unet_load_weights (DdpmUnet * unet, const float *arena);

/* Sets a function that is asked before each operation, and during long ones,
 * whether to stop; NULL: none. On a device, where the host is far ahead of the
 * operations, it is not asked. */
void ddpm_unet_set_cancel (DdpmUnet * unet, DdpmCancelFunc func,
    gpointer data);

/* Call the next three inside ddpm_backend_run (). t and labels are in system
 * memory, all other arrays in memory of the backend. */

/* arena [params->total]: the weights. They must stay valid and unchanged until
 * others are set: norms and linears read them, convolutions read reordered
 * copies. */
void ddpm_unet_set_weights (DdpmUnet * unet, const float *arena);
/* The class of an image: label (-1: none), or between two classes, of whose
 * embeddings (that of none is 0) it has (1 - weight) e (label) + weight e
 * (other). weight 0: other is not read */
typedef struct
{
  gint label, other;
  gfloat weight;
} DdpmClass;

/* For inference: keeps what later forward passes need of timestep t with this
 * class, so that they do not compute it; what is not kept, a forward
 * pass computes itself. Timesteps are computed together, when there are
 * DDPM_TIMES_AT_ONCE of them or ddpm_unet_compute_times () is called, as it has
 * to be before the next pass. What was not asked for longest is forgotten.
 * Do not call either inside graph_run (), whose runs make the same calls.
 * Returns: whether there is something left to compute */
gboolean ddpm_unet_keep_time (DdpmUnet * unet, gint t, DdpmClass of);
void ddpm_unet_compute_times (DdpmUnet * unet);
/* Both passes return FALSE if they were cancelled; what they write is then
 * undefined. */

/* For inference: the classes [batch] of the images of forward passes, in the
 * place of their labels; NULL: their labels are read. They must stay valid. */
void ddpm_unet_set_classes (DdpmUnet * unet, const DdpmClass * classes);

/* Computes the prediction eps [batch][height][width][out channels] of x_t
 * [batch][height][width][image_channels]; with a learned variance there are
 * twice as many out channels as image channels. t [batch]. labels [batch]: the
 * class of each image, -1: no label; NULL: no image has one. drop: seed and
 * first_sample of dropout, whose probability is the config's; NULL: no dropout.
 */
gboolean ddpm_unet_forward (DdpmUnet * unet, const float *x_t, const gint * t,
    const gint * labels, const DdpmDropout * drop, float *eps);
/* Computes the gradient grads [params->trainable] of the weights from deps, the
 * gradient of eps. Call it after ddpm_unet_forward () with the same x_t, labels
 * and drop. add: adds to grads instead of overwriting it. */
gboolean ddpm_unet_backward (DdpmUnet * unet, const float *x_t,
    const gint * labels, const DdpmDropout * drop, const float *deps,
    float *grads, gboolean add);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmUnet, ddpm_unet_free)

G_END_DECLS
