/* gst-ddpm: CPU backend: how a convolution is computed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In bf16 by oneDNN, in f32 by tiles where they are possible and else as a
 * product of matrices.
 */
#include "kernels/cpu/convolution.h"

gboolean
ddpm_cpu_conv_no_memory (const CpuConvolution * conv, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of a convolution from %u to %u channels",
      conv->cin, conv->cout);
  return FALSE;
}

/* --- which way -------------------------------------------------------------- */

static gboolean
plan_product (CpuConvolution * conv, CpuConvSource * s, gboolean add,
    GError ** error)
{
  const gsize pixels = ddpm_cpu_conv_pixels_out (conv);
  const CpuMatrix dy = { conv->type, conv->cout, pixels,
    {0, 1, conv->cout_padded}
  };
  const CpuMatrix x = { conv->type, pixels, s->channels,
    {0, s->padded, 1}
  };
  const CpuMatrix dweight = { DDPM_TYPE_F32, conv->cout, s->channels,
    {0, conv->cin, 1}
  };

  return ddpm_cpu_matmul_init (&s->product[add],
      ddpm_cpu_plan_backend (&conv->base.plan), 1, &dy, &x, &dweight, add,
      error);
}

static gboolean
plan_products (CpuConvolution * conv, GError ** error)
{
  gboolean ok = TRUE;

  if (!conv->d.training || !ddpm_cpu_conv_is_product (conv))
    return TRUE;
  for (guint i = 0; ok && i < conv->n_sources; i++)
    ok = plan_product (conv, &conv->source[i], FALSE, error)
        && plan_product (conv, &conv->source[i], TRUE, error);
  return ok;
}

static void
plan_tiles (CpuConvolution * conv)
{
  const DdpmConvDesc *d = &conv->d;
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const CpuTiling there = { d->n, d->height, d->width, conv->cin, conv->cout };
  const CpuTiling back = { d->n, d->height, d->width, conv->cout, conv->cin };

  if (d->kernel != 3 || d->stride != 1 || conv->n_sources != 1
      || d->src_type != DDPM_TYPE_F32 || d->dst_type != DDPM_TYPE_F32)
    return;
  conv->tiling = there;
  conv->tiling_backward = back;
  conv->tiled[CPU_CONV_FORWARD] = ddpm_cpu_winograd_suits (b, &there);
  conv->tiled[CPU_CONV_BACKWARD_DATA] = d->training
      && ddpm_cpu_winograd_suits_gradient (b, &back);
  conv->tiled[CPU_CONV_BACKWARD_WEIGHTS] = d->training
      && ddpm_cpu_winograd_suits_gradient (b, &there);
}

static void
plan_patches (CpuConvolution * conv)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);

  ddpm_cpu_patches_init (&conv->patches, b, &conv->d);
  for (guint i = 0; i < conv->n_sources; i++)
    ddpm_cpu_patches_init_backward (&conv->source[i].backward, b, &conv->d,
        conv->source[i].channels);
}

/* --- memory ------------------------------------------------------------------ */

static gboolean
take (CpuConvolution * conv, gsize size, float **memory)
{
  DdpmBackend *b = conv->base.plan.backend;

  *memory = b->ops->alloc (b, size);
  return *memory != NULL;
}

static gboolean
take_memory_backward (CpuConvolution * conv)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);

  if (conv->tiled[CPU_CONV_BACKWARD_DATA])
    return take (conv, ddpm_cpu_winograd_packed_size (b,
            &conv->tiling_backward), &conv->packed_backward);
  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];

    if (!take (conv, ddpm_cpu_patches_packed_size (&s->backward, b),
            &s->packed_backward))
      return FALSE;
  }
  return TRUE;
}

/* For packed weights */
static gboolean
take_memory (CpuConvolution * conv, GError ** error)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);

  if (take (conv, conv->tiled[CPU_CONV_FORWARD]
          ? ddpm_cpu_winograd_packed_size (b, &conv->tiling)
          : ddpm_cpu_patches_packed_size (&conv->patches, b), &conv->packed)
      && (!conv->d.training || take_memory_backward (conv)))
    return TRUE;
  return ddpm_cpu_conv_no_memory (conv, error);
}

static gboolean
plan_own (CpuConvolution * conv, GError ** error)
{
  plan_tiles (conv);
  plan_patches (conv);
  return take_memory (conv, error);
}

static gboolean
plan_primitives (CpuConvolution * conv, GError ** error)
{
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < conv->n_sources; i++)
    ok = ddpm_cpu_conv_plan_primitives (conv, &conv->source[i], error);
  return ok;
}

/* --- workspaces --------------------------------------------------------------- */

static gsize
own_scratch (CpuConvolution * conv)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  gsize size = conv->tiled[CPU_CONV_FORWARD]
      ? ddpm_cpu_winograd_scratch (b, &conv->tiling)
      : ddpm_cpu_patches_scratch (&conv->patches, b);

  if (!conv->d.training)
    return size;
  size = MAX (size, conv->tiled[CPU_CONV_BACKWARD_DATA]
      ? ddpm_cpu_winograd_scratch (b, &conv->tiling_backward) : 0);
  size = MAX (size, conv->tiled[CPU_CONV_BACKWARD_WEIGHTS]
      ? ddpm_cpu_winograd_gradient_scratch (b, &conv->tiling)
      : ddpm_cpu_patches_gradient_scratch (&conv->patches, b));
  for (guint i = 0; i < conv->n_sources; i++) {
    const CpuConvSource *s = &conv->source[i];

    size = MAX (size, ddpm_cpu_patches_scratch (&s->backward, b));
    if (ddpm_cpu_conv_gathers_dy (conv, s))
      size = MAX (size, ddpm_cpu_patches_gradient_scratch (&s->backward, b));
  }
  return size;
}

