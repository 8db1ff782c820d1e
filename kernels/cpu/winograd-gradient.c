/* gst-ddpm: CPU backend: the gradient of a 3x3 kernel by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See kernels/cpu/isa/winograd.c for the formulas. All threads spread a block of tiles,
 * then each adds the products of some planes. Blocks depend on the shape
 * alone, and so does the order in which they are summed.
 */
#include <omp.h>
#include <string.h>
#include "kernels/cpu/winograd-tiles.h"

/* Tiles of a block: the more, the less often are sums read and written */
#define BLOCK_TILES 64

/* Of all images: the gradient is a sum over them. */
static const CpuWinogradTile *
choose_tile (CpuBackend * b, const CpuTiling * t)
{
  return ddpm_cpu_tile_choose (b, t, t->n, BLOCK_TILES);
}

const gchar *
ddpm_cpu_winograd_gradient_name (CpuBackend * b, const CpuTiling * t)
{
  return choose_tile (b, t)->name;
}

typedef struct
{
  const CpuTiling *t;
  const CpuWinogradKernels *kernels;
  const CpuWinogradTile *tile;
  const float *x, *dy;
  gsize planes;
  gsize tiles, block_tiles;
  gsize in_row, out_row;        /* of planes [block_tiles][row] */
  gsize in_plane, out_plane;
  float *in_planes, *out_planes;
  float *sums;                  /* [columns][planes][in][kernels' width] */
  float *zeros;                 /* what is not in an image */
} Gradient;

/* The workspace, and its bytes. Rows are apart by an odd number of cache
 * lines, planes too. */
static gsize
lay_out (Gradient * g, CpuBackend * b, const CpuTiling * t, gpointer scratch)
{
  gsize total = 0;

  g->t = t;
  g->kernels = ddpm_cpu_winograd_kernels (b);
  g->tile = choose_tile (b, t);
  g->planes = ddpm_cpu_tile_planes (g->tile);
  g->tiles = t->n * ddpm_cpu_tile_count_of_image (t, g->tile->outputs);
  g->block_tiles = MIN (g->tiles, BLOCK_TILES);
  g->in_row = t->in + CPU_TILE_PLANE_GAP;
  g->out_row = t->out + CPU_TILE_PLANE_GAP;
  g->in_plane = g->block_tiles * g->in_row + CPU_TILE_PLANE_GAP;
  g->out_plane = g->block_tiles * g->out_row + CPU_TILE_PLANE_GAP;

  g->in_planes = ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total,
          g->planes * g->in_plane, sizeof (float)));
  g->out_planes = ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total,
          g->planes * g->out_plane, sizeof (float)));
  g->sums = ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total, g->planes * t->in
          * t->out, sizeof (float)));
  g->zeros =
      ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total, MAX (t->in, t->out),
          sizeof (float)));
  return total;
}

/* Tile i of the block that begins with tile @first */
static void
spread (const Gradient * g, gsize first, gsize i)
{
  const gsize outputs = g->tile->outputs;
  const CpuTile tile = ddpm_cpu_tile_at (g->t, outputs, first + i);
  const float *pixels[CPU_TILE_MAX_PLANES];

  ddpm_cpu_tile_point_at_pixels (g->t, &tile, 1, outputs + 2, g->t->in, g->x,
      g->zeros, pixels);
  g->tile->spread_input (g->t->in, pixels, g->in_plane,
      g->in_planes + i * g->in_row);
  ddpm_cpu_tile_point_at_pixels (g->t, &tile, 0, outputs, g->t->out, g->dy,
      g->zeros, pixels);
  g->tile->spread_gradient (g->t->out, pixels, g->out_plane,
      g->out_planes + i * g->out_row);
}

/* One plane of kernels' width of outputs, over @count tiles */
static void
add_products (const Gradient * g, gsize plane, gsize column, gsize count,
    gboolean add)
{
  const gsize in = g->t->in, width = g->kernels->width;
  float *sums = g->sums + (column * g->planes + plane) * in * width;

  g->kernels->multiply (in, count, g->in_planes + plane * g->in_plane, 1,
      g->in_row, g->out_planes + plane * g->out_plane + column * width,
      g->out_row, sums + g->planes * in * width, sums, width, add);
}

void
ddpm_cpu_winograd_gradient (CpuBackend * b, const CpuTiling * t, const float *x,
    const float *dy, float *dweight, gboolean add, gpointer scratch)
{
  const gsize width = ddpm_cpu_winograd_kernels (b)->width;
  const gsize columns = t->out / width;
  Gradient g = {.x = x,.dy = dy };

  lay_out (&g, b, t, scratch);
  memset (g.zeros, 0, MAX (t->in, t->out) * sizeof (float));
#pragma omp parallel
  {
    for (gsize first = 0; first < g.tiles; first += g.block_tiles) {
      const gsize count = MIN (g.block_tiles, g.tiles - first);

#pragma omp for schedule(static)
      for (gsize i = 0; i < count; i++)
        spread (&g, first, i);
#pragma omp for schedule(static)
      for (gsize i = 0; i < g.planes * columns; i++)
        add_products (&g, i / columns, i % columns, count, first > 0);
    }
#pragma omp for schedule(static)
    for (gsize i = 0; i < columns; i++)
      g.tile->unpack (t->in, 9, t->in * 9,
          g.sums + i * g.planes * t->in * width,
          dweight + i * width * t->in * 9, add);
  }
}

gsize
ddpm_cpu_winograd_gradient_scratch (CpuBackend * b, const CpuTiling * t)
{
  Gradient g;

  return lay_out (&g, b, t, NULL);
}
