/* gst-ddpm: the architecture of a network, from the tensors of a file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/architecture.h"

#include <string.h>

#include "gst-ddpm/files/metadata.h"
#include "gst-ddpm/model/params.h"

#define TEMB1 "time_embedding.timembedding.1.weight"
#define N_ATTENTION_TENSORS 10

/* --- names ------------------------------------------------------------ */

/* The index in the name of a block's tensor, such as "downblocks.12.main.bias":
 * sets the offsets of its digits. FALSE: there is none */
static gboolean
find_index (const gchar * name, gsize * begin, gsize * end)
{
  const gchar *blocks = strstr (name, "blocks.");

  if (blocks == NULL)
    return FALSE;
  *begin = *end = blocks + strlen ("blocks.") - name;
  while (g_ascii_isdigit (name[*end]))
    (*end)++;
  return *end > *begin && name[*end] == '.';
}

/* The name with another index of its block, a text of so many characters, if it
 * is that of a block's tensor. Returns: (transfer full) */
static gchar *
replace_index (const gchar * name, const gchar * index, gsize length)
{
  gsize begin, end;

  if (!find_index (name, &begin, &end))
    return g_strdup (name);
  return g_strdup_printf ("%.*s%.*s%s", (int) begin, name, (int) length, index,
      name + end);
}

/* A network that has every kind of tensor */
static DdpmParams *
params_new_with_all_names (void)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  config.channels = DDPM_GROUPS;
  config.attention_levels = (1u << config.n_levels) - 1;
  config.timesteps = 1;
  config.classes = 1;
  return ddpm_params_new (&config, NULL);
}

static guint
count_common (const gchar * a, const gchar * b)
{
  gsize na = strlen (a), nb = strlen (b), n = MIN (na, nb), prefix, suffix;

  for (prefix = 0; prefix < n && a[prefix] == b[prefix]; prefix++);
  for (suffix = 0; suffix < n - prefix && a[na - 1 - suffix]
      == b[nb - 1 - suffix]; suffix++);
  return prefix + suffix;
}

static gboolean
same_kernel (const DdpmFileTensor * tensor, const DdpmParam * param)
{
  return tensor->n_dims == param->n_dims && (param->n_dims < 4
      || (tensor->shape[2] == param->shape[2]
          && tensor->shape[3] == param->shape[3]));
}

/* The name that the tensor should perhaps have: missing from the file, of a
 * tensor of this kernel and block, and alike in more than half of its
 * characters. Returns: (transfer full) (nullable) */
static gchar *
find_nearest_name (DdpmTensorFile * file, const DdpmParams * params,
    const DdpmFileTensor * tensor)
{
  gsize begin, end;
  const gboolean of_block = find_index (tensor->name, &begin, &end);
  gchar *nearest = NULL;
  gint best = 0;

  for (guint i = 0; i < params->n_params; i++) {
    const gchar *known = params->params[i].name;
    g_autofree gchar *name = of_block ?
        replace_index (known, tensor->name + begin, end - begin) :
        g_strdup (known);
    gint alike = 2 * count_common (name, tensor->name) - strlen (name);

    if (alike <= best || !same_kernel (tensor, &params->params[i])
        || ddpm_tensor_file_find (file, name))
      continue;
    best = alike;
    g_free (nearest);
    nearest = g_steal_pointer (&name);
  }
  return nearest;
}

gboolean
ddpm_architecture_check_names (DdpmTensorFile * file, GError ** error)
{
  g_autoptr (DdpmParams) params = params_new_with_all_names ();
  g_autoptr (GHashTable) known =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree gchar *found = NULL, *nearest = NULL;
  const DdpmFileTensor *tensor, *first = NULL;
  GHashTableIter iter;
  guint n_unknown = 0;

  for (guint i = 0; i < params->n_params; i++)
    g_hash_table_add (known, replace_index (params->params[i].name, "", 0));
  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & tensor)) {
    g_autofree gchar *name = replace_index (tensor->name, "", 0);

    if (g_hash_table_contains (known, name)
        || !ddpm_file_tensor_is_real (tensor))
      continue;
    n_unknown++;
    if (first == NULL || strcmp (tensor->name, first->name) < 0)
      first = tensor;
  }
  if (first == NULL)
    return TRUE;

  found = ddpm_file_quote (first->name);
  nearest = find_nearest_name (file, params, first);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of a UNet, found %u of unknown names, %s%s%s%s",
      ddpm_tensor_file_get_location (file), n_unknown,
      n_unknown > 1 ? "the first one " : "", found,
      nearest ? "; expected " : "", nearest ? nearest : "");
  return FALSE;
}

