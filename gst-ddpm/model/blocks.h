/* gst-ddpm: the blocks of the UNet in order of execution (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_BLOCK_RES,
  DDPM_BLOCK_DOWN,              /* 3x3 convolution, stride 2 */
  DDPM_BLOCK_UP,                /* nearest upsampling, 3x3 convolution */
} DdpmBlockKind;

/**
 * DdpmBlock:
 * @prefix: prefix of its names in the state_dict, such as "downblocks.3"
 * @cin: channels of the output of the block before
 * @cskip: channels of the skip tensor that is concatenated to it; 0: none
 * @cout: channels of the output
 * @attention: it ends with an attention block
 * @plain_attention: which begins without a norm
 * @out_scale: factor of its sum with its input, and of its attention's
 * @pushes: its output is also a skip tensor for the way up
 */
typedef struct
{
  DdpmBlockKind kind;
  gchar prefix[32];
  guint cin, cskip, cout;
  gboolean attention, plain_attention;
  gfloat out_scale;
  gboolean pushes;
} DdpmBlock;

/* The notebook's downblocks, middleblocks and upblocks. Returns: (transfer
 * full): array of DdpmBlock */
GArray *ddpm_blocks_new (const DdpmConfig * config);

G_END_DECLS
