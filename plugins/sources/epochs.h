/* gst-ddpm: the order of the images of a data set, epoch by epoch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/meta.h"

G_BEGIN_DECLS

/**
 * GstDdpmEpochs:
 * @n_images: images in the data set
 * @n_frames: images of all epochs, or GST_DDPM_FRAMES_ENDLESS
 *
 * Which image of the data set a frame shows: a function of the seed and the
 * number of the frame only. The other members are private.
 */
typedef struct
{
  guint64 n_images, n_frames;
  guint64 seed;
  guint64 *order;               /* [n_images]; NULL: not shuffled */
  guint64 order_epoch;          /* epoch of order; G_MAXUINT64: none yet */
} GstDdpmEpochs;

/* n_epochs 0: without end. FALSE, with DDPM_ERROR_NO_SPACE: no memory for an
 * order */
gboolean gst_ddpm_epochs_init (GstDdpmEpochs * epochs, guint64 n_images,
    guint n_epochs, gboolean shuffle, guint64 seed, GError ** error);
/* Frees the order. May be called twice. */
void gst_ddpm_epochs_clear (GstDdpmEpochs * epochs);
/* Fills sample, except for its label, for the number of a frame. */
void gst_ddpm_epochs_locate (GstDdpmEpochs * epochs, guint64 frame,
    GstDdpmSample * sample);

G_END_DECLS
