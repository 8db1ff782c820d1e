/* gst-ddpm: CUDA backend: the softmax of attention, and its derivative
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   P  = exp (scale (S - max S)) / sum (the same),  dS = P (dP - sum (P dP))
 *
 * of each row; S, dP and all sums are f32. A warp handles a row at a time. Rows
 * of at most 256 numbers are read once and kept in registers, in packs of 8.
 * Longer rows, and those that are not a multiple of 8, are read again for each
 * sum.
 */
#include "kernels/cuda/kernels/common.cuh"
#include "kernels/cuda/kernels/softmax.h"

#define LANES 32
#define ROWS 8
#define THREADS (LANES * ROWS)

/* Rows of columns <= 256, a multiple of 8 */
template < typename T > static __global__ void __launch_bounds__ (THREADS)
softmax_short (size_t rows, unsigned columns, float scale,
    const float *scores, T * probs)
{
  const unsigned at = threadIdx.x * 8;

  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    Pack < float, 8 > s;
    Pack < T, 8 > p;
    float largest = -INFINITY, sum = 0.0f;

    if (at < columns) {
      s.load (scores + row * columns + at);
#pragma unroll
      for (int i = 0; i < 8; i++)
        largest = fmaxf (largest, s.v[i]);
    }
    largest = warp_max (largest);
    if (at < columns) {
#pragma unroll
      for (int i = 0; i < 8; i++) {
        p.v[i] = expf (scale * (s.v[i] - largest));
        sum += p.v[i];
      }
    }
    sum = warp_sum (sum);
    if (at < columns) {
#pragma unroll
      for (int i = 0; i < 8; i++)
        p.v[i] /= sum;
      p.store (probs + row * columns + at);
    }
  }
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
softmax_any (size_t rows, unsigned columns, float scale, const float *scores,
    T * probs)
{
  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    const float *s = scores + row * columns;
    T *p = probs + row * columns;
    float largest = -INFINITY, sum = 0.0f;

    for (size_t i = threadIdx.x; i < columns; i += LANES)
      largest = fmaxf (largest, s[i]);
    largest = warp_max (largest);
    for (size_t i = threadIdx.x; i < columns; i += LANES)
      sum += expf (scale * (s[i] - largest));
    sum = warp_sum (sum);
    for (size_t i = threadIdx.x; i < columns; i += LANES)
      p[i] = from_float < T > (expf (scale * (s[i] - largest)) / sum);
  }
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
softmax_backward_short (size_t rows, unsigned columns, const T * probs,
    const float *dprobs, T * dscores)
{
  const unsigned at = threadIdx.x * 8;

  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    Pack < T, 8 > p;
    Pack < float, 8 > dp;
    float sum = 0.0f;

    if (at < columns) {
      p.load (probs + row * columns + at);
      dp.load (dprobs + row * columns + at);
#pragma unroll
      for (int i = 0; i < 8; i++)
        sum += p.v[i] * dp.v[i];
    }
    sum = warp_sum (sum);
    if (at < columns) {
#pragma unroll
      for (int i = 0; i < 8; i++)
        p.v[i] *= dp.v[i] - sum;
      p.store (dscores + row * columns + at);
    }
  }
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
softmax_backward_any (size_t rows, unsigned columns, const T * probs,
    const float *dprobs, T * dscores)
{
  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    const T *p = probs + row * columns;
    const float *dp = dprobs + row * columns;
    T *ds = dscores + row * columns;
    float sum = 0.0f;

    for (size_t i = threadIdx.x; i < columns; i += LANES)
      sum += to_float (p[i]) * dp[i];
    sum = warp_sum (sum);
    for (size_t i = threadIdx.x; i < columns; i += LANES)
      ds[i] = from_float < T > (to_float (p[i]) * (dp[i] - sum));
  }
}

/* --- launches ------------------------------------------------------------- */

static bool
is_short (size_t columns, const void *a, const void *b, const void *c)
{
  return columns <= LANES * 8 && columns % 8 == 0 && is_packed (a)
      && is_packed (b) && is_packed (c);
}

template < typename T > static void
forward (cudaStream_t stream, size_t rows, size_t columns, float scale,
    const float *scores, void *probs)
{
  launch (is_short (columns, scores, probs, probs) ? softmax_short < T >
      : softmax_any < T >, dim3 (grid_size (rows, ROWS)), dim3 (LANES, ROWS), 0,
      stream, rows, (unsigned) columns, scale, scores,
      static_cast < T * >(probs));
}

void
ddpm_cuda_kern_softmax (cudaStream_t stream, int bf16, size_t rows, size_t
    columns, float scale, const float *scores, void *probs)
{
  if (bf16)
    forward < __nv_bfloat16 > (stream, rows, columns, scale, scores, probs);
  else
    forward < float >(stream, rows, columns, scale, scores, probs);
}

template < typename T > static void
backward (cudaStream_t stream, size_t rows, size_t columns, const void *probs,
    const float *dprobs, void *dscores)
{
  launch (is_short (columns, probs, dprobs, dscores)
      ? softmax_backward_short < T > : softmax_backward_any < T >,
      dim3 (grid_size (rows, ROWS)), dim3 (LANES, ROWS), 0, stream, rows,
      (unsigned) columns, static_cast < const T * >(probs), dprobs,
      static_cast < T * >(dscores));
}

void
ddpm_cuda_kern_softmax_backward (cudaStream_t stream, int bf16, size_t rows,
    size_t columns, const void *probs, const float *dprobs, void *dscores)
{
  if (bf16)
    backward < __nv_bfloat16 > (stream, rows, columns, probs, dprobs, dscores);
  else
    backward < float >(stream, rows, columns, probs, dprobs, dscores);
}
