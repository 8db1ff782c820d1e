/* gst-ddpm: how a PNG or WebP picture lies, by its EXIF data
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Reads the tag Orientation, which gdk-pixbuf's loaders of JPEG and TIFF give,
 * but those of PNG and WebP do not. fd: any file; its position stays.
 * Returns: 1 to 8, as in EXIF 2.3, 4.6.4; 0: it has none */
guint gst_ddpm_exif_read_orientation (gint fd);

G_END_DECLS
