/* gst-ddpm: the models that are installed with the library
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include "gst-ddpm/files/builtin.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "kernels/backend.h"

const gchar *const ddpm_builtin_names[] = { "cifar10", "tiles", NULL };

gboolean
ddpm_builtin_is_name (const gchar * name)
{
  return name == NULL || *name == '\0'
      || g_strv_contains (ddpm_builtin_names, name);
}

/* The folder of $GST_DDPM_MODEL_DIR alone, or else those that a build and an
 * installation have. The latter are relative to the file of this library, so
 * that an installation may be moved. */
static gchar **
list_folders (void)
{
  static const gchar *const relative[] = { "../models", DDPM_MODEL_DIR };
  const gchar *folder = g_getenv ("GST_DDPM_MODEL_DIR");
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();
  g_autofree gchar *library = NULL, *beside = NULL;
  Dl_info info;

  if (folder != NULL && *folder != '\0') {
    g_strv_builder_add (folders, folder);
  } else if (dladdr (ddpm_builtin_names, &info) != 0
      && (library = realpath (info.dli_fname, NULL)) != NULL) {
    beside = g_path_get_dirname (library);
    for (guint i = 0; i < G_N_ELEMENTS (relative); i++) {
      g_autofree gchar *path = g_canonicalize_filename (relative[i], beside);

      g_strv_builder_add (folders, path);
    }
  }
  return g_strv_builder_end (folders);
}

/* NULL: it is in none of the folders */
static gchar *
find_file (gchar ** folders, const gchar * name)
{
  for (; *folders != NULL; folders++) {
    gchar *path = g_strdup_printf ("%s/%s.safetensors", *folders, name);

    if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
      return path;
    g_free (path);
  }
  return NULL;
}

gchar *
ddpm_builtin_find (const gchar * name, gchar ** location, GError ** error)
{
  g_auto (GStrv) folders = list_folders ();
  g_autofree gchar *searched = g_strjoinv (" and ", folders);
  gchar *path;

  if (name == NULL || *name == '\0')
    name = ddpm_builtin_names[0];
  *location = g_strdup_printf ("the built-in model \"%s\"", name);
  path = find_file (folders, name);
  if (path == NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
        "%s is not installed: expected %s.safetensors in %s, found none; set "
        "GST_DDPM_MODEL_DIR to the folder that has it, or name a checkpoint "
        "file", *location, name,
        *searched ? searched : "the library's data folder");
  return path;
}
