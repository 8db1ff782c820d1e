/* gst-ddpm: checkpoints: models on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/builtin.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/files/checkpoint.h"

#include <string.h>

#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/files/param-tensors.h"

#define TABLE "time_embedding.timembedding.0.weight"

/* --- architecture from names and shapes ------------------------------- */

static guint
count_names (DdpmSafetensors * file, const gchar * prefix, const gchar * suffix)
{
  GHashTableIter iter;
  const gchar *name;
  guint n = 0;

  g_hash_table_iter_init (&iter, ddpm_safetensors_get_tensors (file));
  while (g_hash_table_iter_next (&iter, (gpointer *) & name, NULL))
    n += g_str_has_prefix (name, prefix) && g_str_has_suffix (name, suffix);
  return n;
}

static guint
to_guint (guint64 n)
{
  return MIN (n, G_MAXUINT);
}

/* Reads the first block of a level on the way up. The deepest level comes
 * first; each level but the last ends with an upsampling. */
static gboolean
infer_level (DdpmSafetensors * file, DdpmConfig * config, guint level)
{
  guint block = (config->n_levels - 1 - level) * (config->res_blocks + 2);
  g_autofree gchar *weight =
      g_strdup_printf ("upblocks.%u.block1.2.weight", block);
  g_autofree gchar *attention =
      g_strdup_printf ("upblocks.%u.attn.proj.weight", block);
  const DdpmFileTensor *tensor = ddpm_safetensors_find (file, weight);

  if (tensor == NULL || tensor->n_dims != 4
      || tensor->shape[0] % config->channels != 0)
    return FALSE;
  config->channel_mult[level] = to_guint (tensor->shape[0] / config->channels);
  if (ddpm_safetensors_find (file, attention))
    config->attention_levels |= 1u << level;
  return TRUE;
}

static gboolean
infer_levels (DdpmSafetensors * file, DdpmConfig * config)
{
  guint n_blocks = count_names (file, "upblocks.", ".block1.2.weight"), i;

  config->n_levels = 1 + count_names (file, "downblocks.", ".main.weight");
  if (config->n_levels > DDPM_MAX_LEVELS
      || n_blocks % config->n_levels != 0 || n_blocks / config->n_levels < 2)
    return FALSE;
  config->res_blocks = n_blocks / config->n_levels - 1;
  config->attention_levels = 0;
  for (i = 0; i < config->n_levels; i++)
    if (!infer_level (file, config, i))
      return FALSE;
  return TRUE;
}

/* Fields that names and shapes do not determine keep their defaults. */
static gboolean
infer_config (DdpmSafetensors * file, DdpmConfig * config, GError ** error)
{
  const DdpmFileTensor *table = ddpm_safetensors_find (file, TABLE);
  const DdpmFileTensor *head = ddpm_safetensors_find (file, "head.weight");
  const DdpmFileTensor *labels =
      ddpm_safetensors_find (file, DDPM_PARAM_LABELS);

  ddpm_config_init_defaults (config);
  if (head == NULL || head->n_dims != 4 || head->shape[0] == 0)
    goto no_unet;
  config->channels = to_guint (head->shape[0]);
  config->image_channels = to_guint (head->shape[1]);
  if (table != NULL && table->n_dims == 2)
    config->timesteps = to_guint (table->shape[0]);
  if (labels != NULL && labels->n_dims == 2)
    config->classes = to_guint (labels->shape[0]);
  if (!infer_levels (file, config))
    goto no_unet;
  if (!ddpm_config_check (config, error)) {
    ddpm_metadata_blame (ddpm_safetensors_get_location (file), error);
    return FALSE;
  }
  return TRUE;

no_unet:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of a UNet (head.weight, downblocks.0..., "
      "upblocks.0...), found others", ddpm_safetensors_get_location (file));
  return FALSE;
}

/* --- metadata against shapes ------------------------------------------ */

/* A checkpoint that PyTorch saved has no version. */
static gboolean
check_kind (const DdpmMetadata * metadata, GError ** error)
{
  if (!g_hash_table_contains (metadata->values, DDPM_METADATA_STATE))
    return !g_hash_table_contains (metadata->values, DDPM_METADATA_FORMAT)
        || ddpm_metadata_check_version (metadata, DDPM_METADATA_FORMAT,
        "a checkpoint", error);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a checkpoint, found the training state that is saved beside "
      "it", metadata->location);
  return FALSE;
}

static gboolean
same_architecture (const DdpmConfig * a, const DdpmConfig * b)
{
  return a->image_channels == b->image_channels && a->channels == b->channels
      && a->n_levels == b->n_levels
      && memcmp (a->channel_mult, b->channel_mult,
      a->n_levels * sizeof a->channel_mult[0]) == 0
      && a->attention_levels == b->attention_levels
      && a->res_blocks == b->res_blocks && a->classes == b->classes;
}

static gboolean
read_config (DdpmSafetensors * file, const DdpmMetadata * metadata,
    DdpmConfig * config, GError ** error)
{
  DdpmConfig inferred;
  g_autofree gchar *said = NULL, *found = NULL;

  if (!infer_config (file, &inferred, error))
    return FALSE;
  *config = inferred;
  if (!ddpm_metadata_get_config (metadata, config, error))
    return FALSE;
  if (!same_architecture (config, &inferred))
    goto contradiction;
  return TRUE;

contradiction:
  said = ddpm_config_to_string (config);
  found = ddpm_config_to_string (&inferred);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of a %s, as its metadata says, found those of "
      "a %s", metadata->location, said, found);
  return FALSE;
}

/* --- loading ---------------------------------------------------------- */

