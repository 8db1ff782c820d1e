/* gst-ddpm: states as pictures: one sample a frame, or a batch as a mosaic
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "plugins/ddpmdenoise/picture.h"
#include "gst-ddpm/ddpm.h"

gboolean
gst_ddpm_picture_get_size (const GstDdpmTensorInfo * info, guint columns,
    guint * width, guint * height)
{
  guint across = MAX (columns, 1);
  guint down = columns ? (info->batch - 1) / columns + 1 : 1;

  /* The factors are bounded by the limits of plugins/common/caps.h. */
  *width = info->width * across;
  *height = info->height * down;
  return *width <= GST_DDPM_PICTURE_MAX_SIZE
      && *height <= GST_DDPM_PICTURE_MAX_SIZE;
}

guint
gst_ddpm_picture_get_n_frames (const GstDdpmTensorInfo * info, guint columns)
{
  return columns ? 1 : info->batch;
}

/* The place of a row of a cell in one plane, packed or not */
static guint8 *
get_row (GstVideoFrame * frame, guint plane, guint x, guint y)
{
  return (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, plane)
  + (gsize) y *GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
  + (gsize) x *GST_VIDEO_FRAME_COMP_PSTRIDE (frame, plane);
}

/* row (width, channels) -> planes */
static void
split_row (GstVideoFrame * frame, guint x, guint y, guint channels,
    guint width, const guint8 * row)
{
  guint c, i;

  for (c = 0; c < channels; c++) {
    guint8 *out = get_row (frame, c, x, y);

    for (i = 0; i < width; i++)
      out[i] = row[i * channels + c];
  }
}

static void
paint_sample (GstVideoFrame * frame, const GstDdpmTensorInfo * info,
    DdpmDataRange range, guint x, guint y, const gfloat * sample)
{
  gboolean planar = GST_VIDEO_FRAME_N_PLANES (frame) > 1;
  gsize row_size = (gsize) info->width * info->channels;
  g_autofree guint8 *row = planar ? g_malloc (row_size) : NULL;
  guint i;

  for (i = 0; i < info->height; i++) {
    const gfloat *in = sample + i * row_size;

    if (planar) {
      ddpm_pixels_from_float (range, in, row_size, row);
      split_row (frame, x, y + i, info->channels, info->width, row);
    } else {
      ddpm_pixels_from_float (range, in, row_size, get_row (frame, 0, x,
              y + i));
    }
  }
}

/* Also the padding of rows, so that frames are the same to the last byte */
static void
paint_black (GstVideoFrame * frame)
{
  guint plane;

  for (plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (frame); plane++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (frame, plane), 0,
        (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
        * GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane));
}

void
gst_ddpm_picture_paint (GstVideoFrame * frame, const GstDdpmTensorInfo * info,
    DdpmDataRange range, guint columns, guint n, const gfloat * x)
{
  gsize elements = (gsize) info->channels * info->width * info->height;
  guint i;

  paint_black (frame);
  if (columns == 0) {
    paint_sample (frame, info, range, 0, 0, x + n * elements);
    return;
  }
  for (i = 0; i < info->batch; i++)
    paint_sample (frame, info, range, i % columns * info->width,
        i / columns * info->height, x + i * elements);
}
