/* gst-ddpm: CPU backend: convolution as a product of patches and weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <omp.h>
#include <string.h>
#include "kernels/cpu/patches-part.h"

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

/* Whether patches are the pixels of the inputs, and rows those of the output */
static gboolean
is_plain (const CpuPatches * p)
{
  return p->in_step == 1 && p->out_step == 1 && p->phases[0].n_taps == 1;
}

static gsize
count_blocks (const CpuPatches * p, gsize block)
{
  gsize blocks = 0;

  for (guint i = 0; i < p->n_phases; i++)
    blocks +=
        ddpm_cpu_count_pieces (ddpm_cpu_phase_count (p, &p->phases[i]), block);
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
      : c->block * CPU_PRODUCT_DEPTH, sizeof (float));
  c->sums_at = ddpm_cpu_layout_add (&c->slot_bytes, p->out_step == 1 ? 0
      : c->block * p->out, sizeof (float));
}

static CpuProductRows
bring_rows (const Convolution * c, const CpuPhase * phase, const CpuPart * part,
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
  ddpm_cpu_part_gather (c->p, phase, part, first, count, x, patches, depth,
      part->channels);
  return gathered;
}

/* Sums to where the outputs are, of every out_step-th pixel */
static void
scatter (const Convolution * c, const CpuPhase * phase, gsize first,
    gsize count, gsize channel, gsize channels, const float *sums)
{
  const CpuPatches *p = c->p;
  CpuPlace place = ddpm_cpu_phase_at (phase, first);

  for (gsize i = 0; i < count; i++, ddpm_cpu_place_move_on (&place, phase)) {
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
    const CpuPartSize size = ddpm_cpu_part_size (p, input);

    for (gsize i = 0; i < ddpm_cpu_part_count (p, phase, &size); i++) {
      const CpuPart part = ddpm_cpu_part_at (p, phase, &size, i);
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
  const gsize count = MIN (c->block, ddpm_cpu_phase_count (p, phase) - first);
  const gsize channel = ddpm_cpu_piece_at (c->panels, c->groups, group) * width;
  const gsize end = ddpm_cpu_piece_at (c->panels, c->groups, group + 1) * width;
  const gsize channels = MIN (end, p->out) - channel;
  const gsize at = first * p->out + channel;
  float *sums = ddpm_cpu_at (slot, c->sums_at);

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
          ddpm_cpu_count_pieces (ddpm_cpu_phase_count (c->p, phase),
              c->block))) {
    block -= blocks;
    phase--;
  }
  convolve_block (c, phase, block, group, slot);
}

void
ddpm_cpu_patches_convolve (const CpuPatches * p, CpuBackend * b,
    const float *const x[2], const float *packed, const float *bias,
    const float *plus, float *y, gpointer scratch)
{
  Convolution c = {.x = x,.packed = packed,.bias = bias,.plus = plus,.y = y };

  share_out (&c, p, b);
#pragma omp parallel
  {
    gpointer slot = ddpm_cpu_at (scratch, omp_get_thread_num () * c.slot_bytes);

#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < c.blocks * c.groups; i++)
      convolve_piece (&c, i, slot);
  }
}

gsize
ddpm_cpu_patches_scratch (const CpuPatches * p, CpuBackend * b)
{
  Convolution c = { NULL, };
  gsize total = 0;

  share_out (&c, p, b);
  ddpm_cpu_layout_add (&total, b->base.threads, c.slot_bytes);
  return total;
}
