/* gst-ddpm: fuzzing the pickles of PyTorch's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input is the pickle of an archive that has two storages, "0" of 64 bytes
 * and "1" of 6.
 */
#include <zip.h>

#include "tests/fuzz/fuzz.h"

static void
add_entry (zip_t * archive, const gchar * name, gconstpointer data, gsize size)
{
  zip_source_t *source = zip_source_buffer (archive, data, size, 0);
  const zip_int64_t index = zip_file_add (archive, name, source, 0);

  g_assert_cmpint (index, >=, 0);
  g_assert_cmpint (zip_set_file_compression (archive, index, ZIP_CM_STORE, 0),
      ==, 0);
}

/* Returns: (transfer full): the archive */
static GBytes *
make_archive (gconstpointer pickle, gsize size)
{
  static const gchar numbers[64];
  zip_source_t *content = zip_source_buffer_create (NULL, 0, 0, NULL);
  zip_t *archive = zip_open_from_source (content, ZIP_TRUNCATE, NULL);
  zip_stat_t stat;
  gchar *bytes;

  g_assert_nonnull (archive);
  zip_source_keep (content);
  add_entry (archive, "a/data.pkl", pickle, size);
  add_entry (archive, "a/data/0", numbers, sizeof numbers);
  add_entry (archive, "a/data/1", numbers, 6);
  g_assert_cmpint (zip_close (archive), ==, 0);
  g_assert_cmpint (zip_source_open (content), ==, 0);
  g_assert_cmpint (zip_source_stat (content, &stat), ==, 0);
  bytes = g_malloc (stat.size);
  g_assert_cmpint (zip_source_read (content, bytes, stat.size), ==, stat.size);
  zip_source_close (content);
  zip_source_free (content);
  return g_bytes_new_take (bytes, stat.size);
}

void
fuzz_one (FuzzInput * in)
{
  g_autoptr (GBytes) archive = make_archive (in->data, in->size);
  gsize size;
  gconstpointer data = g_bytes_get_data (archive, &size);

  fuzz_read_tensors (fuzz_write_file (data, size));
}
