/* gst-ddpm: CPU backend: 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See kernels/cpu/isa/winograd.c for the formulas. The list of tiles is taken in blocks
 * whose planes stay in the second-level cache. No sum depends on how outputs
 * are shared out among the threads, or on the other images: each is over the
 * channels in their order.
 */
#include <omp.h>
#include <string.h>
#include "kernels/cpu/winograd-tiles.h"

/* Tiles of a block: fewer would read the weights more often, more leave the
 * cache. */
#define BLOCK_TILES 32
/* Below 4x4 pixels there are more weights to read than work to do; the same
 * goes for the larger tiles where an image has less of them. */
#define MIN_PIXELS 16
#define MIN_TILES 16

/* Of the shape of an image alone: it must not change with its batch. */
static const CpuWinogradTile *
choose_tile (CpuBackend * b, const CpuTiling * t)
{
  return ddpm_cpu_tile_choose (b, t, 1, MIN_TILES);
}

gboolean
ddpm_cpu_winograd_suits (CpuBackend * b, const CpuTiling * t)
{
  return t->in % ddpm_cpu_winograd_kernels (b)->lanes == 0
      && t->height * t->width >= MIN_PIXELS;
}

gboolean
ddpm_cpu_winograd_suits_gradient (CpuBackend * b, const CpuTiling * t)
{
  return ddpm_cpu_winograd_suits (b, t)
      && t->out % ddpm_cpu_winograd_kernels (b)->width == 0;
}

const gchar *
ddpm_cpu_winograd_name (CpuBackend * b, const CpuTiling * t)
{
  return choose_tile (b, t)->name;
}

/* --- weights ----------------------------------------------------------------- */

gsize
ddpm_cpu_winograd_packed_size (CpuBackend * b, const CpuTiling * t)
{
  const gsize width = ddpm_cpu_winograd_kernels (b)->width;

  return ddpm_cpu_count_pieces (t->out, width) * width * t->in
      * ddpm_cpu_tile_planes (choose_tile (b, t)) * sizeof (float);
}

void
ddpm_cpu_winograd_pack (CpuBackend * b, const CpuTiling * t,
    const float *weight, gsize in_stride, gsize out_stride, gboolean turned,
    float *packed)
{
  const CpuWinogradTile *tile = choose_tile (b, t);
  const gsize width = ddpm_cpu_winograd_kernels (b)->width;
  const gsize planes = ddpm_cpu_tile_planes (tile);

#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < t->out; first += width)
    tile->pack (t->in, MIN (width, t->out - first), in_stride, out_stride,
        turned, weight + first * out_stride, packed + first * t->in * planes);
}

/* --- convolution --------------------------------------------------------------- */

/* Blocks of tiles, times groups of outputs where there are more threads: a
 * thread of each group spreads the same inputs. */
typedef struct
{
  const CpuTiling *t;
  const CpuWinogradKernels *kernels;
  const CpuWinogradTile *tile;
  const float *x, *packed, *bias, *residual;
  float *y;
  gsize planes;
  gsize tiles, blocks;
  gsize columns, groups;        /* kernels' widths of outputs; groups of them */
  gsize block_tiles, plane;
  gsize products_at, zeros_at, slot_bytes;      /* of a thread's workspace */
} Convolution;

static void
share_out (Convolution * c, CpuBackend * b, const CpuTiling * t)
{
  const gsize threads = b->base.threads;

  c->t = t;
  c->kernels = ddpm_cpu_winograd_kernels (b);
  c->tile = choose_tile (b, t);
  c->planes = ddpm_cpu_tile_planes (c->tile);
  c->tiles = t->n * ddpm_cpu_tile_count_of_image (t, c->tile->outputs);
  c->blocks = ddpm_cpu_count_pieces (c->tiles, BLOCK_TILES);
  c->columns = ddpm_cpu_count_pieces (t->out, c->kernels->width);
  c->groups = 1;
  if (c->blocks < threads)
    c->groups = MIN (c->columns, ddpm_cpu_count_pieces (threads, c->blocks));
  else if (c->blocks < 4 * threads)
    c->blocks =
        MIN (c->tiles, ddpm_cpu_count_pieces (c->blocks, threads) * threads);
  c->block_tiles = ddpm_cpu_count_pieces (c->tiles, c->blocks);
  c->blocks = ddpm_cpu_count_pieces (c->tiles, c->block_tiles);
  c->plane = c->block_tiles * t->in + CPU_TILE_PLANE_GAP;

  c->slot_bytes = 0;
  ddpm_cpu_layout_add (&c->slot_bytes, c->planes * c->plane, sizeof (float));
  c->products_at = ddpm_cpu_layout_add (&c->slot_bytes,
      c->planes * c->block_tiles * c->kernels->width, sizeof (float));
  c->zeros_at = ddpm_cpu_layout_add (&c->slot_bytes, t->in, sizeof (float));
}

