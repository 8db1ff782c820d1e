/* gst-ddpm: one picture of a file, in the size of a frame
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDdpmFit:
 * @GST_DDPM_FIT_CROP: the middle of the picture fills the frame
 * @GST_DDPM_FIT_PAD: all of the picture, with bars beside it
 * @GST_DDPM_FIT_STRETCH: all of the picture, distorted
 *
 * How a picture fits into a frame of another shape.
 */
typedef enum
{
  GST_DDPM_FIT_CROP,
  GST_DDPM_FIT_PAD,
  GST_DDPM_FIT_STRETCH,
} GstDdpmFit;

/**
 * GstDdpmPictureFormat:
 * @width: width of the frame in pixels
 * @height: height of the frame in pixels
 * @fit: how a picture of another shape fits
 * @background: colour of bars and behind transparent pixels, 0xRRGGBB
 *
 * What is made of the pictures.
 */
typedef struct
{
  guint width, height;
  GstDdpmFit fit;
  guint background;
} GstDdpmPictureFormat;

/**
 * gst_ddpm_picture_file_read:
 * @path: (type filename): a file
 * @format: what to make of it
 * @pixels: [height][width][3] bytes to write: RGB
 * @cancel: (nullable): reading ends early once this is not 0
 * @error: return location for a #GError
 *
 * Reads a PNG, JPEG, WebP, BMP, GIF (its first frame) or TIFF picture, turned
 * as its EXIF data say. Where it is larger than the frame, a pixel of the frame
 * is the mean of the pixels that it covers. Any thread may call it; the bytes
 * are a function of the file and @format.
 *
 * Returns: %TRUE; %FALSE and DDPM_ERROR_NOT_FOUND, _READ, _FORMAT (a broken
 *   file, or no picture), _NO_SPACE (too large), or _UNSUPPORTED (gdk-pixbuf
 *   lacks its loader). Then @pixels are undefined
 */
gboolean gst_ddpm_picture_file_read (const gchar * path,
    const GstDdpmPictureFormat * format, guint8 * pixels, const gint * cancel,
    GError ** error);

G_END_DECLS
