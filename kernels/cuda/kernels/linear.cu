/* gst-ddpm: CUDA backend: bias of linear layers and its gradient, and whole
 * linear layers of few rows
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"

#define THREADS 256

/* --- bias ----------------------------------------------------------------- */

void
ddpm_cuda_kern_broadcast_bias (cudaStream_t stream, size_t rows, size_t columns,
    const float *bias, float *y)
{
  launch_for_each (stream, rows * columns, [=] __device__ (size_t i) {
        y[i] = bias[i % columns];
      });
}

/* --- few rows ----------------------------------------------------------------
 *
 * The time embedding has few rows when few images are sampled. Reading the
 * weights and launching kernels then takes all the time, so one kernel does
 * everything and reads the weights once. A warp computes a column of y; the
 * order of its sums depends on neither rows nor columns. */

#define LANES 32
#define COLUMNS (THREADS / LANES)

/* Packed: inputs are aligned, so that four can be read at a time */
template < int Rows, bool Packed > static __global__ void
    __launch_bounds__ (THREADS)
linear_few_rows (unsigned rows, size_t in, size_t columns, const float *x,
    const float *weight, const float *bias, float *y)
{
  constexpr int V = Packed ? 4 : 1;
  const size_t column = (size_t) blockIdx.x * COLUMNS + threadIdx.y;
  float sums[Rows] = { };

  if (column >= columns)
    return;                     /* the whole warp */
#pragma unroll 4
  for (size_t i = (size_t) threadIdx.x * V; i < in; i += LANES * V) {
    Pack < float >w = { };

    if (Packed)
      w.load (weight + column * in + i);
    else
      w.v[0] = weight[column * in + i];
#pragma unroll
    for (int row = 0; row < Rows; row++) {
      Pack < float >from = { };

      if (row >= (int) rows)
        continue;
      if (Packed)
        from.load (x + row * in + i);
      else
        from.v[0] = x[row * in + i];
#pragma unroll
      for (int k = 0; k < V; k++)
        sums[row] += w.v[k] * from.v[k];
    }
  }
#pragma unroll
  for (int row = 0; row < Rows; row++) {
    const float sum = warp_sum (sums[row]);

    if (threadIdx.x == 0 && row < (int) rows)
      y[row * columns + column] = bias[column] + sum;
  }
}

template < int Rows > static void
launch_linear_few_rows (cudaStream_t stream, unsigned rows, size_t in,
    size_t columns, const float *x, const float *weight, const float *bias,
    float *y)
{
  const bool packed = in % 4 == 0 && is_packed (x) && is_packed (weight);

  launch (packed ? linear_few_rows < Rows, true >
      : linear_few_rows < Rows, false >,
      dim3 ((unsigned) ((columns + COLUMNS - 1) / COLUMNS)),
      dim3 (LANES, COLUMNS), 0, stream, rows, in, columns, x, weight, bias, y);
}

void
ddpm_cuda_kern_linear_few_rows (cudaStream_t stream, unsigned rows, size_t in,
    size_t columns, const float *x, const float *weight, const float *bias,
    float *y)
{
  if (rows == 1)
    launch_linear_few_rows < 1 > (stream, rows, in, columns, x, weight, bias,
        y);
  else if (rows <= 4)
    launch_linear_few_rows < 4 > (stream, rows, in, columns, x, weight, bias,
        y);
  else
    launch_linear_few_rows < CUDA_KERN_FEW_ROWS > (stream, rows, in, columns, x,
        weight, bias, y);
}

/* --- gradients ------------------------------------------------------------ */

/* A block sums 32 columns: each of its warps sums every eighth row, and then
 * the first warp adds the eight sums in order. */
#define WARPS 8

static __global__ void
sum_rows (size_t rows, size_t columns, const float *x, float *sum, int add)
{
  __shared__ float partials[WARPS][32];
  const size_t column = (size_t) blockIdx.x * 32 + threadIdx.x;
  float total = 0.0f;

  if (column < columns) {
    for (size_t row = threadIdx.y; row < rows; row += WARPS)
      total += x[row * columns + column];
  }
  partials[threadIdx.y][threadIdx.x] = total;
  __syncthreads ();
  if (threadIdx.y > 0 || column >= columns)
    return;
  total = add ? sum[column] : 0.0f;
  for (int warp = 0; warp < WARPS; warp++)
    total += partials[warp][threadIdx.x];
  sum[column] = total;
}

void
ddpm_cuda_kern_sum_rows (cudaStream_t stream, size_t rows, size_t columns,
    const float *x, float *sum, int add)
{
  launch (sum_rows, (unsigned) ((columns + 31) / 32), dim3 (32, WARPS), 0,
      stream, rows, columns, x, sum, add);
}
