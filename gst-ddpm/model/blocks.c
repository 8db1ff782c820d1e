/* gst-ddpm: the blocks of the UNet in order of execution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/blocks.h"

static DdpmBlock *
append_block (GArray * blocks, DdpmBlockKind kind, const gchar * stage,
    guint index, guint cin, guint cout)
{
  DdpmBlock block = {.kind = kind,.out_scale = 1.0f };

  g_snprintf (block.prefix, sizeof (block.prefix), "%s.%u", stage, index);
  block.cin = cin;
  block.cout = cout;
  g_array_append_val (blocks, block);
  return &g_array_index (blocks, DdpmBlock, blocks->len - 1);
}

static guint
pop_skip (GArray * skips)
{
  guint channels = g_array_index (skips, guint, skips->len - 1);

  g_array_set_size (skips, skips->len - 1);
  return channels;
}

/* skips: stack of the channels of the skip tensors. Returns: channels of the
 * last block */
static guint
append_down_blocks (GArray * blocks, const DdpmConfig * config, GArray * skips)
{
  guint channels = config->channels, index = 0, i, j;

  g_array_append_val (skips, channels);
  for (i = 0; i < config->n_levels; i++) {
    guint out = ddpm_config_get_level_channels (config, i);
    DdpmBlock *block;

    for (j = 0; j < config->res_blocks; j++) {
      block =
          append_block (blocks, DDPM_BLOCK_RES, "downblocks", index++, channels,
          out);
      block->attention = ddpm_config_has_attention (config, i, FALSE);
      block->pushes = TRUE;
      channels = out;
      g_array_append_val (skips, channels);
    }
    if (i + 1 == config->n_levels)
      break;
    block =
        append_block (blocks, DDPM_BLOCK_DOWN, "downblocks", index++, channels,
        channels);
    block->pushes = TRUE;
    g_array_append_val (skips, channels);
  }
  return channels;
}

/* At the lowest resolution: two blocks, or none; the first may have attention */
static void
append_middle_blocks (GArray * blocks, const DdpmConfig * config,
    guint channels)
{
  const DdpmMiddle middle = config->middle;

  for (guint i = 0; i < 2 && middle != DDPM_MIDDLE_NONE; i++) {
    DdpmBlock *block = append_block (blocks, DDPM_BLOCK_RES, "middleblocks", i,
        channels, channels);

    block->attention = i == 0 && middle != DDPM_MIDDLE_NO_ATTENTION;
    block->plain_attention = i == 0 && middle == DDPM_MIDDLE_PLAIN_ATTENTION;
    block->out_scale = 1.0 / config->middle_scale;
  }
}

static void
append_up_blocks (GArray * blocks, const DdpmConfig * config, GArray * skips,
    guint channels)
{
  guint index = 0, i, j;

  for (i = config->n_levels; i-- > 0;) {
    guint out = ddpm_config_get_level_channels (config, i);

    for (j = 0; j < config->res_blocks + 1; j++) {
      DdpmBlock *block =
          append_block (blocks, DDPM_BLOCK_RES, "upblocks", index++, channels,
          out);

      block->attention = ddpm_config_has_attention (config, i, TRUE);
      block->cskip = pop_skip (skips);
      channels = out;
    }
    if (i > 0)
      append_block (blocks, DDPM_BLOCK_UP, "upblocks", index++, channels,
          channels);
  }
}

GArray *
ddpm_blocks_new (const DdpmConfig * config)
{
  GArray *blocks = g_array_new (FALSE, FALSE, sizeof (DdpmBlock));
  g_autoptr (GArray) skips = g_array_new (FALSE, FALSE, sizeof (guint));
  guint channels = append_down_blocks (blocks, config, skips);

  append_middle_blocks (blocks, config, channels);
  append_up_blocks (blocks, config, skips, channels);
  return blocks;
}
