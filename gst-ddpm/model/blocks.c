/* gst-ddpm: the blocks of the UNet in order of execution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/blocks.h"

static DdpmBlock *
append (GArray * blocks, DdpmBlockKind kind, const gchar * stage, guint index,
    guint cin, guint cout)
{
  DdpmBlock block = { kind, };

  g_snprintf (block.prefix, sizeof (block.prefix), "%s.%u", stage, index);
  block.cin = cin;
  block.cout = cout;
  g_array_append_val (blocks, block);
  return &g_array_index (blocks, DdpmBlock, blocks->len - 1);
}

static guint
pop (GArray * skips)
{
  guint channels = g_array_index (skips, guint, skips->len - 1);

  g_array_set_size (skips, skips->len - 1);
  return channels;
}

/* skips: channels of the skip tensors */
static guint
append_down (GArray * blocks, const DdpmConfig * config, GArray * skips)
{
  guint now = config->channels, index = 0, i, j;

  g_array_append_val (skips, now);
  for (i = 0; i < config->n_levels; i++) {
    guint out = config->channels * config->channel_mult[i];
    DdpmBlock *block;

    for (j = 0; j < config->res_blocks; j++) {
      block = append (blocks, DDPM_BLOCK_RES, "downblocks", index++, now, out);
      block->attention = (config->attention_levels >> i) & 1;
      block->pushes = TRUE;
      now = out;
      g_array_append_val (skips, now);
    }
    if (i + 1 == config->n_levels)
      break;
    block = append (blocks, DDPM_BLOCK_DOWN, "downblocks", index++, now, now);
    block->pushes = TRUE;
    g_array_append_val (skips, now);
  }
  return now;
}

static void
append_up (GArray * blocks, const DdpmConfig * config, GArray * skips,
    guint now)
{
  guint index = 0, i, j;

  for (i = config->n_levels; i-- > 0;) {
    guint out = config->channels * config->channel_mult[i];

    for (j = 0; j < config->res_blocks + 1; j++) {
      DdpmBlock *block =
          append (blocks, DDPM_BLOCK_RES, "upblocks", index++, now, out);

      block->attention = (config->attention_levels >> i) & 1;
      block->cskip = pop (skips);
      now = out;
    }
    if (i > 0)
      append (blocks, DDPM_BLOCK_UP, "upblocks", index++, now, now);
  }
}

GArray *
ddpm_blocks_new (const DdpmConfig * config)
{
  GArray *blocks = g_array_new (FALSE, FALSE, sizeof (DdpmBlock));
  g_autoptr (GArray) skips = g_array_new (FALSE, FALSE, sizeof (guint));
  guint now = append_down (blocks, config, skips);
  DdpmBlock *block =
      append (blocks, DDPM_BLOCK_RES, "middleblocks", 0, now, now);

  block->attention = TRUE;
  append (blocks, DDPM_BLOCK_RES, "middleblocks", 1, now, now);
  append_up (blocks, config, skips, now);
  return blocks;
}
