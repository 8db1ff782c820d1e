/* gst-ddpm: names, shapes and offsets of a network's parameters
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "gst-ddpm/model/blocks.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/model/params.h"

/* Gains of the notebook's Xavier-uniform initialisation. There, the output
 * projection of attention has gain 1, not SMALL_GAIN, since ResBlock initialises
 * its children after AttnBlock has. */
#define GAIN 1.f
#define SMALL_GAIN 1e-5f

typedef struct
{
  GArray *params;
  gsize end;
} Builder;

static void
add_param (Builder * b, const gchar * prefix, const gchar * suffix,
    guint n_dims, const guint * shape, gfloat gain, gfloat constant)
{
  DdpmParam param = {
    .name = g_strconcat (prefix, suffix, NULL),
    .n_dims = n_dims,
    .offset = b->end,
    .count = 1,
    .init_gain = gain,
    .init_constant = constant,
  };

  for (guint i = 0; i < n_dims; i++) {
    param.shape[i] = shape[i];
    param.count *= shape[i];
  }
  b->end += param.count;
  g_array_append_val (b->params, param);
}

static void
add_conv_weight (Builder * b, const gchar * prefix, guint out, guint in,
    guint kernel, gfloat gain)
{
  guint shape[] = { out, in, kernel, kernel };

  add_param (b, prefix, ".weight", 4, shape, gain, 0);
}

static void
add_linear_weight (Builder * b, const gchar * prefix, guint out, guint in)
{
  guint shape[] = { out, in };

  add_param (b, prefix, ".weight", 2, shape, GAIN, 0);
}

static void
add_bias (Builder * b, const gchar * prefix, guint out)
{
  add_param (b, prefix, ".bias", 1, &out, 0, 0);
}

static void
add_conv (Builder * b, const gchar * prefix, const gchar * suffix, guint out,
    guint in, guint kernel, gfloat gain)
{
  g_autofree gchar *name = g_strconcat (prefix, suffix, NULL);

  add_conv_weight (b, name, out, in, kernel, gain);
  add_bias (b, name, out);
}

static void
add_norm (Builder * b, const gchar * prefix, const gchar * suffix, guint c)
{
  g_autofree gchar *name = g_strconcat (prefix, suffix, NULL);

  add_param (b, name, ".weight", 1, &c, 0, 1);
  add_bias (b, name, c);
}

static void
add_attention (Builder * b, const gchar * prefix, guint c, gboolean norm)
{
  static const gchar *const projections[] =
      { ".attn.proj_q", ".attn.proj_k", ".attn.proj_v" };

  if (norm)
    add_norm (b, prefix, ".attn.group_norm", c);
  /* q, k and v are one convolution of 3 c outputs: their weights are
   * neighbours, and so are their biases. */
  for (guint i = 0; i < G_N_ELEMENTS (projections); i++) {
    g_autofree gchar *name = g_strconcat (prefix, projections[i], NULL);

    add_conv_weight (b, name, c, c, 1, GAIN);
  }
  for (guint i = 0; i < G_N_ELEMENTS (projections); i++) {
    g_autofree gchar *name = g_strconcat (prefix, projections[i], NULL);

    add_bias (b, name, c);
  }
  add_conv (b, prefix, ".attn.proj", c, c, 1, GAIN);
}

static void
add_block (Builder * b, const DdpmBlock * block)
{
  guint in = block->cin + block->cskip, out = block->cout;

  if (block->kind != DDPM_BLOCK_RES) {
    add_conv (b, block->prefix, ".main", out, in, 3, GAIN);
    return;
  }
  add_norm (b, block->prefix, ".block1.0", in);
  add_conv (b, block->prefix, ".block1.2", out, in, 3, GAIN);
  add_norm (b, block->prefix, ".block2.0", out);
  add_conv (b, block->prefix, ".block2.3", out, out, 3, SMALL_GAIN);
  if (in != out)
    add_conv (b, block->prefix, ".shortcut", out, in, 1, GAIN);
  if (block->attention)
    add_attention (b, block->prefix, out, !block->plain_attention);
}

static void
add_time_embedding (Builder * b, const DdpmConfig * config, GArray * blocks)
{
  static const gchar prefix[] = "time_embedding.timembedding";
  guint dim = ddpm_config_get_time_dim (config), pass;
  g_autofree gchar *first = g_strconcat (prefix, ".1", NULL);
  g_autofree gchar *second = g_strconcat (prefix, ".3", NULL);

  add_linear_weight (b, first, dim, config->channels);
  add_bias (b, first, dim);
  add_linear_weight (b, second, dim, dim);
  add_bias (b, second, dim);

  /* The time projections of all blocks are one matrix: weights first, then
   * biases. */
  for (pass = 0; pass < 2; pass++) {
    for (guint i = 0; i < blocks->len; i++) {
      const DdpmBlock *block = &g_array_index (blocks, DdpmBlock, i);
      const guint columns = block->cout * (config->scale_shift ? 2 : 1);
      g_autofree gchar *name =
          g_strconcat (block->prefix, ".temb_proj.1", NULL);

      if (block->kind != DDPM_BLOCK_RES)
        continue;
      if (pass == 0)
        add_linear_weight (b, name, columns, dim);
      else
        add_bias (b, name, columns);
    }
  }
}

