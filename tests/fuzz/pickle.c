/* gst-ddpm: fuzzing the pickles of PyTorch's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input is the pickle of an archive that has two storages, "0" of 64 bytes
 * and "1" of 6.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/support/archive.h"

void
fuzz_one (FuzzInput * in)
{
  static const gchar numbers[64];
  const TestEntry entries[] = {
    {"a/data.pkl", in->data, in->size}, {"a/data/0", numbers, 64},
    {"a/data/1", numbers, 6},
  };
  g_autoptr (GBytes) archive =
      test_archive_new (entries, G_N_ELEMENTS (entries), FALSE);
  gsize size;
  gconstpointer data = g_bytes_get_data (archive, &size);

  fuzz_read_tensors (fuzz_write_file (data, size));
}
