/* gst-ddpm: CPU backend: 3x3 convolution by Winograd's tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * isa/winograd.c has the formulas. The tiles of all images are one list: image
 * by image, row by row. The list is cut into blocks whose transforms stay in
 * the second-level cache. Each sum is over the channels in their order, so it
 * does not depend on how outputs are shared out among threads, nor on the other
 * images.
 */
#include <string.h>
#include "kernels/cpu/winograd.h"

/* Matrices are apart by one more cache line, so that they do not all fall on
 * the same lines of the cache. */
#define MATRIX_GAP 16
#define MAX_TILE_ELEMENTS 36

/* Where a tile is: its image, and the first row and column of its outputs */
typedef struct
{
  gsize image;
  gssize y, x;
} Tile;

static gsize
count_elements (const CpuWinogradTransforms * transforms)
{
  return (transforms->outputs + 2) * (transforms->outputs + 2);
}

static gsize
count_tiles_of_image (const CpuWinogradShape * t, gsize outputs)
{
  return ddpm_cpu_count_pieces (t->height, outputs)
      * ddpm_cpu_count_pieces (t->width, outputs);
}

/* Larger tiles need fewer multiplications, but read more weights. So this
 * chooses them if @n images have at least @least of them. */
static const CpuWinogradTransforms *
choose_transforms (CpuBackend * b, const CpuWinogradShape * t, gsize n,
    gsize least)
{
  const CpuWinogradTransforms *const *of = b->kernels->winograd->transforms;
  const gsize small = count_tiles_of_image (t, of[0]->outputs);
  const gsize large = count_tiles_of_image (t, of[1]->outputs);

  return n * large >= least && large * count_elements (of[1])
      < small * count_elements (of[0]) ? of[1] : of[0];
}

static Tile
locate_tile (const CpuWinogradShape * t, gsize outputs, gsize i)
{
  const gsize across = ddpm_cpu_count_pieces (t->width, outputs);
  const gsize of_image = count_tiles_of_image (t, outputs);
  const Tile tile = { i / of_image, i % of_image / across * outputs,
    i % across * outputs
  };

  return tile;
}

static void
move_to_next_tile (const CpuWinogradShape * t, gssize outputs, Tile * tile)
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

/* Points at size x size pixels of an image. The first one is @before rows and
 * columns before the tile's outputs. Pixels that are not in the image: outside
 * */
static void
point_at_pixels (const CpuWinogradShape * t, const Tile * tile,
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

/* --- which tiles ---------------------------------------------------------- */

/* Tiles of a block: with fewer, weights would be read more often; with more, a
 * block would leave the cache. */
#define CONVOLVE_BLOCK_TILES 32
/* With fewer than 4x4 pixels, reading the weights takes longer than computing.
 * The same is true for the larger tiles if an image has fewer of them than
 * this. */
#define MIN_PIXELS 16
#define MIN_TILES 16

/* This depends on the shape of one image alone: an image must not change with
 * its batch. */
static const CpuWinogradTransforms *
choose_forward_transforms (CpuBackend * b, const CpuWinogradShape * t)
{
  return choose_transforms (b, t, 1, MIN_TILES);
}

gboolean
ddpm_cpu_winograd_suits (CpuBackend * b, const CpuWinogradShape * t)
{
  return t->in % b->kernels->winograd->lanes == 0
      && t->height * t->width >= MIN_PIXELS;
}

gboolean
ddpm_cpu_winograd_suits_gradient (CpuBackend * b, const CpuWinogradShape * t)
{
  return ddpm_cpu_winograd_suits (b, t)
      && t->out % b->kernels->winograd->width == 0;
}

const gchar *
ddpm_cpu_winograd_name (CpuBackend * b, const CpuWinogradShape * t)
{
  return choose_forward_transforms (b, t)->name;
}

/* --- weights -------------------------------------------------------------- */

gsize
ddpm_cpu_winograd_packed_size (CpuBackend * b, const CpuWinogradShape * t)
{
  const gsize width = b->kernels->winograd->width;

  return ddpm_cpu_count_pieces (t->out, width) * width * t->in
      * count_elements (choose_forward_transforms (b, t)) * sizeof (float);
}

typedef struct
{
  const CpuWinogradShape *t;
  const CpuWinogradTransforms *transforms;
  gsize width;
  const float *weight;
  gsize in_stride, out_stride;
  gboolean flipped;
  float *packed;
} PackRun;

static void
pack_panel (gconstpointer data, gsize i, guint thread)
{
  const PackRun *run = data;
  const CpuWinogradShape *t = run->t;
  const gsize first = i * run->width;

  run->transforms->pack_weights (t->in, MIN (run->width, t->out - first),
      run->in_stride, run->out_stride, run->flipped,
      run->weight + first * run->out_stride,
      run->packed + first * t->in * count_elements (run->transforms));
}

void
ddpm_cpu_winograd_pack (CpuBackend * b, const CpuWinogradShape * t,
    const float *weight, gsize in_stride, gsize out_stride, gboolean flipped,
    float *packed)
{
  const gsize width = b->kernels->winograd->width;
  const PackRun run = { t, choose_forward_transforms (b, t), width, weight,
    in_stride, out_stride, flipped, packed
  };

  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (t->out, width), pack_panel, &run);
}

