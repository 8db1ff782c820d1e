/* gst-ddpm: zip archives as torch.save () of PyTorch writes, made in memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

typedef struct
{
  const gchar *name;
  gconstpointer data;
  gsize size;
} TestEntry;

/* Returns: (transfer full): an archive of these entries. compressed: with
 * deflate */
GBytes *test_archive_new (const TestEntry * entries, guint n,
    gboolean compressed);
