/* gst-ddpm: CPU backend: the derivatives of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/convolution.h"

static gconstpointer
bring_dy (CpuConvolution * conv, gconstpointer dy, gpointer scratch)
{
  gpointer copy = ddpm_cpu_at (scratch, conv->layout.y);

  if (conv->type == conv->d.dst_type && conv->cout_padded == conv->cout)
    return dy;
  ddpm_cpu_copy (ddpm_cpu_plan_backend (&conv->base.plan), conv->d.dst_type,
      conv->type, ddpm_cpu_conv_pixels_out (conv), conv->cout,
      conv->cout_padded, dy, copy, FALSE);
  return copy;
}

/* dx (+)= by our own kernels, in f32 */
static void
backward_data_own (CpuConvolution * conv, const CpuConvSource * s,
    const float *dy, float *dx, gboolean add, gpointer work)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const float *const inputs[2] = { dy, NULL };

  if (conv->tiled[CPU_CONV_BACKWARD_DATA])
    ddpm_cpu_winograd_convolve (b, &conv->tiling_backward, dy,
        conv->packed_backward, NULL, add ? dx : NULL, dx, work);
  else
    ddpm_cpu_patches_convolve (&s->backward, b, inputs, s->packed_backward,
        NULL, add ? dx : NULL, dx, work);
}

/* dx by oneDNN, in the type that is returned: what is added to something is
 * rounded once, after that. */
static DdpmType
run_backward_data (CpuBackend * b, CpuConvSource * s, gconstpointer dy,
    gpointer dx, gboolean add, gpointer work)
{
  const gboolean own = add && s->weights_backward[1] != NULL;
  const gconstpointer data[] = { dx, s->weights_backward[own], dy };

  ddpm_cpu_primitive_run (&s->backward_data[!!add], b, data, work);
  return add ? DDPM_TYPE_F32 : DDPM_TYPE_BF16;
}

static void
backward_data (CpuConvolution * conv, CpuConvSource * s, gconstpointer dy,
    gpointer dx, gboolean add, gpointer scratch)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  gpointer work = ddpm_cpu_at (scratch, conv->layout.work);
  const gboolean same = conv->type == conv->d.src_type
      && s->padded == s->channels;
  const gboolean direct = same && (!add || conv->type == DDPM_TYPE_F32);
  gpointer out = direct ? dx : ddpm_cpu_at (scratch, conv->layout.dx);
  DdpmType type = conv->type;

  if (conv->type == DDPM_TYPE_F32)
    backward_data_own (conv, s, dy, out, direct && add, work);
  else
    type = run_backward_data (b, s, dy, out, add, work);
  if (!direct)
    ddpm_cpu_copy (b, type, conv->d.src_type,
        ddpm_cpu_conv_pixels_in (conv), s->padded, s->channels, out, dx, add);
}

void
ddpm_cpu_conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0,
    gboolean add0, gpointer dx1, gboolean add1, gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;

  dy = bring_dy (conv, dy, scratch);
  if (dx0)
    backward_data (conv, &conv->source[0], dy, dx0, add0, scratch);
  if (dx1 && conv->n_sources == 2)
    backward_data (conv, &conv->source[1], dy, dx1, add1, scratch);
}

/* The gradient of one source [cout_padded][padded][k][k], to its channels of
 * dweight [cout][cin][k][k] */
static void
store_dweight (CpuConvolution * conv, const CpuConvSource * s,
    const float *plain, float *dweight, gboolean add)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const gsize row = (gsize) s->padded * conv->taps;
  const gsize used = (gsize) s->channels * conv->taps;

#pragma omp parallel for schedule(static)
  for (guint o = 0; o < conv->cout; o++)
    b->kernels->element->copy (DDPM_TYPE_F32, DDPM_TYPE_F32, 1, used, used,
        plain + o * row,
        dweight + ((gsize) o * conv->cin + s->first) * conv->taps, add);
}

static void
run_primitives (CpuConvolution * conv, CpuConvSource * s, gconstpointer x,
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  const CpuConvLayout *l = &conv->layout;
  gpointer work = ddpm_cpu_at (scratch, l->work);
  gpointer dweights = ddpm_cpu_at (scratch, l->dweights);
  float *plain = ddpm_cpu_at (scratch, l->plain);

  ddpm_cpu_primitive_run (&s->backward_weights, b, (gconstpointer[]) {
      x, dweights, dy}
      , work);
  ddpm_cpu_primitive_run (&s->collect, b, (gconstpointer[]) {
      dweights, plain}
      , work);
  store_dweight (conv, s, plain, dweight, add);
}

static void
backward_weights (CpuConvolution * conv, guint source, gconstpointer x,
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  CpuConvSource *s = &conv->source[source];
  gpointer work = ddpm_cpu_at (scratch, conv->layout.work);
  const gsize taps = conv->taps;

  if (conv->tiled[CPU_CONV_BACKWARD_WEIGHTS])
    ddpm_cpu_winograd_gradient (b, &conv->tiling, x, dy, dweight, add, work);
  else if (ddpm_cpu_conv_is_product (conv))
    ddpm_cpu_matmul_run (&s->product[!!add], b, dy, x, dweight + s->first,
        work);
  else if (conv->type == DDPM_TYPE_F32 && ddpm_cpu_conv_gathers_dy (conv, s))
    ddpm_cpu_patches_gradient (&s->backward, b, 0, dy, x,
        dweight + s->first * taps, conv->cin * taps, taps, add, work);
  else if (conv->type == DDPM_TYPE_F32)
    ddpm_cpu_patches_gradient (&conv->patches, b, source, x, dy,
        dweight + s->first * taps, taps, conv->cin * taps, add, work);
  else
    run_primitives (conv, s, x, dy, dweight, add, scratch);
}

void
ddpm_cpu_conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  const gconstpointer x[2] = { x0, x1 };
  gconstpointer brought = bring_dy (conv, dy, scratch);

  for (guint i = 0; i < conv->n_sources; i++)
    backward_weights (conv, i, ddpm_cpu_conv_bring_x (conv, i, x[i], scratch),
        brought, dweight, add, scratch);
  ddpm_cpu_column_sums (ddpm_cpu_plan_backend (p), conv->d.dst_type,
      ddpm_cpu_conv_pixels_out (conv), conv->cout, conv->cout, dy, dbias, add,
      ddpm_cpu_at (scratch, conv->layout.sums));
}