/* Adds the label embedding, which is added to that of the timestep (Dhariwal &
 * Nichol 2021). It begins as zeros, so that a label has no effect at first. */
static void
add_label_embedding (Builder * b, const DdpmConfig * config)
{
  guint shape[] = { config->classes, ddpm_config_get_time_dim (config) };

  if (config->classes > 0)
    add_param (b, DDPM_PARAM_LABELS, "", 2, shape, 0, 0);
}

DdpmParams *
ddpm_params_new (const DdpmConfig * config, GError ** error)
{
  Builder b = { NULL, 0 };
  g_autoptr (GArray) blocks = NULL;
  DdpmParams *params;
  guint table[] = { config->timesteps, config->channels };
  guint i;

  if (!ddpm_config_check (config, error))
    return NULL;

  blocks = ddpm_blocks_new (config);
  b.params = g_array_new (FALSE, FALSE, sizeof (DdpmParam));
  add_time_embedding (&b, config, blocks);
  add_conv (&b, "head", "", config->channels, config->image_channels, 3, GAIN);
  for (i = 0; i < blocks->len; i++)
    add_block (&b, &g_array_index (blocks, DdpmBlock, i));
  i = ddpm_config_get_level_channels (config, 0);
  add_norm (&b, "tail", ".0", i);
  add_conv (&b, "tail", ".2", ddpm_config_get_out_channels (config), i, 3,
      SMALL_GAIN);
  add_label_embedding (&b, config);

  params = g_new0 (DdpmParams, 1);
  params->trainable = b.end;
  add_param (&b, DDPM_PARAM_TABLE, "", 2, table, 0, 0);
  params->total = b.end;
  params->n_params = b.params->len;
  params->params = (DdpmParam *) g_array_free (b.params, FALSE);
  return params;
}

void
ddpm_params_free (DdpmParams * params)
{
  if (params == NULL)
    return;
  for (guint i = 0; i < params->n_params; i++)
    g_free (params->params[i].name);
  g_free (params->params);
  g_free (params);
}

const DdpmParam *
ddpm_params_find (const DdpmParams * params, const gchar * name)
{
  for (guint i = 0; i < params->n_params; i++)
    if (strcmp (params->params[i].name, name) == 0)
      return &params->params[i];
  return NULL;
}

/* Glorot & Bengio 2010, eq. 16: uniform in +-gain * sqrt (6 / (in + out)) */
static void
init_xavier_uniform (const DdpmParam * param, guint64 seed, guint index,
    gfloat * w)
{
  gdouble field = param->n_dims == 4 ?
      (gdouble) param->shape[2] * param->shape[3] : 1;
  gdouble bound = param->init_gain *
      sqrt (6 / ((param->shape[0] + (gdouble) param->shape[1]) * field));

  ddpm_noise_uniform (seed, index, DDPM_STREAM_INIT, 0, param->count, w);
  for (gsize i = 0; i < param->count; i++)
    w[i] = (gfloat) ((2. * w[i] - 1.) * bound);
}

void
ddpm_params_init_param (const DdpmParams * params, const DdpmConfig * config,
    guint64 seed, guint i, gfloat * arena)
{
  const DdpmParam *param = &params->params[i];

  if (param->offset == params->trainable)
    ddpm_params_compute_time_table (config->timesteps, config->channels,
        arena + param->offset);
  else if (param->init_gain > 0)
    init_xavier_uniform (param, seed, i, arena + param->offset);
  else
    for (gsize k = 0; k < param->count; k++)
      arena[param->offset + k] = param->init_constant;
}

void
ddpm_params_init_weights (const DdpmParams * params, const DdpmConfig * config,
    guint64 seed, gfloat * arena)
{
  for (guint i = 0; i < params->n_params; i++)
    ddpm_params_init_param (params, config, seed, i, arena);
}

/* Vaswani et al. 2017, section 3.5, as the notebook has it: sine and cosine
 * of t * 10000^(-2i/channels) interleaved, in single precision */
void
ddpm_params_compute_time_table (guint timesteps, guint channels, gfloat * table)
{
  for (guint i = 0; i < channels / 2; i++) {
    gfloat frequency = expf (-(gfloat) (2 * i) / channels * logf (10000.f));

    for (guint t = 0; t < timesteps; t++) {
      gfloat angle = (gfloat) t * frequency;

      table[(gsize) t * channels + 2 * i] = sinf (angle);
      table[(gsize) t * channels + 2 * i + 1] = cosf (angle);
    }
  }
}
