/* gst-ddpm: zip archives as torch.save () of PyTorch writes, made in memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/archive.h"

#include <zip.h>

static void
add_entry (zip_t * archive, const TestEntry * entry, gboolean compressed)
{
  zip_source_t *source =
      zip_source_buffer (archive, entry->data, entry->size, 0);
  const zip_int64_t index = zip_file_add (archive, entry->name, source, 0);

  g_assert_cmpint (index, >=, 0);
  g_assert_cmpint (zip_set_file_compression (archive, index,
          compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), ==, 0);
}

GBytes *
test_archive_new (const TestEntry * entries, guint n, gboolean compressed)
{
  zip_source_t *content = zip_source_buffer_create (NULL, 0, 0, NULL);
  zip_t *archive = zip_open_from_source (content, ZIP_TRUNCATE, NULL);
  zip_stat_t stat;
  gchar *bytes;

  g_assert_nonnull (archive);
  zip_source_keep (content);
  for (guint i = 0; i < n; i++)
    add_entry (archive, &entries[i], compressed);
  g_assert_cmpint (zip_close (archive), ==, 0);
  g_assert_cmpint (zip_source_open (content), ==, 0);
  g_assert_cmpint (zip_source_stat (content, &stat), ==, 0);
  bytes = g_malloc (stat.size);
  g_assert_cmpint (zip_source_read (content, bytes, stat.size), ==, stat.size);
  zip_source_close (content);
  zip_source_free (content);
  return g_bytes_new_take (bytes, stat.size);
}
