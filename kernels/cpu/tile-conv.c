/* gst-ddpm: CPU backend: convolution in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The outputs of a phase are computed in bands. The pixels that a band reads
 * are packed once, as tiles (tile-pixels.h), for all its outputs; those of a 1x1
 * kernel mostly are tiles as they lie. The sum of an output is over blocks of
 * channels and, within each, over taps, whatever the band, the batch and the
 * number of threads are.
 */
#include <string.h>
#include "kernels/bf16.h"
#include "kernels/cpu/tile-conv.h"

/* Outputs of a band: enough to use the weights often, from the second-level
 * cache, and to need few rows twice */
#define BAND_PIXELS 512
/* Packed inputs of a band: to leave room for weights in that cache */
#define BAND_BYTES ((gsize) 512 << 10)
/* Pieces of work for each thread, so that none waits long for another */
#define PIECES_PER_THREAD 4

/* --- planning ------------------------------------------------------------ */

static gsize
count_blocks (const CpuIm2col * shape, guint input)
{
  return ddpm_cpu_count_pieces (shape->channels[input], CPU_TILE_DEPTH);
}

static gsize
count_band_bytes (const CpuTilePhase * p, const CpuIm2col * shape, gsize images,
    gsize rows)
{
  return (count_blocks (shape, 0) + count_blocks (shape, 1))
      * p->pixels.n_copies * images * (rows + p->pixels.more_rows)
      * p->pixels.columns * CPU_TILE_ROW_BYTES;
}

static gboolean
fits (const CpuTilePhase * p, const CpuIm2col * shape, gsize images, gsize rows)
{
  return images * rows * p->outputs->width <= BAND_PIXELS
      && count_band_bytes (p, shape, images, rows) <= BAND_BYTES;
}

/* As many whole images as fit, but not fewer bands than threads; or as many
 * rows of one */
static void
plan_bands (CpuTilePhase * p, const CpuIm2col * shape, gsize panels,
    gsize threads)
{
  const gsize height = p->outputs->height;

  p->images = 1;
  p->row_bands = 1;
  while (p->row_bands < height
      && !fits (p, shape, 1, ddpm_cpu_count_pieces (height, p->row_bands)))
    p->row_bands++;
  p->rows = ddpm_cpu_count_pieces (height, p->row_bands);
  p->row_bands = ddpm_cpu_count_pieces (height, p->rows);
  while (p->row_bands == 1 && (p->images + 1) * threads <= shape->n
      && fits (p, shape, p->images + 1, p->rows))
    p->images++;
  p->bands = ddpm_cpu_count_pieces (shape->n, p->images) * p->row_bands;
  p->groups = CLAMP (PIECES_PER_THREAD * threads / p->bands, 1, panels);
}

/* Each output reads the pixel in its own place, and neighbouring pixels lie
 * side by side, also from one image of a band to the next. */
static gboolean
is_in_place (const CpuTilePhase * p, const CpuIm2col * shape, DdpmType x_type)
{
  return p->outputs->n_taps == 1 && shape->in_step == 1 && shape->out_step == 1
      && shape->n_inputs == 1 && shape->channels[0] % CPU_TILE_DEPTH == 0
      && p->rows * p->outputs->width % CPU_TILE_ROWS == 0
      && p->outputs->height % p->rows == 0 && x_type == DDPM_TYPE_BF16;
}

static void
plan_addresses (CpuTilePhase * p, const CpuIm2col * shape, DdpmType x_type)
{
  const CpuTilePixels *pixels = &p->pixels;
  const gsize width = p->outputs->width;
  const gsize blocks = count_blocks (shape, 0) + count_blocks (shape, 1);
  gsize step = 0;

  p->in_place = is_in_place (p, shape, x_type);
  p->image_pixels = (p->rows + pixels->more_rows) * pixels->columns;
  p->block_bytes = pixels->n_copies * p->images * p->image_pixels
      * CPU_TILE_ROW_BYTES;
  p->image_tiles = ddpm_cpu_count_pieces (p->rows * width, CPU_TILE_ROWS);
  p->steps = blocks * p->outputs->n_taps;
  p->tile_at = g_new (guint32, p->images * p->image_tiles);
  p->step_at = g_new (guint32, p->steps);
  for (gsize i = 0; i < p->images * p->image_tiles; i++) {
    const gsize output = i % p->image_tiles * CPU_TILE_ROWS;

    p->tile_at[i] = p->in_place ? i * CPU_TILE_ROWS * shape->channels[0]
        * sizeof (guint16) : (i / p->image_tiles * p->image_pixels
        + output / width * pixels->columns + output % width)
        * CPU_TILE_ROW_BYTES;
  }
  for (gsize block = 0; block < blocks; block++) {
    for (guint i = 0; i < p->outputs->n_taps; i++)
      p->step_at[step++] = p->in_place ? block * CPU_TILE_ROW_BYTES
          : block * p->block_bytes
          + (pixels->tap_copy[i] * p->images * p->image_pixels
          + pixels->tap_pixel[i]) * CPU_TILE_ROW_BYTES;
  }
}

