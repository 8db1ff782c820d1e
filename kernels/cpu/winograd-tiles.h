/* gst-ddpm: CPU backend: the tiles of a 3x3 convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All tiles of all images are one list: image by image, row by row.
 */
#pragma once

#include "kernels/cpu/winograd.h"

G_BEGIN_DECLS

/* Planes are further apart by a cache line, so that they do not all fall on
 * the same ones. */
#define CPU_TILE_PLANE_GAP 16
#define CPU_TILE_MAX_PLANES 36

/* The image of a tile, and its outputs' first row and column */
typedef struct
{
  gsize image;
  gssize y, x;
} CpuTile;

static inline const CpuWinogradKernels *
ddpm_cpu_winograd_kernels (CpuBackend * b)
{
  return b->kernels->winograd;
}

static inline gsize
ddpm_cpu_tile_planes (const CpuWinogradTile * tile)
{
  return (tile->outputs + 2) * (tile->outputs + 2);
}

static inline gsize
ddpm_cpu_count_pieces (gsize count, gsize piece)
{
  return (count + piece - 1) / piece;
}

static inline gsize
ddpm_cpu_tile_count_of_image (const CpuTiling * t, gsize outputs)
{
  return ddpm_cpu_count_pieces (t->height, outputs)
      * ddpm_cpu_count_pieces (t->width, outputs);
}

/* The larger tiles multiply less, but have more planes of weights to read:
 * so they are for as many as @least of them in @n images. */
static inline const CpuWinogradTile *
ddpm_cpu_tile_choose (CpuBackend * b, const CpuTiling * t, gsize n, gsize least)
{
  const CpuWinogradTile *const *tile = ddpm_cpu_winograd_kernels (b)->tile;
  const gsize small = ddpm_cpu_tile_count_of_image (t, tile[0]->outputs);
  const gsize large = ddpm_cpu_tile_count_of_image (t, tile[1]->outputs);

  return n * large >= least && large * ddpm_cpu_tile_planes (tile[1])
      < small * ddpm_cpu_tile_planes (tile[0]) ? tile[1] : tile[0];
}

static inline CpuTile
ddpm_cpu_tile_at (const CpuTiling * t, gsize outputs, gsize i)
{
  const gsize across = ddpm_cpu_count_pieces (t->width, outputs);
  const gsize of_image = ddpm_cpu_tile_count_of_image (t, outputs);
  const CpuTile tile = { i / of_image, i % of_image / across * outputs,
    i % across * outputs
  };

  return tile;
}

static inline void
ddpm_cpu_tile_move_on (const CpuTiling * t, gssize outputs, CpuTile * tile)
{
  tile->x += outputs;
  if (tile->x < (gssize) t->width)
    return;
  tile->x = 0;
  tile->y += outputs;
  if (tile->y < (gssize) t->height)
    return;
  tile->y = 0;
  tile->image++;
}

/* The size x size pixels of an image, the first one before the tile's outputs
 * by @before rows and columns; outside: for those that are not in it */
static inline void
ddpm_cpu_tile_point_at_pixels (const CpuTiling * t, const CpuTile * tile,
    gssize before, gssize size, gsize channels, const float *image,
    const float *outside, const float **pixels)
{
  const gssize y = tile->y - before, x = tile->x - before;
  const gssize width = t->width, height = t->height, step = channels;
  const float *row = image
      + (((gssize) tile->image * height + y) * width + x) * step;

  for (gssize i = 0; i < size; i++, row += width * step) {
    const gboolean inside = y + i >= 0 && y + i < height;

    for (gssize k = 0; k < size; k++)
      *pixels++ = inside && x + k >= 0 && x + k < width ? row + k * step
          : outside;
  }
}

G_END_DECLS