/* Of whatever computes */
static gsize
work_scratch (CpuConvolution * conv)
{
  gsize size = conv->type == DDPM_TYPE_F32 ? own_scratch (conv) : 0;

  for (guint i = 0; i < conv->n_sources; i++) {
    const CpuConvSource *s = &conv->source[i];

    size = MAX (size, ddpm_cpu_conv_primitives_scratch (s));
    size = MAX (size, MAX (s->product[0].scratch, s->product[1].scratch));
  }
  return size;
}

static void
lay_out (CpuConvolution * conv)
{
  const gsize in = ddpm_cpu_conv_pixels_in (conv), out =
      ddpm_cpu_conv_pixels_out (conv);
  const gboolean copy_y = conv->y_type != conv->d.dst_type
      || conv->type != conv->d.dst_type || conv->cout_padded != conv->cout;
  CpuConvLayout *l = &conv->layout;
  gsize total = 0, dweights = 0, padded = 0;

  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];

    s->x_bytes = conv->type != conv->d.src_type || s->padded != s->channels
        ? in * s->padded * ddpm_type_size (conv->type) : 0;
    l->x[i] = ddpm_cpu_layout_add (&total, s->x_bytes, 1);
    dweights = MAX (dweights, ddpm_cpu_conv_dweights_size (s));
    padded = MAX (padded, s->padded);
  }
  l->y = ddpm_cpu_layout_add (&total, copy_y ? out * conv->cout_padded : 0,
      sizeof (float));
  if (conv->d.training) {
    const gboolean copy_dx = conv->type != DDPM_TYPE_F32
        || conv->d.src_type != DDPM_TYPE_F32;

    l->dx = ddpm_cpu_layout_add (&total, copy_dx ? in * padded : 0,
        sizeof (float));
    l->dweights = ddpm_cpu_layout_add (&total, dweights, 1);
    l->plain = ddpm_cpu_layout_add (&total, dweights ?
        (gsize) conv->cout_padded * padded * conv->taps : 0, sizeof (float));
    l->sums = ddpm_cpu_layout_add (&total,
        ddpm_cpu_column_sums_scratch (out, conv->cout), 1);
  }
  l->work = ddpm_cpu_layout_add (&total, work_scratch (conv), 1);
  conv->base.plan.scratch = total;
}

static guint
round_up (guint channels, guint multiple)
{
  return (channels + multiple - 1) / multiple * multiple;
}

/* conv_set_weights () takes no workspace: one for all plans of the backend.
 * In f32 weights are packed as they come. */
static gboolean
reserve_staging (CpuConvolution * conv, GError ** error)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const guint padded = MAX (conv->source[0].padded, conv->source[1].padded);
  gsize size = (gsize) conv->cout_padded * MAX (padded, conv->cin)
      * conv->taps;
  float *staging;

  conv->staged = size;
  for (guint i = 0; i < conv->n_sources; i++)
    size = MAX (size, conv->staged + MAX (conv->source[i].arrange.scratch,
            MAX (conv->source[i].arrange_backward[0].scratch,
                conv->source[i].arrange_backward[1].scratch))
        / sizeof (float) + 1);

  if (b->base.act_type == DDPM_TYPE_F32 || size <= b->staging_size)
    return TRUE;
  staging = b->base.ops->alloc (&b->base, size * sizeof (float));
  if (staging == NULL)
    return ddpm_cpu_conv_no_memory (conv, error);
  b->base.ops->free (&b->base, b->staging);
  b->staging = staging;
  b->staging_size = size;
  return TRUE;
}

gboolean
ddpm_cpu_conv_plan (CpuConvolution * conv, guint multiple, GError ** error)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  gboolean ok;

  conv->cout_padded = round_up (conv->cout, multiple);
  for (guint i = 0; i < conv->n_sources; i++)
    conv->source[i].padded = round_up (conv->source[i].channels, multiple);
  ok = conv->type == DDPM_TYPE_F32 ? plan_own (conv, error)
      : plan_primitives (conv, error);
  ok = ok && plan_products (conv, error) && reserve_staging (conv, error);
  if (ok) {
    conv->bias = g_try_new0 (float, round_up (conv->cout_padded,
            b->kernels->winograd->width));
    ok = conv->bias != NULL || ddpm_cpu_conv_no_memory (conv, error);
  }
  if (ok)
    lay_out (conv);
  else
    ddpm_cpu_conv_unplan (conv);
  return ok;
}

void
ddpm_cpu_conv_unplan (CpuConvolution * conv)
{
  DdpmBackend *b = conv->base.plan.backend;

  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];

    ddpm_cpu_conv_clear_primitives (s);
    ddpm_cpu_matmul_clear (&s->product[0]);
    ddpm_cpu_matmul_clear (&s->product[1]);
    b->ops->free (b, s->packed_backward);
    b->ops->free (b, s->weights);
    b->ops->free (b, s->weights_backward[0]);
    b->ops->free (b, s->weights_backward[1]);
  }
  b->ops->free (b, conv->packed);
  b->ops->free (b, conv->packed_backward);
  g_free (conv->bias);
}
