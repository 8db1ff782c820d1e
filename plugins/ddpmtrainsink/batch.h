/* gst-ddpm: the batch of the next optimizer step: images and labels
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
  guint n, size;                /* current and maximum number of images */
  gsize image_size;             /* bytes */
  guint8 *pixels;               /* (size, height, width, channels), in memory of
                                 * backend */
  guint classes;
  gint *labels;                 /* [size]; NULL: no classes */
} GstDdpmTrainBatch;

/* batch: zeroed or cleared. References backend. FALSE, with
 * DDPM_ERROR_NO_SPACE: not enough memory */
gboolean gst_ddpm_train_batch_init (GstDdpmTrainBatch * batch, guint size,
    const GstVideoInfo * info, guint classes, DdpmBackend * backend,
    GError ** error);
void gst_ddpm_train_batch_clear (GstDdpmTrainBatch * batch);
/* Adds the image of a buffer, in any layout but of the size in init, and its
 * label. The batch must not be full. */
gboolean gst_ddpm_train_batch_add (GstDdpmTrainBatch * batch,
    const GstVideoInfo * info, GstBuffer * buffer,
    const GstDdpmSample * sample, GError ** error);

G_END_DECLS
