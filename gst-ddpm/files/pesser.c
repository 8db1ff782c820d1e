/* gst-ddpm: the networks of pytorch_diffusion and ddim
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/family.h"

static gboolean
refuse (DdpmTensorFile * file, const gchar * found, GError ** error)
{
  return ddpm_family_refuse (DDPM_FAMILY_PESSER, file, found, error);
}

static gboolean
infer_levels (DdpmTensorFile * file, DdpmConfig * config, GError ** error)
{
  guint levels = 0, blocks = 0;

  while (ddpm_family_has (file, "down.%u.block.0.norm1.weight", levels))
    levels++;
  while (ddpm_family_has (file, "down.0.block.%u.norm1.weight", blocks))
    blocks++;
  if (levels < 1 || levels > DDPM_MAX_LEVELS)
    return refuse (file, "no levels, or too many", error);
  config->n_levels = levels;
  config->res_blocks = blocks;
  config->attention_levels = config->up_attention_levels = 0;
  for (guint i = 0; i < levels; i++) {
    ddpm_family_set_level (config, i,
        ddpm_family_get_size (file, 0, "down.%u.block.0.conv1.weight", i));
    if (ddpm_family_has (file, "down.%u.attn.0.q.weight", i))
      config->attention_levels |= 1u << i;
    if (ddpm_family_has (file, "up.%u.attn.0.q.weight", i))
      config->up_attention_levels |= 1u << i;
    if (i + 1 < levels
        && !ddpm_family_has (file, "down.%u.downsample.conv.weight", i))
      return refuse (file, "levels that end with an average instead of a "
          "convolution (resamp_with_conv: false)", error);
  }
  return TRUE;
}

gboolean
ddpm_pesser_infer (DdpmTensorFile * file, DdpmConfig * config,
    DdpmTimeTable * table, GError ** error)
{
  const guint channels = ddpm_family_get_size (file, 0, "conv_in.weight");
  const guint out = ddpm_family_get_size (file, 0, "conv_out.weight");
  const guint dim = ddpm_family_get_size (file, 0, "temb.dense.0.weight");

  config->channels = channels;
  config->image_channels = ddpm_family_get_size (file, 1, "conv_in.weight");
  config->learned_variance = out == 2 * config->image_channels;
  config->time_dim = dim == 4 * channels ? 0 : dim;
  config->middle = ddpm_family_has (file, "mid.attn_1.q.weight") ?
      DDPM_MIDDLE_ATTENTION : DDPM_MIDDLE_NO_ATTENTION;
  config->norm_eps = 1e-6;
  config->down_padding = DDPM_PADDING_END;
  table->flip = FALSE;
  table->shift = 1.0;
  return infer_levels (file, config, error);
}
