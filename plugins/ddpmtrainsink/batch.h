/* gst-ddpm: the images that wait for a step of training, and their labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/meta.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef struct
{
  DdpmBackend *backend;
  guint n, size;                /* images that there are, and can be */
  gsize image_size;             /* bytes of one */
  guint8 *pixels;               /* (size, height, width, channels), memory of
                                 * backend */
  guint classes;
  gint *labels;                 /* [size]; NULL: there are no classes */
} GstDdpmTrainBatch;

/* batch: zeroed or cleared. backend, which is referenced, trains.
 * DDPM_ERROR_NO_SPACE where memory is short */
gboolean gst_ddpm_train_batch_init (GstDdpmTrainBatch * batch, guint size,
    const GstVideoInfo * info, guint classes, DdpmBackend * backend,
    GError ** error);
void gst_ddpm_train_batch_clear (GstDdpmTrainBatch * batch);
/* Adds the image of a buffer, of the size that init was told and in any layout,
 * and its label. sample: NULL: the image has none. There must be room. */
gboolean gst_ddpm_train_batch_add (GstDdpmTrainBatch * batch,
    const GstVideoInfo * info, GstBuffer * buffer,
    const GstDdpmSample * sample, GError ** error);

G_END_DECLS
