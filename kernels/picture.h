/* gst-ddpm: pictures: images of 8-bit pixels side by side
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * DdpmPicture:
 * @n: number of images
 * @columns: number of images in a row
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @channels: 1 to 4; the fourth is alpha
 * @unit: whether floats are in [0, 1]; else they are in [-1, 1]
 * @component: the first byte of each channel, and then that of an alpha that no
 *   channel fills; %NULL: there is none
 * @stride: bytes from one row of pixels to the next, for each component
 * @pixel_stride: bytes from one pixel to the next
 *
 * A picture of @n images of 8-bit pixels, @columns of them side by side, row by
 * row. Cells without an image are black. It does not own its memory.
 */
typedef struct
{
  uint32_t n, columns;
  uint32_t width, height;
  uint32_t channels;
  int32_t unit;
  uint8_t *component[4];
  size_t stride[4];
  uint32_t pixel_stride;
} DdpmPicture;
