/* gst-ddpm: 8-bit pixels to numbers, and back
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Computed in double, so that each result is correctly rounded.
 */
#include "gst-ddpm/model/pixels.h"
#include "kernels/picture.h"

void
ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out)
{
  const gboolean unit = range == DDPM_DATA_RANGE_UNIT;
  gsize i;

  for (i = 0; i < count; i++)
    out[i] = ddpm_pixel_to_float (unit, in[i]);
}

void
ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in, gsize count,
    guint8 * out)
{
  const gboolean unit = range == DDPM_DATA_RANGE_UNIT;
  gsize i;

  for (i = 0; i < count; i++)
    out[i] = ddpm_pixel_from_float (unit, in[i]);
}