static void
plan_phase (CpuTileConv * t, CpuTilePhase * p, const CpuPhase * outputs,
    gsize threads)
{
  p->outputs = outputs;
  p->packed_at = t->packed_size;
  ddpm_cpu_tile_pixels_init (&p->pixels, &t->shape, outputs,
      outputs->width % CPU_TILE_ROWS ? CPU_TILES_BY_COLUMN : CPU_TILES_BY_ROW);
  plan_bands (p, &t->shape, t->panels, threads);
  plan_addresses (p, &t->shape, t->x_type);
  t->packed_size += t->panels * p->steps * 2 * CPU_TILE_BYTES;
}

gboolean
ddpm_cpu_tile_conv_suits (const DdpmConvDesc * d)
{
  const gsize channels = MAX ((gsize) d->cin0 + d->cin1, d->cout);
  const gsize copies = 9, rows = 3, columns = (gsize) d->width + 2;

  return channels <= G_MAXINT32 / sizeof (guint16) / copies / rows / columns;
}

void
ddpm_cpu_tile_conv_init (CpuTileConv * t, CpuBackend * b,
    const CpuIm2col * shape, DdpmType x_type)
{
  gsize input = 0, tiles = 0, total = 0;

  memset (t, 0, sizeof (*t));
  t->shape = *shape;
  t->x_type = x_type;
  t->panels = ddpm_cpu_count_pieces (shape->out, CPU_PANEL_COLUMNS);
  for (guint i = 0; i < shape->n_phases; i++) {
    CpuTilePhase *p = &t->phases[i];

    plan_phase (t, p, &t->shape.phases[i], b->base.threads);
    if (!p->in_place)
      input = MAX (input, count_band_bytes (p, shape, p->images, p->rows));
    tiles = MAX (tiles, p->images * p->image_tiles);
  }
  /* The last tile of an image may read beyond its last pixel. */
  ddpm_cpu_layout_add (&total, input + CPU_TILE_BYTES, 1);
  t->places_at =
      ddpm_cpu_layout_add (&total, tiles * CPU_TILE_ROWS, sizeof (gsize));
  t->slot_bytes = total;
  ddpm_cpu_layout_add (&t->scratch, b->base.threads, sizeof (gsize));
  t->slots_at = ddpm_cpu_layout_add (&t->scratch, b->base.threads,
      t->slot_bytes);
}

void
ddpm_cpu_tile_conv_clear (CpuTileConv * t)
{
  for (guint i = 0; i < t->shape.n_phases; i++) {
    g_free (t->phases[i].tile_at);
    g_free (t->phases[i].step_at);
  }
}

/* --- weights ------------------------------------------------------------- */

typedef struct
{
  const CpuTileConv *t;
  const CpuTilePhase *phase;
  const CpuTileKernels *kernels;
  const float *weight;
  gsize in_stride, out_stride;
  guint16 *packed;
} PackRun;

/* The weights from up to 32 channels to the outputs of a panel: [taps] pairs of
 * tiles. Kernels lie one after the other along channels or along outputs; they
 * are rounded in this order. */
static void
pack_block (const PackRun * run, const float *weight, gsize channels,
    gsize columns, guint16 * packed)
{
  const CpuPhase *outputs = run->phase->outputs;
  const gboolean by_channel = run->in_stride < run->out_stride;
  const gsize rows = by_channel ? columns : channels;
  const gsize count = by_channel ? channels : columns;
  const gsize row = MAX (run->in_stride, run->out_stride);
  const gsize kernel = MIN (run->in_stride, run->out_stride);
  guint16 rounded[9 * CPU_TILE_DEPTH];

  memset (packed, 0, outputs->n_taps * 2 * CPU_TILE_BYTES);
  for (gsize i = 0; i < rows; i++) {
    run->kernels->pack_pixels (DDPM_TYPE_F32, 1, count * kernel, 0,
        weight + i * row, CPU_TILE_DEPTH, rounded);
    for (gsize k = 0; k < count; k++) {
      const gsize channel = by_channel ? k : i, column = by_channel ? i : k;
      guint16 *to = packed + channel / 2 * 2 * CPU_PANEL_COLUMNS + column * 2
          + channel % 2;

      for (guint tap = 0; tap < outputs->n_taps; tap++)
        to[tap * CPU_TILE_BYTES] =
            rounded[k * kernel + outputs->taps[tap].index];
    }
  }
}

