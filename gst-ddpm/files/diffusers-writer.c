/* gst-ddpm: writing a model as a pipeline of diffusers: a folder
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folder is made under another name beside its place, and renamed when it is
 * complete.
 */
#include "gst-ddpm/files/checkpoint.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "gst-ddpm/files/diffusers-json.h"
#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/model/params.h"

#define FIRST_TIME_WEIGHT "time_embedding.timembedding.1.weight"
#define LEARNED_TABLE "time_proj.weight"
#define MAX_SHIFT 1             /* of frequencies, that any program uses */

#define INDEX "model_index.json"
#define UNET "unet"
#define SCHEDULER "scheduler"
#define WEIGHTS UNET G_DIR_SEPARATOR_S "diffusion_pytorch_model.safetensors"
#define UNET_CONFIG UNET G_DIR_SEPARATOR_S "config.json"
#define SCHEDULER_CONFIG SCHEDULER G_DIR_SEPARATOR_S "scheduler_config.json"

/* --- the embedding of timesteps --------------------------------------- */

/**
 * TableRule: how a table may have been computed
 * @interleaved: sine and cosine of a frequency are neighbours, as in the
 *   notebook; UNet2DModel has all sines, then all cosines
 */
typedef struct
{
  gboolean interleaved;
  DdpmTimeTable table;
} TableRule;

/* Places of the sine and the cosine of frequency i in a row of 2 half */
static void
find_columns (const TableRule * rule, guint half, guint i, guint * sine,
    guint * cosine)
{
  if (rule->interleaved) {
    *sine = 2 * i;
    *cosine = 2 * i + 1;
  } else {
    *sine = rule->table.flip ? half + i : i;
    *cosine = rule->table.flip ? i : half + i;
  }
}

/* Is it the table of the rule, but for rounding? Angles are computed in single
 * precision: the error of t * frequency, and of the exponent of the frequency,
 * grow with t. */
static gboolean
follows_rule (const DdpmModel * model, const TableRule * rule)
{
  const guint channels = model->config.channels, half = channels / 2;
  const gfloat *table = model->weights + model->params->trainable;

  if (half <= rule->table.shift)
    return FALSE;
  for (guint i = 0; i < half; i++) {
    const gdouble frequency =
        exp (-log (10000.0) * i / (half - rule->table.shift));
    guint sine, cosine;

    find_columns (rule, half, i, &sine, &cosine);
    for (guint t = 0; t < model->config.timesteps; t++) {
      const gfloat *row = table + (gsize) t * channels;
      const gdouble bound = 1e-6 * (1.0 + t), angle = t * frequency;

      if (!(fabs (row[sine] - sin (angle)) <= bound
              && fabs (row[cosine] - cos (angle)) <= bound))
        return FALSE;
    }
  }
  return TRUE;
}

/* A table that follows no rule can only be stored. */
static TableRule
find_rule (const DdpmModel * model)
{
  static const gboolean orders[][2] = { /* interleaved, flip */
    {FALSE, FALSE}, {FALSE, TRUE}, {TRUE, FALSE}
  };

  for (guint shift = 0; shift <= MAX_SHIFT; shift++) {
    for (guint i = 0; i < G_N_ELEMENTS (orders); i++) {
      const TableRule rule = { orders[i][0], {orders[i][1], shift, NULL} };

      if (follows_rule (model, &rule))
        return rule;
    }
  }
  return (TableRule) {
  .table.tensor = LEARNED_TABLE};
}

/* The weights of the first layer behind the table, with columns in the order of
 * UNet2DModel. Returns: (transfer full): NULL: no memory */
static gfloat *
order_columns (const DdpmModel * model, const TableRule * rule)
{
  const DdpmParam *param = ddpm_params_find (model->params, FIRST_TIME_WEIGHT);
  const gfloat *from = model->weights + param->offset;
  const guint channels = param->shape[1], half = channels / 2;
  gfloat *to = g_try_new (gfloat, param->count);

  if (to == NULL)
    return NULL;
  memcpy (to, from, param->count * sizeof (gfloat));
  for (guint row = 0; rule->interleaved && row < param->shape[0]; row++) {
    const gsize begin = (gsize) row * channels;

    for (guint i = 0; i < half; i++) {
      to[begin + i] = from[begin + 2 * i];
      to[begin + half + i] = from[begin + 2 * i + 1];
    }
  }
  return to;
}

/* --- the weights ------------------------------------------------------ */

static void
add_param (DdpmSafetensorsWriter * writer, GHashTable * layers,
    const DdpmParam * param, DdpmType type, const gfloat * data)
{
  const gchar *kind = strrchr (param->name, '.');
  g_autofree gchar *ours = g_strndup (param->name, kind - param->name);
  g_autofree gchar *name = g_strconcat (g_hash_table_lookup (layers, ours),
      kind, NULL);
  guint n_dims = param->n_dims;

  /* the projections of an attention are matrices there */
  if (n_dims == 4 && strstr (ours, ".attn."))
    n_dims = 2;
  ddpm_safetensors_writer_add (writer, name, type, n_dims, param->shape, data);
}

