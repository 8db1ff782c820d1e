/* gst-ddpm: CPU backend: convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations stay channels last; only weights are arranged as they are
 * computed with, once per load or optimizer step. Where oneDNN computes in
 * blocks of channels that the tensor does not fill, an activation is copied
 * into the workspace. On a processor without bf16 (that is, when bf16 is
 * emulated) floats are computed with that the bf16 numbers are, and only
 * results are rounded.
 */
#include <string.h>
#include "kernels/cpu/convolution.h"

/* Channels that the kernels of bf16 take at once. Images have three, which
 * they would take one by one. */
#define BF16_BLOCK 16

static void
conv_clear (DdpmPlan * p)
{
  ddpm_cpu_conv_unplan ((CpuConvolution *) p);
}

static const gchar *
conv_implementation (DdpmPlan * p, guint kind)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  const CpuPrimitive *worst = NULL;

  if (kind >= CPU_CONV_PASSES || (kind > 0 && !conv->d.training))
    return "none";
  if (conv->tiled[kind] && kind == CPU_CONV_BACKWARD_WEIGHTS)
    return ddpm_cpu_winograd_gradient_name (b, &conv->tiling);
  if (conv->tiled[kind])
    return ddpm_cpu_winograd_name (b, kind == CPU_CONV_BACKWARD_DATA
        ? &conv->tiling_backward : &conv->tiling);
  if (conv->type == DDPM_TYPE_F32)
    return b->kernels->product->name;
  if (kind == CPU_CONV_BACKWARD_WEIGHTS && ddpm_cpu_conv_is_product (conv))
    return conv->source[0].product[0].implementation;
  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];
    const CpuPrimitive *passes[CPU_CONV_PASSES] = { &s->forward[i],
      &s->backward_data[0], &s->backward_weights
    };

    if (worst == NULL || ddpm_cpu_primitive_is_slow (passes[kind]))
      worst = passes[kind];
  }
  return worst->implementation;
}

/* Versions 2.6 and 3.7 of oneDNN leave a part of some results unwritten:
 * dweight (2.6.3) and y (3.7.2) of a 3x3 kernel with stride 2 whose outputs are
 * one pixel wide, and the product of matrices that is dweight of a 1x1 kernel
 * with one output channel (3.7.2). Our own kernels compute those. */
static gboolean
onednn_writes_all (const DdpmConvDesc * d)
{
  return d->kernel == 3 ? d->stride == 1 || d->width > 2 : d->cout > 1;
}

DdpmPlan *
ddpm_cpu_conv_new (DdpmBackend * b, const DdpmConvDesc * d, GError ** error)
{
  const gboolean native = ((CpuBackend *) b)->native_bf16
      && d->src_type == DDPM_TYPE_BF16 && onednn_writes_all (d);
  CpuConvolution *conv;

  if (!ddpm_conv_desc_check (d, error))
    return NULL;

  conv = g_new0 (CpuConvolution, 1);
  ddpm_cpu_plan_init (&conv->base, b, conv_clear, conv_implementation);
  conv->d = *d;
  conv->out_height = (d->height - 1) / d->stride + 1;
  conv->out_width = (d->width - 1) / d->stride + 1;
  conv->cin = d->cin0 + d->cin1;
  conv->cout = d->cout;
  conv->taps = d->kernel * d->kernel;
  conv->n_sources = d->cin1 ? 2 : 1;
  conv->source[0].channels = d->cin0;
  conv->source[1].first = d->cin0;
  conv->source[1].channels = d->cin1;
  conv->type = native ? DDPM_TYPE_BF16 : DDPM_TYPE_F32;
  /* the sum of two sources is rounded once */
  conv->y_type = native && !d->cin1 ? d->dst_type : DDPM_TYPE_F32;

  if (!ddpm_cpu_conv_plan (conv, conv->type == DDPM_TYPE_BF16 ? BF16_BLOCK : 1,
          error)) {
    g_free (conv);
    return NULL;
  }
  return &conv->base.plan;
}

/* The weights of one source, [cout_padded][padded][k][k], rounded to what the
 * backend computes with */
static void
stage_weights (CpuConvolution * conv, const CpuConvSource * s,
    const float *weight)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const gsize row = (gsize) s->padded * conv->taps;
  const gsize used = (gsize) s->channels * conv->taps;

#pragma omp parallel for schedule(static)
  for (guint o = 0; o < conv->cout_padded; o++) {
    float *to = b->staging + o * row;

    memset (to, 0, row * sizeof (float));
    if (o >= conv->cout)
      continue;
    memcpy (to, weight + ((gsize) o * conv->cin + s->first) * conv->taps,
        used * sizeof (float));
    b->kernels->element->round_to_bf16 (used, to);
  }
}

/* The kernels of a source by its inputs, as turned or taken apart for dx */
static void
pack_backward (CpuConvolution * conv, const float *weight)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const gsize of_output = (gsize) conv->cin * conv->taps;

  if (conv->packed_backward)
    ddpm_cpu_winograd_pack (b, &conv->tiling_backward, weight, of_output,
        conv->taps, TRUE, conv->packed_backward);
  for (guint i = 0; i < conv->n_sources; i++) {
    const CpuConvSource *s = &conv->source[i];

    if (s->packed_backward)
      ddpm_cpu_patches_pack (&s->backward, b,
          weight + (gsize) s->first * conv->taps, of_output, conv->taps,
          s->packed_backward);
  }
}

