/* gst-ddpm: CPU backend: convolution as a product of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chellapilla, Puri & Simard, "High performance convolutional neural networks
 * for document processing" (2006): each row of the im2col matrix holds the
 * inputs that one output reads; the kernels are the columns of the other
 * factor. Only a block of the matrix exists at a time, and none of it for a
 * 1x1 kernel: there the pixels are the rows, as they lie.
 *
 * In the gradient by inputs with stride 2, pixels of even and of odd rows and
 * columns are read by different taps. Each such phase is a product of its own.
 */
#include <string.h>
#include "kernels/cpu/im2col.h"

/* An output pixel of a phase: it has a row of the im2col matrix */
typedef struct
{
  gsize image, y, x;
} Place;

static inline gsize
count_outputs (const CpuIm2col * p, const CpuPhase * phase)
{
  return p->n * phase->height * phase->width;
}

static inline Place
locate_output (const CpuPhase * phase, gsize i)
{
  const gsize of_image = phase->height * phase->width;
  const Place place = { i / of_image, i % of_image / phase->width,
    i % phase->width
  };

  return place;
}

static inline void
move_to_next_output (Place * place, const CpuPhase * phase)
{
  if (++place->x < phase->width)
    return;
  place->x = 0;
  if (++place->y < phase->height)
    return;
  place->y = 0;
  place->image++;
}

/* Columns of the im2col matrix: some taps of some channels of one input. Its
 * ranges are cut to this size at most. */
typedef struct
{
  guint input;
  gsize taps, channels;
} RangeSize;

typedef struct
{
  guint input;
  gsize tap, taps, channel, channels;
} ColumnRange;

/* --- geometry ------------------------------------------------------------- */

static void
add_phase (CpuIm2col * p, CpuBackend * b, const CpuPhase * phase)
{
  CpuPhase *added = &p->phases[p->n_phases++];
  const CpuPhase *last = added - 1;
  const gsize width = b->kernels->gemm->width;

  *added = *phase;
  added->depth = phase->n_taps * (p->channels[0] + p->channels[1]);
  added->packed_at = p->n_phases == 1 ? 0 : last->packed_at
      + ddpm_cpu_count_pieces (p->out, width) * width * last->depth;
}

void
ddpm_cpu_im2col_init (CpuIm2col * p, CpuBackend * b, const DdpmConvDesc * d)
{
  const gint before = ddpm_conv_padding_before (d);
  CpuPhase all = { 0, };

  memset (p, 0, sizeof (*p));
  p->n = d->n;
  p->in_height = d->height;
  p->in_width = d->width;
  p->out_height = all.height = (d->height - 1) / d->stride + 1;
  p->out_width = all.width = (d->width - 1) / d->stride + 1;
  p->in_step = d->stride;
  p->out_step = 1;
  p->n_inputs = d->cin1 ? 2 : 1;
  p->channels[0] = d->cin0;
  p->channels[1] = d->cin1;
  p->out = d->cout;
  for (guint i = 0; i < d->kernel * d->kernel; i++) {
    const CpuTap tap = { (gint) (i / d->kernel) - before,
      (gint) (i % d->kernel) - before, i
    };

    all.taps[all.n_taps++] = tap;
  }
  add_phase (p, b, &all);
}

/* Tap i of output o reads input stride * o + i - before. So input stride * k +
 * phase gets a gradient through tap i from output k + (phase + before - i) /
 * stride, if that is a whole number. */
static void
add_backward_phase (CpuIm2col * p, CpuBackend * b, const DdpmConvDesc * d,
    guint y, guint x)
{
  const gint before = ddpm_conv_padding_before (d), stride = d->stride;
  CpuPhase phase = { y, x, ddpm_cpu_count_pieces (d->height - y, stride),
    ddpm_cpu_count_pieces (d->width - x, stride)
  };

  for (gint i = d->kernel * d->kernel - 1; i >= 0; i--) {
    const gint from_y = (gint) y + before - i / (gint) d->kernel;
    const gint from_x = (gint) x + before - i % (gint) d->kernel;
    const CpuTap tap = { from_y / stride, from_x / stride, i };

    if (from_y % stride == 0 && from_x % stride == 0)
      phase.taps[phase.n_taps++] = tap;
  }
  add_phase (p, b, &phase);
}

