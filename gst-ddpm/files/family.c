/* gst-ddpm: the networks of other programs: their names for our parameters
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/family.h"

#include <math.h>
#include <string.h>

#include "gst-ddpm/model/blocks.h"

/* The layers of our network outside of blocks */
static const gchar *const our_layers[] = {
  "time_embedding.timembedding.1", "time_embedding.timembedding.3", "head",
  "tail.0", "tail.2", "label_embedding"
};

/* Those of a residual block, behind its prefix */
static const gchar *const our_res_layers[] = {
  "block1.0", "block1.2", "temb_proj.1", "block2.0", "block2.3", "shortcut"
};

/* Those of its attention; the projections q, k and v follow one another */
static const gchar *const our_attention_layers[] = {
  "attn.group_norm", "attn.proj_q", "attn.proj_k", "attn.proj_v", "attn.proj"
};

#define FIRST_PROJECTION 1
#define N_PROJECTIONS 3

/**
 * Place: where a block is
 * @stage: 'd', 'm' or 'u': on the way down, in the middle, on the way up
 * @index: number among the blocks of its stage
 * @level: its level
 * @step: number among the residual blocks of its level, or of the middle
 * @res: residual blocks before it in its stage
 */
typedef struct
{
  const DdpmBlock *block;
  gchar stage;
  guint index, level, step, res;
} Place;

/* The names of a block: of its residual part, or of the convolution that
 * resamples; and of its attention */
typedef struct
{
  gchar main[64], attention[64];
} Names;

/**
 * Family:
 * @layers: as our_layers[]; NULL: a network does not have it
 * @attention_layers: as our_attention_layers[]
 * @old_attention_layers: the same in old files; NULL: there are none
 * @joint: q, k and v of each head are neighbouring rows of one layer
 * @name_block: writes the names of a block
 */
typedef struct
{
  const gchar *title;
  const gchar *landmarks[7];
  const gchar *layers[G_N_ELEMENTS (our_layers)];
  const gchar *res_layers[G_N_ELEMENTS (our_res_layers)];
  const gchar *attention_layers[G_N_ELEMENTS (our_attention_layers)];
  const gchar *old_attention_layers[G_N_ELEMENTS (our_attention_layers)];
  gboolean joint;
  void (*name_block) (const Place * place, const DdpmConfig * config,
      Names * names);
} Family;

/* --- names of blocks -------------------------------------------------- */

static void
G_GNUC_PRINTF (2, 3)
print_name (gchar name[64], const gchar * format, ...)
{
  va_list args;

  va_start (args, format);
  g_vsnprintf (name, 64, format, args);
  va_end (args);
}

static void
name_block_of_diffusers (const Place * p, const DdpmConfig * config,
    Names * names)
{
  const gchar *stage = p->stage == 'd' ? "down" : "up";
  const guint i = p->stage == 'd' ? p->level : config->n_levels - 1 - p->level;

  if (p->stage == 'm') {
    print_name (names->main, "mid_block.resnets.%u", p->step);
    print_name (names->attention, "mid_block.attentions.%u", p->step);
  } else if (p->block->kind == DDPM_BLOCK_RES) {
    print_name (names->main, "%s_blocks.%u.resnets.%u", stage, i, p->step);
    print_name (names->attention, "%s_blocks.%u.attentions.%u", stage, i,
        p->step);
  } else {
    print_name (names->main, "%s_blocks.%u.%ssamplers.0.conv", stage, i, stage);
  }
}

static void
name_block_of_pesser (const Place * p, const DdpmConfig * config, Names * names)
{
  const gchar *stage = p->stage == 'd' ? "down" : "up";

  if (p->stage == 'm') {
    print_name (names->main, "mid.block_%u", p->step + 1);
    print_name (names->attention, "mid.attn_%u", p->step + 1);
  } else if (p->block->kind == DDPM_BLOCK_RES) {
    print_name (names->main, "%s.%u.block.%u", stage, p->level, p->step);
    print_name (names->attention, "%s.%u.attn.%u", stage, p->level, p->step);
  } else {
    print_name (names->main, "%s.%u.%ssample.conv", stage, p->level, stage);
  }
}

/* An output block begins with a residual block. Attention follows, and the
 * upsampling is the last one. */
static void
name_block_of_guided (const Place * p, const DdpmConfig * config, Names * names)
{
  const gboolean res = p->block->kind == DDPM_BLOCK_RES;

  if (p->stage == 'm') {
    print_name (names->main, "middle_block.%u", 2 * p->step);
    print_name (names->attention, "middle_block.1");
  } else if (p->stage == 'd') {
    print_name (names->main, "input_blocks.%u.0%s", p->index + 1,
        res ? "" : ".op");
    print_name (names->attention, "input_blocks.%u.1", p->index + 1);
  } else if (res) {
    print_name (names->main, "output_blocks.%u.0", p->res);
    print_name (names->attention, "output_blocks.%u.1", p->res);
  } else {
    print_name (names->main, "output_blocks.%u.%u.conv", p->res - 1,
        ddpm_config_has_attention (config, p->level, TRUE) ? 2 : 1);
  }
}

