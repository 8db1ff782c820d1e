/* gst-ddpm: tests of imagefoldersrc where gdk-pixbuf has few loaders
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/element-test.h"

/* An empty list of loaders: those that are part of gdk-pixbuf are left. It is
 * read once in a process. */
static void
set_up (void)
{
  g_autofree gchar *list = NULL;

  make_folder ();
  list = g_build_filename (folder, "loaders.cache", NULL);
  fail_unless (g_file_set_contents (list, "", 0, NULL));
  g_setenv ("GDK_PIXBUF_MODULE_FILE", list, TRUE);
}

TEST (missing_loader_is_told)
{
  static const gchar webp[] = "RIFF\x24\0\0\0WEBPVP8 ....................";
  g_autofree gchar *path = g_build_filename (folder, "x.webp", NULL);

  fail_unless (g_file_set_contents (path, webp, sizeof (webp), NULL));
  assert_one_error (launch ("imagefoldersrc location=%s ! fakesink", folder),
      FORMAT_ERROR, path, "no loader for WebP", "webp-pixbuf-loader");
}

ELEMENT_TEST_MAIN (checked, set_up, remove_folder)
