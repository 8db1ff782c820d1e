/* gst-ddpm: a model of what a source has
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/load.h"

#include <string.h>

#include "gst-ddpm/files/architecture.h"
#include "gst-ddpm/files/diffusers-config.h"
#include "gst-ddpm/files/metadata.h"

/**
 * Loading: what is known of a model before its weights are read
 * @has_table: the file has the embedding table, under our name
 * @table: how it is computed, or which tensor it is, in another family
 * @params: the parameters of @config
 * @parts: where they are in the file
 */
typedef struct
{
  DdpmSource *source;
  const DdpmTrained *trained;
  DdpmMetadata metadata;
  DdpmConfig config;
  guint width, height;
  guint64 step;
  gchar **class_names;
  gboolean has_table;
  DdpmTimeTable table;
  DdpmParams *params;
  GArray *parts;
} Loading;

static void
loading_clear (Loading * l)
{
  g_strfreev (l->class_names);
  g_clear_pointer (&l->parts, g_array_unref);
  ddpm_params_free (l->params);
}

/* --- configuration ---------------------------------------------------- */

static gboolean
infer_config (Loading * l, GError ** error)
{
  DdpmTensorFile *file = l->source->file;

  switch (l->source->kind) {
    case DDPM_FAMILY_PESSER:
      return ddpm_pesser_infer (file, &l->config, &l->table, error);
    case DDPM_FAMILY_GUIDED:
      return ddpm_guided_infer (file, &l->config, &l->table, l->source->remarks,
          error);
    default:
      return ddpm_architecture_check_names (file, error)
          && ddpm_architecture_infer (file, &l->config, error);
  }
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

/* The network is that of the tensors. Metadata may say more. */
static gboolean
read_config (Loading * l, GError ** error)
{
  DdpmConfig inferred;
  g_autofree gchar *said = NULL, *found = NULL;

  if (!infer_config (l, error))
    return FALSE;
  inferred = l->config;
  if (!ddpm_metadata_get_config (&l->metadata, &l->config, error))
    return FALSE;
  adopt_hidden (&l->config, &inferred);
  if (!ddpm_config_same_network (&l->config, &inferred))
    goto contradiction;
  return ddpm_metadata_get_size (&l->metadata, &l->config, &l->width,
      &l->height, error)
      && ddpm_metadata_get_uint (&l->metadata, "ddpm.step", G_MAXUINT64,
      &l->step, error)
      && ddpm_metadata_get_class_names (&l->metadata, &l->config,
      &l->class_names, error);

contradiction:
  said = ddpm_config_to_string (&l->config);
  found = ddpm_config_to_string (&inferred);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of a %s, as its metadata says, found those of "
      "a %s", l->metadata.location, said, found);
  return FALSE;
}

/* From config.json and scheduler_config.json */
static gboolean
read_diffusers_config (Loading * l, GError ** error)
{
  DdpmSource *source = l->source;

  if (!ddpm_diffusers_read_network (source->config, source->file, &l->config,
          &l->table, &l->width, &l->height, source->remarks, error)
      || !ddpm_diffusers_read_scheduler (source->scheduler, &l->config,
          l->trained, source->remarks, error))
    return FALSE;
  if (!ddpm_config_check (&l->config, error)
      || (l->width > 0 && !ddpm_config_check_size (&l->config, l->width,
              l->height, error))) {
    ddpm_metadata_blame (ddpm_json_get_location (source->config), error);
    return FALSE;
  }
  return TRUE;
}

/* Overrides what the source says. A model that is sampled in all timesteps has
 * no more steps than these. */
static gboolean
apply_trained (Loading * l, GError ** error)
{
  const DdpmTrained *t = l->trained;
  DdpmConfig *c = &l->config;

  if (t->schedule >= 0)
    c->schedule = t->schedule;
  if (t->beta_start >= 0.0)
    c->beta_start = t->beta_start;
  if (t->beta_end >= 0.0)
    c->beta_end = t->beta_end;
  if (t->timesteps > 0)
    c->timesteps = t->timesteps;
  if (t->data_range >= 0)
    c->data_range = t->data_range;
  if (t->prediction >= 0)
    c->prediction = t->prediction;
  c->sampling.steps = MIN (c->sampling.steps, c->timesteps);
  c->sampling.steps_offset = MIN (c->sampling.steps_offset, c->timesteps);
  return ddpm_config_check (c, error);
}

/* --- tensors ---------------------------------------------------------- */

/* Our embedding table is optional; if it is there, it must have T rows. Another
 * program's may have more. */
static gboolean
require_table (Loading * l, GError ** error)
{
  const DdpmParam *param = &l->params->params[l->params->n_params - 1];
  DdpmTensorFile *file = l->source->file;
  guint shape[] = { param->shape[0], param->shape[1] };

  if (l->source->kind == DDPM_FAMILY_OURS) {
    l->has_table = ddpm_tensor_file_find (file, param->name) != NULL;
    return !l->has_table || ddpm_tensor_file_require (file, param->name, 2,
        shape, error);
  }
  if (l->table.tensor == NULL)
    return TRUE;
  shape[0] = MAX (shape[0],
      ddpm_family_get_size (file, 0, "%s", l->table.tensor));
  return ddpm_tensor_file_require (file, l->table.tensor, 2, shape, error)
      != NULL;
}

static gboolean
require_tensors (Loading * l, GError ** error)
{
  DdpmSource *source = l->source;

  l->params = ddpm_params_new (&l->config, error);
  if (l->params == NULL)
    return FALSE;
  l->parts = ddpm_family_require (source->kind, source->file, &l->config,
      l->params, error);
  return l->parts != NULL && require_table (l, error)
      && ddpm_tensor_file_check_all_required (source->file,
      source->kind == DDPM_FAMILY_OURS ? "one network" :
      ddpm_family_get_title (source->kind), error);
}

