/* gst-ddpm: CUDA backend: sides of the linear layers: bias, and its gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kern-common.cuh"
#include "kern-launch.cuh"

#define THREADS 256

static __global__ void
spread_bias (size_t rows, size_t columns, const float *bias, float *y)
{
  const size_t count = rows * columns;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < count;
      i += step)
    y[i] = bias[i % columns];
}

void
cuda_kern_spread_bias (cudaStream_t stream, size_t rows, size_t columns,
    const float *bias, float *y)
{
  launch (spread_bias, grid_size (rows * columns, THREADS), THREADS, 0, stream,
      rows, columns, bias, y);
}

/* A block adds up 32 columns: each of its warps every eighth row of them, and
 * then the eight sums, first to last. */
#define WARPS 8

static __global__ void
sum_rows (size_t rows, size_t columns, const float *x, float *sum, int add)
{
  __shared__ float parts[WARPS][32];
  const size_t column = (size_t) blockIdx.x * 32 + threadIdx.x;
  float total = 0.0f;

  if (column < columns) {
    for (size_t row = threadIdx.y; row < rows; row += WARPS)
      total += x[row * columns + column];
  }
  parts[threadIdx.y][threadIdx.x] = total;
  __syncthreads ();
  if (threadIdx.y > 0 || column >= columns)
    return;
  total = add ? sum[column] : 0.0f;
  for (int warp = 0; warp < WARPS; warp++)
    total += parts[warp][threadIdx.x];
  sum[column] = total;
}

void
cuda_kern_sum_rows (cudaStream_t stream, size_t rows, size_t columns,
    const float *x, float *sum, int add)
{
  launch (sum_rows, (unsigned) ((columns + 31) / 32), dim3 (32, WARPS), 0,
      stream, rows, columns, x, sum, add);
}
