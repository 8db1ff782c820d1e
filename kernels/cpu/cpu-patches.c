/* gst-ddpm: CPU backend: convolution as a product of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chellapilla, Puri & Simard, "High performance convolutional neural networks
 * for document processing" (2006): the patch of inputs that an output reads
 * is a row, the kernels are columns. Only a block of rows is there at a time,
 * and none where the kernel is 1x1: pixels are rows as they are.
 *
 * Of a gradient by inputs with stride 2, pixels of even and of odd rows and
 * columns are read by different taps: they are products by themselves.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <omp.h>
#include <string.h>
#include "cpu-patches.h"

/* --- geometry -------------------------------------------------------------- */

static void
add_phase (CpuPatches * p, CpuBackend * b, const CpuPhase * phase)
{
  CpuPhase *added = &p->phases[p->n_phases++];
  const CpuPhase *last = added - 1;
  const gsize width = b->kernels->product->width;

  *added = *phase;
  added->depth = phase->n_taps * (p->channels[0] + p->channels[1]);
  added->packed_at = p->n_phases == 1 ? 0 : last->packed_at
      + cpu_count_pieces (p->out, width) * width * last->depth;
}

void
cpu_patches_init (CpuPatches * p, CpuBackend * b, const DdpmConvDesc * d)
{
  const gint before = d->kernel / 2;
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

/* Tap i of output o is input stride o + i - before. So the input at stride k
 * + phase has it from output k + (phase + before - i) / stride, where that is
 * a whole number. */
static void
add_backward_phase (CpuPatches * p, CpuBackend * b, const DdpmConvDesc * d,
    guint y, guint x)
{
  const gint before = d->kernel / 2, stride = d->stride;
  CpuPhase phase = { y, x, cpu_count_pieces (d->height - y, stride),
    cpu_count_pieces (d->width - x, stride)
  };

  for (guint i = 0; i < d->kernel * d->kernel; i++) {
    const gint from_y = (gint) y + before - (gint) (i / d->kernel);
    const gint from_x = (gint) x + before - (gint) (i % d->kernel);
    const CpuTap tap = { from_y / stride, from_x / stride, i };

    if (from_y % stride == 0 && from_x % stride == 0)
      phase.taps[phase.n_taps++] = tap;
  }
  add_phase (p, b, &phase);
}

void
cpu_patches_init_backward (CpuPatches * p, CpuBackend * b,
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

/* Whether patches are the pixels of the inputs, and rows those of the output */
static gboolean
is_plain (const CpuPatches * p)
{
  return p->in_step == 1 && p->out_step == 1 && p->phases[0].n_taps == 1;
}

static gsize
count_outputs (const CpuPatches * p, const CpuPhase * phase)
{
  return p->n * phase->height * phase->width;
}

/* An output of a phase */
typedef struct
{
  gsize image, y, x;
} Place;

static Place
place_at (const CpuPhase * phase, gsize i)
{
  const gsize of_image = phase->height * phase->width;
  const Place place = { i / of_image, i % of_image / phase->width,
    i % phase->width
  };

  return place;
}

static void
move_on (const CpuPhase * phase, Place * place)
{
  if (++place->x < phase->width)
    return;
  place->x = 0;
  if (++place->y < phase->height)
    return;
  place->y = 0;
  place->image++;
}

/* --- patches ---------------------------------------------------------------- */

/* A part of a patch: some taps of all channels, or some channels of a tap */
typedef struct
{
  guint input, tap, taps;
  gsize channel, channels;
} Part;

/* Of @most elements each, as far as a tap's channels allow */
static gsize
count_parts (const CpuPatches * p, const CpuPhase * phase, guint input,
    gsize most)
{
  const gsize channels = p->channels[input];

  return channels > most ? phase->n_taps * cpu_count_pieces (channels, most)
      : cpu_count_pieces (phase->n_taps, most / channels);
}

static Part
part_at (const CpuPatches * p, const CpuPhase * phase, guint input, gsize most,
    gsize i)
{
  const gsize channels = p->channels[input];
  const gsize taps = MAX (1, most / channels);
  const gsize pieces = cpu_count_pieces (channels, most);
  const gsize from = cpu_piece_at (channels, pieces, i % pieces);
  const gsize end = cpu_piece_at (channels, pieces, i % pieces + 1);
  const gsize tap = i / pieces * taps;
  const Part part = { input, tap, MIN (taps, phase->n_taps - tap), from,
    end - from
  };

  return part;
}

/* Of one output */
static void
gather_patch (const CpuPatches * p, const CpuPhase * phase, const Part * part,
    const Place * place, const float *x, float *patch)
{
  const gssize height = p->in_height, width = p->in_width;

  for (guint i = 0; i < part->taps; i++, patch += part->channels) {
    const CpuTap *tap = &phase->taps[part->tap + i];
    const gssize from_y = (gssize) (place->y * p->in_step) + tap->y;
    const gssize from_x = (gssize) (place->x * p->in_step) + tap->x;

    if (from_y >= 0 && from_y < height && from_x >= 0 && from_x < width)
      memcpy (patch, x + ((place->image * height + from_y) * width + from_x)
          * p->channels[part->input] + part->channel,
          part->channels * sizeof (float));
    else
      memset (patch, 0, part->channels * sizeof (float));
  }
}

static void
gather (const CpuPatches * p, const CpuPhase * phase, const Part * part,
    gsize first, gsize count, const float *x, float *patches)
{
  Place place = place_at (phase, first);

  for (gsize i = 0; i < count; i++, move_on (phase, &place))
    gather_patch (p, phase, part, &place, x,
        patches + i * part->taps * part->channels);
}

/* The most that a part has, and so many of them are together at most */
static gsize
largest_part (const CpuPatches * p, gsize most)
{
  return MIN (most, 9 * MAX (p->channels[0], p->channels[1]));
}

/* --- weights ----------------------------------------------------------------- */

gsize
cpu_patches_packed_size (const CpuPatches * p, CpuBackend * b)
{
  const CpuPhase *last = &p->phases[p->n_phases - 1];
  const gsize width = b->kernels->product->width;

  return (last->packed_at + cpu_count_pieces (p->out, width) * width
      * last->depth) * sizeof (float);
}

/* One panel of outputs, in the order of the parts */
static void
pack_panel (const CpuPatches * p, CpuBackend * b, const CpuPhase * phase,
    gsize outputs, const float *weight, gsize in_stride, gsize out_stride,
    float *packed)
{
  const CpuProductKernels *k = b->kernels->product;

  for (guint input = 0; input < p->n_inputs; input++) {
    const gsize parts = count_parts (p, phase, input, CPU_PRODUCT_DEPTH);

    for (gsize i = 0; i < parts; i++) {
      const Part part = part_at (p, phase, input, CPU_PRODUCT_DEPTH, i);

      for (guint tap = part.tap; tap < part.tap + part.taps; tap++) {
        k->pack_columns (outputs, part.channels, weight + phase->taps[tap].index
            + part.channel * in_stride, out_stride, in_stride, packed);
        packed += part.channels * k->width;
      }
    }
    weight += p->channels[input] * in_stride;
  }
}

void
cpu_patches_pack (const CpuPatches * p, CpuBackend * b, const float *weight,
    gsize in_stride, gsize out_stride, float *packed)
{
  const gsize width = b->kernels->product->width;

#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < p->out; first += width) {
    for (guint i = 0; i < p->n_phases; i++)
      pack_panel (p, b, &p->phases[i], MIN (width, p->out - first),
          weight + first * out_stride, in_stride, out_stride,
          packed + p->phases[i].packed_at + first * p->phases[i].depth);
  }
}

/* --- convolution ---------------------------------------------------------------- */

/* Blocks of outputs' places, times groups of channels where there are more
 * threads */
typedef struct
{
  const CpuPatches *p;
  CpuBackend *backend;
  const float *const *x;
  const float *packed, *bias, *plus;
  float *y;
  gsize block, blocks;          /* places of one; of all phases */
  gsize panels, groups;         /* of output channels */
  gsize sums_at, slot_bytes;    /* of a thread's workspace */
} Convolution;

static gsize
count_blocks (const CpuPatches * p, gsize block)
{
  gsize blocks = 0;

  for (guint i = 0; i < p->n_phases; i++)
    blocks += cpu_count_pieces (count_outputs (p, &p->phases[i]), block);
  return blocks;
}

static void
share_out (Convolution * c, const CpuPatches * p, CpuBackend * b)
{
  const CpuProductKernels *k = b->kernels->product;
  const gsize threads = b->base.threads;
  const gsize pixels = p->n * p->out_height * p->out_width;

  c->p = p;
  c->backend = b;
  c->block = CPU_PRODUCT_ROWS;
  c->blocks = count_blocks (p, c->block);
  c->panels = cpu_count_pieces (p->out, k->width);
  c->groups = 1;
  if (c->blocks < threads)
    c->groups = MIN (c->panels, cpu_count_pieces (threads, c->blocks));
  else if (c->blocks < 4 * threads) {
    const gsize even = cpu_count_pieces (c->blocks, threads) * threads;

    c->block = cpu_count_pieces (cpu_count_pieces (pixels, even), k->rows)
        * k->rows;
    c->blocks = count_blocks (p, c->block);
  }

  c->slot_bytes = 0;
  cpu_layout_add (&c->slot_bytes, is_plain (p) ? 0
      : c->block * largest_part (p, CPU_PRODUCT_DEPTH), sizeof (float));
  c->sums_at = cpu_layout_add (&c->slot_bytes, p->out_step == 1 ? 0
      : c->block * p->out, sizeof (float));
}

static CpuProductRows
bring_rows (const Convolution * c, const CpuPhase * phase, const Part * part,
    gsize first, gsize count, float *patches)
{
  const gsize panel = c->backend->kernels->product->rows;
  const gsize channels = c->p->channels[part->input];
  const gsize depth = part->taps * part->channels;
  const float *x = c->x[part->input];
  const CpuProductRows pixels = { x + first * channels + part->channel,
    channels, 1, panel * channels
  };
  const CpuProductRows gathered = { patches, depth, 1, panel * depth };

  if (is_plain (c->p))
    return pixels;
  gather (c->p, phase, part, first, count, x, patches);
  return gathered;
}

/* Sums to where the outputs are, of every out_step-th pixel */
static void
scatter (const Convolution * c, const CpuPhase * phase, gsize first,
    gsize count, gsize channel, gsize channels, const float *sums)
{
  const CpuPatches *p = c->p;
  Place place = place_at (phase, first);

  for (gsize i = 0; i < count; i++, move_on (phase, &place)) {
    const gsize y = phase->y + place.y * p->out_step;
    const gsize x = phase->x + place.x * p->out_step;

    c->backend->kernels->element->copy (DDPM_TYPE_F32, DDPM_TYPE_F32, 1,
        channels, channels, sums + i * channels, c->y + channel
        + ((place.image * p->out_height + y) * p->out_width + x) * p->out,
        c->plus != NULL);
  }
}

/* What to is given, part by part */
static void
sum_parts (const Convolution * c, const CpuPhase * phase, gsize first,
    gsize count, gsize channel, gsize channels, CpuProductResult * to,
    float *patches)
{
  const CpuPatches *p = c->p;
  const CpuProductKernels *k = c->backend->kernels->product;
  const gsize panel = phase->depth * k->width;
  const float *packed = c->packed + phase->packed_at + channel * phase->depth;

  for (guint input = 0; input < p->n_inputs; input++) {
    const gsize parts = count_parts (p, phase, input, CPU_PRODUCT_DEPTH);

    for (gsize i = 0; i < parts; i++) {
      const Part part = part_at (p, phase, input, CPU_PRODUCT_DEPTH, i);
      const gsize depth = part.taps * part.channels;
      const CpuProductRows rows = bring_rows (c, phase, &part, first, count,
          patches);

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
  const CpuPatches *p = c->p;
  const gsize width = c->backend->kernels->product->width;
  const gsize first = block * c->block;
  const gsize count = MIN (c->block, count_outputs (p, phase) - first);
  const gsize channel = cpu_piece_at (c->panels, c->groups, group) * width;
  const gsize end = cpu_piece_at (c->panels, c->groups, group + 1) * width;
  const gsize channels = MIN (end, p->out) - channel;
  const gsize at = first * p->out + channel;
  float *sums = cpu_at (slot, c->sums_at);

  if (p->out_step == 1) {
    CpuProductResult to = { c->y + at, c->plus ? c->plus + at : NULL,
      c->bias ? c->bias + channel : NULL, p->out, 1
    };

    sum_parts (c, phase, first, count, channel, channels, &to, slot);
  } else {
    CpuProductResult to = { sums, NULL, NULL, channels, 1 };

    if (phase->n_taps == 0)
      memset (sums, 0, count * channels * sizeof (float));
    sum_parts (c, phase, first, count, channel, channels, &to, slot);
    scatter (c, phase, first, count, channel, channels, sums);
  }
}

/* The last phases have the most taps, and come first. */
static void
convolve_piece (const Convolution * c, gsize i, gpointer slot)
{
  const CpuPhase *phase = &c->p->phases[c->p->n_phases - 1];
  const gsize group = i % c->groups;
  gsize block = i / c->groups, blocks;

  while (block >= (blocks =
          cpu_count_pieces (count_outputs (c->p, phase), c->block))) {
    block -= blocks;
    phase--;
  }
  convolve_block (c, phase, block, group, slot);
}

void
cpu_patches_convolve (const CpuPatches * p, CpuBackend * b,
    const float *const x[2], const float *packed, const float *bias,
    const float *plus, float *y, gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.plus = plus,.y = y };

  share_out (&c, p, b);
#pragma omp parallel
  {
    gpointer slot = cpu_at (scratch, omp_get_thread_num () * c.slot_bytes);

#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < c.blocks * c.groups; i++)
      convolve_piece (&c, i, slot);
  }
}

/* --- the gradient of the weights ------------------------------------------------- */

/* A thread takes some outputs and a part of the patches, and all places. */
typedef struct
{
  const CpuPatches *p;
  CpuBackend *backend;
  guint input;
  const float *x, *dy;
  float *dweight;
  gsize in_stride, out_stride;
  gboolean add;
  gsize parts, row_panels, row_pieces;
  gsize blocks;                 /* of places */
  gsize columns_at, rows_at, sums_at, slot_bytes;       /* of the workspace */
} Gradient;

static void
cut_up (Gradient * g, const CpuPatches * p, CpuBackend * b, guint input)
{
  const CpuProductKernels *k = b->kernels->product;
  const gsize part = largest_part (p, CPU_PRODUCT_COLUMNS);
  gsize depth, rows;

  g->p = p;
  g->backend = b;
  g->input = input;
  g->parts = count_parts (p, &p->phases[0], input, CPU_PRODUCT_COLUMNS);
  g->row_panels = cpu_count_pieces (p->out, k->rows);
  g->row_pieces = cpu_count_pieces (p->out, CPU_PRODUCT_COLUMNS);
  if (g->parts * g->row_pieces < b->base.threads)
    g->row_pieces = MIN (g->row_panels,
        cpu_count_pieces (b->base.threads, g->parts));
  g->blocks = cpu_count_pieces (count_outputs (p, &p->phases[0]),
      CPU_PRODUCT_DEPTH);

  depth = MIN (CPU_PRODUCT_DEPTH, count_outputs (p, &p->phases[0]));
  rows = cpu_count_pieces (g->row_panels, g->row_pieces) * k->rows;
  g->slot_bytes = 0;
  cpu_layout_add (&g->slot_bytes, depth * part, sizeof (float));
  g->columns_at = cpu_layout_add (&g->slot_bytes, depth
      * cpu_count_pieces (part, k->width) * k->width, sizeof (float));
  g->rows_at = cpu_layout_add (&g->slot_bytes, depth * rows, sizeof (float));
  g->sums_at = cpu_layout_add (&g->slot_bytes, rows * part, sizeof (float));
}

/* What one block of places adds to the sums [rows][columns] */
static void
add_block (const Gradient * g, const Part * part, gsize out, gsize outs,
    gsize block, gpointer slot)
{
  const CpuPatches *p = g->p;
  const CpuPhase *phase = &p->phases[0];
  const CpuProductKernels *k = g->backend->kernels->product;
  const gsize all = count_outputs (p, phase);
  const gsize first = cpu_piece_at (all, g->blocks, block);
  const gsize depth = cpu_piece_at (all, g->blocks, block + 1) - first;
  const gsize columns = part->taps * part->channels;
  float *patches = slot, *packed = cpu_at (slot, g->columns_at);
  float *packed_rows = cpu_at (slot, g->rows_at);
  float *sums = cpu_at (slot, g->sums_at);
  const CpuProductRows rows = { packed_rows, 1, k->rows, k->rows * depth };
  const CpuProductResult to = { sums, block > 0 ? sums : NULL, NULL, columns,
    1
  };

  gather (p, phase, part, first, depth, g->x, patches);
  k->pack_columns (columns, depth, patches, 1, columns, packed);
  k->pack_rows (outs, depth, g->dy + first * p->out + out, 1, p->out,
      packed_rows);
  k->multiply (outs, columns, depth, &rows, packed, k->width * depth, &to);
}

static void
store_gradient (const Gradient * g, const Part * part, gsize out, gsize outs,
    const float *sums)
{
  const CpuTap *taps = g->p->phases[0].taps;

  for (gsize o = out; o < out + outs; o++) {
    for (guint tap = part->tap; tap < part->tap + part->taps; tap++) {
      float *to = g->dweight + o * g->out_stride + taps[tap].index
          + part->channel * g->in_stride;

      for (gsize i = 0; i < part->channels; i++, to += g->in_stride, sums++)
        *to = g->add ? *to + *sums : *sums;
    }
  }
}

static void
sum_gradient (const Gradient * g, gsize i, gpointer slot)
{
  const gsize panel = g->backend->kernels->product->rows;
  const Part part = part_at (g->p, &g->p->phases[0], g->input,
      CPU_PRODUCT_COLUMNS, i / g->row_pieces);
  const gsize piece = i % g->row_pieces;
  const gsize out = cpu_piece_at (g->row_panels, g->row_pieces, piece) * panel;
  const gsize end = cpu_piece_at (g->row_panels, g->row_pieces, piece + 1)
      * panel;
  const gsize outs = MIN (end, g->p->out) - out;

  for (gsize block = 0; block < g->blocks; block++)
    add_block (g, &part, out, outs, block, slot);
  store_gradient (g, &part, out, outs, cpu_at (slot, g->sums_at));
}

void
cpu_patches_gradient (const CpuPatches * p, CpuBackend * b, guint input,
    const float *x, const float *dy, float *dweight, gsize in_stride,
    gsize out_stride, gboolean add, gpointer scratch)
{
  Gradient g = {.x = x,.dy = dy,.dweight = dweight,.in_stride = in_stride,
    .out_stride = out_stride,.add = add
  };

  cut_up (&g, p, b, input);
#pragma omp parallel
  {
    gpointer slot = cpu_at (scratch, omp_get_thread_num () * g.slot_bytes);

#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < g.parts * g.row_pieces; i++)
      sum_gradient (&g, i, slot);
  }
}

gsize
cpu_patches_scratch (const CpuPatches * p, CpuBackend * b, gboolean gradient)
{
  gsize bytes = 0, total = 0;

  if (gradient) {
    for (guint input = 0; input < p->n_inputs; input++) {
      Gradient g = { NULL, };

      cut_up (&g, p, b, input);
      bytes = MAX (bytes, g.slot_bytes);
    }
  } else {
    Convolution c = { NULL, };

    share_out (&c, p, b);
    bytes = c.slot_bytes;
  }
  cpu_layout_add (&total, b->base.threads, bytes);
  return total;
}
