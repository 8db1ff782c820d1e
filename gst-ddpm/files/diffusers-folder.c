/* gst-ddpm: the folders in which diffusers saves networks and pipelines
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/diffusers-folder.h"

#include <string.h>

#include "gst-ddpm/files/file-tensor.h"
#include "kernels/backend.h"

#define WEIGHTS "diffusion_pytorch_model"
#define CLASS "UNet2DModel"
#define MAX_ENTRIES 10000       /* of a folder */

static gboolean
exists (const gchar * folder, const gchar * name)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* --- the network's class ---------------------------------------------- */

/* Classes of diffusers, by a part of their names, and why they cannot be
 * played */
static const struct
{
  const gchar *part, *reason;
} classes[] = {
  {"UNet2DCondition", "it needs a text or another condition, and mostly an "
        "autoencoder"},
  {"ControlNet", "it only steers another network"},
  {"Autoencoder", "an autoencoder makes no images from noise"},
  {"VQModel", "an autoencoder makes no images from noise"},
  {"Transformer", "it is a transformer, not a UNet"},
  {"UNet1D", "it is a network of sequences, not of images"},
  {"UNet3D", "it is a network of videos"},
  {"Motion", "it is a network of videos"},
  {"", "gst-ddpm plays " CLASS " alone"},
};

static gboolean
check_class (DdpmJson * json, GError ** error)
{
  const gchar *name = ddpm_json_get_string (json, "_class_name", NULL);
  g_autofree gchar *found = NULL;
  guint i = 0;

  if (!ddpm_json_check (json, error))
    return FALSE;
  if (g_strcmp0 (name, CLASS) == 0)
    return TRUE;
  if (name == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected _class_name " CLASS ", found none: it is not the "
        "config.json of a network of diffusers", ddpm_json_get_location (json));
    return FALSE;
  }
  while (!strstr (name, classes[i].part))
    i++;
  found = ddpm_file_quote (name);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a network of the class " CLASS ", found %s: %s",
      ddpm_json_get_location (json), found, classes[i].reason);
  return FALSE;
}

/* --- what is beside it ------------------------------------------------ */

/* A pipeline of more than a network and a scheduler makes something else of the
 * network's images. */
static gboolean
check_parts (const gchar * folder, GError ** error)
{
  static const gchar *const parts[] =
      { "vae", "vqvae", "movq", "image_encoder", "text_encoder", "tokenizer" };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    if (exists (folder, parts[i])) {
      g_autofree gchar *shown = g_filename_display_name (folder);

      g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
          "%s: expected a pipeline of a network and a scheduler, found also "
          "%s: its network makes latents or needs a condition, instead of "
          "making images from noise", shown, parts[i]);
      return FALSE;
    }
  }
  return TRUE;
}

/* model_index.json names the parts of a pipeline. */
static gboolean
check_index (const gchar * folder, GError ** error)
{
  g_autofree gchar *path = g_build_filename (folder, "model_index.json", NULL);
  g_autoptr (DdpmJson) json = NULL;
  g_autoptr (GList) keys = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  json = ddpm_json_open (path, error);
  if (json == NULL)
    return FALSE;
  keys = ddpm_json_get_keys (json);
  for (GList * l = keys; l != NULL; l = l->next) {
    const gchar *key = l->data;

    if (*key != '_' && strcmp (key, "unet") != 0
        && strcmp (key, "scheduler") != 0 && ddpm_json_is_list (json, key)) {
      ddpm_json_refuse (json, key,
          "a pipeline of a network and a scheduler alone");
      break;
    }
  }
  return ddpm_json_check (json, error);
}

static gboolean
find_scheduler (DdpmDiffusersFolder * folder, const gchar * root,
    const gchar * network, GError ** error)
{
  const gchar *const places[] = { root, root, network };
  const gchar *const names[] = { "scheduler/scheduler_config.json",
    "scheduler_config.json", "scheduler_config.json"
  };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree gchar *path = g_build_filename (places[i], names[i], NULL);

    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      continue;
    folder->scheduler = ddpm_json_open (path, error);
    return folder->scheduler != NULL;
  }
  return TRUE;
}

/* --- the weights ------------------------------------------------------ */

static gboolean
is_weights (const gchar * name)
{
  static const gchar *const ends[] = { ".safetensors", ".bin", ".pt", ".pth",
    ".ckpt"
  };

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (g_str_has_suffix (name, ends[i]))
      return TRUE;
  return FALSE;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(gchar **) a, *(gchar **) b);
}

/* Sorted names in the folder that may be weights, or are shards or a variant of
 * WEIGHTS. Returns: (transfer full) */
static GPtrArray *
list_weights (const gchar * folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  for (guint i = 0; dir != NULL && i < MAX_ENTRIES
      && (name = g_dir_read_name (dir)) != NULL; i++)
    if (is_weights (name) || g_str_has_prefix (name, WEIGHTS))
      g_ptr_array_add (names, g_strdup (name));
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (names, compare_names);
  return names;
}

static gchar *
join_names (GPtrArray * names)
{
  g_autoptr (GList) list = NULL;

  for (guint i = 0; i < names->len; i++)
    list = g_list_prepend (list, names->pdata[i]);
  return list ? ddpm_file_quote_names (list) : g_strdup ("none");
}

