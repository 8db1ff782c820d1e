/* gst-ddpm: runs a harness over its corpus, where there is no libFuzzer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/fuzz/fuzz.h"

int
main (int argc, char **argv)
{
  GDir *dir = argc == 2 ? g_dir_open (argv[1], 0, NULL) : NULL;
  const gchar *name;
  guint n = 0;

  if (dir == NULL) {
    g_printerr ("%s: expected the folder of a corpus\n", argv[0]);
    return 1;
  }
  while ((name = g_dir_read_name (dir))) {
    g_autofree gchar *path = g_build_filename (argv[1], name, NULL);
    g_autofree gchar *data = NULL;
    gsize size;

    g_print ("%s\n", name);
    g_assert_true (g_file_get_contents (path, &data, &size, NULL));
    LLVMFuzzerTestOneInput ((const guint8 *) data, size);
    n++;
  }
  g_dir_close (dir);
  g_assert_cmpuint (n, >, 0);
  return 0;
}
