/* gst-ddpm: CPU backend: pixels as tiles in bf16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sixteen neighbouring pixels of 32 channels, packed, are a tile as they lie,
 * and so are the sixteen pixels that another tap of a kernel reads: only the
 * address differs. So the pixels that some rows of outputs read are copied
 * once, in blocks of 32 channels and with the zeros around an image, and serve
 * all taps.
 *
 */
#pragma once

#include "kernels/cpu/im2col.h"

G_BEGIN_DECLS

/* Which taps read the same copy. With stride 2, each tap has its own. */
typedef enum
{
  /* All: it has columns of zeros on both sides. No tile may cross a row. */
  CPU_TILES_BY_ROW,
  /* Those of one column: it has no columns more than the outputs have. A tile
   * takes pixels row after row. */
  CPU_TILES_BY_COLUMN,
  CPU_TILES_BY_TAP,
} CpuTileSharing;

/* The pixels at (y + r step, x + q step) of an image */
typedef struct
{
  gint y, x;
} CpuTileCopy;

typedef struct
{
  gsize height, width, step;    /* of the image */
  gsize columns;                /* of a copy */
  gsize more_rows;              /* of a copy than of outputs */
  guint n_copies;
  CpuTileCopy copies[9];
  /* What tap i reads for the first output: a pixel of a copy */
  guint tap_copy[9];
  gsize tap_pixel[9];
} CpuTilePixels;

void ddpm_cpu_tile_pixels_init (CpuTilePixels * p, const CpuIm2col * shape,
    const CpuPhase * outputs, CpuTileSharing sharing);
/* Packs row y of a copy: @channels of x, an image whose pixels are @next
 * elements apart, to blocks of [columns][32] that are @block elements apart. */
void ddpm_cpu_tile_pixels_pack_row (const CpuTilePixels * p,
    const CpuTileKernels * k, guint copy, gsize y, DdpmType type,
    gconstpointer x, gsize channels, gsize next, gsize block, guint16 * to);

G_END_DECLS
