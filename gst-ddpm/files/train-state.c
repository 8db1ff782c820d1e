/* gst-ddpm: training states on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tensors are model.<name>, ema.<name> (optional), adam.m.<name> and
 * adam.v.<name> in F32, and the embedding table under its own name (optional:
 * the notebook's); counters and settings are metadata.
 */
#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/params.h"

#include <string.h>

#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/files/param-tensors.h"

#define SETTING "ddpm.setting." /* prefix of the names of settings */

static const struct
{
  const gchar *prefix;
  gsize field;
  gboolean optional;
} arrays[] = {
  {"model.", G_STRUCT_OFFSET (DdpmTrainState, weights), FALSE},
  {"ema.", G_STRUCT_OFFSET (DdpmTrainState, ema), TRUE},
  {"adam.m.", G_STRUCT_OFFSET (DdpmTrainState, adam_m), FALSE},
  {"adam.v.", G_STRUCT_OFFSET (DdpmTrainState, adam_v), FALSE},
};

static const struct
{
  const gchar *name;
  gsize field;
} counters[] = {
  {"ddpm.step", G_STRUCT_OFFSET (DdpmTrainState, step)},
  {"ddpm.samples", G_STRUCT_OFFSET (DdpmTrainState, samples)},
  {"ddpm.epoch", G_STRUCT_OFFSET (DdpmTrainState, epoch)},
  {"ddpm.seed", G_STRUCT_OFFSET (DdpmTrainState, seed)},
};

gchar *
ddpm_train_state_path (const gchar * checkpoint_path)
{
  return g_strconcat (checkpoint_path, ".state", NULL);
}

/* --- saving ----------------------------------------------------------- */

/* Sorted, so that equal states give equal files */
static void
add_settings (DdpmSafetensorsWriter * writer, GHashTable * settings)
{
  g_autoptr (GList) names = NULL;
  GList *l;

  if (settings == NULL)
    return;
  names = g_list_sort (g_hash_table_get_keys (settings), (GCompareFunc) strcmp);
  for (l = names; l != NULL; l = l->next) {
    g_autofree gchar *name = g_strconcat (SETTING, l->data, NULL);

    ddpm_safetensors_writer_add_metadata (writer, name,
        g_hash_table_lookup (settings, l->data));
  }
}

static void
add_metadata (DdpmSafetensorsWriter * writer, const DdpmTrainState * state)
{
  ddpm_safetensors_writer_add_metadata (writer, DDPM_METADATA_STATE,
      DDPM_METADATA_VERSION);
  ddpm_metadata_add_config (writer, &state->config, state->width,
      state->height);
  for (guint i = 0; i < G_N_ELEMENTS (counters); i++)
    ddpm_metadata_add_uint (writer, counters[i].name,
        G_STRUCT_MEMBER (guint64, state, counters[i].field));
  ddpm_metadata_add_double (writer, "ddpm.loss_smoothed", state->loss_smoothed);
  ddpm_metadata_add_class_names (writer, state->class_names);
  add_settings (writer, state->settings);
}

gboolean
ddpm_train_state_can_save (const gchar * path, GError ** error)
{
  return ddpm_replace_can_begin (path, 0, error);
}

static const DdpmParam *
get_table (const DdpmParams * params)
{
  return &params->params[params->n_params - 1];
}

static void
add_table (DdpmSafetensorsWriter * writer, const DdpmParams * params,
    const DdpmTrainState * state)
{
  const DdpmParam *table = get_table (params);

  if (state->time_table)
    ddpm_safetensors_writer_add (writer, table->name, DDPM_TYPE_F32,
        table->n_dims, table->shape, state->time_table);
}

gboolean
ddpm_train_state_save (const DdpmTrainState * state, const gchar * path,
    GError ** error)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();
  g_autoptr (DdpmParams) params = ddpm_params_new (&state->config, error);

  if (params == NULL)
    return FALSE;
  add_metadata (writer, state);
  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++) {
    const gfloat *array = G_STRUCT_MEMBER (gfloat *, state, arrays[i].field);

    if (array != NULL || !arrays[i].optional)
      ddpm_param_tensors_add (writer, arrays[i].prefix, params, DDPM_TYPE_F32,
          array);
  }
  add_table (writer, params, state);
  return ddpm_safetensors_writer_write (writer, path, 0, error);
}

/* --- loading ---------------------------------------------------------- */

static gboolean
has_array (DdpmTensorFile * file, guint i)
{
  g_autofree gchar *name = g_strconcat (arrays[i].prefix, "head.weight", NULL);

  return !arrays[i].optional || ddpm_tensor_file_find (file, name) != NULL;
}

