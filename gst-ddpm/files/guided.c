/* gst-ddpm: the networks of improved-diffusion and guided-diffusion
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/family.h"

#define HEADS 4                 /* their default; a file does not say */

static gboolean
refuse (DdpmTensorFile * file, const gchar * found, GError ** error)
{
  return ddpm_family_refuse (DDPM_FAMILY_GUIDED, file, found, error);
}

static gboolean
has_block (DdpmTensorFile * file, const gchar * stage, guint i, guint layer)
{
  return ddpm_family_has (file, "%s_blocks.%u.%u.in_layers.0.weight", stage, i,
      layer);
}

/* What their options change, and shapes or names show */
static gboolean
check_options (DdpmTensorFile * file, GError ** error)
{
  guint i;

  if (!has_block (file, "output", 0, 0))
    return refuse (file, "an encoder without output_blocks, as classifiers "
        "are", error);
  for (i = 0; has_block (file, "output", i, 0); i++)
    if (has_block (file, "output", i, 1) || has_block (file, "output", i, 2))
      return refuse (file, "residual blocks that resample "
          "(resblock_updown)", error);
  for (i = 1; has_block (file, "input", i, 0)
      || ddpm_family_has (file, "input_blocks.%u.0.op.weight", i); i++)
    if (ddpm_family_get_size (file, 2,
            "input_blocks.%u.0.skip_connection.weight", i) > 1)
      return refuse (file, "3x3 convolutions as skip connections", error);
  if (has_block (file, "input", i + 1, 0))
    return refuse (file, "levels that end with an average instead of a "
        "convolution (conv_resample: False)", error);
  return TRUE;
}

/* Reads the input blocks of a level, of which the first one is number *next,
 * and moves *next behind the level. Returns the residual blocks. */
static guint
infer_level (DdpmTensorFile * file, DdpmConfig * config, guint level,
    guint * next)
{
  guint blocks = 0, i = *next;

  for (; has_block (file, "input", i, 0); i++, blocks++)
    if (ddpm_family_has (file, "input_blocks.%u.1.qkv.weight", i))
      config->attention_levels |= 1u << level;
  ddpm_family_set_level (config, level, ddpm_family_get_size (file, 0,
          "input_blocks.%u.0.out_layers.3.weight", *next));
  *next = i + 1;
  return blocks;
}

static gboolean
infer_levels (DdpmTensorFile * file, DdpmConfig * config, GError ** error)
{
  guint next = 1, level;

  config->attention_levels = 0;
  for (level = 0; level == 0
      || ddpm_family_has (file, "input_blocks.%u.0.op.weight", next - 1);
      level++) {
    guint blocks;

    if (level == DDPM_MAX_LEVELS)
      return refuse (file, "too many levels", error);
    blocks = infer_level (file, config, level, &next);
    if (level == 0)
      config->res_blocks = blocks;
    else if (blocks != config->res_blocks)
      return refuse (file, "levels with different numbers of blocks", error);
  }
  config->n_levels = level;
  return TRUE;
}

gboolean
ddpm_guided_infer (DdpmTensorFile * file, DdpmConfig * config,
    DdpmTimeTable * table, GPtrArray * remarks, GError ** error)
{
  const guint channels = ddpm_family_get_size (file, 1, "time_embed.0.weight");
  const guint out = ddpm_family_get_size (file, 0, "out.2.weight");
  const guint dim = ddpm_family_get_size (file, 0, "time_embed.0.weight");

  config->channels = channels;
  config->image_channels =
      ddpm_family_get_size (file, 1, "input_blocks.0.0.weight");
  config->learned_variance = out == 2 * config->image_channels;
  config->time_dim = dim == 4 * channels ? 0 : dim;
  config->classes = ddpm_family_get_size (file, 0, "label_emb.weight");
  config->sampling.always_labelled = config->classes > 0;
  config->heads = HEADS;
  if (!check_options (file, error) || !infer_levels (file, config, error))
    return FALSE;
  config->scale_shift = ddpm_family_get_size (file, 0,
      "input_blocks.1.0.emb_layers.1.bias")
      == 2 * ddpm_config_get_level_channels (config, 0);
  table->flip = TRUE;
  table->shift = 0.0;
  g_ptr_array_add (remarks, g_strdup_printf ("%d heads, whose q, k and v are "
          "neighbours (num_heads and use_new_attention_order are not in the "
          "file)", HEADS));
  return TRUE;
}
