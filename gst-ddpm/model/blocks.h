/* gst-ddpm: the blocks of the UNet in order of execution (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/config.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_BLOCK_RES,
  DDPM_BLOCK_DOWN,              /* 3x3 convolution, stride 2 */
  DDPM_BLOCK_UP,                /* nearest upsampling, 3x3 convolution */
} DdpmBlockKind;

/**
 * DdpmBlock:
 * @prefix: of its names in the state_dict: "downblocks.3"
 * @cin: channels that come from the block before
 * @cskip: channels of the skip tensor concatenated behind them; 0: none
 * @cout: channels that leave
 * @attention: an attention block ends it
 * @pushes: its output is kept as a skip tensor for the way up
 */
typedef struct
{
  DdpmBlockKind kind;
  gchar prefix[32];
  guint cin, cskip, cout;
  gboolean attention;
  gboolean pushes;
} DdpmBlock;

/* Array of DdpmBlock: the notebook's downblocks, middleblocks, upblocks */
GArray *ddpm_blocks_new (const DdpmConfig * config);

G_END_DECLS