static void
pack_panel (gconstpointer data, gsize panel, guint thread)
{
  const PackRun *run = data;
  const CpuIm2col *shape = &run->t->shape;
  const gsize first = panel * CPU_PANEL_COLUMNS;
  guint16 *packed = run->packed + panel * run->phase->steps * CPU_TILE_BYTES;
  gsize channel = 0;

  for (guint input = 0; input < shape->n_inputs; input++) {
    for (gsize i = 0; i < shape->channels[input]; i += CPU_TILE_DEPTH) {
      pack_block (run, run->weight + (channel + i) * run->in_stride
          + first * run->out_stride, MIN (CPU_TILE_DEPTH,
              shape->channels[input] - i), MIN (CPU_PANEL_COLUMNS,
              shape->out - first), packed);
      packed += run->phase->outputs->n_taps * CPU_TILE_BYTES;
    }
    channel += shape->channels[input];
  }
}

void
ddpm_cpu_tile_conv_pack (const CpuTileConv * t, CpuBackend * b,
    const float *weight, gsize in_stride, gsize out_stride, gpointer packed)
{
  for (guint i = 0; i < t->shape.n_phases; i++) {
    const CpuTilePhase *p = &t->phases[i];
    const PackRun run = { t, p, b->tiles, weight, in_stride, out_stride,
      ddpm_cpu_at (packed, p->packed_at)
    };

    ddpm_cpu_thread_for (t->panels, pack_panel, &run);
  }
}

/* --- executing ----------------------------------------------------------- */

typedef struct
{
  const CpuTileConv *t;
  const CpuTilePhase *phase;
  const CpuBackend *backend;
  DdpmType y_type;
  const gconstpointer *x;
  gconstpointer packed;
  const float *bias;
  gconstpointer plus;
  gpointer y;
  gpointer scratch;
  gsize *packed_band;           /* of each thread: whose inputs its slot has */
} ConvRun;

typedef struct
{
  gsize image, images, row, rows;
} Band;

static Band
locate_band (const CpuTilePhase * p, const CpuIm2col * shape, gsize i)
{
  const gsize image = i / p->row_bands * p->images;
  const gsize row = i % p->row_bands * p->rows;
  const Band band = { image, MIN (p->images, shape->n - image), row,
    MIN (p->rows, p->outputs->height - row)
  };

  return band;
}

/* One row of a copy, of all channels */
static void
pack_row (const ConvRun * run, guint copy, gsize image, gsize y, guint16 * to)
{
  const CpuIm2col *shape = &run->t->shape;
  const gsize pixel = image * shape->in_height * shape->in_width;
  const gsize block = run->phase->block_bytes / sizeof (guint16);

  for (guint i = 0; i < shape->n_inputs; i++) {
    const gsize channels = shape->channels[i];

    ddpm_cpu_tile_pixels_pack_row (&run->phase->pixels, run->backend->tiles,
        copy, y, run->t->x_type, ddpm_cpu_at (run->x[i], pixel * channels
            * ddpm_type_size (run->t->x_type)), channels, channels, block, to);
    to += count_blocks (shape, i) * block;
  }
}

static void
pack_band (const ConvRun * run, const Band * band, guint16 * packed)
{
  const CpuTilePhase *p = run->phase;
  const gsize rows = band->rows + p->pixels.more_rows;

  for (guint copy = 0; copy < p->pixels.n_copies; copy++) {
    for (gsize image = 0; image < band->images; image++) {
      guint16 *to = packed + (copy * p->images + image) * p->image_pixels
          * CPU_TILE_DEPTH;

      for (gsize row = 0; row < rows; row++)
        pack_row (run, copy, band->image + image, band->row + row,
            to + row * p->pixels.columns * CPU_TILE_DEPTH);
    }
  }
}

