/* gst-ddpm: files of other formats (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The bytes at the beginning of a file that are looked at */
#define DDPM_FOREIGN_SIZE 262

/**
 * DdpmForeign:
 * @name: such as "a gzip archive"
 * @remedy: how to come from it to a model, such as "unpack it"
 */
typedef struct
{
  const gchar *name, *remedy;
} DdpmForeign;

/* What a file is that begins with these bytes [size]. Returns: (nullable):
 * NULL: not known */
const DdpmForeign *ddpm_foreign_find (gconstpointer bytes, gsize size);

G_END_DECLS
