/* gst-ddpm: CPU backend: the gradient of convolution weights in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/tile-pixels.h"

G_BEGIN_DECLS

typedef struct
{
  CpuIm2col shape;              /* of the forward pass */
  CpuTilePixels pixels;
  gsize out_blocks;             /* of 32 outputs */
  /* A band is of whole images or of rows of one; its pixels are padded to a
   * number of steps. */
  gsize images, rows, row_bands, bands;
  gsize image_steps, band_steps;
  gsize image_pixels, copy_bytes;       /* of packed inputs */
  guint32 *step_at;             /* [band_steps] */
  gsize groups;                 /* of out_blocks, for a block of inputs */
  /* The workspace: dy, transposed, and a slot for each thread */
  gsize slots_at, slot_bytes, rows_at, sums_at;
  gsize scratch;                /* bytes of workspace */
} CpuTileGradient;

/* shape: see ddpm_cpu_tile_conv_suits () */
void ddpm_cpu_tile_gradient_init (CpuTileGradient * t, CpuBackend * b,
    const CpuIm2col * shape);
void ddpm_cpu_tile_gradient_clear (CpuTileGradient * t);
/* dweight [out][channels of all inputs][taps]; add: += */
void ddpm_cpu_tile_gradient_run (const CpuTileGradient * t, CpuBackend * b,
    DdpmType x_type, const gconstpointer x[2], DdpmType dy_type,
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch);

G_END_DECLS
