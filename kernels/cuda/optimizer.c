/* gst-ddpm: CUDA backend: Adam, and the norm of the gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"

/* The kernel writes partial sums over NaNs, and the host adds them in order: if
 * anything fails, the result is NaN. */
static double
sum_of_squares (DdpmBackend * base, gsize count, const float *x)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  double sums[CUDA_KERN_SUMS], sum = 0.0;
  double *staged;

  G_STATIC_ASSERT (sizeof sums <= CUDA_STAGING_SIZE);
  g_return_val_if_fail (b->graph == NULL, NAN); /* it waits for the stream */
  for (guint i = 0; i < CUDA_KERN_SUMS; i++)
    sums[i] = NAN;
  staged = ddpm_cuda_stage_args (b, sums, sizeof sums);
  if (staged) {
    ddpm_cuda_kern_sum_of_squares (b->stream, count, x, staged);
    if (ddpm_cuda_launch_ok (b, "sum of squares"))
      ddpm_cuda_download (base, sums, staged, sizeof sums);
  }
  for (guint i = 0; i < CUDA_KERN_SUMS; i++)
    sum += sums[i];
  return sum;
}

static void
adam (DdpmBackend * base, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const DdpmAdam *staged = ddpm_cuda_stage_args (b, a, sizeof *a);

  if (staged)
    DDPM_CUDA_LAUNCH (b, "Adam", ddpm_cuda_kern_adam, staged, NULL, count, grad,
        param, m, v, ema);
}

/* squares is NaN if anything fails. */
static void
adam_clipped (DdpmBackend * base, const DdpmAdam * a, double limit,
    gsize count, const float *grad, float *param, float *m, float *v,
    float *ema, double *squares)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaClipping clipping = { *a, limit, NAN, TRUE };
  const double sums[CUDA_KERN_SUMS] = { 0.0, };
  CudaClipping *staged = ddpm_cuda_stage_args (b, &clipping, sizeof clipping);
  double *staged_sums = ddpm_cuda_stage_args (b, sums, sizeof sums);

  *squares = NAN;
  if (staged == NULL || staged_sums == NULL)
    return;
  if (!ddpm_cuda_graph_count_call (b)) {
    ddpm_cuda_kern_sum_of_squares (b->stream, count, grad, staged_sums);
    ddpm_cuda_kern_clip (b->stream, staged_sums, staged);
    ddpm_cuda_kern_adam (b->stream, &staged->adam, &staged->stop, count, grad,
        param, m, v, ema);
    if (!ddpm_cuda_launch_ok (b, "Adam"))
      return;
  }
  ddpm_cuda_download (base, squares, &staged->squares, sizeof *squares);
}

void
ddpm_cuda_optimizer_set_ops (DdpmOps * ops)
{
  ops->sum_of_squares = sum_of_squares;
  ops->adam = adam;
  ops->adam_clipped = adam_clipped;
}
