/* gst-ddpm: checkpoints: models on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/builtin.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/shared.h"
#include "gst-ddpm/files/checkpoint.h"

#include <string.h>

#include "gst-ddpm/files/architecture.h"
#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/files/param-tensors.h"

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

/* Takes over what names and shapes do not show. */
static void
adopt_hidden (const DdpmConfig * said, DdpmConfig * inferred)
{
  inferred->heads = said->heads;
  inferred->head_channels = said->head_channels;
  inferred->groups = said->groups;
  inferred->norm_eps = said->norm_eps;
  inferred->down_padding = said->down_padding;
  inferred->middle_scale = said->middle_scale;
  inferred->center_input = said->center_input;
}

static gboolean
read_config (DdpmTensorFile * file, const DdpmMetadata * metadata,
    DdpmConfig * config, GError ** error)
{
  DdpmConfig inferred;
  g_autofree gchar *said = NULL, *found = NULL;

  if (!ddpm_architecture_check_names (file, error)
      || !ddpm_architecture_infer (file, &inferred, error))
    return FALSE;
  *config = inferred;
  if (!ddpm_metadata_get_config (metadata, config, error))
    return FALSE;
  adopt_hidden (config, &inferred);
  if (!ddpm_config_same_network (config, &inferred))
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
require_tensors (DdpmTensorFile * file, const DdpmConfig * config,
    GError ** error)
{
  g_autoptr (DdpmParams) params = ddpm_params_new (config, error);
  const DdpmParam *table;

  if (params == NULL || !ddpm_param_tensors_require (file, "", params, error))
    return FALSE;
  table = &params->params[params->n_params - 1];
  if (ddpm_tensor_file_find (file, table->name)
      && !ddpm_tensor_file_require (file, table->name, table->n_dims,
          table->shape, error))
    return FALSE;
  return ddpm_tensor_file_check_all_required (file, error);
}

static gboolean
read_weights (DdpmTensorFile * file, DdpmModel * model, GError ** error)
{
  const DdpmFileTensor *table = ddpm_tensor_file_find (file, DDPM_PARAM_TABLE);
  gfloat *to = model->weights + model->params->trainable;

  if (!ddpm_param_tensors_read (file, "", model->params, model->weights, error))
    return FALSE;
  if (table != NULL)
    return ddpm_tensor_file_read (file, table, to, error);
  ddpm_params_compute_time_table (model->config.timesteps,
      model->config.channels, to);
  return TRUE;
}

static DdpmModel *
load_model (DdpmTensorFile * file, GError ** error)
{
  DdpmMetadata metadata = { ddpm_tensor_file_get_metadata (file),
    ddpm_tensor_file_get_location (file), FALSE
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
  model->assumptions = ddpm_metadata_describe_assumptions (&metadata, &config,
      ddpm_tensor_file_find (file, DDPM_PARAM_TABLE) != NULL);
  return read_weights (file, model, error) ? g_steal_pointer (&model) : NULL;
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

static DdpmTensorFile *
open_file (const gchar * path, GError ** error)
{
  if (ddpm_builtin_is_name (path))
    return open_builtin (path, error);
  return check_path (path, error) ? ddpm_tensor_file_open (path, error)
      : NULL;
}

DdpmModel *
ddpm_checkpoint_load (const gchar * path, GError ** error)
{
  g_autoptr (DdpmTensorFile) file = open_file (path, error);

  return file ? load_model (file, error) : NULL;
}

static gchar *
get_shared_key (DdpmTensorFile * file)
{
  g_autofree gchar *identity = ddpm_tensor_file_get_identity (file);

  return g_strconcat ("model of ", identity, NULL);
}

static gpointer
make_shared_model (gpointer data, GError ** error)
{
  DdpmTensorFile *file = data;
  DdpmModel *model = load_model (file, error);

  if (model)
    model->shared_key = get_shared_key (file);
  return model;
}

DdpmModel *
ddpm_checkpoint_load_shared (const gchar * path, GError ** error)
{
  g_autoptr (DdpmTensorFile) file = open_file (path, error);
  g_autofree gchar *key = NULL;

  if (file == NULL)
    return NULL;
  key = get_shared_key (file);
  return ddpm_shared_get (key, make_shared_model, file, error);
}

DdpmModel *
ddpm_checkpoint_load_bytes (GBytes * bytes, const gchar * name, GError ** error)
{
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, name, error);

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

static gboolean
keep_old (const gchar * path, const gchar * base, DdpmReplaceFlags flags,
    GError ** error)
{
  if (base) {
    g_autofree gchar *old_base = g_strconcat (base, ".old", NULL);
    g_autofree gchar *state = ddpm_train_state_path (base);
    g_autofree gchar *old_state = ddpm_train_state_path (old_base);

    if (!ddpm_replace_keep_old (state, flags, old_state, error))
      return FALSE;
  }
  return ddpm_replace_keep_old (path, DDPM_REPLACE_FOLLOW | flags, NULL, error);
}

gboolean
ddpm_checkpoint_keep_old (const gchar * path, const gchar * base,
    GError ** error)
{
  return keep_old (path, base, 0, error);
}

gboolean
ddpm_checkpoint_can_keep_old (const gchar * path, const gchar * base,
    GError ** error)
{
  return keep_old (path, base, DDPM_REPLACE_CHECK, error);
}

DdpmCheckpointLock *
ddpm_checkpoint_lock (const gchar * path, GError ** error)
{
  DdpmReplace *lock = g_new (DdpmReplace, 1);

  if (!ddpm_replace_begin (lock, path,
          DDPM_REPLACE_FOLLOW | DDPM_REPLACE_LOCK, error))
    g_clear_pointer (&lock, g_free);
  return lock;
}

void
ddpm_checkpoint_unlock (DdpmCheckpointLock * lock)
{
  ddpm_replace_clear (lock);
  g_free (lock);
}
