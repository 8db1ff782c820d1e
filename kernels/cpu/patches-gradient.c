/* gst-ddpm: CPU backend: the gradient of weights as a product of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the gradients of outputs, turned, and of patches: the depth of the sums
 * is all outputs of all images.
 */
#include <omp.h>
#include "kernels/cpu/patches-part.h"

/* A thread takes some outputs and a part of the patches, and all places. */
typedef struct
{
  const CpuPatches *p;
  const CpuProductKernels *kernels;
  const float *x, *dy;
  float *dweight;
  gsize in_stride, out_stride;
  gboolean add;
  CpuPartSize size;
  gsize parts, row_panels, row_pieces;
  gsize blocks;                 /* of places */
  gsize columns_at, rows_at, sums_at, slot_bytes;       /* of the workspace */
} Gradient;

/* All taps of some channels, so that what is written lies together */
static void
cut_up (Gradient * g, const CpuPatches * p, CpuBackend * b, guint input)
{
  const CpuProductKernels *k = b->kernels->product;
  const CpuPhase *phase = &p->phases[0];
  const gsize taps = phase->n_taps, places = ddpm_cpu_phase_count (p, phase);
  const CpuPartSize size = { input, taps, MIN (p->channels[input],
        MAX (k->width, CPU_PRODUCT_COLUMNS / taps / k->width * k->width))
  };
  gsize columns, rows, depth;

  g->p = p;
  g->kernels = k;
  g->size = size;
  g->parts = ddpm_cpu_part_count (p, phase, &size);
  g->row_panels = ddpm_cpu_count_pieces (p->out, k->rows);
  g->row_pieces = ddpm_cpu_count_pieces (p->out, CPU_PRODUCT_COLUMNS);
  if (g->parts * g->row_pieces < b->base.threads)
    g->row_pieces = MIN (g->row_panels,
        ddpm_cpu_count_pieces (b->base.threads, g->parts));
  g->blocks = ddpm_cpu_count_pieces (places, CPU_PRODUCT_DEPTH);

  depth = MIN (CPU_PRODUCT_DEPTH, places);
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

/* A panel for each tap, where the channels fill it; else the patches one after
 * the other, to be packed */
static void
bring_columns (const Gradient * g, const CpuPart * part, gsize first,
    gsize depth, float *patches, float *packed)
{
  const CpuPhase *phase = &g->p->phases[0];
  const gsize width = g->kernels->width;
  const gsize columns = part->taps * part->channels;

  if (part->channels == width) {
    ddpm_cpu_part_gather (g->p, phase, part, first, depth, g->x, packed, width,
        depth * width);
  } else {
    ddpm_cpu_part_gather (g->p, phase, part, first, depth, g->x, patches,
        columns, part->channels);
    g->kernels->pack_columns (columns, depth, patches, 1, columns, packed);
  }
}

/* What one block of places adds to the sums [rows][columns] */
static void
add_block (const Gradient * g, const CpuPart * part, gsize out, gsize outs,
    gsize block, gpointer slot)
{
  const CpuPatches *p = g->p;
  const CpuProductKernels *k = g->kernels;
  const gsize places = ddpm_cpu_phase_count (p, &p->phases[0]);
  const gsize first = ddpm_cpu_piece_at (places, g->blocks, block);
  const gsize depth = ddpm_cpu_piece_at (places, g->blocks, block + 1) - first;
  const gsize columns = part->taps * part->channels;
  float *packed = ddpm_cpu_at (slot, g->columns_at);
  float *packed_rows = ddpm_cpu_at (slot, g->rows_at);
  float *sums = ddpm_cpu_at (slot, g->sums_at);
  const CpuProductRows rows = { packed_rows, 1, k->rows, k->rows * depth };
  const CpuProductResult to = { sums, block > 0 ? sums : NULL, NULL, columns,
    1
  };

  bring_columns (g, part, first, depth, slot, packed);
  k->pack_rows (outs, depth, g->dy + first * p->out + out, 1, p->out,
      packed_rows);
  k->multiply (outs, columns, depth, &rows, packed, k->width * depth, &to);
}

/* From [outputs][taps][channels] to [outputs][channels][taps] */
static void
store_gradient (const Gradient * g, const CpuPart * part, gsize out,
    gsize outs, const float *sums)
{
  const CpuTap *taps = g->p->phases[0].taps + part->tap;

  for (gsize o = out; o < out + outs; o++) {
    float *to = g->dweight + o * g->out_stride + part->channel * g->in_stride;

    for (gsize tap = 0; tap < part->taps; tap++) {
      float *of_tap = to + taps[tap].index;

      for (gsize i = 0; i < part->channels; i++, of_tap += g->in_stride, sums++)
        *of_tap = g->add ? *of_tap + *sums : *sums;
    }
  }
}

static void
sum_gradient (const Gradient * g, gsize i, gpointer slot)
{
  const gsize panel = g->kernels->rows;
  const CpuPart part = ddpm_cpu_part_at (g->p, &g->p->phases[0], &g->size,
      i / g->row_pieces);
  const gsize piece = i % g->row_pieces;
  const gsize out =
      ddpm_cpu_piece_at (g->row_panels, g->row_pieces, piece) * panel;
  const gsize end = ddpm_cpu_piece_at (g->row_panels, g->row_pieces, piece + 1)
      * panel;
  const gsize outs = MIN (end, g->p->out) - out;

  for (gsize block = 0; block < g->blocks; block++)
    add_block (g, &part, out, outs, block, slot);
  store_gradient (g, &part, out, outs, ddpm_cpu_at (slot, g->sums_at));
}

void
ddpm_cpu_patches_gradient (const CpuPatches * p, CpuBackend * b, guint input,
    const float *x, const float *dy, float *dweight, gsize in_stride,
    gsize out_stride, gboolean add, gpointer scratch)
{
  Gradient g = {.x = x,.dy = dy,.dweight = dweight,.in_stride = in_stride,
    .out_stride = out_stride,.add = add
  };

  cut_up (&g, p, b, input);
#pragma omp parallel
  {
    gpointer slot = ddpm_cpu_at (scratch, omp_get_thread_num () * g.slot_bytes);

#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < g.parts * g.row_pieces; i++)
      sum_gradient (&g, i, slot);
  }
}

gsize
ddpm_cpu_patches_gradient_scratch (const CpuPatches * p, CpuBackend * b)
{
  gsize bytes = 0, total = 0;

  for (guint input = 0; input < p->n_inputs; input++) {
    Gradient g = { NULL, };

    cut_up (&g, p, b, input);
    bytes = MAX (bytes, g.slot_bytes);
  }
  ddpm_cpu_layout_add (&total, b->base.threads, bytes);
  return total;
}
