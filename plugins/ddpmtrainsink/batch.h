/* gst-ddpm: the images that wait for a step of training, and their labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A batch is where its first image is: pictures of the GPU that trains stay
 * there, and others of that batch are brought there.
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/meta.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef struct
{
  guint n, size;                /* images that there are, and can be */
  gsize image_size;             /* bytes of one */
  guint8 *pixels;               /* (size, height, width, channels) */
  DdpmBackend *backend;
  gboolean on_device;           /* this batch is in memory of backend: */
  guint8 *device;               /* as pixels; NULL: no image was there yet */
  guint classes;
  gint *labels;                 /* [size]; NULL: there are no classes */
} GstDdpmTrainBatch;

/* batch: zeroed or cleared. backend: that trains, referenced. DDPM_ERROR_NO_SPACE where memory is short */
gboolean gst_ddpm_train_batch_init (GstDdpmTrainBatch * batch, guint size,
    const GstVideoInfo * info, guint classes, DdpmBackend * backend,
    GError ** error);
void gst_ddpm_train_batch_clear (GstDdpmTrainBatch * batch);
/* The image of a buffer, of the size of init and any layout, and its label;
 * sample NULL: it has none. There must be room. */
gboolean gst_ddpm_train_batch_add (GstDdpmTrainBatch * batch,
    const GstVideoInfo * info, GstBuffer * buffer,
    const GstDdpmSample * sample, GError ** error);

G_END_DECLS