/* The first T rows of a tensor */
static gboolean
read_table_rows (Loading * l, const gchar * name, gfloat * to, GError ** error)
{
  DdpmFileTensor *rows = ddpm_file_tensor_copy (ddpm_tensor_file_find
      (l->source->file, name), name);
  gboolean ok;

  ddpm_file_tensor_narrow (rows, 0, 0, l->config.timesteps);
  ok = ddpm_tensor_file_read (l->source->file, rows, to, error);
  ddpm_file_tensor_free (rows);
  return ok;
}

static gboolean
read_weights (Loading * l, DdpmModel * model, GError ** error)
{
  const guint timesteps = l->config.timesteps, channels = l->config.channels;
  gfloat *table = model->weights + model->params->trainable;

  if (!ddpm_family_read (l->source->file, l->parts, model->weights, error))
    return FALSE;
  if (l->has_table)
    return read_table_rows (l, DDPM_PARAM_TABLE, table, error);
  if (l->source->kind == DDPM_FAMILY_OURS)
    ddpm_params_compute_time_table (timesteps, channels, table);
  else if (l->table.tensor != NULL)
    return read_table_rows (l, l->table.tensor, table, error);
  else
    ddpm_family_compute_time_table (&l->table, timesteps, channels, table);
  return TRUE;
}

/* --- the model -------------------------------------------------------- */

/* The names of what metadata, or a person in its place, says. Returns: (transfer
 * full) */
static GHashTable *
get_known (Loading * l)
{
  const DdpmTrained *t = l->trained;
  const struct
  {
    gboolean is_said;
    const gchar *name;
  } said[] = {
    {t->schedule >= 0, "ddpm.schedule"},
    {t->beta_start >= 0.0, "ddpm.beta_start"},
    {t->beta_end >= 0.0, "ddpm.beta_end"},
    {t->timesteps > 0, "ddpm.timesteps"},
    {t->data_range >= 0, "ddpm.data_range"},
    {t->prediction >= 0, "ddpm.prediction_type"},
  };
  GHashTable *known = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, l->metadata.values);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_hash_table_add (known, name);
  for (guint i = 0; i < G_N_ELEMENTS (said); i++)
    if (said[i].is_said)
      g_hash_table_add (known, (gpointer) said[i].name);
  return known;
}

static DdpmFacts
get_assumed (Loading * l, const DdpmMetadata * known)
{
  const DdpmTrained *t = l->trained;
  DdpmFacts assumed = 0;

  if (l->source->config == NULL)
    return ddpm_metadata_get_assumed (known, &l->config);
  if (l->source->scheduler)
    return 0;
  if (t->schedule < 0 || t->beta_start < 0.0 || t->beta_end < 0.0)
    assumed |= DDPM_FACT_SCHEDULE;
  if (t->prediction < 0)
    assumed |= DDPM_FACT_PREDICTION;
  return assumed;
}

/* A sentence about what was chosen, left out and assumed; NULL: nothing */
static gchar *
describe (Loading * l, const DdpmMetadata * known)
{
  g_autofree gchar *assumed = NULL;
  g_autofree gchar *all = NULL;
  GPtrArray *remarks = l->source->remarks;

  if (l->source->config == NULL)
    assumed = ddpm_metadata_describe_assumptions (known, &l->config,
        l->has_table);
  if (assumed != NULL)
    g_ptr_array_add (remarks, g_steal_pointer (&assumed));
  if (remarks->len == 0)
    return NULL;
  g_ptr_array_add (remarks, NULL);
  all = g_strjoinv ("; ", (gchar **) remarks->pdata);
  g_ptr_array_remove_index (remarks, remarks->len - 1);
  return g_strconcat (l->metadata.location, ": ", all, NULL);
}

static DdpmModel *
make_model (Loading * l, GError ** error)
{
  g_autoptr (DdpmModel) model = ddpm_model_new (&l->config, error);
  g_autoptr (GHashTable) values = get_known (l);
  DdpmMetadata known = l->metadata;

  known.values = values;
  if (model == NULL) {
    ddpm_metadata_blame (l->metadata.location, error);
    return NULL;
  }
  model->width = l->width;
  model->height = l->height;
  model->step = l->step;
  model->location = g_strdup (l->metadata.location);
  model->class_names = g_steal_pointer (&l->class_names);
  model->assumed = get_assumed (l, &known);
  model->notes = ddpm_metadata_get_notes (&l->metadata);
  model->assumptions = describe (l, &known);
  return read_weights (l, model, error) ? g_steal_pointer (&model) : NULL;
}

DdpmModel *
ddpm_load_model (DdpmSource * source, const DdpmTrained * trained,
    GError ** error)
{
  static const DdpmTrained nothing_said = { -1, -1.0, -1.0, 0, -1, -1 };
  Loading l = {.source = source,.trained = trained ? trained : &nothing_said };
  DdpmModel *model = NULL;

  l.metadata.values = ddpm_tensor_file_get_metadata (source->file);
  l.metadata.location = ddpm_tensor_file_get_location (source->file);
  ddpm_config_init_defaults (&l.config);
  if ((source->config ? read_diffusers_config (&l, error)
          : read_config (&l, error))
      && apply_trained (&l, error) && require_tensors (&l, error))
    model = make_model (&l, error);
  loading_clear (&l);
  return model;
}