void
ddpm_cpu_im2col_init_backward (CpuIm2col * p, CpuBackend * b,
    const DdpmConvDesc * d, guint channels)
{
  memset (p, 0, sizeof (*p));
  p->n = d->n;
  p->in_height = (d->height - 1) / d->stride + 1;
  p->in_width = (d->width - 1) / d->stride + 1;
  p->out_height = d->height;
  p->out_width = d->width;
  p->in_step = 1;
  p->out_step = d->stride;
  p->n_inputs = 1;
  p->channels[0] = d->cout;
  p->out = channels;
  for (guint y = 0; y < MIN (d->stride, d->height); y++) {
    for (guint x = 0; x < MIN (d->stride, d->width); x++)
      add_backward_phase (p, b, d, y, x);
  }
}

/* --- the im2col matrix ---------------------------------------------------- */

/* A range is as deep as a block of a gemm: one tap, or as many whole taps as
 * fit. */
static RangeSize
get_range_size (const CpuIm2col * p, guint input)
{
  const gsize channels = p->channels[input];
  const RangeSize size = { input, MAX (1, CPU_GEMM_DEPTH / channels),
    MIN (channels, CPU_GEMM_DEPTH)
  };

  return size;
}

static gsize
count_ranges (const CpuIm2col * p, const CpuPhase * phase,
    const RangeSize * size)
{
  return ddpm_cpu_count_pieces (phase->n_taps, size->taps)
      * ddpm_cpu_count_pieces (p->channels[size->input], size->channels);
}

static ColumnRange
locate_range (const CpuIm2col * p, const CpuPhase * phase,
    const RangeSize * size, gsize i)
{
  const gsize pieces =
      ddpm_cpu_count_pieces (p->channels[size->input], size->channels);
  const gsize tap = i / pieces * size->taps;
  const gsize channel = i % pieces * size->channels;
  const ColumnRange range = { size->input, tap,
    MIN (size->taps, phase->n_taps - tap), channel,
    MIN (size->channels, p->channels[size->input] - channel)
  };

  return range;
}

static inline void
copy_few (gsize count, const float *from, float *to)
{
  if (count >= 16)
    memcpy (to, from, count * sizeof (float));
  else
    for (gsize i = 0; i < count; i++)
      to[i] = from[i];
}

/* Copies taps that read neighbouring pixels together. */
static void
fill_row (const CpuIm2col * p, const CpuPhase * phase,
    const ColumnRange * range, const Place * place, const float *x,
    float *row, gsize tap_step)
{
  const gssize height = p->in_height, width = p->in_width;
  const gsize channels = p->channels[range->input];
  const gboolean joined = range->channels == channels && tap_step == channels;
  gsize run;

  for (gsize i = 0; i < range->taps; i += run, row += run * tap_step) {
    const CpuTap *tap = &phase->taps[range->tap + i];
    const gssize from_y = (gssize) (place->y * p->in_step) + tap->y;
    const gssize from_x = (gssize) (place->x * p->in_step) + tap->x;

    run = 1;
    if (from_y < 0 || from_y >= height || from_x < 0 || from_x >= width) {
      memset (row, 0, range->channels * sizeof (float));
      continue;
    }
    while (joined && i + run < range->taps && tap[run].y == tap->y
        && tap[run].x == tap->x + (gint) run && from_x + (gssize) run < width)
      run++;
    copy_few (run * range->channels, x + range->channel
        + ((place->image * height + from_y) * width + from_x) * channels, row);
  }
}

/* A range of columns of @count rows of the matrix. Rows are @step apart, taps
 * tap_step. What lies outside of x is zero. */
static void
fill_matrix (const CpuIm2col * p, const CpuPhase * phase,
    const ColumnRange * range, gsize first, gsize count, const float *x,
    float *matrix, gsize step, gsize tap_step)
{
  Place place = locate_output (phase, first);

  for (gsize i = 0; i < count; i++, move_to_next_output (&place, phase))
    fill_row (p, phase, range, &place, x, matrix + i * step, tap_step);
}

/* --- weights -------------------------------------------------------------- */

gsize
ddpm_cpu_im2col_packed_size (const CpuIm2col * p, CpuBackend * b)
{
  const CpuPhase *last = &p->phases[p->n_phases - 1];
  const gsize width = b->kernels->gemm->width;

  return (last->packed_at + ddpm_cpu_count_pieces (p->out, width) * width
      * last->depth) * sizeof (float);
}

