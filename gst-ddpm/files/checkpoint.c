/* gst-ddpm: checkpoints: models on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/builtin.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/shared.h"
#include "gst-ddpm/files/checkpoint.h"

#include "gst-ddpm/files/load.h"
#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/files/param-tensors.h"

/* --- loading ---------------------------------------------------------- */

const gchar *const *
ddpm_checkpoint_get_builtin_names (void)
{
  return ddpm_builtin_names;
}

DdpmModel *
ddpm_checkpoint_load (const gchar * path, GError ** error)
{
  g_autoptr (DdpmSource) source = ddpm_source_open (path, error);

  return source ? ddpm_load_model (source, NULL, error) : NULL;
}

/* Arguments of make_shared_model () */
typedef struct
{
  DdpmSource *source;
  const DdpmTrained *trained;
  gchar *key;
} Shared;

static gchar *
get_shared_key (DdpmSource * source, const DdpmTrained * t)
{
  g_autofree gchar *identity = ddpm_source_get_identity (source);

  if (t == NULL)
    return g_strconcat ("model of ", identity, NULL);
  return g_strdup_printf ("model of %s, as schedule %d, betas %.17g %.17g, "
      "T %u, range %d, prediction %d", identity, t->schedule, t->beta_start,
      t->beta_end, t->timesteps, t->data_range, t->prediction);
}

static gpointer
make_shared_model (gpointer data, GError ** error)
{
  const Shared *shared = data;
  DdpmModel *model = ddpm_load_model (shared->source, shared->trained, error);

  if (model)
    model->shared_key = g_strdup (shared->key);
  return model;
}

static gboolean
says_nothing (const DdpmTrained * t)
{
  return t->schedule < 0 && t->beta_start < 0 && t->beta_end < 0
      && t->timesteps == 0 && t->data_range < 0 && t->prediction < 0;
}

DdpmModel *
ddpm_checkpoint_load_shared_as (const gchar * path,
    const DdpmTrained * trained, GError ** error)
{
  g_autoptr (DdpmSource) source = ddpm_source_open (path, error);
  Shared shared = { source, trained };
  DdpmModel *model;

  if (source == NULL)
    return NULL;
  if (trained && says_nothing (trained))
    shared.trained = NULL;
  shared.key = get_shared_key (source, shared.trained);
  model = ddpm_shared_get (shared.key, make_shared_model, &shared, error);
  g_free (shared.key);
  return model;
}

DdpmModel *
ddpm_checkpoint_load_shared (const gchar * path, GError ** error)
{
  return ddpm_checkpoint_load_shared_as (path, NULL, error);
}

DdpmModel *
ddpm_checkpoint_load_bytes (GBytes * bytes, const gchar * name, GError ** error)
{
  g_autoptr (DdpmSource) source = ddpm_source_open_bytes (bytes, name, error);

  return source ? ddpm_load_model (source, NULL, error) : NULL;
}

/* --- saving ----------------------------------------------------------- */

/* The embedding table stays in F32: in BF16, a third of the entries of late
 * timesteps would be equal to those of their neighbours. */
static gboolean
write_weights (DdpmSafetensorsWriter * writer, const DdpmModel * model,
    DdpmType type, const gchar * path, GError ** error)
{
  const DdpmParam *table = &model->params->params[model->params->n_params - 1];

  /* as Python's libraries expect of a file of PyTorch tensors */
  ddpm_safetensors_writer_add_metadata (writer, "format", "pt");
  ddpm_metadata_add_notes (writer, model->notes);
  ddpm_param_tensors_add (writer, "", model->params, type, model->weights);
  ddpm_safetensors_writer_add (writer, table->name, DDPM_TYPE_F32,
      table->n_dims, table->shape, model->weights + table->offset);
  return ddpm_safetensors_writer_write (writer, path, DDPM_REPLACE_FOLLOW,
      error);
}

gboolean
ddpm_checkpoint_save (const DdpmModel * model, DdpmType type,
    const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();

  ddpm_safetensors_writer_add_metadata (writer, DDPM_METADATA_FORMAT,
      DDPM_METADATA_VERSION);
  ddpm_metadata_add_config (writer, &model->config, model->width,
      model->height);
  ddpm_metadata_add_class_names (writer, model->class_names);
  ddpm_metadata_add_uint (writer, "ddpm.step", model->step);
  return write_weights (writer, model, type, path, error);
}

gboolean
ddpm_checkpoint_save_state_dict (const DdpmModel * model, DdpmType type,
    const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();

  return write_weights (writer, model, type, path, error);
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
