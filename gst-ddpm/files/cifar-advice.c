/* gst-ddpm: what else was downloaded in place of CIFAR's binary version
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/cifar-advice.h"

#include <string.h>

#include "gst-ddpm/files/foreign.h"
#include "kernels/backend.h"

#define PAGE "https://www.cs.toronto.edu/~kriz/cifar.html"
#define EXPECTED \
    "expected the binary version, such as cifar-10-binary.tar.gz from " \
    PAGE ", unpacked"

/* --- files ------------------------------------------------------------ */

gboolean
ddpm_cifar_check_format (const DdpmInput * file, GError ** error)
{
  const gsize size = MIN (file->size, DDPM_FOREIGN_SIZE);
  gchar bytes[DDPM_FOREIGN_SIZE];
  const DdpmForeign *found;

  if (!ddpm_input_read (file, 0, size, bytes, error))
    return FALSE;
  found = ddpm_foreign_find (bytes, size);
  if (found == NULL)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" is not CIFAR data but %s: %s", file->name, found->name,
      strstr (found->name, "archive") && strstr (file->name, "binary") ?
      "expected the folder that it contains (tar xf)" : EXPECTED);
  return FALSE;
}

/* --- folders ---------------------------------------------------------- */

/* Files and folders that give away what a folder has; the first one that is
 * there counts. version: NULL if what is expected is inside of it */
static const struct
{
  const gchar *name, *version, *set;
} contents[] = {
  {"cifar-10-batches-bin", NULL, "10"},
  {"cifar-100-binary", NULL, "100"},
  {"cifar-10-binary.tar.gz", NULL, "10"},
  {"cifar-100-binary.tar.gz", NULL, "100"},
  {"data_batch_1", "Python", "10"},
  {"test_batch", "Python", "10"},
  {"cifar-10-batches-py", "Python", "10"},
  {"cifar-10-python.tar.gz", "Python", "10"},
  {"data_batch_1.mat", "MATLAB", "10"},
  {"test_batch.mat", "MATLAB", "10"},
  {"cifar-10-batches-mat", "MATLAB", "10"},
  {"cifar-10-matlab.tar.gz", "MATLAB", "10"},
  {"meta", "Python", "100"},
  {"cifar-100-python", "Python", "100"},
  {"cifar-100-python.tar.gz", "Python", "100"},
  {"meta.mat", "MATLAB", "100"},
  {"cifar-100-matlab", "MATLAB", "100"},
  {"cifar-100-matlab.tar.gz", "MATLAB", "100"},
};

static gboolean
is_empty (const gchar * location)
{
  g_autoptr (GDir) folder = g_dir_open (location, 0, NULL);

  return folder && g_dir_read_name (folder) == NULL;
}

gchar *
ddpm_cifar_describe_folder (const gchar * location)
{
  for (guint i = 0; i < G_N_ELEMENTS (contents); i++) {
    const gchar *name = contents[i].name, *set = contents[i].set;
    g_autofree gchar *path = g_build_filename (location, name, NULL);

    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      continue;
    if (contents[i].version)
      return g_strdup_printf ("but the %s version of CIFAR-%s: expected the "
          "binary version, cifar-%s-binary.tar.gz from " PAGE ", unpacked",
          contents[i].version, set, set);
    return g_strdup_printf (g_file_test (path, G_FILE_TEST_IS_DIR) ?
        "but a folder %s: expected that one" :
        "but the archive %s: expected the folder that it contains (tar xf)",
        name);
  }
  return g_strdup (is_empty (location) ? "it is empty: " EXPECTED : EXPECTED);
}