/* The file of weights, as diffusers chooses it; else the only one of a variant
 * such as fp16. NULL: there is none, or several, or parts of one */
static const gchar *
choose_weights (GPtrArray * names)
{
  static const gchar *const usual[] =
      { WEIGHTS ".safetensors", WEIGHTS ".bin" };
  const gchar *variant = NULL;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    if (g_ptr_array_find_with_equal_func (names, usual[i], g_str_equal, NULL))
      return usual[i];
  for (guint i = 0; i < names->len; i++) {
    const gchar *name = names->pdata[i];

    if (g_str_has_suffix (name, ".index.json"))
      return NULL;
    if (g_str_has_prefix (name, WEIGHTS ".") && is_weights (name)) {
      variant = name;
      n++;
    }
  }
  return n == 1 ? variant : NULL;
}

static gboolean
find_weights (DdpmDiffusersFolder * folder, const gchar * network,
    GPtrArray * remarks, GError ** error)
{
  g_autoptr (GPtrArray) names = list_weights (network);
  g_autofree gchar *shown = g_filename_display_name (network);
  g_autofree gchar *found = join_names (names);
  const gchar *name = choose_weights (names);
  gboolean sharded = FALSE;

  if (name != NULL) {
    folder->weights = g_build_filename (network, name, NULL);
    if (!g_str_has_prefix (name, WEIGHTS ".safetensors") && names->len > 1)
      g_ptr_array_add (remarks, g_strdup_printf ("weights of %s, one of %s",
              name, found));
    return TRUE;
  }
  for (guint i = 0; i < names->len; i++)
    sharded |= g_str_has_suffix (names->pdata[i], ".index.json");
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the weights of its network in one file, " WEIGHTS
      ".safetensors or .bin, found %s%s%s", shown, found,
      sharded ? "; the weights are in shards: join them with "
      "save_pretrained (..., max_shard_size=\"100GB\")" : "",
      sharded || names->len == 0 ? "" : "; name the one to play");
  return FALSE;
}

/* --- the folder ------------------------------------------------------- */

/* Where the network is. Returns: (transfer full): NULL: nowhere */
static gchar *
find_network (const gchar * root, GPtrArray * remarks)
{
  static const gchar *const places[] = { "", "unet_ema", "unet" };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree gchar *network = g_build_filename (root, places[i], NULL);

    if (!exists (network, "config.json"))
      continue;
    if (i == 1 && exists (root, "unet"))
      g_ptr_array_add (remarks, g_strdup ("the network of unet_ema is used, a "
              "moving average (EMA), not that of unet"));
    return g_steal_pointer (&network);
  }
  return NULL;
}

/* The folder of a pipeline whose network has this folder: the one above
 * unet/. Returns: (transfer full) */
static gchar *
find_root (const gchar * network)
{
  g_autofree gchar *full = g_canonicalize_filename (network, NULL);
  g_autofree gchar *name = g_path_get_basename (full);

  return strcmp (name, "unet") == 0 || strcmp (name, "unet_ema") == 0 ?
      g_path_get_dirname (full) : g_strdup (network);
}

static gboolean
open_network (DdpmDiffusersFolder * folder, const gchar * network,
    GError ** error)
{
  g_autofree gchar *path = g_build_filename (network, "config.json", NULL);
  g_autofree gchar *root = find_root (network);

  folder->config = ddpm_json_open (path, error);
  return folder->config != NULL && check_class (folder->config, error)
      && check_parts (root, error) && check_index (root, error)
      && find_scheduler (folder, root, network, error);
}

static gboolean
refuse_folder (const gchar * path, GError ** error)
{
  g_autofree gchar *shown = g_filename_display_name (path);
  g_autoptr (GPtrArray) names = list_weights (path);
  g_autofree gchar *found = join_names (names);

  if (!check_parts (path, error) || !check_index (path, error))
    return FALSE;
  if (exists (path, "transformer"))
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a folder of diffusers with a UNet, found a transformer",
        shown);
  else
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a checkpoint file, or a folder of diffusers, found a "
        "folder without config.json or unet/config.json%s%s%s", shown,
        names->len > 0 ? "; to play one of its files, " : "",
        names->len > 0 ? found : "", names->len > 0 ? ", name it" : "");
  return FALSE;
}

gboolean
ddpm_diffusers_folder_open (DdpmDiffusersFolder * folder, const gchar * path,
    GPtrArray * remarks, GError ** error)
{
  g_autofree gchar *network = find_network (path, remarks);

  memset (folder, 0, sizeof *folder);
  if (network == NULL)
    return refuse_folder (path, error);
  return open_network (folder, network, error)
      && find_weights (folder, network, remarks, error);
}

gboolean
ddpm_diffusers_folder_open_beside (DdpmDiffusersFolder * folder,
    const gchar * path, gboolean * found, GError ** error)
{
  g_autofree gchar *network = g_path_get_dirname (path);

  memset (folder, 0, sizeof *folder);
  *found = exists (network, "config.json");
  if (!*found)
    return TRUE;
  folder->weights = g_strdup (path);
  return open_network (folder, network, error);
}

void
ddpm_diffusers_folder_clear (DdpmDiffusersFolder * folder)
{
  g_free (folder->weights);
  g_clear_pointer (&folder->config, ddpm_json_free);
  g_clear_pointer (&folder->scheduler, ddpm_json_free);
}