/* The weights of one panel of outputs, range by range */
static void
pack_panel (const CpuIm2col * p, CpuBackend * b, const CpuPhase * phase,
    gsize outputs, const float *weight, gsize in_stride, gsize out_stride,
    float *packed)
{
  const CpuGemmKernels *k = b->kernels->gemm;

  for (guint input = 0; input < p->n_inputs; input++) {
    const RangeSize size = get_range_size (p, input);

    for (gsize i = 0; i < count_ranges (p, phase, &size); i++) {
      const ColumnRange range = locate_range (p, phase, &size, i);

      for (gsize tap = range.tap; tap < range.tap + range.taps; tap++) {
        k->pack_columns (outputs, range.channels,
            weight + phase->taps[tap].index + range.channel * in_stride,
            out_stride, in_stride, packed);
        packed += range.channels * k->width;
      }
    }
    weight += p->channels[input] * in_stride;
  }
}

typedef struct
{
  const CpuIm2col *p;
  CpuBackend *backend;
  const float *weight;
  gsize in_stride, out_stride;
  float *packed;
} PackRun;

static void
pack_panels (gconstpointer data, gsize i, guint thread)
{
  const PackRun *run = data;
  const CpuIm2col *p = run->p;
  const gsize width = run->backend->kernels->gemm->width, first = i * width;

  for (guint k = 0; k < p->n_phases; k++)
    pack_panel (p, run->backend, &p->phases[k], MIN (width, p->out - first),
        run->weight + first * run->out_stride, run->in_stride, run->out_stride,
        run->packed + p->phases[k].packed_at + first * p->phases[k].depth);
}

void
ddpm_cpu_im2col_pack (const CpuIm2col * p, CpuBackend * b,
    const float *weight, gsize in_stride, gsize out_stride, float *packed)
{
  const PackRun run = { p, b, weight, in_stride, out_stride, packed };

  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (p->out, b->kernels->gemm->width),
      pack_panels, &run);
}

/* --- convolution ---------------------------------------------------------- */

/* Work is shared out in blocks of rows and, if there are more threads than
 * blocks, in groups of output channels. */
typedef struct
{
  const CpuIm2col *p;
  CpuBackend *backend;
  const float *const *x;
  const float *packed, *bias, *plus;
  float *y;
  gsize block, blocks;          /* rows of a block; blocks of all phases */
  gsize panels, groups;         /* of output channels */
  gpointer scratch;
  gsize sums_at, slot_bytes;    /* of a thread's workspace */
} Convolution;

/* Whether the im2col matrix is the input itself, and its rows the outputs in
 * their order */
static gboolean
is_plain (const CpuIm2col * p)
{
  return p->in_step == 1 && p->out_step == 1 && p->phases[0].n_taps == 1;
}

static gsize
count_blocks (const CpuIm2col * p, gsize block)
{
  gsize blocks = 0;

  for (guint i = 0; i < p->n_phases; i++)
    blocks += ddpm_cpu_count_pieces (count_outputs (p, &p->phases[i]), block);
  return blocks;
}

static void
share_out (Convolution * c, const CpuIm2col * p, CpuBackend * b)
{
  const CpuGemmKernels *k = b->kernels->gemm;
  const gsize threads = b->base.threads;
  const gsize pixels = p->n * p->out_height * p->out_width;

  c->p = p;
  c->backend = b;
  c->block = CPU_GEMM_ROWS;
  c->blocks = count_blocks (p, c->block);
  c->panels = ddpm_cpu_count_pieces (p->out, k->width);
  c->groups = 1;
  if (c->blocks < threads)
    c->groups = MIN (c->panels, ddpm_cpu_count_pieces (threads, c->blocks));
  else if (c->blocks < 4 * threads) {
    const gsize even = ddpm_cpu_count_pieces (c->blocks, threads) * threads;

    c->block =
        ddpm_cpu_count_pieces (ddpm_cpu_count_pieces (pixels, even), k->rows)
        * k->rows;
    c->blocks = count_blocks (p, c->block);
  }

  c->slot_bytes = 0;
  ddpm_cpu_layout_add (&c->slot_bytes, is_plain (p) ? 0
      : c->block * CPU_GEMM_DEPTH, sizeof (float));
  c->sums_at = ddpm_cpu_layout_add (&c->slot_bytes, p->out_step == 1 ? 0
      : c->block * p->out, sizeof (float));
}