/* --- numbers ---------------------------------------------------------- */

/* An axis of a tensor that shows a number */
typedef struct
{
  const gchar *name;
  guint n_dims, axis;
} Clue;

static const Clue channels[] = {
  {"head.weight", 4, 0}, {"head.bias", 1, 0}, {TEMB1, 2, 1}
};

static const Clue image_channels[] = {
  {"head.weight", 4, 1}, {"tail.2.weight", 4, 0}, {"tail.2.bias", 1, 0}
};

static const Clue time_dim[] = {
  {"time_embedding.timembedding.1.bias", 1, 0},
  {"time_embedding.timembedding.3.bias", 1, 0}, {TEMB1, 2, 0}
};

static const Clue time_columns[] = {
  {"downblocks.0.temb_proj.1.bias", 1, 0},
  {"downblocks.0.temb_proj.1.weight", 2, 0},
  {"downblocks.1.temb_proj.1.bias", 1, 0}
};

/* Sets value to what most of three clues show. FALSE: none of them is there */
static gboolean
infer_number (DdpmTensorFile * file, const Clue clues[3], guint * value,
    GError ** error)
{
  guint values[3], n = 0;

  for (guint i = 0; i < 3; i++) {
    const DdpmFileTensor *tensor = ddpm_tensor_file_find (file, clues[i].name);

    if (tensor && tensor->n_dims == clues[i].n_dims)
      values[n++] = MIN (tensor->shape[clues[i].axis], G_MAXUINT);
  }
  if (n == 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected the tensors of a UNet, found no %s of %u dimensions",
        ddpm_tensor_file_get_location (file), clues[0].name, clues[0].n_dims);
    return FALSE;
  }
  *value = n == 3 && values[1] == values[2] ? values[1] : values[0];
  return TRUE;
}

/* The first number of the shape of an optional tensor */
static void
infer_rows (DdpmTensorFile * file, const gchar * name, guint * rows)
{
  const DdpmFileTensor *tensor = ddpm_tensor_file_find (file, name);

  if (tensor && tensor->n_dims == 2)
    *rows = MIN (tensor->shape[0], G_MAXUINT);
}

/* --- levels ----------------------------------------------------------- */

/* The blocks of a stage, such as "downblocks." */
static guint64
count_blocks (DdpmTensorFile * file, const gchar * stage)
{
  GHashTableIter iter;
  const gchar *name;
  guint64 n = 0;

  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, (gpointer *) & name, NULL)) {
    if (g_str_has_prefix (name, stage)) {
      guint64 index = g_ascii_strtoull (name + strlen (stage), NULL, 10);

      n = MAX (n, MIN (index, G_MAXUINT) + 1);
    }
  }
  return n;
}

static guint
count_names (DdpmTensorFile * file, const gchar * prefix)
{
  GHashTableIter iter;
  const gchar *name;
  guint n = 0;

  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, (gpointer *) & name, NULL))
    n += g_str_has_prefix (name, prefix);
  return n;
}

/* Do most of the first blocks of a level, at most two, have attention? first:
 * the number of the first one */
static gboolean
infer_attention (DdpmTensorFile * file, const gchar * stage, guint first,
    guint blocks)
{
  guint found = 0;

  blocks = MIN (blocks, 2);
  for (guint i = 0; i < blocks; i++) {
    g_autofree gchar *prefix =
        g_strdup_printf ("%s.%u.attn.", stage, first + i);

    found += count_names (file, prefix);
  }
  return found > blocks * N_ATTENTION_TENSORS / 2;
}

/* Reads the first blocks of a level: on the way up, where the deepest level
 * comes first, each level but the last ends with an upsampling; on the way
 * down, with a convolution of stride 2. */
