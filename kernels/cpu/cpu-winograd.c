/* gst-ddpm: CPU backend: 3x3 convolution by tiles of 2x2 outputs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See kern-winograd.c for the formulas. All tiles of all images are one list,
 * taken in blocks whose 16 planes stay in the second-level cache. No sum
 * depends on how outputs are shared out among the threads: each is over the
 * channels in their order, or, of gradients, over blocks of tiles that depend
 * on the shape alone.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <omp.h>
#include <string.h>
#include "cpu-winograd.h"

#define PLANES 16
/* Floats of one plane of a block, and tiles of it at most: 16 planes of 48
 * KiB, and a multiple of the rows of a product */
#define PLANE 12288
#define BLOCK_TILES 48
/* Planes are further apart by a cache line, so that they do not all fall on
 * the same ones. */
#define PLANE_GAP 16
/* Of gradients: tiles of a block; inputs and outputs that a thread works on */
#define GRADIENT_TILES 32
#define GRADIENT_CHANNELS 64
/* Below 4x4 pixels there are more weights to read than work to do. */
#define MIN_PIXELS 16

/* A tile: its image, and its outputs' first row and column */
typedef struct
{
  gsize image;
  gssize y, x;
} Tile;

static const CpuWinogradKernels *
kernels_of (CpuBackend * b)
{
  return b->kernels->winograd;
}

static gsize
count_pieces (gsize count, gsize piece)
{
  return (count + piece - 1) / piece;
}

static gsize
count_tiles (const CpuTiling * t)
{
  return t->n * count_pieces (t->height, 2) * count_pieces (t->width, 2);
}

static Tile
tile_at (const CpuTiling * t, gsize i)
{
  const gsize across = count_pieces (t->width, 2);
  const gsize of_image = count_pieces (t->height, 2) * across;
  const Tile tile = { i / of_image, i % of_image / across * 2, i % across * 2 };

  return tile;
}

static void
move_on (const CpuTiling * t, Tile * tile)
{
  tile->x += 2;
  if (tile->x < (gssize) t->width)
    return;
  tile->x = 0;
  tile->y += 2;
  if (tile->y < (gssize) t->height)
    return;
  tile->y = 0;
  tile->image++;
}

/* The size x size pixels of an image, the first one before the tile's outputs
 * by @before rows and columns; outside: for those that are not in it */
