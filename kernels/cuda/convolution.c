/* gst-ddpm: CUDA backend: convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/convolution-plan.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/libraries.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/workspace.h"

typedef struct
{
  DdpmPlan base;
  const CudaConvShape *shape;   /* the backend's */
  gpointer weights;             /* KRSC, padded */
  float *bias;                  /* [cout padded] */
  CudaDnnRun runs[CUDA_CONV_PLANS];
} CudaConvolution;

/* --- plans -------------------------------------------------------------- */

/* cuDNN takes long to plan, and many convolutions of a network have the same
 * description. So the backend keeps one shape for each description. */
static const CudaConvShape *
find_shape (CudaBackend * b, const DdpmConvDesc * d, GError ** error)
{
  CudaDnnTarget target = { NULL, NULL, b->plan_cache };
  g_autoptr (GBytes) key = g_bytes_new (d, sizeof (*d));
  CudaConvShape *shape;

  if (b->convolutions == NULL)
    b->convolutions = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
        (GDestroyNotify) g_bytes_unref,
        (GDestroyNotify) ddpm_cuda_conv_shape_free);
  shape = g_hash_table_lookup (b->convolutions, key);
  if (shape)
    return shape;
  if (!ddpm_cuda_open_cudnn (b)) {
    ddpm_cuda_propagate_failure (b, error);
    return NULL;
  }
  target.handle = b->cudnn;
  shape = ddpm_cuda_conv_shape_new (&target, b->base.act_type, d, error);
  if (shape)
    g_hash_table_insert (b->convolutions, g_steal_pointer (&key), shape);
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

/* In the order of DdpmPlan.implementation */
static void
name_passes (CudaConvolution * conv)
{
  static const CudaConvPlanKind kinds[] = { CUDA_CONV_FORWARD,
    CUDA_CONV_BACKWARD_DATA, CUDA_CONV_BACKWARD_WEIGHTS
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    const CudaDnnPlan *plan = conv->shape->plans[kinds[i]];

    if (plan)
      conv->base.implementation[i] = ddpm_cuda_dnn_plan_name (plan);
  }
}

static DdpmPlan *
conv_new (DdpmBackend * base, const DdpmConvDesc * d, GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaConvShape *shape = find_shape (b, d, error);
  CudaConvolution *conv;

  if (shape == NULL)
    return NULL;

  conv = ddpm_plan_new (sizeof (CudaConvolution), base, conv_clear, "cuda");
  conv->base.scratch = shape->workspace.size;
  conv->shape = shape;
  name_passes (conv);
  conv->weights = ddpm_cuda_alloc (base, ddpm_cuda_krsc_count (&shape->weights)
      * ddpm_type_size (shape->type));
  conv->bias =
      ddpm_cuda_alloc (base, shape->weights.cout_padded * sizeof (float));
  if (conv->weights == NULL || conv->bias == NULL)
    goto no_memory;
  return &conv->base;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "cannot allocate GPU memory for the weights of a convolution from %u to "
      "%u channels", shape->weights.cin, shape->weights.cout);
  ddpm_plan_free (&conv->base);
  return NULL;
}

static void
conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_graph_count_call (b))
    return;
  ddpm_cuda_kern_weights_to_krsc (b->stream, &s->weights, weight,
      s->type == DDPM_TYPE_BF16, conv->weights);
  ddpm_cuda_launch_ok (b, "weights of a convolution");
  ddpm_cuda_ok (b, cudaMemcpyAsync (conv->bias, bias,
          s->d.cout * sizeof (float), cudaMemcpyDeviceToDevice, b->stream),
      "bias of a convolution");
}

/* --- passes ------------------------------------------------------------- */

/* x in cuDNN's layout: x0 itself, or a copy in the workspace */
static gconstpointer
repack_x (CudaConvolution * conv, gconstpointer x0,
    gconstpointer x1, gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_in (s), s->d.cin0,
    s->d.cin1, s->weights.cin_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->base);
  gpointer x = ddpm_cuda_at (scratch, s->workspace.x);

  if (!s->repacks_x)
    return x0;
  ddpm_cuda_kern_concat (b->stream, &channels, s->d.src_type == DDPM_TYPE_BF16,
      x0, x1, s->type == DDPM_TYPE_BF16, x);
  ddpm_cuda_launch_ok (b, "sources of a convolution");
  return x;
}

/* memory: in the order of the graph's tensors in convolution-plan.c */
static void
run_plan (CudaConvolution * conv, CudaConvPlanKind kind,
    const gconstpointer * memory, gpointer scratch)
{
  static const gchar *names[] = { "convolution", "convolution and residual",
    "data gradient of a convolution", "weight gradient of a convolution"
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->base);

  ddpm_cuda_dnn_ok (b, ddpm_cuda_dnn_run (&conv->runs[kind],
          conv->shape->plans[kind], b->cudnn, memory, ddpm_cuda_at (scratch,
              conv->shape->workspace.work[kind])), names[kind]);
}

/* Writes y, or the sum that finish_y () completes */
static void
run_forward (CudaConvolution * conv, gconstpointer x, gpointer y,
    gpointer scratch)
{
  const gconstpointer plain[] = { x, conv->weights, y };
  const gconstpointer biased[] = { x, conv->weights, conv->bias, y };

  run_plan (conv, CUDA_CONV_FORWARD,
      conv->shape->adds_bias ? biased : plain, scratch);
}

