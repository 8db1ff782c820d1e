/* gst-ddpm: the blocks of the UNet in order of execution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "ddpm-blocks.h"

static void
append (GArray * blocks, const gchar * stage, guint index, DdpmBlock block)
{
  g_snprintf (block.prefix, sizeof (block.prefix), "%s.%u", stage, index);
  g_array_append_val (blocks, block);
}

GArray *
ddpm_blocks_new (const DdpmConfig * config)
{
  GArray *blocks = g_array_new (FALSE, FALSE, sizeof (DdpmBlock));
  guint levels = config->n_levels;
  g_autoptr (GArray) skips = g_array_new (FALSE, FALSE, sizeof (guint));
  guint now = config->channels, index = 0, i, j;

  g_array_append_val (skips, now);
  for (i = 0; i < levels; i++) {
    guint out = config->channels * config->channel_mult[i];
    gboolean attention = (config->attention_levels >> i) & 1;

    for (j = 0; j < config->res_blocks; j++) {
      append (blocks, "downblocks", index++, (DdpmBlock) {
            .kind = DDPM_BLOCK_RES,.cin = now,.cout = out,
            .attention = attention,.pushes = TRUE});
      now = out;
      g_array_append_val (skips, now);
    }
    if (i + 1 < levels) {
      append (blocks, "downblocks", index++, (DdpmBlock) {
            .kind = DDPM_BLOCK_DOWN,.cin = now,.cout = now,.pushes = TRUE});
      g_array_append_val (skips, now);
    }
  }

  append (blocks, "middleblocks", 0, (DdpmBlock) {
        .kind = DDPM_BLOCK_RES,.cin = now,.cout = now,.attention = TRUE});
  append (blocks, "middleblocks", 1, (DdpmBlock) {
        .kind = DDPM_BLOCK_RES,.cin = now,.cout = now});

  index = 0;
  for (i = levels; i-- > 0;) {
    guint out = config->channels * config->channel_mult[i];
    gboolean attention = (config->attention_levels >> i) & 1;

    for (j = 0; j < config->res_blocks + 1; j++) {
      guint skip = g_array_index (skips, guint, skips->len - 1);

      g_array_set_size (skips, skips->len - 1);
      append (blocks, "upblocks", index++, (DdpmBlock) {
            .kind = DDPM_BLOCK_RES,.cin = now,.cskip = skip,.cout = out,
            .attention = attention});
      now = out;
    }
    if (i > 0)
      append (blocks, "upblocks", index++, (DdpmBlock) {
            .kind = DDPM_BLOCK_UP,.cin = now,.cout = now});
  }
  return blocks;
}