static inline void
point_at_pixels (const CpuTiling * t, const Tile * tile, const gssize before,
    const gssize size, gsize channels, const float *image,
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

gboolean
cpu_winograd_suits (CpuBackend * b, const CpuTiling * t)
{
  const CpuWinogradKernels *k = kernels_of (b);

  return k->name != NULL && t->in % k->lanes == 0
      && t->height * t->width >= MIN_PIXELS;
}

gboolean
cpu_winograd_suits_gradient (CpuBackend * b, const CpuTiling * t)
{
  return cpu_winograd_suits (b, t) && t->out % kernels_of (b)->width == 0;
}

/* --- weights ----------------------------------------------------------------- */

gsize
cpu_winograd_packed_size (CpuBackend * b, const CpuTiling * t)
{
  const gsize width = kernels_of (b)->width;

  return count_pieces (t->out, width) * width * t->in * PLANES * sizeof (float);
}

void
cpu_winograd_pack (CpuBackend * b, const CpuTiling * t, const float *weight,
    gsize in_stride, gsize out_stride, gboolean turned, float *packed)
{
  const gsize width = kernels_of (b)->width;

#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < t->out; first += width)
    kernels_of (b)->pack (t->in, MIN (width, t->out - first), in_stride,
        out_stride, turned, weight + first * out_stride,
        packed + first * t->in * PLANES);
}

/* --- convolution --------------------------------------------------------------- */

/* Blocks of tiles, times groups of outputs where there are more threads: a
 * thread of each group spreads the same inputs. */
typedef struct
{
  const CpuTiling *t;
  CpuBackend *backend;
  const float *x, *packed, *bias, *residual;
  float *y;
  gsize tiles, blocks;
  gsize columns, groups;        /* kernels' widths of outputs; groups of them */
  gsize block_tiles, plane;
  gsize products_at, zeros_at, slot_bytes;      /* of a thread's workspace */
} Convolution;

static void
share_out (Convolution * c, CpuBackend * b, const CpuTiling * t)
{
  const gsize threads = b->base.threads;
  gsize most = CLAMP (PLANE / t->in, 6, BLOCK_TILES);

  c->t = t;
  c->backend = b;
  c->tiles = count_tiles (t);
  c->blocks = count_pieces (c->tiles, most);
  c->columns = count_pieces (t->out, kernels_of (b)->width);
  c->groups = 1;
  if (c->blocks < threads)
    c->groups = MIN (c->columns, count_pieces (threads, c->blocks));
  else if (c->blocks < 4 * threads)
    c->blocks = MIN (c->tiles, count_pieces (c->blocks, threads) * threads);
  c->block_tiles = count_pieces (c->tiles, c->blocks);
  c->blocks = count_pieces (c->tiles, c->block_tiles);
  c->plane = c->block_tiles * t->in + PLANE_GAP;

  c->slot_bytes = 0;
  cpu_layout_add (&c->slot_bytes, PLANES * c->plane, sizeof (float));
  c->products_at = cpu_layout_add (&c->slot_bytes,
      PLANES * c->block_tiles * kernels_of (b)->width, sizeof (float));
  c->zeros_at = cpu_layout_add (&c->slot_bytes, t->in, sizeof (float));
}

static void
spread_block (const Convolution * c, gsize first, gsize count, float *planes,
    const float *zeros)
{
  Tile tile = tile_at (c->t, first);

  for (gsize i = 0; i < count; i++, move_on (c->t, &tile)) {
    const float *pixels[16];

    point_at_pixels (c->t, &tile, 1, 4, c->t->in, c->x, zeros, pixels);
    kernels_of (c->backend)->spread_input (c->t->in, pixels, c->plane,
        planes + i * c->t->in);
  }
}

/* Outputs [output, output + width) of a block */
static void
gather_block (const Convolution * c, gsize first, gsize count, gsize output,
    const float *products)
{
  const gsize width = kernels_of (c->backend)->width;
  const gsize out = c->t->out, plane = c->block_tiles * width;
  Tile tile = tile_at (c->t, first);

  for (gsize i = 0; i < count; i++, move_on (c->t, &tile)) {
    const float *y[4], *residual[4];

    point_at_pixels (c->t, &tile, 0, 2, out, c->y + output, NULL, y);
    if (c->residual)
      point_at_pixels (c->t, &tile, 0, 2, out, c->residual + output, NULL,
          residual);
    kernels_of (c->backend)->gather_output (MIN (width, out - output),
        products + i * width, plane, c->bias ? c->bias + output : NULL,
        c->residual ? residual : NULL, (float *const *) y);
  }
}

static void
convolve_block (const Convolution * c, gsize block, gsize group, gpointer slot)
{
  const CpuWinogradKernels *k = kernels_of (c->backend);
  const gsize in = c->t->in, width = k->width;
  const gsize first = block * c->block_tiles;
  const gsize count = MIN (c->block_tiles, c->tiles - first);
  const gsize end = (group + 1) * c->columns / c->groups;
  float *planes = slot, *products = cpu_at (slot, c->products_at);

  spread_block (c, first, count, planes, cpu_at (slot, c->zeros_at));
  for (gsize column = group * c->columns / c->groups; column < end; column++) {
    const float *packed = c->packed + column * PLANES * in * width;

    for (gsize i = 0; i < PLANES; i++)
      k->multiply (count, in, planes + i * c->plane, in, 1,
          packed + i * in * width, width,
          products + i * c->block_tiles * width, FALSE);
    gather_block (c, first, count, column * width, products);
  }
}

void
cpu_winograd_convolve (CpuBackend * b, const CpuTiling * t, const float *x,
    const float *packed, const float *bias, const float *residual, float *y,
    gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.residual = residual,
    .y = y
  };

  share_out (&c, b, t);
#pragma omp parallel
  {
    gpointer slot = cpu_at (scratch, omp_get_thread_num () * c.slot_bytes);

    memset (cpu_at (slot, c.zeros_at), 0, t->in * sizeof (float));
#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < c.blocks * c.groups; i++)
      convolve_block (&c, i / c.groups, i % c.groups, slot);
  }
}

/* --- the gradient of the weights -------------------------------------------------- */

/* A thread takes some inputs and some outputs, and all tiles. */
typedef struct
{
  const CpuTiling *t;
  CpuBackend *backend;
  const float *x, *dy;
  float *dweight;
  gboolean add;
  gsize ins, outs;              /* of a piece, but maybe the last */
  gsize in_pieces, out_pieces;
  gsize in_plane, out_plane;
  gsize dy_at, sums_at, zeros_at, slot_bytes;   /* of a thread's workspace */
} Gradient;