static void
spread_block (const Convolution * c, gsize first, gsize count, float *planes,
    const float *zeros)
{
  const gsize outputs = c->tile->outputs;
  CpuTile tile = ddpm_cpu_tile_at (c->t, outputs, first);

  for (gsize i = 0; i < count; i++) {
    const float *pixels[CPU_TILE_MAX_PLANES];

    ddpm_cpu_tile_point_at_pixels (c->t, &tile, 1, outputs + 2, c->t->in, c->x,
        zeros, pixels);
    c->tile->spread_input (c->t->in, pixels, c->plane, planes + i * c->t->in);
    ddpm_cpu_tile_move_on (c->t, outputs, &tile);
  }
}

/* Outputs [output, output + width) of a block */
static void
gather_block (const Convolution * c, gsize first, gsize count, gsize output,
    const float *products)
{
  const CpuTiling *t = c->t;
  const gsize outputs = c->tile->outputs;
  const float *bias = c->bias ? c->bias + output : NULL;
  CpuTile tile = ddpm_cpu_tile_at (t, outputs, first);
  CpuWinogradOutputs to = {.channels = t->out - output,
    .row_step = t->width * t->out,.column_step = t->out
  };

  for (gsize i = 0; i < count; i++) {
    const gsize at = ((tile.image * t->height + tile.y) * t->width + tile.x)
        * t->out + output;

    to.rows = MIN (outputs, t->height - tile.y);
    to.columns = MIN (outputs, t->width - tile.x);
    to.y = c->y + at;
    to.residual = c->residual ? c->residual + at : NULL;
    c->tile->gather_output (products + i * c->planes * c->kernels->width,
        bias, &to);
    ddpm_cpu_tile_move_on (t, outputs, &tile);
  }
}

static void
convolve_block (const Convolution * c, gsize block, gsize group, gpointer slot)
{
  const gsize in = c->t->in, width = c->kernels->width;
  const gsize first = block * c->block_tiles;
  const gsize count = MIN (c->block_tiles, c->tiles - first);
  const gsize end = (group + 1) * c->columns / c->groups;
  float *planes = slot, *products = ddpm_cpu_at (slot, c->products_at);

  spread_block (c, first, count, planes, ddpm_cpu_at (slot, c->zeros_at));
  for (gsize column = group * c->columns / c->groups; column < end; column++) {
    const float *packed = c->packed + column * c->planes * in * width;

    for (gsize i = 0; i < c->planes; i++)
      c->kernels->multiply (count, in, planes + i * c->plane, in, 1,
          packed + i * in * width, width, packed + (i + 1) * in * width,
          products + i * width, c->planes * width, FALSE);
    gather_block (c, first, count, column * width, products);
  }
}

void
ddpm_cpu_winograd_convolve (CpuBackend * b, const CpuTiling * t, const float *x,
    const float *packed, const float *bias, const float *residual, float *y,
    gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.residual = residual,
    .y = y
  };

  share_out (&c, b, t);
#pragma omp parallel
  {
    gpointer slot = ddpm_cpu_at (scratch, omp_get_thread_num () * c.slot_bytes);

    memset (ddpm_cpu_at (slot, c.zeros_at), 0, t->in * sizeof (float));
#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < c.blocks * c.groups; i++)
      convolve_block (&c, i / c.groups, i % c.groups, slot);
  }
}

gsize
ddpm_cpu_winograd_scratch (CpuBackend * b, const CpuTiling * t)
{
  Convolution c = { NULL, };
  gsize total = 0;

  share_out (&c, b, t);
  ddpm_cpu_layout_add (&total, b->base.threads, c.slot_bytes);
  return total;
}
