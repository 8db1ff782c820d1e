/* gst-ddpm: CUDA backend: convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/convolution.h"

/* --- plans -------------------------------------------------------------- */

static guint
hash_desc (gconstpointer key)
{
  const DdpmConvDesc *d = key;
  const guint sizes[] = { d->n, d->height, d->width, d->cin0, d->cin1, d->cout,
    d->kernel, d->stride, d->src_type, d->dst_type, d->training
  };
  guint hash = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    hash = hash * 31 + sizes[i];
  return hash;
}

static gboolean
equal_desc (gconstpointer left, gconstpointer right)
{
  const DdpmConvDesc *a = left, *b = right;

  return a->n == b->n && a->height == b->height && a->width == b->width
      && a->cin0 == b->cin0 && a->cin1 == b->cin1 && a->cout == b->cout
      && a->kernel == b->kernel && a->stride == b->stride
      && a->src_type == b->src_type && a->dst_type == b->dst_type
      && !a->training == !b->training;
}

/* A network has many convolutions of few descriptions, and cuDNN is slow to
 * plan one. The backend keeps them. */
static const CudaConvShape *
find_shape (CudaBackend * b, const DdpmConvDesc * d, GError ** error)
{
  CudaDnnTarget target = { NULL, NULL, b->plan_cache };
  CudaConvShape *shape;

  if (b->convolutions == NULL)
    b->convolutions = g_hash_table_new_full (hash_desc, equal_desc, NULL,
        (GDestroyNotify) ddpm_cuda_conv_shape_free);
  shape = g_hash_table_lookup (b->convolutions, d);
  if (shape)
    return shape;
  if (!ddpm_cuda_need_cudnn (b)) {
    ddpm_cuda_take_failure (b, error);
    return NULL;
  }
  target.handle = b->cudnn;
  shape = ddpm_cuda_conv_shape_new (&target, b->base.act_type, d, error);
  if (shape)
    g_hash_table_insert (b->convolutions, &shape->d, shape);
  return shape;
}

static void
conv_clear (DdpmPlan * p)
{
  CudaConvolution *conv = (CudaConvolution *) p;

  for (guint i = 0; i < CUDA_CONV_PLANS; i++)
    ddpm_cuda_dnn_run_clear (&conv->runs[i]);
  ddpm_cuda_free (p->backend, conv->weights);
  ddpm_cuda_free (p->backend, conv->bias);
}

/* Passes as plan_implementation () counts them */
static void
name_passes (CudaConvolution * conv)
{
  static const CudaConvPlanKind kinds[] = { CUDA_CONV_FORWARD,
    CUDA_CONV_BACKWARD_DATA, CUDA_CONV_BACKWARD_WEIGHTS
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    const CudaDnnPlan *plan = conv->shape->plans[kinds[i]];

    if (plan)
      conv->cuda.implementation[i] = ddpm_cuda_dnn_plan_name (plan);
  }
}

DdpmPlan *
ddpm_cuda_conv_new (DdpmBackend * base, const DdpmConvDesc * d, GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaConvShape *shape = find_shape (b, d, error);
  CudaConvolution *conv;

  if (shape == NULL)
    return NULL;

  conv = g_new0 (CudaConvolution, 1);
  ddpm_cuda_plan_init (&conv->cuda, base, shape->layout.size);
  conv->cuda.clear = conv_clear;
  conv->shape = shape;
  name_passes (conv);
  conv->weights =
      ddpm_cuda_alloc (base, ddpm_cuda_weight_count_padded (&shape->weights)
      * ddpm_type_size (shape->type));
  conv->bias =
      ddpm_cuda_alloc (base, shape->weights.cout_padded * sizeof (float));
  if (conv->weights == NULL || conv->bias == NULL)
    goto no_memory;
  return &conv->cuda.plan;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of a convolution from %u to %u channels",
      shape->weights.cin, shape->weights.cout);
  conv_clear (&conv->cuda.plan);
  g_free (conv);
  return NULL;
}