static CpuGemmRows
get_rows (const Convolution * c, const CpuPhase * phase,
    const ColumnRange * range, gsize first, gsize count, float *matrix)
{
  const gsize panel = c->backend->kernels->gemm->rows;
  const gsize channels = c->p->channels[range->input];
  const gsize depth = range->taps * range->channels;
  const float *x = c->x[range->input];
  const CpuGemmRows pixels = { x + first * channels + range->channel,
    channels, 1, panel * channels
  };
  const CpuGemmRows rows = { matrix, depth, 1, panel * depth };

  if (is_plain (c->p))
    return pixels;
  fill_matrix (c->p, phase, range, first, count, x, matrix, depth,
      range->channels);
  return rows;
}

/* Stores sums where their outputs are: in every out_step-th pixel */
static void
store_outputs (const Convolution * c, const CpuPhase * phase, gsize first,
    gsize count, gsize channel, gsize channels, const float *sums)
{
  const CpuIm2col *p = c->p;
  Place place = locate_output (phase, first);

  for (gsize i = 0; i < count; i++, move_to_next_output (&place, phase)) {
    const gsize y = phase->y + place.y * p->out_step;
    const gsize x = phase->x + place.x * p->out_step;

    c->backend->kernels->element->copy (DDPM_TYPE_F32, DDPM_TYPE_F32, 1,
        channels, channels, sums + i * channels, c->y + channel
        + ((place.image * p->out_height + y) * p->out_width + x) * p->out,
        c->plus != NULL);
  }
}

/* The sums of some outputs, range by range of the columns */
static void
sum_ranges (const Convolution * c, const CpuPhase * phase, gsize first,
    gsize count, gsize channel, gsize channels, CpuGemmResult * to,
    float *matrix)
{
  const CpuIm2col *p = c->p;
  const CpuGemmKernels *k = c->backend->kernels->gemm;
  const gsize panel = phase->depth * k->width;
  const float *packed = c->packed + phase->packed_at + channel * phase->depth;

  for (guint input = 0; input < p->n_inputs; input++) {
    const RangeSize size = get_range_size (p, input);

    for (gsize i = 0; i < count_ranges (p, phase, &size); i++) {
      const ColumnRange range = locate_range (p, phase, &size, i);
      const gsize depth = range.taps * range.channels;
      const CpuGemmRows rows = get_rows (c, phase, &range, first, count,
          matrix);

      k->multiply (count, channels, depth, &rows, packed, panel, to);
      packed += depth * k->width;
      to->plus = to->c;
      to->bias = NULL;
    }
  }
}

static void
convolve_block (const Convolution * c, const CpuPhase * phase, gsize block,
    gsize group, gpointer slot)
{
  const CpuIm2col *p = c->p;
  const gsize width = c->backend->kernels->gemm->width;
  const gsize first = block * c->block;
  const gsize count = MIN (c->block, count_outputs (p, phase) - first);
  const gsize channel = ddpm_cpu_piece_at (c->panels, c->groups, group) * width;
  const gsize end = ddpm_cpu_piece_at (c->panels, c->groups, group + 1) * width;
  const gsize channels = MIN (end, p->out) - channel;
  const gsize at = first * p->out + channel;
  float *sums = ddpm_cpu_at (slot, c->sums_at);

  if (p->out_step == 1) {
    CpuGemmResult to = { c->y + at, c->plus ? c->plus + at : NULL,
      c->bias ? c->bias + channel : NULL, p->out, 1
    };

    sum_ranges (c, phase, first, count, channel, channels, &to, slot);
  } else {
    CpuGemmResult to = { sums, NULL, NULL, channels, 1 };

    if (phase->n_taps == 0)
      memset (sums, 0, count * channels * sizeof (float));
    sum_ranges (c, phase, first, count, channel, channels, &to, slot);
    store_outputs (c, phase, first, count, channel, channels, sums);
  }
}

/* Phases are computed from the last one to the first: the last have the most
 * taps, and so the most work. */
