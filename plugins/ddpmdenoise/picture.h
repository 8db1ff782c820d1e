/* gst-ddpm: states as pictures: one sample a frame, or a batch as a mosaic
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "gst-ddpm/ddpm.h"
#include "plugins/common/caps.h"

G_BEGIN_DECLS

#define GST_DDPM_PICTURE_FORMATS "{ RGB, RGBP, GRAY8 }"
/* Of either side of a frame; mosaics can be as large */
#define GST_DDPM_PICTURE_MAX_SIZE 32767

/* The frame of a batch that is laid out in so many columns, row by row; 0: one
 * sample. FALSE: it would be larger than GST_DDPM_PICTURE_MAX_SIZE */
gboolean gst_ddpm_picture_get_size (const GstDdpmTensorInfo * info,
    guint columns, guint * width, guint * height);
/* Frames that show a batch: 1, or one a sample where columns is 0 */
guint gst_ddpm_picture_get_n_frames (const GstDdpmTensorInfo * info,
    guint columns);
/* Paints frame n of those. x: a state (batch, height, width, channels); the
 * frame's format has as many channels, its size is that of get_size. Cells
 * without a sample are black. */
void gst_ddpm_picture_paint (GstVideoFrame * frame,
    const GstDdpmTensorInfo * info, DdpmDataRange range, guint columns,
    guint n, const gfloat * x);

G_END_DECLS