static void
read_settings (const DdpmMetadata * metadata, DdpmTrainState * state)
{
  GHashTableIter iter;
  const gchar *name, *value;

  state->settings =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_iter_init (&iter, metadata->values);
  while (g_hash_table_iter_next (&iter, (gpointer *) & name,
          (gpointer *) & value))
    if (g_str_has_prefix (name, SETTING))
      g_hash_table_insert (state->settings,
          g_strdup (name + strlen (SETTING)), g_strdup (value));
}

static gboolean
read_config (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  ddpm_config_init_defaults (config);
  return ddpm_metadata_get_config (metadata, config, error);
}

static gboolean
read_metadata (const DdpmMetadata * metadata, DdpmTrainState * state,
    GError ** error)
{
  if (!ddpm_metadata_check_version (metadata, DDPM_METADATA_STATE,
          "a training state", error)
      || !read_config (metadata, &state->config, error)
      || !ddpm_metadata_get_size (metadata, &state->config, &state->width,
          &state->height, error)
      || !ddpm_metadata_get_double (metadata, "ddpm.loss_smoothed",
          &state->loss_smoothed, error)
      || !ddpm_metadata_get_class_names (metadata, &state->config,
          &state->class_names, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (counters); i++)
    if (!ddpm_metadata_get_uint (metadata, counters[i].name, G_MAXUINT64,
            &G_STRUCT_MEMBER (guint64, state, counters[i].field), error))
      return FALSE;
  read_settings (metadata, state);
  return TRUE;
}

static gboolean
require_arrays (DdpmTensorFile * file, const DdpmParams * params,
    GError ** error)
{
  const DdpmParam *table = get_table (params);

  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
    if (has_array (file, i)
        && !ddpm_param_tensors_require (file, arrays[i].prefix, params, error))
      return FALSE;
  if (ddpm_tensor_file_find (file, table->name)
      && !ddpm_tensor_file_require (file, table->name, table->n_dims,
          table->shape, error))
    return FALSE;
  return ddpm_tensor_file_check_all_required (file, "one network", error);
}

static gboolean
read_table (DdpmTensorFile * file, const DdpmParams * params,
    DdpmTrainState * state, GError ** error)
{
  const DdpmFileTensor *table =
      ddpm_tensor_file_find (file, get_table (params)->name);

  if (table == NULL)
    return TRUE;
  state->time_table = g_try_new (gfloat, get_table (params)->count);
  if (state->time_table == NULL)
    goto no_memory;
  return ddpm_tensor_file_read (file, table, state->time_table, error);

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "%s: no memory for its embedding table",
      ddpm_tensor_file_get_location (file));
  return FALSE;
}

static gboolean
read_arrays (DdpmTensorFile * file, const DdpmParams * params,
    DdpmTrainState * state, GError ** error)
{
  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++) {
    gfloat *array;

    if (!has_array (file, i))
      continue;
    array = g_try_new (gfloat, params->trainable);
    if (array == NULL)
      goto no_memory;
    G_STRUCT_MEMBER (gfloat *, state, arrays[i].field) = array;
    if (!ddpm_param_tensors_read (file, arrays[i].prefix, params, array, error))
      return FALSE;
  }
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "%s: no memory for %" G_GSIZE_FORMAT " numbers",
      ddpm_tensor_file_get_location (file), params->trainable);
  return FALSE;
}

DdpmTrainState *
ddpm_train_state_load (const gchar * path, GError ** error)
{
  g_autoptr (DdpmTensorFile) file = ddpm_tensor_file_open (path, error);
  g_autoptr (DdpmTrainState) state = NULL;
  g_autoptr (DdpmParams) params = NULL;
  DdpmMetadata metadata;

  if (file == NULL)
    return NULL;
  metadata.values = ddpm_tensor_file_get_metadata (file);
  metadata.location = ddpm_tensor_file_get_location (file);
  metadata.complete = TRUE;

  state = g_atomic_rc_box_new0 (DdpmTrainState);
  if (!read_metadata (&metadata, state, error))
    return NULL;
  params = ddpm_params_new (&state->config, error);
  if (params == NULL || !require_arrays (file, params, error)
      || !read_arrays (file, params, state, error)
      || !read_table (file, params, state, error))
    return NULL;
  return g_steal_pointer (&state);
}

static void
clear_state (gpointer data)
{
  DdpmTrainState *state = data;

  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
    g_free (G_STRUCT_MEMBER (gfloat *, state, arrays[i].field));
  g_free (state->time_table);
  g_clear_pointer (&state->settings, g_hash_table_unref);
  g_strfreev (state->class_names);
}

DDPM_DEFINE_BOXED (DdpmTrainState, ddpm_train_state, clear_state);
