/* gst-ddpm: pixels of a picture from floats, and back
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include "kernels/host-device.h"
#include "kernels/picture.h"

DDPM_HOST_DEVICE uint32_t
ddpm_picture_width (const DdpmPicture * p)
{
  return p->columns * p->width;
}

DDPM_HOST_DEVICE uint32_t
ddpm_picture_height (const DdpmPicture * p)
{
  return p->n == 0 ? 0 : ((p->n - 1) / p->columns + 1) * p->height;
}

/* To the nearest level, in double, so that each is the correctly rounded one.
 * NaN fails the first comparison and so is 0. */
DDPM_HOST_DEVICE uint8_t
ddpm_pixel_from_float (int unit, float value)
{
  const double level = unit ? ddpm_multiply_add (value, 255.0, 0.5)
      : ddpm_multiply_add (value + 1.0, 127.5, 0.5);

  if (!(level > 0.0))
    return 0;
  return level < 255.0 ? (uint8_t) level : 255;
}

DDPM_HOST_DEVICE float
ddpm_pixel_to_float (int unit, uint8_t level)
{
  return unit ? (float) (level / 255.0) : (float) (level / 127.5 - 1.0);
}

/* The pixel of a column and a row of the picture; x [n][height][width]
 * [channels] */
DDPM_HOST_DEVICE void
ddpm_picture_paint_pixel (const DdpmPicture * p, const float *x,
    uint32_t column, uint32_t row)
{
  const uint32_t image = row / p->height * p->columns + column / p->width;
  const size_t pixel = ((size_t) image * p->height + row % p->height)
      * p->width + column % p->width;
  const size_t offset = (size_t) column * p->pixel_stride;
  uint32_t c;

  for (c = 0; c < p->channels; c++)
    p->component[c][row * p->stride[c] + offset] = image < p->n ?
        ddpm_pixel_from_float (p->unit, x[pixel * p->channels + c]) : 0;
  if (c < 4 && p->component[c])
    p->component[c][row * p->stride[c] + offset] = 255;
}

/* The other way about, as it is: pixels [n][height][width][channels]. Cells
 * without an image go nowhere. */
DDPM_HOST_DEVICE void
ddpm_picture_take_pixel (const DdpmPicture * p, uint32_t column,
    uint32_t row, uint8_t *pixels)
{
  const uint32_t image = row / p->height * p->columns + column / p->width;
  const size_t pixel = ((size_t) image * p->height + row % p->height)
      * p->width + column % p->width;
  const size_t offset = (size_t) column * p->pixel_stride;
  uint32_t c;

  for (c = 0; c < p->channels && image < p->n; c++)
    pixels[pixel * p->channels + c] =
        p->component[c][row * p->stride[c] + offset];
}

/* Images of so many rows and columns, each of which may be mirrored */
typedef struct
{
  uint32_t height, width, channels;
  int32_t unit;                 /* to [0, 1], else to [-1, 1] */
} DdpmPixels;

/* Element e of an image of numbers, from its bytes */
DDPM_HOST_DEVICE float
ddpm_pixels_element (const DdpmPixels * p, const uint8_t *bytes,
    int mirrored, size_t e)
{
  const size_t c = e % p->channels, pixel = e / p->channels;
  const size_t x = pixel % p->width, row = pixel - x;

  return ddpm_pixel_to_float (p->unit, bytes[(row + (mirrored
                  ? p->width - 1 - x : x)) * p->channels + c]);
}