static void
convolve_piece (gconstpointer data, gsize i, guint thread)
{
  const Convolution *c = data;
  const CpuPhase *phase = &c->p->phases[c->p->n_phases - 1];
  const gsize group = i % c->groups;
  gsize block = i / c->groups, blocks;

  if (ddpm_cpu_is_cancelled (c->backend))
    return;
  while (block >= (blocks =
          ddpm_cpu_count_pieces (count_outputs (c->p, phase), c->block))) {
    block -= blocks;
    phase--;
  }
  convolve_block (c, phase, block, group, ddpm_cpu_at (c->scratch,
          thread * c->slot_bytes));
}

void
ddpm_cpu_im2col_convolve (const CpuIm2col * p, CpuBackend * b,
    const float *const x[2], const float *packed, const float *bias,
    const float *plus, float *y, gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.plus = plus,.y = y,
    .scratch = scratch
  };

  share_out (&c, p, b);
  ddpm_cpu_thread_for (c.blocks * c.groups, convolve_piece, &c);
}

gsize
ddpm_cpu_im2col_scratch (const CpuIm2col * p, CpuBackend * b)
{
  Convolution c = { NULL, };
  gsize total = 0;

  share_out (&c, p, b);
  ddpm_cpu_layout_add (&total, b->base.threads, c.slot_bytes);
  return total;
}

/* --- the gradient of weights
 * ----------------------------------------------------
 *
 * The product of dy, transposed, and the im2col matrix of x: its depth is all
 * outputs of all images. */

/* A thread takes some output channels, one range of columns, and all rows. */
typedef struct
{
  const CpuIm2col *p;
  const CpuBackend *backend;
  const CpuGemmKernels *kernels;
  const float *x, *dy;
  float *dweight;
  gsize in_stride, out_stride;
  gboolean add;
  RangeSize size;
  gsize ranges, row_panels, row_pieces;
  gsize blocks;                 /* of rows */
  gpointer scratch;
  gsize columns_at, rows_at, sums_at, slot_bytes;       /* of the workspace */
} Gradient;

/* A range has all taps of some channels, so that its gradient lies together. */
static void
share_out_gradient (Gradient * g, const CpuIm2col * p, CpuBackend * b,
    guint input)
{
  const CpuGemmKernels *k = b->kernels->gemm;
  const CpuPhase *phase = &p->phases[0];
  const gsize taps = phase->n_taps, places = count_outputs (p, phase);
  const RangeSize size = { input, taps, MIN (p->channels[input],
        MAX (k->width, CPU_GEMM_COLUMNS / taps / k->width * k->width))
  };
  gsize columns, rows, depth;

  g->p = p;
  g->backend = b;
  g->kernels = k;
  g->size = size;
  g->ranges = count_ranges (p, phase, &size);
  g->row_panels = ddpm_cpu_count_pieces (p->out, k->rows);
  g->row_pieces = ddpm_cpu_count_pieces (p->out, CPU_GEMM_COLUMNS);
  if (g->ranges * g->row_pieces < b->base.threads)
    g->row_pieces = MIN (g->row_panels,
        ddpm_cpu_count_pieces (b->base.threads, g->ranges));
  g->blocks = ddpm_cpu_count_pieces (places, CPU_GEMM_DEPTH);

  depth = MIN (CPU_GEMM_DEPTH, places);
  columns = ddpm_cpu_count_pieces (taps * size.channels, k->width) * k->width;
  rows = ddpm_cpu_count_pieces (g->row_panels, g->row_pieces) * k->rows;
  g->slot_bytes = 0;
  ddpm_cpu_layout_add (&g->slot_bytes, depth * columns, sizeof (float));
  g->columns_at = ddpm_cpu_layout_add (&g->slot_bytes, depth * columns,
      sizeof (float));
  g->rows_at =
      ddpm_cpu_layout_add (&g->slot_bytes, depth * rows, sizeof (float));
  g->sums_at =
      ddpm_cpu_layout_add (&g->slot_bytes, rows * columns, sizeof (float));
}

/* Packed as a gemm wants them: if the channels of the range fill a panel, each
 * tap is written into its panel; else rows are written and then packed. */
static void
fill_columns (const Gradient * g, const ColumnRange * range, gsize first,
    gsize depth, float *matrix, float *packed)
{
  const CpuPhase *phase = &g->p->phases[0];
  const gsize width = g->kernels->width;
  const gsize columns = range->taps * range->channels;

  if (range->channels == width) {
    fill_matrix (g->p, phase, range, first, depth, g->x, packed, width,
        depth * width);
  } else {
    fill_matrix (g->p, phase, range, first, depth, g->x, matrix,
        columns, range->channels);
    g->kernels->pack_columns (columns, depth, matrix, 1, columns, packed);
  }
}