/* --- convolution ---------------------------------------------------------- */

/* Work is shared out in blocks of tiles and, if there are more threads than
 * blocks, in groups of output channels: then each group transforms the same
 * inputs. */
typedef struct
{
  const CpuWinogradShape *t;
  const CpuWinogradKernels *kernels;
  const CpuWinogradTransforms *transforms;
  const float *x, *packed, *bias, *residual;
  float *y;
  gsize elements;
  gsize tiles, blocks;
  gsize columns, groups;        /* kernels' widths of outputs; groups of them */
  gsize block_tiles, matrix;
  const CpuBackend *backend;
  gpointer scratch;
  gsize products_at, zeros_at, slot_bytes;      /* of a thread's workspace */
} Convolution;

static void
share_out (Convolution * c, CpuBackend * b, const CpuWinogradShape * t)
{
  const gsize threads = b->base.threads;

  c->t = t;
  c->kernels = b->kernels->winograd;
  c->transforms = choose_forward_transforms (b, t);
  c->elements = count_elements (c->transforms);
  c->tiles = t->n * count_tiles_of_image (t, c->transforms->outputs);
  c->blocks = ddpm_cpu_count_pieces (c->tiles, CONVOLVE_BLOCK_TILES);
  c->columns = ddpm_cpu_count_pieces (t->out, c->kernels->width);
  c->groups = 1;
  if (c->blocks < threads)
    c->groups = MIN (c->columns, ddpm_cpu_count_pieces (threads, c->blocks));
  else if (c->blocks < 4 * threads)
    c->blocks =
        MIN (c->tiles, ddpm_cpu_count_pieces (c->blocks, threads) * threads);
  c->block_tiles = ddpm_cpu_count_pieces (c->tiles, c->blocks);
  c->blocks = ddpm_cpu_count_pieces (c->tiles, c->block_tiles);
  c->matrix = c->block_tiles * t->in + MATRIX_GAP;

  c->slot_bytes = 0;
  ddpm_cpu_layout_add (&c->slot_bytes, c->elements * c->matrix, sizeof (float));
  c->products_at = ddpm_cpu_layout_add (&c->slot_bytes,
      c->elements * c->block_tiles * c->kernels->width, sizeof (float));
  c->zeros_at = ddpm_cpu_layout_add (&c->slot_bytes, t->in, sizeof (float));
}

static void
transform_block_inputs (const Convolution * c, gsize first, gsize count,
    float *matrices, const float *zeros)
{
  const gsize outputs = c->transforms->outputs;
  Tile tile = locate_tile (c->t, outputs, first);

  for (gsize i = 0; i < count; i++) {
    const float *pixels[MAX_TILE_ELEMENTS];

    point_at_pixels (c->t, &tile, 1, outputs + 2, c->t->in, c->x,
        zeros, pixels);
    c->transforms->transform_input (c->t->in, pixels, c->matrix,
        matrices + i * c->t->in);
    move_to_next_tile (c->t, outputs, &tile);
  }
}

