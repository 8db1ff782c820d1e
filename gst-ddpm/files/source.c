/* gst-ddpm: where a model is loaded from: a file, or a folder of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/source.h"

#include <string.h>

#include "gst-ddpm/files/builtin.h"
#include "gst-ddpm/files/diffusers-folder.h"
#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/files/networks.h"

/* --- names that are no file ------------------------------------------- */

/* "owner/name", as repositories of Hugging Face are called */
static gboolean
is_repository (const gchar * path)
{
  return g_regex_match_simple ("^[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*$",
      path, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT);
}

static gboolean
refuse_repository (const gchar * path, GError ** error)
{
  const gchar *name = strchr (path, '/') + 1;

  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "%s: expected a checkpoint file or a folder, found none of that name; "
      "if it is a model of huggingface.co, download it with "
      "\"hf download %s --local-dir %s\" and use the folder %s", path, path,
      name, name);
  return FALSE;
}

/* For a name that is neither a file nor a built-in model, the error names the
 * possibilities. */
static gboolean
check_path (const gchar * path, GError ** error)
{
  g_autofree gchar *name = NULL, *folder = NULL, *builtin = NULL;

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (is_repository (path))
    return refuse_repository (path, error);
  if (strchr (path, '/'))
    return TRUE;
  name = g_filename_display_name (path);
  folder = g_get_current_dir ();
  builtin = g_strjoinv (", ", (gchar **) ddpm_builtin_names);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "%s: expected a checkpoint file or the name of a built-in model (%s), "
      "found no such file in %s", name, builtin, folder);
  return FALSE;
}

/* --- opening ---------------------------------------------------------- */

/* A checkpoint that PyTorch saved has no version. */
static gboolean
check_version (DdpmTensorFile * file, GError ** error)
{
  const DdpmMetadata metadata = { ddpm_tensor_file_get_metadata (file),
    ddpm_tensor_file_get_location (file), FALSE
  };

  if (!g_hash_table_contains (metadata.values, DDPM_METADATA_STATE))
    return !g_hash_table_contains (metadata.values, DDPM_METADATA_FORMAT)
        || ddpm_metadata_check_version (&metadata, DDPM_METADATA_FORMAT,
        "a checkpoint", error);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a checkpoint, found the training state that is saved beside "
      "it", metadata.location);
  return FALSE;
}

/* Takes over what a folder has, but the path of the weights. */
static void
take_configs (DdpmSource * source, DdpmDiffusersFolder * folder)
{
  source->config = g_steal_pointer (&folder->config);
  source->scheduler = g_steal_pointer (&folder->scheduler);
}

/* A UNet2DModel's tensors do not say all: with one head or eight, for example,
 * they have the same shapes. path: NULL: it is no file */
static gboolean
find_config (DdpmSource * source, const gchar * path, GError ** error)
{
  DdpmDiffusersFolder folder = { NULL, NULL, NULL };
  gboolean found = FALSE, ok = TRUE;

  if (path != NULL)
    ok = ddpm_diffusers_folder_open_beside (&folder, path, &found, error);
  take_configs (source, &folder);
  ddpm_diffusers_folder_clear (&folder);
  if (ok && !found) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected config.json beside the weights of %s, found none; "
        "it says the heads of the attention and the eps of the norms, which "
        "the weights do not show: copy it from where the file is from",
        ddpm_tensor_file_get_location (source->file),
        ddpm_family_get_title (source->kind));
    ok = FALSE;
  }
  return ok;
}

/* path: NULL: it is no file */
static gboolean
choose_network (DdpmSource * source, const gchar * path, GError ** error)
{
  if (source->file == NULL || !check_version (source->file, error)
      || !ddpm_networks_choose (source->file, &source->kind, source->remarks,
          error))
    return FALSE;
  if (source->config == NULL)
    return source->kind != DDPM_FAMILY_DIFFUSERS
        || find_config (source, path, error);
  if (source->kind != DDPM_FAMILY_DIFFUSERS) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected the weights of %s, as %s says, found other ones",
        ddpm_tensor_file_get_location (source->file),
        ddpm_family_get_title (DDPM_FAMILY_DIFFUSERS),
        ddpm_json_get_location (source->config));
    return FALSE;
  }
  return TRUE;
}

static DdpmSource *
source_new (void)
{
  DdpmSource *source = g_new0 (DdpmSource, 1);

  source->remarks = g_ptr_array_new_with_free_func (g_free);
  return source;
}

static DdpmTensorFile *
open_builtin (const gchar * name, GError ** error)
{
  g_autofree gchar *location = NULL;
  g_autofree gchar *path = ddpm_builtin_find (name, &location, error);
  DdpmTensorFile *file = path ? ddpm_tensor_file_open (path, error) : NULL;

  if (file)
    ddpm_tensor_file_set_location (file, location);
  return file;
}

static DdpmTensorFile *
open_folder (DdpmSource * source, const gchar * path, GError ** error)
{
  DdpmDiffusersFolder folder = { NULL, NULL, NULL };
  DdpmTensorFile *file = NULL;

  if (ddpm_diffusers_folder_open (&folder, path, source->remarks, error))
    file = ddpm_tensor_file_open (folder.weights, error);
  take_configs (source, &folder);
  ddpm_diffusers_folder_clear (&folder);
  return file;
}

DdpmSource *
ddpm_source_open (const gchar * path, GError ** error)
{
  g_autoptr (DdpmSource) source = source_new ();

  if (ddpm_builtin_is_name (path))
    source->file = open_builtin (path, error);
  else if (!check_path (path, error))
    return NULL;
  else if (g_file_test (path, G_FILE_TEST_IS_DIR))
    source->file = open_folder (source, path, error);
  else
    source->file = ddpm_tensor_file_open (path, error);
  return choose_network (source, path, error) ? g_steal_pointer (&source)
      : NULL;
}

DdpmSource *
ddpm_source_open_bytes (GBytes * bytes, const gchar * name, GError ** error)
{
  g_autoptr (DdpmSource) source = source_new ();

  source->file = ddpm_tensor_file_open_bytes (bytes, name, error);
  return choose_network (source, NULL, error) ? g_steal_pointer (&source)
      : NULL;
}

void
ddpm_source_free (DdpmSource * source)
{
  if (source == NULL)
    return;
  ddpm_tensor_file_free (source->file);
  ddpm_json_free (source->config);
  ddpm_json_free (source->scheduler);
  g_ptr_array_unref (source->remarks);
  g_free (source);
}

gchar *
ddpm_source_get_identity (DdpmSource * source)
{
  g_autofree gchar *file = ddpm_tensor_file_get_identity (source->file);

  return g_strjoin ("; ", file,
      source->config ? ddpm_json_get_identity (source->config) : "",
      source->scheduler ? ddpm_json_get_identity (source->scheduler) : "",
      NULL);
}
