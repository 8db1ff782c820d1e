/* gst-ddpm: CUDA backend: noise, the forward process, the loss and reverse
 * steps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Philox gives four random numbers at a time, for elements 4 block to
 * 4 block + 3 of an image. One thread handles all four.
 */
#include "kernels/cuda/kernels/common.cuh"
#include "kernels/diffusion-math.h"
#include "kernels/philox.h"

#define THREADS 256

/* Blocks along x share an image; blocks along y take different images. */
static dim3
image_grid (size_t n, size_t pieces)
{
  const size_t most = 65535;    /* of blocks along y */

  return dim3 (grid_size (pieces, THREADS),
      (unsigned) (n < 1 ? 1 : n < most ? n : most));
}

static inline size_t
blocks_of (unsigned elements)
{
  return (size_t) elements / 4 + (elements % 4 != 0);
}

/* --- four elements, or the last of an image ------------------------------- */

__device__ inline bool
is_whole (const float *place, unsigned count)
{
  return count == 4 && reinterpret_cast < uintptr_t > (place) % 16 == 0;
}

__device__ inline Pack < float >
load_some (const float *from, unsigned count)
{
  Pack < float >some;

  if (is_whole (from, count)) {
    some.load (from);
  } else {
#pragma unroll
    for (unsigned i = 0; i < 4; i++)
      some.v[i] = i < count ? from[i] : 0.0f;
  }
  return some;
}

__device__ inline void
store_some (const Pack < float >&some, float *to, unsigned count)
{
  if (is_whole (to, count)) {
    some.store (to);
  } else {
#pragma unroll
    for (unsigned i = 0; i < 4; i++) {
      if (i < count)
        to[i] = some.v[i];
    }
  }
}

/* --- noise ---------------------------------------------------------------- */

static __global__ void
noise (const CudaNoise * args, unsigned n, unsigned elements, size_t blocks,
    float *out)
{
  const CudaNoise a = *args;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t image = blockIdx.y; image < n; image += gridDim.y) {
    for (size_t block = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
        block < blocks; block += step) {
      const size_t e = 4 * block;
      Pack < float >z;

      ddpm_keyframe_normal4 (a.seed, a.first_sample + image, a.interval,
          a.stream, (uint32_t) block, z.v);
      store_some (z, out + image * elements + e,
          elements - e < 4 ? (unsigned) (elements - e) : 4);
    }
  }
}

void
ddpm_cuda_kern_noise (cudaStream_t stream, const CudaNoise * args, unsigned n,
    unsigned elements, float *out)
{
  const size_t blocks = blocks_of (elements);

  launch (noise, image_grid (n, blocks), dim3 (THREADS), 0, stream, args, n,
      elements, blocks, out);
}

/* --- the forward process -------------------------------------------------- */

static __global__ void
q_sample (unsigned n, unsigned elements, const float *a, const float *s,
    const float *x_0, const float *eps, float *x_t)
{
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t image = blockIdx.y; image < n; image += gridDim.y) {
    const float a_i = a[image], s_i = s[image];

    for (size_t e = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
        e < elements; e += step) {
      const size_t k = image * elements + e;

      x_t[k] = ddpm_diffuse (a_i, x_0[k], s_i, eps[k]);
    }
  }
}

void
ddpm_cuda_kern_q_sample (cudaStream_t stream, unsigned n, unsigned elements,
    const float *a, const float *s, const float *x_0, const float *eps,
    float *x_t)
{
  launch (q_sample, image_grid (n, elements), dim3 (THREADS), 0, stream, n,
      elements, a, s, x_0, eps, x_t);
}

/* --- the loss ------------------------------------------------------------- */

/* A block sums one image, so that its loss does not depend on the batch. */
static __global__ void
mse (const CudaLoss * args, const float *scales, unsigned elements,
    const float *pred, const float *target, float *dpred, double *loss)
{
  const float scale = scales[blockIdx.x];
  const bool valid = blockIdx.x < args->n_valid;
  const size_t first = (size_t) blockIdx.x * elements;
  double sum = 0.0;

  for (size_t e = threadIdx.x; e < elements; e += blockDim.x) {
    const size_t k = first + e;
    const double difference = valid ? (double) pred[k] - target[k] : 0.0;

    sum += difference * difference;
    dpred[k] = ddpm_mse_gradient (scale, difference);
  }
  sum = block_sum (sum);
  if (threadIdx.x == 0)
    loss[blockIdx.x] = sum;
}

