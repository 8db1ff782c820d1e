/* gst-ddpm: fuzzing the names of numbered checkpoints
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: a step, and a name for location
 */
#include <string.h>

#include "plugins/ddpmtrainsink/files.h"
#include "tests/fuzz/fuzz.h"

#define MAX_NAME 200            /* file systems have limits */

/* The checkpoint that is written is the one that is found. */
static void
check_found (const GstDdpmTrainFiles * files, guint64 step)
{
  g_autofree gchar *path = gst_ddpm_train_files_get_checkpoint (files, step);
  g_autofree gchar *found = NULL;

  fuzz_write_path (path, "x", 1, 1);
  found = gst_ddpm_train_files_find_checkpoint (files);
  g_assert_cmpstr (found, ==, path);
  g_assert_true (gst_ddpm_train_files_prune (files, step, 1));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  fuzz_write_path (path, "", 0, 0);
}

void
fuzz_one (FuzzInput * in)
{
  const guint64 low = fuzz_take_uint32 (in);
  const guint64 step = low | (guint64) fuzz_take_uint32 (in) << 32;
  g_autofree gchar *name = fuzz_take_text (in, NULL);
  g_autofree gchar *location = NULL;
  GstDdpmTrainFiles files;
  GError *error = NULL;
  gboolean ok;

  if (*name == '\0' || strlen (name) > MAX_NAME || strchr (name, '/')
      || g_str_equal (name, ".") || g_str_equal (name, ".."))
    return;
  location = g_build_filename (fuzz_get_folder (), name, NULL);
  ok = gst_ddpm_train_files_init (&files, location, &error);
  fuzz_check_error (ok, error);
  if (ok)
    check_found (&files, step);
  gst_ddpm_train_files_clear (&files);
}