/* Adds the products of one block of rows to the sums [out][columns]. */
static void
add_block (const Gradient * g, const ColumnRange * range, gsize out, gsize outs,
    gsize block, gpointer slot)
{
  const CpuIm2col *p = g->p;
  const CpuGemmKernels *k = g->kernels;
  const gsize places = count_outputs (p, &p->phases[0]);
  const gsize first = ddpm_cpu_piece_at (places, g->blocks, block);
  const gsize depth = ddpm_cpu_piece_at (places, g->blocks, block + 1) - first;
  const gsize columns = range->taps * range->channels;
  float *packed = ddpm_cpu_at (slot, g->columns_at);
  float *packed_rows = ddpm_cpu_at (slot, g->rows_at);
  float *sums = ddpm_cpu_at (slot, g->sums_at);
  const CpuGemmRows rows = { packed_rows, 1, k->rows, k->rows * depth };
  const CpuGemmResult to = { sums, block > 0 ? sums : NULL, NULL, columns,
    1
  };

  fill_columns (g, range, first, depth, slot, packed);
  k->pack_rows (outs, depth, g->dy + first * p->out + out, 1, p->out,
      packed_rows);
  k->multiply (outs, columns, depth, &rows, packed, k->width * depth, &to);
}

/* From [outputs][taps][channels] to [outputs][channels][taps] */
static void
store_gradient (const Gradient * g, const ColumnRange * range, gsize out,
    gsize outs, const float *sums)
{
  const CpuTap *taps = g->p->phases[0].taps + range->tap;

  for (gsize o = out; o < out + outs; o++) {
    float *to = g->dweight + o * g->out_stride + range->channel * g->in_stride;

    for (gsize tap = 0; tap < range->taps; tap++) {
      float *of_tap = to + taps[tap].index;

      for (gsize i = 0; i < range->channels;
          i++, of_tap += g->in_stride, sums++)
        *of_tap = g->add ? *of_tap + *sums : *sums;
    }
  }
}

static void
sum_gradient (gconstpointer data, gsize i, guint thread)
{
  const Gradient *g = data;
  gpointer slot = ddpm_cpu_at (g->scratch, thread * g->slot_bytes);
  const gsize panel = g->kernels->rows;
  const ColumnRange range = locate_range (g->p, &g->p->phases[0], &g->size,
      i / g->row_pieces);
  const gsize piece = i % g->row_pieces;
  const gsize out =
      ddpm_cpu_piece_at (g->row_panels, g->row_pieces, piece) * panel;
  const gsize end = ddpm_cpu_piece_at (g->row_panels, g->row_pieces, piece + 1)
      * panel;
  const gsize outs = MIN (end, g->p->out) - out;

  for (gsize block = 0; block < g->blocks
      && !ddpm_cpu_is_cancelled (g->backend); block++)
    add_block (g, &range, out, outs, block, slot);
  store_gradient (g, &range, out, outs, ddpm_cpu_at (slot, g->sums_at));
}

void
ddpm_cpu_im2col_gradient (const CpuIm2col * p, CpuBackend * b, guint input,
    const float *x, const float *dy, float *dweight, gsize in_stride,
    gsize out_stride, gboolean add, gpointer scratch)
{
  Gradient g = {.x = x,.dy = dy,.dweight = dweight,.in_stride = in_stride,
    .out_stride = out_stride,.add = add,.scratch = scratch
  };

  share_out_gradient (&g, p, b, input);
  ddpm_cpu_thread_for (g.ranges * g.row_pieces, sum_gradient, &g);
}

gsize
ddpm_cpu_im2col_gradient_scratch (const CpuIm2col * p, CpuBackend * b)
{
  gsize bytes = 0, total = 0;

  for (guint input = 0; input < p->n_inputs; input++) {
    Gradient g = { NULL, };

    share_out_gradient (&g, p, b, input);
    bytes = MAX (bytes, g.slot_bytes);
  }
  ddpm_cpu_layout_add (&total, b->base.threads, bytes);
  return total;
}
