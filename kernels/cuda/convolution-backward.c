/* gst-ddpm: CUDA backend: gradients of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/convolution.h"

/* dy as computed with: as it is, or brought into the workspace */
static gconstpointer
bring_dy (CudaConvolution * conv, gconstpointer dy, gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_out (s), s->d.cout, 0,
    s->weights.cout_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->cuda.plan);
  gpointer staged = ddpm_cuda_at (scratch, s->layout.dy);

  if (!s->stage_y)
    return dy;
  ddpm_cuda_kern_gather (b->stream, &channels, s->d.dst_type == DDPM_TYPE_BF16,
      dy, NULL, s->type == DDPM_TYPE_BF16, staged);
  ddpm_cuda_launched (b, "gradient of a convolution");
  return staged;
}

static void
run_data (CudaConvolution * conv, gconstpointer dy, gpointer dx,
    gpointer scratch)
{
  const gconstpointer memory[] = { dx, conv->weights,
    bring_dy (conv, dy, scratch)
  };

  ddpm_cuda_conv_run (conv, CUDA_CONV_BACKWARD_DATA, memory, scratch);
}

void
ddpm_cuda_conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0,
    gboolean add0, gpointer dx1, gboolean add1, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  const CudaChannels channels = { ddpm_cuda_conv_pixels_in (s), s->d.cin0,
    s->d.cin1, s->weights.cin_padded
  };
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  gpointer dx = ddpm_cuda_at (scratch, s->layout.x);

  if ((dx0 == NULL && dx1 == NULL) || ddpm_cuda_replayed (b))
    return;
  if (!s->stage_x && !add0) {
    run_data (conv, dy, dx0, scratch);
    return;
  }
  run_data (conv, dy, dx, scratch);
  ddpm_cuda_kern_scatter (b->stream, &channels, s->type == DDPM_TYPE_BF16, dx,
      s->d.src_type == DDPM_TYPE_BF16, dx0, add0, dx1, add1);
  ddpm_cuda_launched (b, "data gradient of a convolution");
}

static void
run_weights (CudaConvolution * conv, gconstpointer x0, gconstpointer x1,
    gconstpointer dy, gpointer dweight, gpointer scratch)
{
  const gconstpointer memory[] = {
    ddpm_cuda_conv_bring_x (conv, x0, x1, scratch), dweight,
    bring_dy (conv, dy, scratch)
  };

  ddpm_cuda_conv_run (conv, CUDA_CONV_BACKWARD_WEIGHTS, memory, scratch);
}

static void
sum_dy (CudaConvolution * conv, gconstpointer dy, float *dbias, gboolean add,
    gpointer scratch)
{
  const CudaConvShape *s = conv->shape;
  const gsize pixels = ddpm_cuda_conv_pixels_out (s);
  CudaBackend *b = ddpm_cuda_plan_backend (&conv->cuda.plan);
  float *parts = ddpm_cuda_at (scratch, s->layout.parts);

  ddpm_cuda_kern_sum_pixels (b->stream, pixels, s->d.cout,
      s->d.dst_type == DDPM_TYPE_BF16, dy, parts);
  ddpm_cuda_kern_sum_rows (b->stream, ddpm_cuda_part_count (pixels), s->d.cout,
      parts, dbias, add);
  ddpm_cuda_launched (b, "bias gradient of a convolution");
}

void
ddpm_cuda_conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch)
{
  CudaConvolution *conv = (CudaConvolution *) p;
  const CudaConvShape *s = conv->shape;
  gpointer sum = ddpm_cuda_at (scratch, s->layout.dweight);
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_replayed (b))
    return;
  run_weights (conv, x0, x1, dy, sum, scratch);
  ddpm_cuda_kern_collect_weights (b->stream, &s->weights,
      s->dweight_type == DDPM_TYPE_BF16, sum, dweight, add);
  ddpm_cuda_launched (b, "weight gradient of a convolution");
  sum_dy (conv, dy, dbias, add, scratch);
}
