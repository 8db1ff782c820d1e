/* gst-ddpm: CPU backend: the gradient of convolution weights in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   dweight[o][c][tap] = sum over outputs p of dy[p][o] x[p + tap][c]
 *
 * A product whose depth is the outputs, 32 of them a step. dy, transposed, is
 * a; it is packed first, for all images. Pairs of pixels of x are b. A piece of
 * work is a block of 32 channels and some outputs: it packs the pixels of these
 * channels band by band, and each tap reads them at another address. Its sums
 * stay in memory from one band to the next, and their order depends on the
 * shape alone.
 */
#include <string.h>
#include "kernels/cpu/tile-gradient.h"

/* Outputs of a band: enough to make little of loading and storing sums */
#define BAND_PIXELS 1024
#define PIECES_PER_THREAD 2

/* --- planning ------------------------------------------------------------ */

static gsize
count_blocks (const CpuIm2col * shape, guint input)
{
  return ddpm_cpu_count_pieces (shape->channels[input], CPU_TILE_DEPTH);
}

static void
plan_bands (CpuTileGradient * t)
{
  const CpuPhase *outputs = &t->shape.phases[0];
  const gsize pixels = outputs->height * outputs->width;

  t->row_bands = CLAMP (ddpm_cpu_count_pieces (pixels, BAND_PIXELS), 1,
      outputs->height);
  t->rows = ddpm_cpu_count_pieces (outputs->height, t->row_bands);
  t->row_bands = ddpm_cpu_count_pieces (outputs->height, t->rows);
  t->images = CLAMP (BAND_PIXELS / pixels, 1, t->shape.n);
  t->bands = ddpm_cpu_count_pieces (t->shape.n, t->images) * t->row_bands;
  t->image_steps = ddpm_cpu_count_pieces (t->rows * outputs->width,
      CPU_TILE_DEPTH);
  t->band_steps = t->images * t->image_steps;
}

void
ddpm_cpu_tile_gradient_init (CpuTileGradient * t, CpuBackend * b,
    const CpuIm2col * shape)
{
  const gsize blocks = count_blocks (shape, 0) + count_blocks (shape, 1);
  const CpuPhase *outputs = &shape->phases[0];
  gsize total = 0, group;

  memset (t, 0, sizeof (*t));
  t->shape = *shape;
  /* For every tap, a pair of outputs must read a pair of pixels. */
  ddpm_cpu_tile_pixels_init (&t->pixels, shape, outputs,
      outputs->width % 2 ? CPU_TILES_BY_TAP : CPU_TILES_BY_COLUMN);
  t->out_blocks = ddpm_cpu_count_pieces (shape->out, CPU_PANEL_COLUMNS);
  plan_bands (t);
  /* the last step of an image may read beyond its last pixel */
  t->image_pixels = ((t->rows + t->pixels.more_rows) * t->pixels.columns + 1)
      / 2 * 2 + CPU_TILE_DEPTH;
  t->copy_bytes = t->images * t->image_pixels * CPU_TILE_ROW_BYTES;
  t->step_at = g_new (guint32, t->band_steps);
  for (gsize i = 0; i < t->band_steps; i++)
    t->step_at[i] = (i / t->image_steps * t->image_pixels
        + i % t->image_steps * CPU_TILE_DEPTH) * CPU_TILE_ROW_BYTES;
  t->groups = CLAMP (PIECES_PER_THREAD * b->base.threads / blocks, 1,
      t->out_blocks);
  group = ddpm_cpu_count_pieces (t->out_blocks, t->groups);

  ddpm_cpu_layout_add (&total, t->pixels.n_copies, t->copy_bytes);
  t->rows_at = ddpm_cpu_layout_add (&total,
      MAX (t->image_pixels, 2 * CPU_TILE_DEPTH), CPU_TILE_ROW_BYTES);
  t->sums_at = ddpm_cpu_layout_add (&total, group * outputs->n_taps * 4,
      CPU_TILE_BYTES);
  t->slot_bytes = total;
  ddpm_cpu_layout_add (&t->scratch, t->bands * t->band_steps * t->out_blocks,
      2 * CPU_TILE_BYTES);
  t->slots_at = ddpm_cpu_layout_add (&t->scratch, b->base.threads,
      t->slot_bytes);
}

