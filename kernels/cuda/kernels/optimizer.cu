/* gst-ddpm: CUDA backend: Adam, and the norm of the gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"
#include "kernels/optimizer-math.h"

#define THREADS 256

/* --- the norm of a gradient --------------------------------------------- */

/* The same number of blocks on every GPU, so that sums have the same bits */
static __global__ void
sum_of_squares (size_t count, const float *x, double *sums)
{
  const size_t step = (size_t) gridDim.x * blockDim.x;
  double sum = 0.0;

#pragma unroll 8
  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < count;
      i += step)
    sum += (double) x[i] * x[i];
  sum = block_sum (sum);
  if (threadIdx.x == 0)
    sums[blockIdx.x] = sum;
}

void
ddpm_cuda_kern_sum_of_squares (cudaStream_t stream, size_t count, const float
    *x, double *sums)
{
  launch (sum_of_squares, dim3 (CUDA_KERN_SUMS), dim3 (THREADS), 0, stream,
      count, x, sums);
}

/* In order, as the host would add them */
static __global__ void
clip (const double *sums, CudaClipping * clipping)
{
  __shared__ double partials[CUDA_KERN_SUMS];
  double squares = 0.0, norm, factor;

  partials[threadIdx.x] = sums[threadIdx.x];
  __syncthreads ();
  if (threadIdx.x > 0)
    return;
  for (int i = 0; i < CUDA_KERN_SUMS; i++)
    squares += partials[i];
  norm = sqrt (squares);
  factor = ddpm_clip_factor (clipping->limit, norm);
  clipping->squares = squares;
  clipping->stop = !ddpm_gradient_is_sane (norm, factor);
  clipping->adam.grad_scale = (float) (clipping->adam.grad_scale * factor);
}

void
ddpm_cuda_kern_clip (cudaStream_t stream, const double *sums,
    CudaClipping * clipping)
{
  launch (clip, dim3 (1), dim3 (CUDA_KERN_SUMS), 0, stream, sums, clipping);
}

/* --- Adam ----------------------------------------------------------------- */

/* The first packs four at a time, the rest one by one. Average: updates ema */
template < bool Average > static __global__ void
adam (const DdpmAdam * args, const int *stop, size_t packs, size_t count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  const DdpmAdam a = *args;
  const size_t thread = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  if (stop && *stop)
    return;
  for (size_t i = thread; i < packs; i += step) {
    Pack < float >g, p, first, second, average = { };

    g.load (grad + 4 * i);
    p.load (param + 4 * i);
    first.load (m + 4 * i);
    second.load (v + 4 * i);
    if (Average)
      average.load (ema + 4 * i);
#pragma unroll
    for (int k = 0; k < 4; k++)
      ddpm_adam_element (&a, g.v[k], &p.v[k], &first.v[k], &second.v[k],
          Average ? &average.v[k] : nullptr);
    p.store (param + 4 * i);
    first.store (m + 4 * i);
    second.store (v + 4 * i);
    if (Average)
      average.store (ema + 4 * i);
  }
  for (size_t i = 4 * packs + thread; i < count; i += step)
    ddpm_adam_element (&a, grad[i], &param[i], &m[i], &v[i],
        Average ? &ema[i] : nullptr);
}

void
ddpm_cuda_kern_adam (cudaStream_t stream, const DdpmAdam * args, const int
    *stop, size_t count, const float *grad, float *param, float *m, float *v,
    float *ema)
{
  const bool packed = is_packed (grad) && is_packed (param) && is_packed (m)
      && is_packed (v) && is_packed (ema);
  const size_t packs = packed ? count / 4 : 0;

  launch (ema ? adam < true > : adam < false >,
      dim3 (grid_size (packed ? packs : count, THREADS)), dim3 (THREADS), 0,
      stream, args, stop, packs, count, grad, param, m, v, ema);
}
