/* gst-ddpm: zip archives, read by offset (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libzip reads them. An archive is refused if its entries overlap or have equal
 * names, if one has a name that leads out of the archive, or if it is in a form
 * that no checkpoint has. Checksums are not compared: PyTorch can be told to
 * leave them out.
 */
#pragma once

#include "gst-ddpm/files/input.h"

G_BEGIN_DECLS

typedef struct _DdpmZip DdpmZip;

/* input: kept, for messages and reads. Reads no content. FALSE: a DDPM_ERROR */
DdpmZip *ddpm_zip_open (const DdpmInput * input, GError ** error);
void ddpm_zip_free (DdpmZip * zip);
guint ddpm_zip_get_n_entries (DdpmZip * zip);
const gchar *ddpm_zip_get_name (DdpmZip * zip, guint entry);
/* FALSE: there is none of that name */
gboolean ddpm_zip_find (DdpmZip * zip, const gchar * name, guint * entry);
/* The bytes of its content */
guint64 ddpm_zip_get_size (DdpmZip * zip, guint entry);
/* offset + size is within the content. One thread at a time. Reading forward
 * is fast; in compressed entries, going back begins anew. */
gboolean ddpm_zip_read (DdpmZip * zip, guint entry, guint64 offset, gsize size,
    gpointer out, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmZip, ddpm_zip_free)

G_END_DECLS