/* Output channels [output, output + width) of a block */
static void
transform_block_outputs (const Convolution * c, gsize first, gsize count,
    gsize output, const float *products)
{
  const CpuWinogradShape *t = c->t;
  const gsize outputs = c->transforms->outputs;
  const float *bias = c->bias ? c->bias + output : NULL;
  Tile tile = locate_tile (t, outputs, first);
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
    c->transforms->transform_output (products +
        i * c->elements * c->kernels->width, bias, &to);
    move_to_next_tile (t, outputs, &tile);
  }
}

static void
convolve_piece (gconstpointer data, gsize i, guint thread)
{
  const Convolution *c = data;
  gpointer slot = ddpm_cpu_at (c->scratch, thread * c->slot_bytes);
  const gsize block = i / c->groups, group = i % c->groups;
  const gsize in = c->t->in, width = c->kernels->width;
  const gsize first = block * c->block_tiles;
  const gsize count = MIN (c->block_tiles, c->tiles - first);
  const gsize end = (group + 1) * c->columns / c->groups;
  float *matrices = slot, *products = ddpm_cpu_at (slot, c->products_at);

  if (ddpm_cpu_is_cancelled (c->backend))
    return;
  transform_block_inputs (c, first, count, matrices, ddpm_cpu_at (slot,
          c->zeros_at));
  for (gsize column = group * c->columns / c->groups; column < end; column++) {
    const float *packed = c->packed + column * c->elements * in * width;

    for (gsize k = 0; k < c->elements; k++)
      c->kernels->multiply (count, in, matrices + k * c->matrix, in, 1,
          packed + k * in * width, width, packed + (k + 1) * in * width,
          products + k * width, c->elements * width, FALSE);
    transform_block_outputs (c, first, count, column * width, products);
  }
}

void
ddpm_cpu_winograd_convolve (CpuBackend * b, const CpuWinogradShape * t,
    const float *x, const float *packed, const float *bias,
    const float *residual, float *y, gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.residual = residual,
    .y = y,.backend = b,.scratch = scratch
  };

  share_out (&c, b, t);
  for (guint thread = 0; thread < b->base.threads; thread++)
    memset (ddpm_cpu_at (scratch, thread * c.slot_bytes + c.zeros_at), 0,
        t->in * sizeof (float));
  ddpm_cpu_thread_for (c.blocks * c.groups, convolve_piece, &c);
}

gsize
ddpm_cpu_winograd_scratch (CpuBackend * b, const CpuWinogradShape * t)
{
  Convolution c = { NULL, };
  gsize total = 0;

  share_out (&c, b, t);
  ddpm_cpu_layout_add (&total, b->base.threads, c.slot_bytes);
  return total;
}

/* --- the gradient of weights
 * ---------------------------------------------------
 *
 * All threads transform a block of tiles; then each adds the products of some
 * elements of the tiles. Blocks depend on the shape alone, and so does the
 * order in which they are summed. */

/* Tiles of a block: with more of them, sums are read and written less often. */
#define GRADIENT_BLOCK_TILES 64

/* This depends on all images, for the gradient is a sum over them. */
static const CpuWinogradTransforms *
choose_gradient_transforms (CpuBackend * b, const CpuWinogradShape * t)
{
  return choose_transforms (b, t, t->n, GRADIENT_BLOCK_TILES);
}

const gchar *
ddpm_cpu_winograd_gradient_name (CpuBackend * b, const CpuWinogradShape * t)
{
  return choose_gradient_transforms (b, t)->name;
}

typedef struct
{
  const CpuWinogradShape *t;
  const CpuWinogradKernels *kernels;
  const CpuWinogradTransforms *transforms;
  const float *x, *dy;
  gsize elements;
  gsize tiles, block_tiles;
  gsize in_row, out_row;        /* of matrices [block_tiles][row] */
  gsize in_matrix, out_matrix;
  float *in_matrices, *out_matrices;
  float *sums;                  /* [columns][elements][in][kernels' width] */
  float *zeros;                 /* what is not in an image */
  const CpuBackend *backend;
  gsize columns;                /* kernels' widths of outputs */
  gsize first, count;           /* tiles of the present block */
  float *dweight;
  gboolean add;
} Gradient;

/* Lays out the workspace and returns its size in bytes. Rows, and matrices, are
 * an odd number of cache lines apart. */
