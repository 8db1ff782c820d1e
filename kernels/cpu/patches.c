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
#include <string.h>
#include "kernels/cpu/patches-part.h"

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
      + ddpm_cpu_count_pieces (p->out, width) * width * last->depth;
}

void
ddpm_cpu_patches_init (CpuPatches * p, CpuBackend * b, const DdpmConvDesc * d)
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
ddpm_cpu_patches_init_backward (CpuPatches * p, CpuBackend * b,
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

/* --- parts of patches -------------------------------------------------------- */

CpuPartSize
ddpm_cpu_part_size (const CpuPatches * p, guint input)
{
  const gsize channels = p->channels[input];
  const CpuPartSize size = { input, MAX (1, CPU_PRODUCT_DEPTH / channels),
    MIN (channels, CPU_PRODUCT_DEPTH)
  };

  return size;
}

gsize
ddpm_cpu_part_count (const CpuPatches * p, const CpuPhase * phase,
    const CpuPartSize * size)
{
  return ddpm_cpu_count_pieces (phase->n_taps, size->taps)
      * ddpm_cpu_count_pieces (p->channels[size->input], size->channels);
}

CpuPart
ddpm_cpu_part_at (const CpuPatches * p, const CpuPhase * phase,
    const CpuPartSize * size, gsize i)
{
  const gsize pieces =
      ddpm_cpu_count_pieces (p->channels[size->input], size->channels);
  const gsize tap = i / pieces * size->taps;
  const gsize channel = i % pieces * size->channels;
  const CpuPart part = { size->input, tap,
    MIN (size->taps, phase->n_taps - tap), channel,
    MIN (size->channels, p->channels[size->input] - channel)
  };

  return part;
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

/* Taps that read one pixel after the other are copied together. */
static void
gather_patch (const CpuPatches * p, const CpuPhase * phase,
    const CpuPart * part, const CpuPlace * place, const float *x,
    float *patch, gsize tap_step)
{
  const gssize height = p->in_height, width = p->in_width;
  const gsize channels = p->channels[part->input];
  const gboolean joined = part->channels == channels && tap_step == channels;
  gsize run;

  for (gsize i = 0; i < part->taps; i += run, patch += run * tap_step) {
    const CpuTap *tap = &phase->taps[part->tap + i];
    const gssize from_y = (gssize) (place->y * p->in_step) + tap->y;
    const gssize from_x = (gssize) (place->x * p->in_step) + tap->x;

    run = 1;
    if (from_y < 0 || from_y >= height || from_x < 0 || from_x >= width) {
      memset (patch, 0, part->channels * sizeof (float));
      continue;
    }
    while (joined && i + run < part->taps && tap[run].y == tap->y
        && tap[run].x == tap->x + (gint) run && from_x + (gssize) run < width)
      run++;
    copy_few (run * part->channels, x + part->channel
        + ((place->image * height + from_y) * width + from_x) * channels,
        patch);
  }
}

void
ddpm_cpu_part_gather (const CpuPatches * p, const CpuPhase * phase,
    const CpuPart * part, gsize first, gsize count, const float *x,
    float *patches, gsize step, gsize tap_step)
{
  CpuPlace place = ddpm_cpu_phase_at (phase, first);

  for (gsize i = 0; i < count; i++, ddpm_cpu_place_move_on (&place, phase))
    gather_patch (p, phase, part, &place, x, patches + i * step, tap_step);
}

/* --- weights ----------------------------------------------------------------- */

gsize
ddpm_cpu_patches_packed_size (const CpuPatches * p, CpuBackend * b)
{
  const CpuPhase *last = &p->phases[p->n_phases - 1];
  const gsize width = b->kernels->product->width;

  return (last->packed_at + ddpm_cpu_count_pieces (p->out, width) * width
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
    const CpuPartSize size = ddpm_cpu_part_size (p, input);

    for (gsize i = 0; i < ddpm_cpu_part_count (p, phase, &size); i++) {
      const CpuPart part = ddpm_cpu_part_at (p, phase, &size, i);

      for (gsize tap = part.tap; tap < part.tap + part.taps; tap++) {
        k->pack_columns (outputs, part.channels, weight + phase->taps[tap].index
            + part.channel * in_stride, out_stride, in_stride, packed);
        packed += part.channels * k->width;
      }
    }
    weight += p->channels[input] * in_stride;
  }
}

void
ddpm_cpu_patches_pack (const CpuPatches * p, CpuBackend * b,
    const float *weight, gsize in_stride, gsize out_stride, float *packed)
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