/* In f32; of bf16 that is emulated, rounded */
static void
pack_weights (CpuConvolution * conv, const float *weight)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const gsize of_output = (gsize) conv->cin * conv->taps;

  if (b->base.act_type == DDPM_TYPE_BF16) {
    memcpy (b->staging, weight, conv->cout * of_output * sizeof (float));
    b->kernels->element->round_to_bf16 (conv->cout * of_output, b->staging);
    weight = b->staging;
  }
  if (conv->tiled[CPU_CONV_FORWARD])
    ddpm_cpu_winograd_pack (b, &conv->tiling, weight, conv->taps, of_output,
        FALSE, conv->packed);
  else
    ddpm_cpu_patches_pack (&conv->patches, b, weight, conv->taps, of_output,
        conv->packed);
  pack_backward (conv, weight);
}

static void
arrange_weights (CpuConvolution * conv, CpuConvSource * s, const float *weight)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  gpointer work = b->staging + conv->staged;

  stage_weights (conv, s, weight);
  ddpm_cpu_primitive_run (&s->arrange, b, (gconstpointer[]) {
      b->staging, s->weights}
      , work);
  for (guint i = 0; i < 2; i++) {
    if (s->weights_backward[i])
      ddpm_cpu_primitive_run (&s->arrange_backward[i], b, (gconstpointer[]) {
          b->staging, s->weights_backward[i]}
        , work);
  }
}

void
ddpm_cpu_conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  CpuConvolution *conv = (CpuConvolution *) p;

  if (conv->type == DDPM_TYPE_F32)
    pack_weights (conv, weight);
  else
    for (guint i = 0; i < conv->n_sources; i++)
      arrange_weights (conv, &conv->source[i], weight);
  memcpy (conv->bias, bias, conv->cout * sizeof (float));
}

gconstpointer
ddpm_cpu_conv_bring_x (CpuConvolution * conv, guint source, gconstpointer x,
    gpointer scratch)
{
  const CpuConvSource *s = &conv->source[source];
  gpointer copy = ddpm_cpu_at (scratch, conv->layout.x[source]);

  if (s->x_bytes == 0)
    return x;
  ddpm_cpu_copy (ddpm_cpu_plan_backend (&conv->base.plan), conv->d.src_type,
      conv->type, ddpm_cpu_conv_pixels_in (conv), s->channels, s->padded, x,
      copy, FALSE);
  return copy;
}

static void
run_primitives (CpuConvolution * conv, const gconstpointer * x,
    gconstpointer residual, gpointer out, gpointer scratch)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);

  if (residual && residual != out)
    ddpm_cpu_copy (b, conv->d.dst_type, conv->y_type,
        ddpm_cpu_conv_pixels_out (conv), conv->cout, conv->cout_padded,
        residual, out, FALSE);
  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];
    const gboolean add = i > 0 || residual != NULL;

    ddpm_cpu_primitive_run (&s->forward[add], b, (gconstpointer[]) {
        ddpm_cpu_conv_bring_x (conv, i, x[i], scratch),
          s->weights, out, conv->bias}, ddpm_cpu_at (scratch,
            conv->layout.work));
  }
}

static void
run_own (CpuConvolution * conv, const gconstpointer * x,
    gconstpointer residual, float *out, gpointer scratch)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  gpointer work = ddpm_cpu_at (scratch, conv->layout.work);
  const float *brought[2] = { NULL, };

  if (residual && conv->d.dst_type != DDPM_TYPE_F32) {
    ddpm_cpu_copy (b, conv->d.dst_type, DDPM_TYPE_F32,
        ddpm_cpu_conv_pixels_out (conv), conv->cout, conv->cout, residual, out,
        FALSE);
    residual = out;
  }
  for (guint i = 0; i < conv->n_sources; i++)
    brought[i] = ddpm_cpu_conv_bring_x (conv, i, x[i], scratch);
  if (conv->tiled[CPU_CONV_FORWARD])
    ddpm_cpu_winograd_convolve (b, &conv->tiling, brought[0], conv->packed,
        conv->bias, residual, out, work);
  else
    ddpm_cpu_patches_convolve (&conv->patches, b, brought, conv->packed,
        conv->bias, residual, out, work);
}

void
ddpm_cpu_conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  const gconstpointer x[2] = { x0, x1 };
  const gboolean direct = conv->y_type == conv->d.dst_type
      && conv->cout_padded == conv->cout;
  gpointer out = direct ? y : ddpm_cpu_at (scratch, conv->layout.y);

  if (conv->type == DDPM_TYPE_F32)
    run_own (conv, x, residual, out, scratch);
  else
    run_primitives (conv, x, residual, out, scratch);
  if (!direct)
    ddpm_cpu_copy (ddpm_cpu_plan_backend (p), conv->y_type, conv->d.dst_type,
        ddpm_cpu_conv_pixels_out (conv), conv->cout_padded, conv->cout, out, y,
        FALSE);
}