/* --- families --------------------------------------------------------- */

static const Family families[DDPM_N_FAMILIES] = {
  [DDPM_FAMILY_OURS] = {
        .title = "a UNet of gst-ddpm or pytorch-ddpm",
        .landmarks = {"time_embedding.timembedding.1.weight",
              "time_embedding.timembedding.3.weight", "head.weight",
            "head.bias", "tail.0.weight", "tail.2.weight"},
      },
  [DDPM_FAMILY_DIFFUSERS] = {
        .title = "a UNet2DModel of diffusers",
        .landmarks = {"time_embedding.linear_1.weight", "conv_in.weight",
              "conv_norm_out.weight", "conv_out.weight",
            "down_blocks.0.resnets.0.norm1.weight"},
        .layers = {"time_embedding.linear_1", "time_embedding.linear_2",
            "conv_in", "conv_norm_out", "conv_out", "class_embedding"},
        .res_layers = {"norm1", "conv1", "time_emb_proj", "norm2", "conv2",
            "conv_shortcut"},
        .attention_layers = {"group_norm", "to_q", "to_k", "to_v",
            "to_out.0"},
        .old_attention_layers = {"group_norm", "query", "key", "value",
            "proj_attn"},
        .name_block = name_block_of_diffusers,
      },
  [DDPM_FAMILY_PESSER] = {
        .title = "a UNet of pytorch_diffusion or ddim",
        .landmarks = {"temb.dense.0.weight", "conv_in.weight",
              "norm_out.weight", "conv_out.weight",
            "down.0.block.0.norm1.weight"},
        .layers = {"temb.dense.0", "temb.dense.1", "conv_in", "norm_out",
            "conv_out", NULL},
        .res_layers = {"norm1", "conv1", "temb_proj", "norm2", "conv2",
            "nin_shortcut"},
        .attention_layers = {"norm", "q", "k", "v", "proj_out"},
        .name_block = name_block_of_pesser,
      },
  [DDPM_FAMILY_GUIDED] = {
        .title = "a UNet of improved-diffusion or guided-diffusion",
        .landmarks = {"time_embed.0.weight", "input_blocks.0.0.weight",
              "middle_block.0.in_layers.0.weight", "out.0.weight",
            "out.2.weight"},
        .layers = {"time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0",
            "out.2", "label_emb"},
        .res_layers = {"in_layers.0", "in_layers.2", "emb_layers.1",
            "out_layers.0", "out_layers.3", "skip_connection"},
        .attention_layers = {"norm", "qkv", "qkv", "qkv", "proj_out"},
        .joint = TRUE,
        .name_block = name_block_of_guided,
      },
};

const gchar *
ddpm_family_get_title (DdpmFamilyKind kind)
{
  return families[kind].title;
}

gboolean
ddpm_family_refuse (DdpmFamilyKind kind, DdpmTensorFile * file,
    const gchar * found, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected %s that gst-ddpm can compute, found %s",
      ddpm_tensor_file_get_location (file), families[kind].title, found);
  return FALSE;
}

const gchar *const *
ddpm_family_get_landmarks (DdpmFamilyKind kind)
{
  return families[kind].landmarks;
}

/* --- tensors of parameters -------------------------------------------- */

typedef struct _Search Search;

/**
 * Search: a walk through the layers of a network
 * @visit: is called for each layer: our name of it, theirs, and which
 *   projection it is of a tensor that has all three (-1: none)
 * @names: our name of a layer -> theirs
 * @file, @params, @parts: where tensors are found, and of which parameters
 */
struct _Search
{
  const Family *family;
  const DdpmConfig *config;
    gboolean (*visit) (Search * s, const gchar * ours, const gchar * theirs,
      gint projection, GError ** error);
  GHashTable *names;
  DdpmTensorFile *file;
  const DdpmParams *params;
  GArray *parts;
};

/* Appends the tensor, of which part becomes rows of a parameter. */
static void
append_part (Search * s, const DdpmParam * param, gsize offset,
    const DdpmFileTensor * tensor, guint first_row, guint rows)
{
  DdpmFamilyPart part = { param, offset, ddpm_file_tensor_copy (tensor,
        tensor->name)
  };

  ddpm_file_tensor_narrow (part.part, 0, first_row, rows);
  g_array_append_val (s->parts, part);
}

/* A tensor that has another parameter's numbers as it has them. A kernel of one
 * pixel may be a matrix there. */