/* Where in y the outputs of a band are. Returns: how many tiles they are */
static gsize
place_outputs (const ConvRun * run, const Band * band, gsize * places)
{
  const CpuPhase *outputs = run->phase->outputs;
  const CpuIm2col *shape = &run->t->shape;
  const gsize pixels = band->rows * outputs->width;
  const gsize tiles = ddpm_cpu_count_pieces (pixels, CPU_TILE_ROWS);
  gsize i = 0;

  for (gsize image = 0; image < band->images; image++) {
    for (gsize k = 0; k < tiles * CPU_TILE_ROWS; k++) {
      const gsize y = outputs->y
          + (band->row + k / outputs->width) * shape->out_step;
      const gsize x = outputs->x + k % outputs->width * shape->out_step;

      places[i++] = k >= pixels ? G_MAXSIZE
          : (((band->image + image) * shape->out_height + y) * shape->out_width
          + x) * shape->out;
    }
  }
  return band->images * tiles;
}

/* Neighbouring pieces are of as many bands as there are threads, so that a
 * thread is likely to get those of one band. */
static void
locate_piece (const ConvRun * run, gsize i, gsize * band, gsize * group)
{
  const CpuTilePhase *p = run->phase;
  const gsize threads = run->backend->base.threads;
  const gsize first = i / (threads * p->groups) * threads;
  const gsize side = MIN (threads, p->bands - first);

  i -= first * p->groups;
  *band = first + i % side;
  *group = i / side;
}

/* Where the first tile of a band begins */
static gconstpointer
get_inputs (const ConvRun * run, const Band * band, gsize number, guint thread,
    gpointer slot)
{
  const CpuIm2col *shape = &run->t->shape;

  if (run->phase->in_place)
    return ddpm_cpu_at (run->x[0], (band->image * shape->in_height + band->row)
        * shape->in_width * shape->channels[0] * sizeof (guint16));
  if (run->packed_band[thread] != number)
    pack_band (run, band, slot);
  run->packed_band[thread] = number;
  return slot;
}

/* The panels from first to before end, of the outputs of a band */
static void
multiply_band (const ConvRun * run, const Band * band, gsize first, gsize end,
    gconstpointer inputs, gsize * places)
{
  const CpuTileConv *t = run->t;
  const CpuTilePhase *p = run->phase;
  const gsize column = first * CPU_PANEL_COLUMNS;
  const gsize size = ddpm_type_size (run->y_type);
  const CpuTileProduct product = {
    .a = inputs,
    .tile_at = p->tile_at,
    .tiles = place_outputs (run, band, places),
    .a_row = p->in_place ? t->shape.channels[0] * sizeof (guint16)
        : CPU_TILE_ROW_BYTES,
    .step_at = p->step_at,
    .steps = p->steps,
    .b = ddpm_cpu_at (run->packed, p->packed_at
        + first * p->steps * 2 * CPU_TILE_BYTES),
    .columns = MIN (end * CPU_PANEL_COLUMNS, t->shape.out) - column,
    .bias = run->bias ? run->bias + column : NULL,
    .place = places,
    .plus = run->plus ? ddpm_cpu_at (run->plus, column * size) : NULL,
    .y = ddpm_cpu_at (run->y, column * size),
    .type = run->y_type,
  };

  run->backend->tiles->multiply (&product);
}

static void
convolve_piece (gconstpointer data, gsize i, guint thread)
{
  const ConvRun *run = data;
  const CpuTileConv *t = run->t;
  const CpuTilePhase *p = run->phase;
  gpointer slot =
      ddpm_cpu_at (run->scratch, t->slots_at + thread * t->slot_bytes);
  gsize number, group;
  Band band;

  if (ddpm_cpu_is_cancelled (run->backend))
    return;
  locate_piece (run, i, &number, &group);
  band = locate_band (p, &t->shape, number);
  multiply_band (run, &band, ddpm_cpu_piece_at (t->panels, p->groups, group),
      ddpm_cpu_piece_at (t->panels, p->groups, group + 1),
      get_inputs (run, &band, number, thread, slot),
      ddpm_cpu_at (slot, t->places_at));
}

void
ddpm_cpu_tile_conv_run (const CpuTileConv * t, CpuBackend * b,
    const gconstpointer x[2], gconstpointer packed, const float *bias,
    DdpmType y_type, gconstpointer plus, gpointer y, gpointer scratch)
{
  ConvRun run = { t, NULL, b, y_type, x, packed, bias, plus, y,
    scratch, scratch
  };

  for (guint i = 0; i < t->shape.n_phases; i++) {
    run.phase = &t->phases[i];
    for (guint thread = 0; thread < b->base.threads; thread++)
      run.packed_band[thread] = G_MAXSIZE;
    ddpm_cpu_thread_for (run.phase->bands * run.phase->groups, convolve_piece,
        &run);
  }
}
