/* gst-ddpm: 8-bit pixels to numbers, and back
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"
#include "kernels/picture.h"

G_BEGIN_DECLS

/**
 * ddpm_pixels_to_float: (skip)
 * @range: data range
 * @in: (array length=count): pixels p
 * @count: number of pixels
 * @out: (array length=count): the numbers to write
 *
 * Converts pixels to numbers: p / 127.5 - 1 (symmetric) or p / 255 (unit).
 */
void ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out);

/**
 * ddpm_pixels_from_float: (skip)
 * @range: data range
 * @in: (array length=count): numbers
 * @count: number of numbers
 * @out: (array length=count): the pixels to write
 *
 * Converts numbers to the nearest pixels. Numbers beyond the range are clamped;
 * NaN becomes 0.
 */
void ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in,
    gsize count, guint8 * out);

/**
 * ddpm_pixels_from_host_picture: (skip)
 * @backend: the backend that computes
 * @picture: images in system memory
 * @pixels: memory of @backend to write, [n][height][width][channels] bytes
 * @error: return location for a #GError
 *
 * Copies the pixels of the images out of a picture, and waits until they are
 * there.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE or %DDPM_ERROR_LIBRARY if
 *   the backend failed
 */
gboolean ddpm_pixels_from_host_picture (DdpmBackend * backend,
    const DdpmPicture * picture, guint8 * pixels, GError ** error);

/**
 * ddpm_pixels_from_picture: (skip)
 * @backend: the backend that computes
 * @picture: images in memory that @backend can read
 * @pixels: memory of @backend to write, [n][height][width][channels] bytes
 * @error: return location for a #GError
 *
 * Does what ddpm_pixels_from_host_picture() does, for a picture in memory of
 * the backend's context.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE or %DDPM_ERROR_LIBRARY if
 *   the backend failed
 */
gboolean ddpm_pixels_from_picture (DdpmBackend * backend,
    const DdpmPicture * picture, guint8 * pixels, GError ** error);

G_END_DECLS
