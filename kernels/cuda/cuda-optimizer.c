/* gst-ddpm: CUDA backend: Adam and what is measured for it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "cuda-private.h"

/* Parts of the sum are made where the stage has put what stands for "not
 * known", and added up here, first to last: not a number where anything
 * fails. */
double
cuda_sum_of_squares (DdpmBackend * base, gsize count, const float *x)
{
  CudaBackend *b = cuda_backend (base);
  double parts[CUDA_KERN_SUMS], sum = 0.0;
  double *staged;

  G_STATIC_ASSERT (sizeof parts <= CUDA_STAGE_MAX);
  for (guint i = 0; i < CUDA_KERN_SUMS; i++)
    parts[i] = NAN;
  staged = cuda_stage (b, parts, sizeof parts);
  if (staged) {
    cuda_kern_sum_of_squares (b->stream, count, x, staged);
    if (cuda_launched (b, "the sum of squares"))
      cuda_download (base, parts, staged, sizeof parts);
  }
  for (guint i = 0; i < CUDA_KERN_SUMS; i++)
    sum += parts[i];
  return sum;
}

void
cuda_adam (DdpmBackend * base, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  CudaBackend *b = cuda_backend (base);
  const DdpmAdam *staged = cuda_stage (b, a, sizeof *a);

  if (staged == NULL)
    return;
  cuda_kern_adam (b->stream, staged, count, grad, param, m, v, ema);
  cuda_launched (b, "Adam");
}
