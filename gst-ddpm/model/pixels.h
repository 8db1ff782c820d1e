/* gst-ddpm: 8-bit pixels to numbers, and back
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"
#include "kernels/picture.h"

G_BEGIN_DECLS

/**
 * ddpm_pixels_to_float:
 * @range: data range
 * @in: (array length=count): pixels
 * @count: number of pixels
 * @out: (array length=count): numbers to write: p / 127.5 - 1 (symmetric) or
 *   p / 255 (unit)
 */
void ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out);

/**
 * ddpm_pixels_from_float:
 * @range: data range
 * @in: (array length=count): numbers
 * @count: number of pixels
 * @out: (array length=count): pixels to write, rounded to the nearest and
 *   clamped (NaN: 0)
 */
void ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in,
    gsize count, guint8 * out);

/**
 * ddpm_pixels_from_host_picture:
 * @backend: the backend that @pixels is of
 * @picture: images in memory of the host
 * @pixels: (n, height, width, channels) memory of the backend, complete after
 *   the call
 * @error: what failed
 *
 * Returns: FALSE if the backend failed
 */
gboolean ddpm_pixels_from_host_picture (DdpmBackend * backend,
    const DdpmPicture * picture, guint8 * pixels, GError ** error);

/**
 * ddpm_pixels_from_picture:
 * @backend: the backend that the memory is of
 * @picture: images in memory that the backend can read
 * @pixels: (n, height, width, channels) memory of the backend, complete after
 *   the call
 * @error: what failed
 *
 * Returns: FALSE if the backend failed
 */
gboolean ddpm_pixels_from_picture (DdpmBackend * backend,
    const DdpmPicture * picture, guint8 * pixels, GError ** error);

G_END_DECLS
