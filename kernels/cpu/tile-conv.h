/* gst-ddpm: CPU backend: convolution in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/tile-pixels.h"

G_BEGIN_DECLS

/* The outputs of one phase. They are computed in bands of some images, or of
 * some rows of one image. */
typedef struct
{
  const CpuPhase *outputs;
  gboolean in_place;            /* pixels are tiles as they lie, not packed */
  gsize images, rows;           /* of a band */
  gsize row_bands, bands;       /* of an image; in all */
  gsize groups;                 /* of panels, for a band */
  /* Packed inputs: [blocks of channels][copies][images][image_pixels] */
  CpuTilePixels pixels;
  gsize image_pixels, block_bytes;
  gsize image_tiles;            /* of outputs of one image */
  guint32 *tile_at, *step_at;   /* see CpuTileProduct */
  gsize steps;
  gsize packed_at;              /* bytes: of its weights among those packed */
} CpuTilePhase;

typedef struct
{
  CpuIm2col shape;
  DdpmType x_type;
  gsize panels;
  CpuTilePhase phases[4];
  gsize packed_size;            /* bytes of packed weights */
  /* The workspace: a slot for each thread */
  gsize slots_at, slot_bytes, places_at;
  gsize scratch;                /* bytes of workspace */
} CpuTileConv;

/* Whether the packed inputs of a row of outputs are less than 2 GiB */
gboolean ddpm_cpu_tile_conv_suits (const DdpmConvDesc * d);
/* shape: inputs and outputs, as for im2col. An x in f32 is rounded to bf16. */
void ddpm_cpu_tile_conv_init (CpuTileConv * t, CpuBackend * b,
    const CpuIm2col * shape, DdpmType x_type);
void ddpm_cpu_tile_conv_clear (CpuTileConv * t);
/* As ddpm_cpu_im2col_pack (); rounds the weights */
void ddpm_cpu_tile_conv_pack (const CpuTileConv * t, CpuBackend * b,
    const float *weight, gsize in_stride, gsize out_stride, gpointer packed);
/* As ddpm_cpu_im2col_convolve (); plus and y: of y_type */
void ddpm_cpu_tile_conv_run (const CpuTileConv * t, CpuBackend * b,
    const gconstpointer x[2], gconstpointer packed,
    const float *bias, DdpmType y_type, gconstpointer plus, gpointer y,
    gpointer scratch);

G_END_DECLS