void
ddpm_cuda_conv_set_weights (DdpmPlan * p, const float *weight,
    const float *bias)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_arrange_weights (b->stream, &s->weights, weight,
      s->type == DDPM_TYPE_BF16, conv->weights);
  ddpm_cuda_launched (b, "weights of a convolution");
  ddpm_cuda_ok (b, cudaMemcpyAsync (conv->bias, bias,
          s->d.cout * sizeof (float), cudaMemcpyDeviceToDevice, b->stream),
      "bias of a convolution");
}

/* --- passes ------------------------------------------------------------- */

gconstpointer
ddpm_cuda_conv_bring_x (CudaConvolution * conv, gconstpointer x0,
    gconstpointer x1, gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_in (s), s->d.cin0,
    s->d.cin1, s->weights.cin_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->cuda.plan);
  gpointer x = ddpm_cuda_at (scratch, s->layout.x);

  if (!s->stage_x)
    return x0;
  ddpm_cuda_kern_gather (b->stream, &channels, s->d.src_type == DDPM_TYPE_BF16,
      x0, x1, s->type == DDPM_TYPE_BF16, x);
  ddpm_cuda_launched (b, "sources of a convolution");
  return x;
}

void
ddpm_cuda_conv_run (CudaConvolution * conv, CudaConvPlanKind kind,
    const gconstpointer * memory, gpointer scratch)
{
  static const gchar *names[] = { "convolution", "convolution and residual",
    "data gradient of a convolution", "weight gradient of a convolution"
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->cuda.plan);

  ddpm_cuda_dnn_ok (b, ddpm_cuda_dnn_run (&conv->runs[kind],
          conv->shape->plans[kind], b->cudnn, memory, ddpm_cuda_at (scratch,
              conv->shape->layout.work[kind])), names[kind]);
}

/* y or the sum, as the plan gives it */
static void
run_forward (CudaConvolution * conv, gconstpointer x, gpointer y,
    gpointer scratch)
{
  const gconstpointer plain[] = { x, conv->weights, y };
  const gconstpointer biased[] = { x, conv->weights, conv->bias, y };

  ddpm_cuda_conv_run (conv, CUDA_CONV_FORWARD,
      conv->shape->adds_bias ? biased : plain, scratch);
}

static void
run_residual (CudaConvolution * conv, gconstpointer x, gconstpointer residual,
    gpointer y, gpointer scratch)
{
  const gconstpointer memory[] = { x, conv->weights, conv->bias, residual, y };

  ddpm_cuda_conv_run (conv, CUDA_CONV_RESIDUAL, memory, scratch);
}

/* What the plan has left to do: y = sum [+ bias] [+ residual] */
static void
finish_y (CudaConvolution * conv, gconstpointer sum, gconstpointer residual,
    gpointer y)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_out (s), s->d.cout, 0,
    s->weights.cout_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->cuda.plan);

  ddpm_cuda_kern_finish (b->stream, &channels, s->sum_type == DDPM_TYPE_BF16,
      sum, s->adds_bias ? NULL : conv->bias, s->d.dst_type == DDPM_TYPE_BF16,
      residual, y);
  ddpm_cuda_launched (b, "bias of a convolution");
}

/* y may be the residual: then nothing but y's own element may be read after
 * it was written, which holds for the kernel, and for engines that add the
 * residual to the tile that they are about to store. */
void
ddpm_cuda_conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  gpointer sum = ddpm_cuda_at (scratch, s->layout.sum);
  gconstpointer x;

  if (ddpm_cuda_replayed (ddpm_cuda_plan_backend (p)))
    return;
  x = ddpm_cuda_conv_bring_x (conv, x0, x1, scratch);
  if (residual && s->plans[CUDA_CONV_RESIDUAL]) {
    run_residual (conv, x, residual, y, scratch);
  } else if (residual == NULL && s->adds_bias) {
    run_forward (conv, x, y, scratch);
  } else {
    run_forward (conv, x, sum, scratch);
    finish_y (conv, sum, residual, y);
  }
}