/* The embedding table is optional; if it is there, it must have T rows. */
static gboolean
require_tensors (DdpmSafetensors * file, const DdpmConfig * config,
    GError ** error)
{
  g_autoptr (DdpmParams) params = ddpm_params_new (config, error);
  const DdpmParam *table;

  if (params == NULL || !ddpm_param_tensors_require (file, "", params, error))
    return FALSE;
  table = &params->params[params->n_params - 1];
  if (ddpm_safetensors_find (file, table->name)
      && !ddpm_safetensors_require (file, table->name, table->n_dims,
          table->shape, error))
    return FALSE;
  return ddpm_safetensors_check_all_required (file, error);
}

static gboolean
read_weights (DdpmSafetensors * file, DdpmModel * model, GError ** error)
{
  const DdpmFileTensor *table = ddpm_safetensors_find (file, TABLE);
  gfloat *to = model->weights + model->params->trainable;

  if (!ddpm_param_tensors_read (file, "", model->params, model->weights, error))
    return FALSE;
  if (table != NULL)
    return ddpm_safetensors_read (file, table, to, error);
  ddpm_params_compute_time_table (model->config.timesteps,
      model->config.channels, to);
  return TRUE;
}

static DdpmModel *
load_model (DdpmSafetensors * file, GError ** error)
{
  DdpmMetadata metadata = { ddpm_safetensors_get_metadata (file),
    ddpm_safetensors_get_location (file), FALSE
  };
  g_autoptr (DdpmModel) model = NULL;
  g_auto (GStrv) class_names = NULL;
  DdpmConfig config;
  guint width = 0, height = 0;
  guint64 step = 0;

  /* everything but the weights is checked before memory is allocated for them */
  if (!check_kind (&metadata, error)
      || !read_config (file, &metadata, &config, error)
      || !ddpm_metadata_get_size (&metadata, &config, &width, &height, error)
      || !ddpm_metadata_get_uint (&metadata, "ddpm.step", G_MAXUINT64, &step,
          error)
      || !ddpm_metadata_get_class_names (&metadata, &config, &class_names,
          error)
      || !require_tensors (file, &config, error))
    return NULL;

  model = ddpm_model_new (&config, error);
  if (model == NULL) {
    ddpm_metadata_blame (metadata.location, error);
    return NULL;
  }
  model->width = width;
  model->height = height;
  model->step = step;
  model->location = g_strdup (metadata.location);
  model->class_names = g_steal_pointer (&class_names);
  return read_weights (file, model, error) ? g_steal_pointer (&model) : NULL;
}

static DdpmModel *
load_builtin (const gchar * name, GError ** error)
{
  g_autofree gchar *location = NULL;
  g_autoptr (GBytes) bytes =
      ddpm_builtin_map_checkpoint (name, &location, error);

  return bytes ? ddpm_checkpoint_load_bytes (bytes, location, error) : NULL;
}

/* For a name that is neither a file nor a built-in model, the error names both
 * possibilities. */
static gboolean
check_path (const gchar * path, GError ** error)
{
  g_autofree gchar *name = NULL, *folder = NULL, *builtin = NULL;

  if (strchr (path, '/') || g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  name = g_filename_display_name (path);
  folder = g_get_current_dir ();
  builtin = g_strjoinv (", ", (gchar **) ddpm_builtin_names);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "%s: expected a checkpoint file or the name of a built-in model (%s), "
      "found no such file in %s", name, builtin, folder);
  return FALSE;
}

const gchar *const *
ddpm_checkpoint_get_builtin_names (void)
{
  return ddpm_builtin_names;
}

DdpmModel *
ddpm_checkpoint_load (const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensors) file = NULL;

  if (ddpm_builtin_is_name (path))
    return load_builtin (path, error);
  if (!check_path (path, error))
    return NULL;
  file = ddpm_safetensors_open (path, error);
  return file ? load_model (file, error) : NULL;
}

DdpmModel *
ddpm_checkpoint_load_bytes (GBytes * bytes, const gchar * name, GError ** error)
{
  g_autoptr (DdpmSafetensors) file =
      ddpm_safetensors_open_bytes (bytes, name, error);

  return file ? load_model (file, error) : NULL;
}

/* --- saving ----------------------------------------------------------- */

/* The embedding table stays in F32: in BF16, a third of the entries of late
 * timesteps would be equal to those of their neighbours. */
gboolean
ddpm_checkpoint_save (const DdpmModel * model, DdpmType type,
    const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();
  const DdpmParam *table = &model->params->params[model->params->n_params - 1];

  /* as Python's libraries expect of a file of PyTorch tensors */
  ddpm_safetensors_writer_add_metadata (writer, "format", "pt");
  ddpm_safetensors_writer_add_metadata (writer, DDPM_METADATA_FORMAT,
      DDPM_METADATA_VERSION);
  ddpm_metadata_add_config (writer, &model->config, model->width,
      model->height);
  ddpm_metadata_add_class_names (writer, model->class_names);
  ddpm_metadata_add_uint (writer, "ddpm.step", model->step);
  ddpm_param_tensors_add (writer, "", model->params, type, model->weights);
  ddpm_safetensors_writer_add (writer, table->name, DDPM_TYPE_F32,
      table->n_dims, table->shape, model->weights + table->offset);
  return ddpm_safetensors_writer_write (writer, path, DDPM_REPLACE_FOLLOW,
      error);
}

gboolean
ddpm_checkpoint_can_save (const gchar * path, GError ** error)
{
  return ddpm_replace_can_begin (path, DDPM_REPLACE_FOLLOW, error);
}
