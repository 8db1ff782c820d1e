/* gst-ddpm: numbers <-> 8-bit pixels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In double, so that each result is the correctly rounded one.
 */
#include "ddpm-pixels.h"

void
ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out)
{
  gsize i;

  if (range == DDPM_DATA_RANGE_UNIT) {
    for (i = 0; i < count; i++)
      out[i] = (gfloat) (in[i] / 255.0);
  } else {
    for (i = 0; i < count; i++)
      out[i] = (gfloat) (in[i] / 127.5 - 1.0);
  }
}

/* NaN fails the first comparison and so is 0. */
static inline guint8
to_pixel (gdouble level)
{
  if (!(level > 0.0))
    return 0;
  return level < 255.0 ? (guint8) (level + 0.5) : 255;
}

void
ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in, gsize count,
    guint8 * out)
{
  gsize i;

  if (range == DDPM_DATA_RANGE_UNIT) {
    for (i = 0; i < count; i++)
      out[i] = to_pixel (in[i] * 255.0);
  } else {
    for (i = 0; i < count; i++)
      out[i] = to_pixel ((in[i] + 1.0) * 127.5);
  }
}
