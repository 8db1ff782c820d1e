/* gst-ddpm: files of other formats (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The bytes at the beginning of a file that are looked at */
#define DDPM_FOREIGN_SIZE 262

/* What a file is that begins with these bytes [size], such as "a zip archive".
 * Returns: (nullable): NULL: not known */
const gchar *ddpm_foreign_get_name (gconstpointer bytes, gsize size);

G_END_DECLS