static gsize
lay_out_gradient (Gradient * g, CpuBackend * b, const CpuWinogradShape * t,
    gpointer scratch)
{
  gsize total = 0;

  g->t = t;
  g->kernels = b->kernels->winograd;
  g->transforms = choose_gradient_transforms (b, t);
  g->backend = b;
  g->columns = t->out / g->kernels->width;
  g->elements = count_elements (g->transforms);
  g->tiles = t->n * count_tiles_of_image (t, g->transforms->outputs);
  g->block_tiles = MIN (g->tiles, GRADIENT_BLOCK_TILES);
  g->in_row = t->in + MATRIX_GAP;
  g->out_row = t->out + MATRIX_GAP;
  g->in_matrix = g->block_tiles * g->in_row + MATRIX_GAP;
  g->out_matrix = g->block_tiles * g->out_row + MATRIX_GAP;

  g->in_matrices = ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total,
          g->elements * g->in_matrix, sizeof (float)));
  g->out_matrices = ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total,
          g->elements * g->out_matrix, sizeof (float)));
  g->sums =
      ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total,
          g->elements * t->in * t->out, sizeof (float)));
  g->zeros =
      ddpm_cpu_at (scratch, ddpm_cpu_layout_add (&total, MAX (t->in, t->out),
          sizeof (float)));
  return total;
}

/* Tile i of the block */
static void
transform_tile (gconstpointer data, gsize i, guint thread)
{
  const Gradient *g = data;
  const gsize outputs = g->transforms->outputs;
  const Tile tile = locate_tile (g->t, outputs, g->first + i);
  const float *pixels[MAX_TILE_ELEMENTS];

  if (ddpm_cpu_is_cancelled (g->backend))
    return;
  point_at_pixels (g->t, &tile, 1, outputs + 2, g->t->in, g->x,
      g->zeros, pixels);
  g->transforms->transform_input (g->t->in, pixels, g->in_matrix,
      g->in_matrices + i * g->in_row);
  point_at_pixels (g->t, &tile, 0, outputs, g->t->out, g->dy, g->zeros, pixels);
  g->transforms->transform_gradient (g->t->out, pixels, g->out_matrix,
      g->out_matrices + i * g->out_row);
}

/* The products of one element of the block's tiles, for kernels' width of
 * outputs */
static void
add_products (gconstpointer data, gsize i, guint thread)
{
  const Gradient *g = data;
  const gsize matrix = i / g->columns, column = i % g->columns;
  const gsize in = g->t->in, width = g->kernels->width;
  float *sums = g->sums + (column * g->elements + matrix) * in * width;

  if (ddpm_cpu_is_cancelled (g->backend))
    return;
  g->kernels->multiply (in, g->count, g->in_matrices + matrix * g->in_matrix, 1,
      g->in_row, g->out_matrices + matrix * g->out_matrix + column * width,
      g->out_row, sums + g->elements * in * width, sums, width, g->first > 0);
}

static void
unpack_column (gconstpointer data, gsize i, guint thread)
{
  const Gradient *g = data;
  const gsize in = g->t->in, width = g->kernels->width;

  g->transforms->unpack_gradient (in, 9, in * 9,
      g->sums + i * g->elements * in * width, g->dweight + i * width * in * 9,
      g->add);
}

void
ddpm_cpu_winograd_gradient (CpuBackend * b, const CpuWinogradShape * t,
    const float *x, const float *dy, float *dweight, gboolean add,
    gpointer scratch)
{
  Gradient g = {.x = x,.dy = dy,.dweight = dweight,.add = add };

  lay_out_gradient (&g, b, t, scratch);
  memset (g.zeros, 0, MAX (t->in, t->out) * sizeof (float));
  for (g.first = 0; g.first < g.tiles; g.first += g.block_tiles) {
    g.count = MIN (g.block_tiles, g.tiles - g.first);
    ddpm_cpu_thread_for (g.count, transform_tile, &g);
    ddpm_cpu_thread_for (g.elements * g.columns, add_products, &g);
  }
  ddpm_cpu_thread_for (g.columns, unpack_column, &g);
}

gsize
ddpm_cpu_winograd_gradient_scratch (CpuBackend * b, const CpuWinogradShape * t)
{
  Gradient g;

  return lay_out_gradient (&g, b, t, NULL);
}