static void
run_residual (CudaConvolution * conv, gconstpointer x, gconstpointer residual,
    gpointer y, gpointer scratch)
{
  const gconstpointer memory[] = { x, conv->weights, conv->bias, residual, y };

  run_plan (conv, CUDA_CONV_RESIDUAL, memory, scratch);
}

/* y = sum [+ bias] [+ residual]: what the plan does not do itself */
static void
finish_y (CudaConvolution * conv, gconstpointer sum, gconstpointer residual,
    gpointer y)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_out (s), s->d.cout, 0,
    s->weights.cout_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->base);

  ddpm_cuda_kern_add_bias (b->stream, &channels, s->sum_type == DDPM_TYPE_BF16,
      sum, s->adds_bias ? NULL : conv->bias, s->d.dst_type == DDPM_TYPE_BF16,
      residual, y);
  ddpm_cuda_launch_ok (b, "bias of a convolution");
}

/* y may be the residual. Then each element of the residual must be read before
 * the same element of y is written. This holds for the kernel, and for engines
 * that add the residual to the tile that they are about to store. */
static void
conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  gpointer sum = ddpm_cuda_at (scratch, s->workspace.sum);
  gconstpointer x;

  if (ddpm_cuda_graph_count_call (ddpm_cuda_plan_backend (p)))
    return;
  x = repack_x (conv, x0, x1, scratch);
  if (residual && s->plans[CUDA_CONV_RESIDUAL]) {
    run_residual (conv, x, residual, y, scratch);
  } else if (residual == NULL && s->adds_bias) {
    run_forward (conv, x, y, scratch);
  } else {
    run_forward (conv, x, sum, scratch);
    finish_y (conv, sum, residual, y);
  }
}

/* --- gradients ---------------------------------------------------------- */

/* dy in cuDNN's layout: dy itself, or a copy in the workspace */
static gconstpointer
repack_dy (CudaConvolution * conv, gconstpointer dy, gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_out (s), s->d.cout, 0,
    s->weights.cout_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->base);
  gpointer repacked = ddpm_cuda_at (scratch, s->workspace.dy);

  if (!s->repacks_y)
    return dy;
  ddpm_cuda_kern_concat (b->stream, &channels, s->d.dst_type == DDPM_TYPE_BF16,
      dy, NULL, s->type == DDPM_TYPE_BF16, repacked);
  ddpm_cuda_launch_ok (b, "gradient of a convolution");
  return repacked;
}

static void
run_data (CudaConvolution * conv, gconstpointer dy, gpointer dx,
    gpointer scratch)
{
  const gconstpointer memory[] = { dx, conv->weights,
    repack_dy (conv, dy, scratch)
  };

  run_plan (conv, CUDA_CONV_BACKWARD_DATA, memory, scratch);
}

static void
conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0,
    gboolean add0, gpointer dx1, gboolean add1, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_in (s), s->d.cin0,
    s->d.cin1, s->weights.cin_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  gpointer dx = ddpm_cuda_at (scratch, s->workspace.x);

  if ((dx0 == NULL && dx1 == NULL) || ddpm_cuda_graph_count_call (b))
    return;
  if (!s->repacks_x && !add0) {
    run_data (conv, dy, dx0, scratch);
    return;
  }
  run_data (conv, dy, dx, scratch);
  ddpm_cuda_kern_split (b->stream, &channels, s->type == DDPM_TYPE_BF16, dx,
      s->d.src_type == DDPM_TYPE_BF16, dx0, add0, dx1, add1);
  ddpm_cuda_launch_ok (b, "data gradient of a convolution");
}

static void
run_weights (CudaConvolution * conv, gconstpointer x0, gconstpointer x1,
    gconstpointer dy, gpointer dweight, gpointer scratch)
{
  const gconstpointer memory[] = {
    repack_x (conv, x0, x1, scratch), dweight,
    repack_dy (conv, dy, scratch)
  };

  run_plan (conv, CUDA_CONV_BACKWARD_WEIGHTS, memory, scratch);
}

static void
sum_dy (CudaConvolution * conv, gconstpointer dy, float *dbias, gboolean add,
    gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const gsize pixels = ddpm_cuda_conv_pixels_out (s);
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->base);
  float *partials = ddpm_cuda_at (scratch, s->workspace.partials);

  ddpm_cuda_kern_sum_pixels (b->stream, pixels, s->d.cout,
      s->d.dst_type == DDPM_TYPE_BF16, dy, partials);
  ddpm_cuda_kern_sum_rows (b->stream, ddpm_cuda_chunk_count (pixels), s->d.cout,
      partials, dbias, add);
  ddpm_cuda_launch_ok (b, "bias gradient of a convolution");
}

static void
conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  gpointer sum = ddpm_cuda_at (scratch, s->workspace.dweight);
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_graph_count_call (b))
    return;
  run_weights (conv, x0, x1, dy, sum, scratch);
  ddpm_cuda_kern_weights_from_krsc (b->stream, &s->weights,
      s->dweight_type == DDPM_TYPE_BF16, sum, dweight, add);
  ddpm_cuda_launch_ok (b, "weight gradient of a convolution");
  sum_dy (conv, dy, dbias, add, scratch);
}

void
ddpm_cuda_convolution_set_ops (DdpmOps * ops)
{
  ops->conv_new = conv_new;
  ops->conv_set_weights = conv_set_weights;
  ops->conv_forward = conv_forward;
  ops->conv_backward_data = conv_backward_data;
  ops->conv_backward_weights = conv_backward_weights;
}