void
ddpm_cpu_tile_gradient_clear (CpuTileGradient * t)
{
  g_free (t->step_at);
}

/* --- executing ----------------------------------------------------------- */

typedef struct
{
  const CpuTileGradient *t;
  const CpuBackend *backend;
  DdpmType x_type, dy_type;
  const gconstpointer *x;
  gconstpointer dy;
  float *dweight;
  gboolean add;
  gpointer scratch;
} GradientRun;

typedef struct
{
  gsize image, images, row, rows;
} Band;

static Band
locate_band (const CpuTileGradient * t, gsize i)
{
  const gsize image = i / t->row_bands * t->images;
  const gsize row = i % t->row_bands * t->rows;
  const Band band = { image, MIN (t->images, t->shape.n - image), row,
    MIN (t->rows, t->shape.phases[0].height - row)
  };

  return band;
}

static gpointer
get_slot (const GradientRun * run, guint thread)
{
  return ddpm_cpu_at (run->scratch,
      run->t->slots_at + thread * run->t->slot_bytes);
}

/* The tiles of dy of a band, transposed, and a row of tiles: [band_steps] */
static guint8 *
locate_tiles (const GradientRun * run, gsize band, gsize row)
{
  const CpuTileGradient *t = run->t;

  return ddpm_cpu_at (run->scratch,
      (band * 2 * t->out_blocks + row) * t->band_steps * CPU_TILE_BYTES);
}

/* Up to 32 outputs of dy become two tiles. rows: room for 64 packed pixels */
static void
pack_outputs (const GradientRun * run, gsize pixels, gsize channels,
    gconstpointer dy, guint16 * rows, guint8 * to[2])
{
  const CpuTileKernels *k = run->backend->tiles;
  guint16 *pairs = rows + CPU_TILE_BYTES;

  k->pack_pixels (run->dy_type, pixels, channels, run->t->shape.out, dy, 0,
      rows);
  memset (rows + pixels * CPU_TILE_DEPTH, 0,
      (CPU_TILE_DEPTH - pixels) * CPU_TILE_ROW_BYTES);
  k->pair_rows (CPU_TILE_DEPTH / 2, rows, pairs);
  for (guint i = 0; i < 2; i++)
    k->transpose ((const guint32 *) pairs + i * CPU_TILE_ROWS, CPU_TILE_DEPTH,
        (guint32 *) to[i], CPU_TILE_ROWS);
}

/* Of a band, one block of outputs */
static void
transpose_outputs (gconstpointer data, gsize i, guint thread)
{
  const GradientRun *run = data;
  const CpuTileGradient *t = run->t;
  const CpuPhase *outputs = &t->shape.phases[0];
  const gsize number = i / t->out_blocks, block = i % t->out_blocks;
  const gsize first = block * CPU_PANEL_COLUMNS;
  const gsize channels = MIN (CPU_PANEL_COLUMNS, t->shape.out - first);
  const Band band = locate_band (t, number);
  const gsize pixels = band.rows * outputs->width;
  guint16 *rows = ddpm_cpu_at (get_slot (run, thread), t->rows_at);
  guint8 *tiles[2] = { locate_tiles (run, number, 2 * block),
    locate_tiles (run, number, 2 * block + 1)
  };

  if (ddpm_cpu_is_cancelled (run->backend))
    return;
  for (gsize image = 0; image < band.images; image++) {
    const gsize pixel = ((band.image + image) * outputs->height + band.row)
        * outputs->width;

    for (gsize step = 0; step < t->image_steps; step++) {
      const gsize at = MIN (step * CPU_TILE_DEPTH, pixels);

      pack_outputs (run, MIN (CPU_TILE_DEPTH, pixels - at), channels,
          ddpm_cpu_at (run->dy, ((pixel + at) * t->shape.out + first)
              * ddpm_type_size (run->dy_type)), rows, tiles);
      tiles[0] += CPU_TILE_BYTES;
      tiles[1] += CPU_TILE_BYTES;
    }
  }
}