static gboolean
write_weights (const DdpmModel * model, DdpmType type, const TableRule * rule,
    const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();
  g_autoptr (GHashTable) layers =
      ddpm_family_name_layers (DDPM_FAMILY_DIFFUSERS, &model->config);
  g_autofree gfloat *first = order_columns (model, rule);
  const DdpmParams *params = model->params;
  const DdpmParam *table = &params->params[params->n_params - 1];

  if (first == NULL)
    goto no_memory;
  ddpm_safetensors_writer_add_metadata (writer, "format", "pt");
  ddpm_metadata_add_notes (writer, model->notes);
  for (guint i = 0; i + 1 < params->n_params; i++) {
    const DdpmParam *param = &params->params[i];

    add_param (writer, layers, param, type,
        strcmp (param->name, FIRST_TIME_WEIGHT) == 0 ? first :
        model->weights + param->offset);
  }
  if (rule->table.tensor)
    ddpm_safetensors_writer_add (writer, rule->table.tensor, DDPM_TYPE_F32,
        table->n_dims, table->shape, model->weights + table->offset);
  return ddpm_safetensors_writer_write (writer, path, 0, error);

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "%s: no memory to write it", path);
  return FALSE;
}

/* --- the folder ------------------------------------------------------- */

static gboolean
cannot_write (const gchar * path, int code, GError ** error)
{
  g_autofree gchar *name = g_filename_display_name (path);

  g_set_error (error, DDPM_ERROR, code == ENOSPC || code == EDQUOT ?
      DDPM_ERROR_NO_SPACE : DDPM_ERROR_WRITE, "%s: cannot be written: %s",
      name, g_strerror (code));
  return FALSE;
}

static gboolean
make_folder (const gchar * parent, const gchar * name, GError ** error)
{
  g_autofree gchar *path = g_build_filename (parent, name, NULL);

  return g_mkdir (path, 0777) == 0 || cannot_write (path, errno, error);
}

static gboolean
write_json (const gchar * folder, const gchar * name, JsonNode * root,
    GError ** error)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *json = json_to_string (root, TRUE);
  g_autofree gchar *text = g_strconcat (json, "\n", NULL);
  DdpmReplace replace;
  gboolean ok;

  if (!ddpm_replace_begin (&replace, path, 0, error))
    return FALSE;
  ok = ddpm_replace_write (&replace, text, strlen (text), error)
      && ddpm_replace_commit (&replace, error);
  ddpm_replace_clear (&replace);
  return ok;
}

static gboolean
fill_folder (const DdpmModel * model, DdpmType type, const gchar * folder,
    GError ** error)
{
  const TableRule rule = find_rule (model);
  g_autofree gchar *weights = g_build_filename (folder, WEIGHTS, NULL);
  g_autoptr (JsonNode) index = ddpm_diffusers_make_index (model);
  g_autoptr (JsonNode) scheduler = ddpm_diffusers_make_scheduler_config (model);
  g_autoptr (JsonNode) unet =
      ddpm_diffusers_make_unet_config (model, &rule.table, error);

  return unet && make_folder (folder, UNET, error)
      && make_folder (folder, SCHEDULER, error)
      && write_json (folder, INDEX, index, error)
      && write_json (folder, UNET_CONFIG, unet, error)
      && write_json (folder, SCHEDULER_CONFIG, scheduler, error)
      && write_weights (model, type, &rule, weights, error);
}

/* Deletes what fill_folder () may have made. */
static void
remove_folder (const gchar * folder)
{
  static const gchar *const made[] = { WEIGHTS, UNET_CONFIG, SCHEDULER_CONFIG,
    INDEX, UNET, SCHEDULER, ""
  };

  for (guint i = 0; i < G_N_ELEMENTS (made); i++) {
    g_autofree gchar *path = g_build_filename (folder, made[i], NULL);

    g_remove (path);
  }
}

/* Gives a complete folder its name. An empty folder may be there, or another
 * one, which becomes "<name>.old". */
static gboolean
name_folder (const gchar * made, const gchar * path, gboolean replace,
    GError ** error)
{
  g_autofree gchar *old = g_strconcat (path, ".old", NULL);

  if (g_rename (made, path) == 0)
    return TRUE;
  if (errno != ENOTEMPTY && errno != EEXIST)
    return cannot_write (path, errno, error);
  if (!replace) {
    g_autofree gchar *name = g_filename_display_name (path);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
        "%s: cannot be written: there is a folder of this name already, which is "
        "not empty: remove it, or choose another name", name);
    return FALSE;
  }
  if (g_rename (path, old) < 0)
    return cannot_write (old, errno, error);
  if (g_rename (made, path) == 0)
    return TRUE;
  cannot_write (path, errno, error);
  g_rename (old, path);
  return FALSE;
}

/* Without slashes at the end. Returns: (transfer full) */
static gchar *
trim_slashes (const gchar * folder)
{
  gsize length = strlen (folder);

  while (length > 1 && G_IS_DIR_SEPARATOR (folder[length - 1]))
    length--;
  return g_strndup (folder, length);
}

gboolean
ddpm_checkpoint_save_diffusers (const DdpmModel * model, DdpmType type,
    const gchar * folder, gboolean replace, GError ** error)
{
  g_autofree gchar *path = trim_slashes (folder);
  g_autofree gchar *parent = g_path_get_dirname (path);
  g_autofree gchar *name = g_path_get_basename (path);
  g_autofree gchar *hidden = g_strdup_printf (".%s.XXXXXX", name);
  g_autofree gchar *made = g_build_filename (parent, hidden, NULL);

  if (g_mkdtemp_full (made, 0777) == NULL)
    return cannot_write (path, errno, error);
  if (fill_folder (model, type, made, error)
      && name_folder (made, path, replace, error))
    return TRUE;
  remove_folder (made);
  if (error && g_error_matches (*error, DDPM_ERROR, DDPM_ERROR_SETTINGS))
    g_prefix_error (error, "%s cannot become a UNet2DModel of diffusers: ",
        model->location ? model->location : "the model");
  return FALSE;
}

gchar **
ddpm_checkpoint_list_diffusers_limits (const DdpmModel * model)
{
  return ddpm_diffusers_list_limits (model);
}
