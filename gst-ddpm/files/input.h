/* gst-ddpm: regular files, or bytes, that are read by offset (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* name: for messages, in UTF-8; fd -1: not open; bytes: in the place of a file,
 * or NULL; changed: time of the last change, in ns */
typedef struct
{
  gchar *name;
  gint fd;
  GBytes *bytes;
  guint64 size, device, inode, changed;
} DdpmInput;

/* FALSE: DDPM_ERROR_NOT_FOUND or DDPM_ERROR_READ. Clear it in any case. */
gboolean ddpm_input_open (DdpmInput * input, const gchar * path,
    GError ** error);
void ddpm_input_open_bytes (DdpmInput * input, GBytes * bytes,
    const gchar * name);
/* offset + size is within the input. Any thread may read. FALSE:
 * DDPM_ERROR_READ, also where the file has become shorter */
gboolean ddpm_input_read (const DdpmInput * input, guint64 offset, gsize size,
    gpointer out, GError ** error);
/* A text that two inputs have in common only if they are one file that has not
 * changed. Returns: (transfer full) */
gchar *ddpm_input_get_identity (const DdpmInput * input);
void ddpm_input_clear (DdpmInput * input);
/* The error of an errno. Returns: FALSE */
gboolean ddpm_input_fail (const gchar * name, gint number, GError ** error);

G_END_DECLS