/* The larger side is halved until there is a piece for each thread. */
static void
cut_up (Gradient * g, CpuBackend * b, const CpuTiling * t)
{
  const gsize width = kernels_of (b)->width, lanes = kernels_of (b)->lanes;
  const gsize out_columns = t->out / width, in_columns = t->in / lanes;
  gsize outs = count_pieces (t->out, GRADIENT_CHANNELS);
  gsize ins = count_pieces (t->in, GRADIENT_CHANNELS);

  while (outs * ins < b->base.threads && (outs < out_columns
          || ins < in_columns)) {
    if (ins < in_columns && (t->in / ins >= t->out / outs
            || outs >= out_columns))
      ins = MIN (2 * ins, in_columns);
    else
      outs = MIN (2 * outs, out_columns);
  }
  g->t = t;
  g->backend = b;
  g->ins = count_pieces (in_columns, ins) * lanes;
  g->outs = count_pieces (out_columns, outs) * width;
  g->in_pieces = count_pieces (t->in, g->ins);
  g->out_pieces = count_pieces (t->out, g->outs);
  g->in_plane = GRADIENT_TILES * g->ins + PLANE_GAP;
  g->out_plane = GRADIENT_TILES * g->outs + PLANE_GAP;

  g->slot_bytes = 0;
  cpu_layout_add (&g->slot_bytes, PLANES * g->in_plane, sizeof (float));
  g->dy_at = cpu_layout_add (&g->slot_bytes, PLANES * g->out_plane,
      sizeof (float));
  g->sums_at = cpu_layout_add (&g->slot_bytes, PLANES * g->ins * g->outs,
      sizeof (float));
  g->zeros_at = cpu_layout_add (&g->slot_bytes, MAX (t->in, t->out),
      sizeof (float));
}

static void
spread_both (const Gradient * g, gsize first, gsize count, gsize in, gsize ins,
    gsize out, gsize outs, gpointer slot)
{
  const CpuWinogradKernels *k = kernels_of (g->backend);
  const float *zeros = cpu_at (slot, g->zeros_at);
  const float *pixels[16];
  float *planes = slot, *dy_planes = cpu_at (slot, g->dy_at);
  Tile tile = tile_at (g->t, first);

  for (gsize i = 0; i < count; i++, move_on (g->t, &tile)) {
    point_at_pixels (g->t, &tile, 1, 4, g->t->in, g->x + in, zeros, pixels);
    k->spread_input (ins, pixels, g->in_plane, planes + i * g->ins);
    point_at_pixels (g->t, &tile, 0, 2, g->t->out, g->dy + out, zeros, pixels);
    k->spread_gradient (outs, pixels, g->out_plane, dy_planes + i * g->outs);
  }
}

static void
sum_gradient (const Gradient * g, gsize in, gsize out, gpointer slot)
{
  const CpuWinogradKernels *k = kernels_of (g->backend);
  const gsize width = k->width, tiles = count_tiles (g->t);
  const gsize ins = MIN (g->ins, g->t->in - in);
  const gsize outs = MIN (g->outs, g->t->out - out);
  const float *planes = slot, *dy_planes = cpu_at (slot, g->dy_at);
  float *sums = cpu_at (slot, g->sums_at);

  for (gsize first = 0; first < tiles; first += GRADIENT_TILES) {
    const gsize count = MIN (GRADIENT_TILES, tiles - first);

    spread_both (g, first, count, in, ins, out, outs, slot);
    for (gsize o = 0; o < outs; o += width)
      for (gsize i = 0; i < PLANES; i++)
        k->multiply (ins, count, planes + i * g->in_plane, 1, g->ins,
            dy_planes + i * g->out_plane + o, g->outs,
            sums + (o * PLANES + i * width) * ins, first > 0);
  }
  for (gsize o = 0; o < outs; o += width)
    k->unpack (ins, 9, g->t->in * 9, sums + o * PLANES * ins,
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
cpu_winograd_scratch (CpuBackend * b, const CpuTiling * t, gboolean gradient)
{
  Convolution c = { NULL, };
  Gradient g = { NULL, };
  gsize total = 0;

  if (gradient)
    cut_up (&g, b, t);
  else
    share_out (&c, b, t);
  cpu_layout_add (&total, b->base.threads,
      gradient ? g.slot_bytes : c.slot_bytes);
  return total;
}