static gboolean
require_same (Search * s, const DdpmParam * param, const gchar * name,
    GError ** error)
{
  const DdpmFileTensor *tensor = ddpm_tensor_file_find (s->file, name);
  const gboolean pixel = param->n_dims == 4 && param->shape[2] == 1
      && param->shape[3] == 1;
  guint n_dims = param->n_dims;

  if (pixel && tensor && tensor->n_dims >= 2 && tensor->n_dims <= 4)
    n_dims = tensor->n_dims;
  tensor = ddpm_tensor_file_require (s->file, name, n_dims, param->shape,
      error);
  if (tensor == NULL)
    return FALSE;
  append_part (s, param, 0, tensor, 0, param->shape[0]);
  return TRUE;
}

/* The rows of q (projection 0), k or v in a tensor that has all three: of each
 * head its q, its k, its v (QKVAttentionLegacy of guided-diffusion) */
static gboolean
require_joint (Search * s, const DdpmParam * param, guint projection,
    const gchar * name, GError ** error)
{
  const guint channels = param->shape[0];
  const guint heads = ddpm_config_get_heads (s->config, channels);
  const guint shape[] = { N_PROJECTIONS * channels, channels, 1 };
  const guint rows = channels / heads;
  const DdpmFileTensor *tensor = ddpm_tensor_file_require (s->file, name,
      param->n_dims == 1 ? 1 : 3, shape, error);

  if (tensor == NULL)
    return FALSE;
  for (guint h = 0; h < heads; h++)
    append_part (s, param, h * (param->count / heads), tensor,
        (N_PROJECTIONS * h + projection) * rows, rows);
  return TRUE;
}