void
ddpm_cuda_kern_mse (cudaStream_t stream, const CudaLoss * args,
    const float *scale, unsigned n, unsigned elements, const float *pred,
    const float *target, float *dpred, double *loss)
{
  launch (mse, dim3 (n), dim3 (THREADS), 0, stream, args, scale, elements,
      pred, target, dpred, loss);
}

/* --- the reverse process -------------------------------------------------- */

void
ddpm_cuda_kern_guide (cudaStream_t stream, size_t count, float w,
    const float *without, float *eps)
{
  launch_for_each (stream, count, [=] __device__ (size_t i) {
        eps[i] = ddpm_guide (w, without[i], eps[i]);
      });
}

/* Keep: stores x_0 in x_0_prev */
template < bool Keep > static __global__ void
reverse_step (const CudaReverse * args, unsigned n, unsigned elements,
    size_t blocks, float *x, const float *pred, float *x_0_prev)
{
  const CudaReverse a = *args;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t image = blockIdx.y; image < n; image += gridDim.y) {
    for (size_t block = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
        block < blocks; block += step) {
      const size_t e = 4 * block, k = image * elements + e;
      const unsigned count = elements - e < 4 ? (unsigned) (elements - e) : 4;
      Pack < float >state = load_some (x + k, count);
      Pack < float >prev = { }, z = { };
      const Pack < float >predicted = load_some (pred + k, count);

      if (Keep)
        prev = load_some (x_0_prev + k, count);
      if (a.step.sigma != 0.0f)
        ddpm_keyframe_normal4 (a.seed, a.first_sample + image,
            a.step.interval, a.step.stream,
            (uint32_t) block, z.v);
#pragma unroll
      for (int i = 0; i < 4; i++)
        ddpm_reverse_element (&a.step, z.v[i], predicted.v[i], &state.v[i],
            Keep ? &prev.v[i] : nullptr);
      store_some (state, x + k, count);
      if (Keep)
        store_some (prev, x_0_prev + k, count);
    }
  }
}

void
ddpm_cuda_kern_reverse_step (cudaStream_t stream, const CudaReverse * args,
    unsigned n, unsigned elements, float *x, const float *pred,
    float *x_0_prev)
{
  const size_t blocks = blocks_of (elements);

  launch (x_0_prev ? reverse_step < true > : reverse_step < false >,
      image_grid (n, blocks), dim3 (THREADS), 0, stream, args, n, elements,
      blocks, x, pred, x_0_prev);
}

static __global__ void
learned_noise (const CudaReverse * args, unsigned n, unsigned elements,
    size_t blocks, const float *v, float *x)
{
  const CudaReverse a = *args;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t image = blockIdx.y; image < n; image += gridDim.y) {
    for (size_t block = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
        block < blocks; block += step) {
      const size_t e = 4 * block, k = image * elements + e;
      const unsigned count = elements - e < 4 ? (unsigned) (elements - e) : 4;
      const Pack < float >learned = load_some (v + k, count);
      Pack < float >state = load_some (x + k, count);
      Pack < float >z = { };

      ddpm_keyframe_normal4 (a.seed, a.first_sample + image,
            a.step.interval, a.step.stream,
          (uint32_t) block, z.v);
#pragma unroll
      for (int i = 0; i < 4; i++)
        ddpm_learned_noise_element (&a.step, z.v[i], learned.v[i], &state.v[i]);
      store_some (state, x + k, count);
    }
  }
}

void
ddpm_cuda_kern_learned_noise (cudaStream_t stream, const CudaReverse * args,
    unsigned n, unsigned elements, const float *v, float *x)
{
  const size_t blocks = blocks_of (elements);

  launch (learned_noise, image_grid (n, blocks), dim3 (THREADS), 0, stream,
      args, n, elements, blocks, v, x);
}
