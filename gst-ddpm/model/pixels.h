/* gst-ddpm: numbers <-> 8-bit pixels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/config.h"

G_BEGIN_DECLS

/* u8 -> float: symmetric p / 127.5 - 1, unit p / 255; in, out [count] */
void ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out);
/* float -> u8, clamped, to the nearest (NaN: 0) */
void ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in,
    gsize count, guint8 * out);

G_END_DECLS