/* Weight and bias of a layer, as far as our network has them */
static gboolean
require_layer (Search * s, const gchar * ours, const gchar * theirs,
    gint projection, GError ** error)
{
  static const gchar *const kinds[] = { "weight", "bias" };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree gchar *our_name = g_strconcat (ours, ".", kinds[i], NULL);
    g_autofree gchar *name = g_strconcat (theirs, ".", kinds[i], NULL);
    const DdpmParam *param = ddpm_params_find (s->params, our_name);

    if (param && !(projection >= 0 ?
            require_joint (s, param, projection, name, error) :
            require_same (s, param, name, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
name_layer (Search * s, const gchar * ours, const gchar * theirs,
    gint projection, GError ** error)
{
  g_hash_table_insert (s->names, g_strdup (ours), g_strdup (theirs));
  return TRUE;
}

/* --- layers of a network ---------------------------------------------- */

/* Layers behind the prefix of a block of ours, and of theirs */
static gboolean
visit_layers (Search * s, const gchar * our_prefix,
    const gchar * const *ours, const gchar * their_prefix,
    const gchar * const *theirs, guint n, GError ** error)
{
  const gboolean joint = s->family->joint && ours == our_attention_layers;

  for (guint i = 0; i < n; i++) {
    g_autofree gchar *our_name = g_strconcat (our_prefix, ".", ours[i], NULL);
    g_autofree gchar *name = g_strconcat (their_prefix, ".", theirs[i], NULL);
    const guint projection = i - FIRST_PROJECTION;

    if (!s->visit (s, our_name, name,
            joint && projection < N_PROJECTIONS ? (gint) projection : -1,
            error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
visit_block (Search * s, const Place * place, GError ** error)
{
  const gchar *ours = place->block->prefix;
  const gchar *const *layers = s->family->attention_layers;
  Names names = { "", "" };

  s->family->name_block (place, s->config, &names);
  if (place->block->kind != DDPM_BLOCK_RES) {
    g_autofree gchar *our_name = g_strconcat (ours, ".main", NULL);

    return s->visit (s, our_name, names.main, -1, error);
  }
  if (!visit_layers (s, ours, our_res_layers, names.main,
          s->family->res_layers, G_N_ELEMENTS (our_res_layers), error))
    return FALSE;
  if (!place->block->attention)
    return TRUE;
  if (s->file && s->family->old_attention_layers[0]
      && ddpm_family_has (s->file, "%s.%s.weight", names.attention,
          s->family->old_attention_layers[FIRST_PROJECTION]))
    layers = s->family->old_attention_layers;
  return visit_layers (s, ours, our_attention_layers, names.attention,
      layers, G_N_ELEMENTS (our_attention_layers), error);
}

/* Goes on to the next block. */
static void
move_place (Place * place, const DdpmBlock * block, const DdpmConfig * config)
{
  const DdpmBlock *last = place->block;

  place->block = block;
  if (place->stage != block->prefix[0]) {
    place->stage = block->prefix[0];
    place->level = place->stage == 'd' ? 0 : config->n_levels - 1;
    place->index = place->step = place->res = 0;
    return;
  }
  place->index++;
  if (last->kind == DDPM_BLOCK_RES) {
    place->res++;
    place->step++;
  } else {
    place->level += last->kind == DDPM_BLOCK_DOWN ? 1 : -1;
    place->step = 0;
  }
}

static gboolean
visit_all (Search * s, GError ** error)
{
  g_autoptr (GArray) blocks = ddpm_blocks_new (s->config);
  Place place = { NULL, 0, 0, 0, 0, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (our_layers); i++)
    if (s->family->layers[i] && !s->visit (s, our_layers[i],
            s->family->layers[i], -1, error))
      return FALSE;
  for (guint i = 0; i < blocks->len; i++) {
    move_place (&place, &g_array_index (blocks, DdpmBlock, i), s->config);
    if (!visit_block (s, &place, error))
      return FALSE;
  }
  return TRUE;
}

/* Under our names */
static gboolean
require_ours (Search * s, GError ** error)
{
  for (guint i = 0; i + 1 < s->params->n_params; i++)
    if (!require_same (s, &s->params->params[i], s->params->params[i].name,
            error))
      return FALSE;
  return TRUE;
}

static void
clear_part (gpointer data)
{
  DdpmFamilyPart *part = data;

  ddpm_file_tensor_free (part->part);
}

GArray *
ddpm_family_require (DdpmFamilyKind kind, DdpmTensorFile * file,
    const DdpmConfig * config, const DdpmParams * params, GError ** error)
{
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE,
      sizeof (DdpmFamilyPart));
  Search s = { &families[kind], config, require_layer, NULL, file, params,
    parts
  };

  g_array_set_clear_func (parts, clear_part);
  return (kind == DDPM_FAMILY_OURS ? require_ours (&s, error) :
      visit_all (&s, error)) ? g_steal_pointer (&parts) : NULL;
}

GHashTable *
ddpm_family_name_layers (DdpmFamilyKind kind, const DdpmConfig * config)
{
  GHashTable *names =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Search s = { &families[kind], config, name_layer, names };

  visit_all (&s, NULL);
  return names;
}

gboolean
ddpm_family_read (DdpmTensorFile * file, GArray * parts, gfloat * arena,
    GError ** error)
{
  for (guint i = 0; i < parts->len; i++) {
    const DdpmFamilyPart *part = &g_array_index (parts, DdpmFamilyPart, i);

    if (!ddpm_tensor_file_read (file, part->part,
            arena + part->param->offset + part->offset, error))
      return FALSE;
  }
  return TRUE;
}

/* --- the embedding table ---------------------------------------------- */

/* Ho et al. 2020: sines of all frequencies, then their cosines, or cosines
 * first; in single precision and in the order of PyTorch's programs */
void
ddpm_family_compute_time_table (const DdpmTimeTable * table, guint timesteps,
    guint channels, gfloat * to)
{
  const guint half = channels / 2;
  const guint sines = table->flip ? half : 0, cosines = half - sines;

  for (guint i = 0; i < half; i++) {
    gfloat exponent = (gfloat) (-log (10000.0)) * i;
    gfloat frequency = expf (exponent / (gfloat) (half - table->shift));

    for (guint t = 0; t < timesteps; t++) {
      gfloat angle = (gfloat) t * frequency;

      to[(gsize) t * channels + sines + i] = sinf (angle);
      to[(gsize) t * channels + cosines + i] = cosf (angle);
    }
  }
}

/* --- shapes ----------------------------------------------------------- */

static const DdpmFileTensor *
find_tensor (DdpmTensorFile * file, const gchar * format, va_list args)
{
  g_autofree gchar *name = g_strdup_vprintf (format, args);

  return ddpm_tensor_file_find (file, name);
}

guint
ddpm_family_get_size (DdpmTensorFile * file, guint dim,
    const gchar * format, ...)
{
  const DdpmFileTensor *tensor;
  va_list args;

  va_start (args, format);
  tensor = find_tensor (file, format, args);
  va_end (args);
  return tensor && dim < tensor->n_dims ? MIN (tensor->shape[dim], G_MAXUINT)
      : 0;
}

gboolean
ddpm_family_has (DdpmTensorFile * file, const gchar * format, ...)
{
  const DdpmFileTensor *tensor;
  va_list args;

  va_start (args, format);
  tensor = find_tensor (file, format, args);
  va_end (args);
  return tensor != NULL;
}

void
ddpm_family_set_level (DdpmConfig * config, guint level, guint channels)
{
  const guint mult = config->channels > 0 ? channels / config->channels : 0;
  const gboolean multiple = mult * config->channels == channels && mult > 0;

  config->channel_mult[level] = MAX (mult, 1);
  config->level_channels[level] = multiple ? 0 : channels;
}