static gboolean
infer_level (DdpmTensorFile * file, DdpmConfig * config, guint level,
    GError ** error)
{
  guint block = (config->n_levels - 1 - level) * (config->res_blocks + 2);
  g_autofree gchar *weight =
      g_strdup_printf ("upblocks.%u.block1.2.weight", block);
  g_autofree gchar *bias = g_strdup_printf ("upblocks.%u.block1.2.bias", block);
  g_autofree gchar *next =
      g_strdup_printf ("upblocks.%u.block1.2.bias", block + 1);
  const Clue width[] = { {weight, 4, 0}, {bias, 1, 0}, {next, 1, 0} };

  guint found;

  if (!infer_number (file, width, &found, error))
    return FALSE;
  config->channel_mult[level] = found / config->channels;
  config->level_channels[level] = found % config->channels ? found : 0;
  if (infer_attention (file, "upblocks", block, config->res_blocks + 1))
    config->up_attention_levels |= 1u << level;
  if (infer_attention (file, "downblocks", level * (config->res_blocks + 1),
          config->res_blocks))
    config->attention_levels |= 1u << level;
  return TRUE;
}

/* L levels of R residual blocks have L (R + 1) - 1 blocks on the way down, and
 * L (R + 2) - 1 on the way up. */
static gboolean
infer_levels (DdpmTensorFile * file, DdpmConfig * config, GError ** error)
{
  guint64 down = count_blocks (file, "downblocks.");
  guint64 up = count_blocks (file, "upblocks.");
  guint64 levels = up > down ? up - down : 0;

  if (levels < 1 || levels > DDPM_MAX_LEVELS || (down + 1) % levels != 0
      || (down + 1) / levels < 2)
    goto wrong_counts;
  config->n_levels = levels;
  config->res_blocks = (down + 1) / levels - 1;
  config->attention_levels = config->up_attention_levels = 0;
  if (config->res_blocks > DDPM_MAX_RES_BLOCKS)
    goto wrong_counts;
  for (guint i = 0; i < config->n_levels; i++)
    if (!infer_level (file, config, i, error))
      return FALSE;
  return TRUE;

wrong_counts:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of a UNet with L (R + 1) - 1 downblocks and "
      "L (R + 2) - 1 upblocks, found %" G_GUINT64_FORMAT " and %"
      G_GUINT64_FORMAT, ddpm_tensor_file_get_location (file), down, up);
  return FALSE;
}

static void
infer_middle (DdpmTensorFile * file, DdpmConfig * config)
{
  if (count_names (file, "middleblocks.") == 0)
    config->middle = DDPM_MIDDLE_NONE;
  else if (!infer_attention (file, "middleblocks", 0, 1))
    config->middle = DDPM_MIDDLE_NO_ATTENTION;
  else if (count_names (file, "middleblocks.0.attn.group_norm.") == 0)
    config->middle = DDPM_MIDDLE_PLAIN_ATTENTION;
}

/* What the sizes of tensors show of a network that the notebook's does not
 * have */
static gboolean
infer_network_options (DdpmTensorFile * file, DdpmConfig * config,
    GError ** error)
{
  const DdpmFileTensor *head = ddpm_tensor_file_find (file, "head.weight");
  guint dim, columns;

  if (!infer_number (file, time_dim, &dim, error)
      || !infer_number (file, time_columns, &columns, error))
    return FALSE;
  if (head && head->n_dims == 4 && config->image_channels == 2 * head->shape[1]) {
    config->learned_variance = TRUE;
    config->image_channels /= 2;
  }
  config->time_dim = dim == 4 * (guint64) config->channels ? 0 : dim;
  config->scale_shift =
      columns == 2 * (guint64) ddpm_config_get_level_channels (config, 0);
  infer_middle (file, config);
  return TRUE;
}

gboolean
ddpm_architecture_infer (DdpmTensorFile * file, DdpmConfig * config,
    GError ** error)
{
  ddpm_config_init_defaults (config);
  if (!infer_number (file, channels, &config->channels, error)
      || !infer_number (file, image_channels, &config->image_channels, error))
    return FALSE;
  infer_rows (file, DDPM_PARAM_TABLE, &config->timesteps);
  infer_rows (file, DDPM_PARAM_LABELS, &config->classes);
  config->channels = MAX (config->channels, 1);
  return infer_levels (file, config, error)
      && infer_network_options (file, config, error);
}
