/* gst-ddpm: CPU backend: the gradient of a 3x3 kernel by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See kern-winograd.c for the formulas. Sums are over blocks of tiles that
 * depend on the shape alone.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <omp.h>
#include <string.h>
#include "cpu-winograd-tiles.h"

/* Tiles of a block; inputs and outputs that a thread works on */
#define GRADIENT_TILES 32
#define GRADIENT_CHANNELS 64

/* A thread takes some inputs and some outputs, and all tiles. */
typedef struct
{
  const CpuTiling *t;
  const CpuWinogradKernels *kernels;
  const CpuWinogradTile *tile;
  const float *x, *dy;
  float *dweight;
  gboolean add;
  gsize planes;
  gsize ins, outs;              /* of a piece, but maybe the last */
  gsize in_pieces, out_pieces;
  gsize in_plane, out_plane;
  gsize dy_at, sums_at, zeros_at, slot_bytes;   /* of a thread's workspace */
} Gradient;

/* The larger side is halved until there is a piece for each thread. */
static void
cut_up (Gradient * g, CpuBackend * b, const CpuTiling * t)
{
  const CpuWinogradKernels *k = cpu_winograd_kernels (b);
  const gsize out_columns = t->out / k->width, in_columns = t->in / k->lanes;
  gsize outs = cpu_count_pieces (t->out, GRADIENT_CHANNELS);
  gsize ins = cpu_count_pieces (t->in, GRADIENT_CHANNELS);

  while (outs * ins < b->base.threads && (outs < out_columns
          || ins < in_columns)) {
    if (ins < in_columns && (t->in / ins >= t->out / outs
            || outs >= out_columns))
      ins = MIN (2 * ins, in_columns);
    else
      outs = MIN (2 * outs, out_columns);
  }
  g->t = t;
  g->kernels = k;
  g->tile = cpu_winograd_tile (b, t);
  g->planes = cpu_tile_planes (g->tile);
  g->ins = cpu_count_pieces (in_columns, ins) * k->lanes;
  g->outs = cpu_count_pieces (out_columns, outs) * k->width;
  g->in_pieces = cpu_count_pieces (t->in, g->ins);
  g->out_pieces = cpu_count_pieces (t->out, g->outs);
  g->in_plane = GRADIENT_TILES * g->ins + CPU_TILE_PLANE_GAP;
  g->out_plane = GRADIENT_TILES * g->outs + CPU_TILE_PLANE_GAP;

  g->slot_bytes = 0;
  cpu_layout_add (&g->slot_bytes, g->planes * g->in_plane, sizeof (float));
  g->dy_at = cpu_layout_add (&g->slot_bytes, g->planes * g->out_plane,
      sizeof (float));
  g->sums_at = cpu_layout_add (&g->slot_bytes, g->planes * g->ins * g->outs,
      sizeof (float));
  g->zeros_at = cpu_layout_add (&g->slot_bytes, MAX (t->in, t->out),
      sizeof (float));
}

static void
spread_both (const Gradient * g, gsize first, gsize count, gsize in, gsize ins,
    gsize out, gsize outs, gpointer slot)
{
  const gsize outputs = g->tile->outputs;
  const float *zeros = cpu_at (slot, g->zeros_at);
  const float *pixels[CPU_TILE_MAX_PLANES];
  float *planes = slot, *dy_planes = cpu_at (slot, g->dy_at);
  CpuTile tile = cpu_tile_at (g->t, outputs, first);

  for (gsize i = 0; i < count; i++) {
    cpu_tile_point_at_pixels (g->t, &tile, 1, outputs + 2, g->t->in,
        g->x + in, zeros, pixels);
    g->tile->spread_input (ins, pixels, g->in_plane, planes + i * g->ins);
    cpu_tile_point_at_pixels (g->t, &tile, 0, outputs, g->t->out, g->dy + out,
        zeros, pixels);
    g->tile->spread_gradient (outs, pixels, g->out_plane,
        dy_planes + i * g->outs);
    cpu_tile_move_on (g->t, outputs, &tile);
  }
}

static void
sum_gradient (const Gradient * g, gsize in, gsize out, gpointer slot)
{
  const gsize width = g->kernels->width;
  const gsize tiles = g->t->n
      * cpu_tile_count_of_image (g->t, g->tile->outputs);
  const gsize ins = MIN (g->ins, g->t->in - in);
  const gsize outs = MIN (g->outs, g->t->out - out);
  const float *planes = slot, *dy_planes = cpu_at (slot, g->dy_at);
  float *sums = cpu_at (slot, g->sums_at);

  for (gsize first = 0; first < tiles; first += GRADIENT_TILES) {
    const gsize count = MIN (GRADIENT_TILES, tiles - first);

    spread_both (g, first, count, in, ins, out, outs, slot);
    for (gsize o = 0; o < outs; o += width)
      for (gsize i = 0; i < g->planes; i++)
        g->kernels->multiply (ins, count, planes + i * g->in_plane, 1, g->ins,
            dy_planes + i * g->out_plane + o, g->outs,
            sums + (o * g->planes + i * width) * ins, width, first > 0);
  }
  for (gsize o = 0; o < outs; o += width)
    g->tile->unpack (ins, 9, g->t->in * 9, sums + o * g->planes * ins,
        g->dweight + ((out + o) * g->t->in + in) * 9, g->add);
}

void
cpu_winograd_gradient (CpuBackend * b, const CpuTiling * t, const float *x,
    const float *dy, float *dweight, gboolean add, gpointer scratch)
{
  Gradient g = {.x = x,.dy = dy,.dweight = dweight,.add = add };

  cut_up (&g, b, t);
#pragma omp parallel
  {
    gpointer slot = cpu_at (scratch, omp_get_thread_num () * g.slot_bytes);

    memset (cpu_at (slot, g.zeros_at), 0, MAX (t->in, t->out)
        * sizeof (float));
#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < g.in_pieces * g.out_pieces; i++)
      sum_gradient (&g, i / g.out_pieces * g.ins, i % g.out_pieces * g.outs,
          slot);
  }
}

gsize
cpu_winograd_gradient_scratch (CpuBackend * b, const CpuTiling * t)
{
  Gradient g = { NULL, };
  gsize total = 0;

  cut_up (&g, b, t);
  cpu_layout_add (&total, b->base.threads, g.slot_bytes);
  return total;
}