/* Pairs of pixels of up to 32 channels, [copies][images][image_pixels] */
static void
pack_band (const GradientRun * run, const Band * band, guint input,
    gsize channel, guint16 * rows, guint16 * packed)
{
  const CpuTileGradient *t = run->t;
  const CpuTilePixels *p = &t->pixels;
  const gsize all = t->shape.channels[input];
  const gsize used = (band->rows + p->more_rows) * p->columns;

  memset (rows + used * CPU_TILE_DEPTH, 0,
      (t->image_pixels - used) * CPU_TILE_ROW_BYTES);
  for (guint copy = 0; copy < p->n_copies; copy++) {
    guint16 *to = packed + copy * t->copy_bytes / sizeof (guint16);

    for (gsize image = 0; image < band->images; image++) {
      const gsize pixel = (band->image + image) * p->height * p->width;
      gconstpointer x = ddpm_cpu_at (run->x[input], (pixel * all + channel)
          * ddpm_type_size (run->x_type));

      for (gsize row = 0; row < band->rows + p->more_rows; row++)
        ddpm_cpu_tile_pixels_pack_row (p, run->backend->tiles, copy,
            band->row + row, run->x_type, x, MIN (CPU_TILE_DEPTH,
                all - channel), all, 0, rows
            + row * p->columns * CPU_TILE_DEPTH);
      run->backend->tiles->pair_rows (t->image_pixels / 2, rows, to);
      to += t->image_pixels * CPU_TILE_DEPTH;
    }
  }
}

static gconstpointer
locate_tap (const CpuTileGradient * t, gconstpointer packed, guint tap)
{
  return ddpm_cpu_at (packed, t->pixels.tap_copy[tap] * t->copy_bytes
      + t->pixels.tap_pixel[tap] * CPU_TILE_ROW_BYTES);
}

/* One tap, for a block of outputs. sums [taps][2][2] tiles */
static void
add_tap (const CpuTileGradient * t, const CpuTileKernels * k, guint tap,
    CpuTileSums * product, gconstpointer packed, float *sums)
{
  product->b[0] = locate_tap (t, packed, tap);
  product->sums[0] = sums + tap * CPU_TILE_BYTES;
  k->accumulate (product);
}

/* The three taps of a column of the kernel, which read the same copy */
static void
add_column (const CpuTileGradient * t, const CpuTileKernels * k, guint column,
    const CpuTileSums * product, gconstpointer packed, float *sums)
{
  for (guint row = 0; row < 2; row++) {
    CpuTileSums of_row = *product;

    of_row.a[0] = product->a[row];
    for (guint i = 0; i < 3; i++) {
      const guint tap = 3 * i + column;

      of_row.b[i] = locate_tap (t, packed, tap);
      of_row.sums[i] = sums + tap * CPU_TILE_BYTES + row * CPU_TILE_BYTES / 2;
    }
    k->accumulate_three (&of_row);
  }
}

/* Adds the products of a band to sums [blocks of outputs][taps][2][2] tiles. */
static void
add_band (const GradientRun * run, gsize number, gsize first, gsize end,
    gconstpointer packed, float *sums)
{
  const CpuTileGradient *t = run->t;
  const CpuTileKernels *k = run->backend->tiles;
  const guint taps = t->shape.phases[0].n_taps;
  const Band band = locate_band (t, number);

  for (gsize block = first; block < end; block++) {
    CpuTileSums product = {
      .a = {locate_tiles (run, number, 2 * block),
          locate_tiles (run, number, 2 * block + 1)},
      .step_at = t->step_at,
      .steps = band.images * t->image_steps,
      .add = number > 0,
    };

    if (t->pixels.n_copies < taps) {
      for (guint column = 0; column < 3; column++)
        add_column (t, k, column, &product, packed, sums);
    } else {
      for (guint tap = 0; tap < taps; tap++)
        add_tap (t, k, tap, &product, packed, sums);
    }
    sums += taps * CPU_TILE_BYTES;      /* four tiles of floats each */
  }
}

static void
store_sums (const GradientRun * run, gsize channel, gsize channels, gsize first,
    gsize end, const float *sums)
{
  const CpuIm2col *shape = &run->t->shape;
  const gsize taps = shape->phases[0].n_taps;
  const gsize all = shape->channels[0] + shape->channels[1];
  const gsize last = MIN (end * CPU_PANEL_COLUMNS, shape->out);

  for (gsize o = first * CPU_PANEL_COLUMNS; o < last; o++) {
    const gsize row = o - first * CPU_PANEL_COLUMNS;
    const float *from = sums
        + row / CPU_PANEL_COLUMNS * taps * CPU_TILE_BYTES
        + row % CPU_PANEL_COLUMNS / CPU_TILE_ROWS * CPU_TILE_BYTES / 2
        + row % CPU_TILE_ROWS * CPU_TILE_ROWS;
    float *to = run->dweight + (o * all + channel) * taps;

    for (gsize c = 0; c < channels; c++) {
      const float *sum = from + c / CPU_TILE_ROWS * CPU_TILE_BYTES / 4
          + c % CPU_TILE_ROWS;

      for (gsize tap = 0; tap < taps; tap++, to++)
        *to = run->add ? *to + sum[tap * CPU_TILE_BYTES]
            : sum[tap * CPU_TILE_BYTES];
    }
  }
}

/* A block of channels and a group of blocks of outputs */
static void
add_up_piece (gconstpointer data, gsize i, guint thread)
{
  const GradientRun *run = data;
  const CpuTileGradient *t = run->t;
  const CpuIm2col *shape = &t->shape;
  const gsize group = i % t->groups;
  const gsize first = ddpm_cpu_piece_at (t->out_blocks, t->groups, group);
  const gsize end = ddpm_cpu_piece_at (t->out_blocks, t->groups, group + 1);
  const gsize block = i / t->groups, before = count_blocks (shape, 0);
  const guint input = block >= before;
  const gsize channel = (input ? block - before : block) * CPU_TILE_DEPTH;
  gpointer slot = get_slot (run, thread);
  float *sums = ddpm_cpu_at (slot, t->sums_at);

  for (gsize number = 0; number < t->bands; number++) {
    const Band band = locate_band (t, number);

    if (ddpm_cpu_is_cancelled (run->backend))
      return;
    pack_band (run, &band, input, channel, ddpm_cpu_at (slot, t->rows_at),
        slot);
    add_band (run, number, first, end, slot, sums);
  }
  store_sums (run, (input ? shape->channels[0] : 0) + channel,
      MIN (CPU_TILE_DEPTH, shape->channels[input] - channel), first, end, sums);
}

void
ddpm_cpu_tile_gradient_run (const CpuTileGradient * t, CpuBackend * b,
    DdpmType x_type, const gconstpointer x[2], DdpmType dy_type,
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  const GradientRun run = { t, b, x_type, dy_type, x, dy, dweight, add,
    scratch
  };
  const gsize blocks = count_blocks (&t->shape, 0)
      + count_blocks (&t->shape, 1);

  ddpm_cpu_thread_for (t->bands * t->out_blocks, transpose_outputs, &run);
  ddpm_cpu_thread_for (blocks * t->groups, add_up_piece, &run);
}
