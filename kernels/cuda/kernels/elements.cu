/* gst-ddpm: CUDA backend: small operations on elements
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"
#include "kernels/norm-math.h"

#define THREADS 256

/* --- upsampling ----------------------------------------------------------- */

/* A block handles neighbouring pixels of a row of the small image: threads
 * along x share one pixel, of this many units; threads along y take its
 * neighbours. Blocks along y take different rows, of all images. */
static dim3
pixel_block (size_t units)
{
  unsigned along = 32;

  while (along > 1 && along / 2 >= units)
    along /= 2;
  return dim3 (along, THREADS / along);
}

static dim3
pixel_grid (dim3 block, size_t rows, size_t columns)
{
  const size_t most = 65535;    /* of blocks along y */

  return dim3 ((unsigned) ((columns + block.y - 1) / block.y),
      (unsigned) (rows < 1 ? 1 : rows < most ? rows : most));
}

/* x [rows][columns][units], y [2 rows][2 columns][units] */
template < typename Unit > static __global__ void
upsample_forward (size_t rows, size_t columns, size_t units, const Unit * x,
    Unit * y)
{
  const size_t column = (size_t) blockIdx.x * blockDim.y + threadIdx.y;
  const size_t right = units, below = 2 * columns * units;

  if (column >= columns)
    return;
  for (size_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const Unit *from = x + (row * columns + column) * units;
    Unit *to = y + (4 * row * columns + 2 * column) * units;

    for (size_t i = threadIdx.x; i < units; i += blockDim.x) {
      const Unit value = from[i];

      to[i] = value;
      to[i + right] = value;
      to[i + below] = value;
      to[i + below + right] = value;
    }
  }
}

template < typename Unit > static void
launch_upsample_forward (cudaStream_t stream, size_t rows, size_t columns,
    size_t units, const void *x, void *y)
{
  const dim3 block = pixel_block (units);

  launch (upsample_forward < Unit >, pixel_grid (block, rows, columns), block,
      0, stream, rows, columns, units, static_cast < const Unit * >(x),
      static_cast < Unit * >(y));
}

void
ddpm_cuda_kern_upsample_forward (cudaStream_t stream, size_t rows, size_t
    columns, size_t channels, int bf16, const void *x, void *y)
{
  const size_t bytes = channels * (bf16 ? 2 : 4);

  if (bytes % 16 == 0 && is_packed (x) && is_packed (y))
    launch_upsample_forward < uint4 > (stream, rows, columns, bytes / 16, x, y);
  else if (bf16)
    launch_upsample_forward < uint16_t > (stream, rows, columns, channels, x,
        y);
  else
    launch_upsample_forward < uint32_t > (stream, rows, columns, channels, x,
        y);
}

/* dx [rows][columns][channels] (+)= the sum of each 2 x 2 of dy */
template < typename T, typename Values > static __global__ void
upsample_backward (size_t rows, size_t columns, size_t channels, const T * dy,
    T * dx, int add)
{
  const size_t column = (size_t) blockIdx.x * blockDim.y + threadIdx.y;
  const size_t right = channels, below = 2 * columns * channels;

  if (column >= columns)
    return;
  for (size_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const T *from = dy + (4 * row * columns + 2 * column) * channels;
    T *to = dx + (row * columns + column) * channels;

    for (size_t i = (size_t) threadIdx.x * Values::size; i < channels;
        i += (size_t) blockDim.x * Values::size) {
      Values a, b, c, d, before = { };

      a.load (from + i);
      b.load (from + i + right);
      c.load (from + i + below);
      d.load (from + i + below + right);
      if (add)
        before.load (to + i);
#pragma unroll
      for (int k = 0; k < Values::size; k++)
        a.v[k] = before.v[k] + (((a.v[k] + b.v[k]) + c.v[k]) + d.v[k]);
      a.store (to + i);
    }
  }
}

template < typename T, typename Values > static void
launch_upsample_backward (cudaStream_t stream, size_t rows, size_t columns,
    size_t channels, const void *dy, void *dx, int add)
{
  const dim3 block = pixel_block (channels / Values::size);

  launch (upsample_backward < T, Values >, pixel_grid (block, rows, columns),
      block, 0, stream, rows, columns, channels, static_cast < const T * >(dy),
      static_cast < T * >(dx), add);
}

template < typename T > static void
upsample_backward_of (cudaStream_t stream, size_t rows, size_t columns,
    size_t channels, const void *dy, void *dx, int add)
{
  if (channels % Pack < T >::size == 0 && is_packed (dy) && is_packed (dx))
    launch_upsample_backward < T, Pack < T >> (stream, rows, columns, channels,
        dy, dx, add);
  else
    launch_upsample_backward < T, Pack < T, 1 >> (stream, rows, columns,
        channels, dy, dx, add);
}

void
ddpm_cuda_kern_upsample_backward (cudaStream_t stream, size_t rows, size_t
    columns, size_t channels, int bf16, const void *dy, void *dx, int add)
{
  if (bf16)
    upsample_backward_of < __nv_bfloat16 > (stream, rows, columns, channels,
        dy, dx, add);
  else
    upsample_backward_of < float >(stream, rows, columns, channels, dy, dx,
        add);
}

/* --- sums ----------------------------------------------------------------- */

template < typename Values, typename T > __device__ inline void
add_to (const T * x, T * y)
{
  Values sum, more;

  sum.load (y);
  more.load (x);
#pragma unroll
  for (int k = 0; k < Values::size; k++)
    sum.v[k] += more.v[k];
  sum.store (y);
}

/* The first packs 16 bytes at a time, the rest element by element */
template < typename T > static __global__ void
accumulate (size_t packs, size_t count, const T * x, T * y)
{
  const size_t size = Pack < T >::size;
  const size_t thread = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = thread; i < packs; i += step)
    add_to < Pack < T >> (x + i * size, y + i * size);
  for (size_t i = packs * size + thread; i < count; i += step)
    add_to < Pack < T, 1 >> (x + i, y + i);
}

template < typename T > static void
launch_accumulate (cudaStream_t stream, size_t count, const void *x, void *y)
{
  const size_t packs = is_packed (x) && is_packed (y)
      ? count / Pack < T >::size : 0;

  launch (accumulate < T >, dim3 (grid_size (packs ? packs : count, THREADS)),
      dim3 (THREADS), 0, stream, packs, count, static_cast < const T * >(x),
      static_cast < T * >(y));
}

void
ddpm_cuda_kern_accumulate (cudaStream_t stream, size_t count, int bf16,
    const void *x, void *y)
{
  if (bf16)
    launch_accumulate < __nv_bfloat16 > (stream, count, x, y);
  else
    launch_accumulate < float >(stream, count, x, y);
}

template < typename T > static void
launch_scale (cudaStream_t stream, size_t count, float factor, T * y)
{
  launch_for_each (stream, count, [=] __device__ (size_t i) {
        y[i] = from_float < T > (to_float (y[i]) * factor);
      });
}

void
ddpm_cuda_kern_scale (cudaStream_t stream, size_t count, float factor,
    int bf16, void *y)
{
  if (bf16)
    launch_scale (stream, count, factor, static_cast < __nv_bfloat16 * >(y));
  else
    launch_scale (stream, count, factor, static_cast < float *>(y));
}

/* --- the halves of a prediction ------------------------------------------- */

void
ddpm_cuda_kern_split_channels (cudaStream_t stream, size_t pixels, size_t c,
    const float *x, float *first, float *second)
{
  launch_for_each (stream, pixels * c, [=] __device__ (size_t i) {
        const float *from = x + i / c * 2 * c + i % c;

        first[i] = from[0];
        if (second)
          second[i] = from[c];
      });
}

void
ddpm_cuda_kern_join_channels (cudaStream_t stream, size_t pixels, size_t c,
    const float *first, const float *second, float *y)
{
  launch_for_each (stream, pixels * c, [=] __device__ (size_t i) {
        float *to = y + i / c * 2 * c + i % c;

        to[0] = first[i];
        to[c] = second ? second[i] : 0.0f;
      });
}

/* --- embeddings of timesteps and labels ----------------------------------- */

/* A block copies a row. */
static __global__ void
embedding (size_t dim, const float *table, const int *t, float *out)
{
  const float *row = table + (size_t) t[blockIdx.x] * dim;

  for (size_t i = threadIdx.x; i < dim; i += blockDim.x)
    out[blockIdx.x * dim + i] = row[i];
}

void
ddpm_cuda_kern_embedding (cudaStream_t stream, unsigned n, size_t dim,
    const float *table, const int *t, float *out)
{
  launch (embedding, dim3 (n), dim3 (THREADS), 0, stream, dim, table, t, out);
}

static __global__ void
embedding_add (size_t dim, const float *table, const int *index, float *out)
{
  const int row = index[blockIdx.x];

  for (size_t i = threadIdx.x; row >= 0 && i < dim; i += blockDim.x)
    out[blockIdx.x * dim + i] += table[(size_t) row * dim + i];
}

void
ddpm_cuda_kern_embedding_add (cudaStream_t stream, unsigned n, size_t dim,
    const float *table, const int *index, float *out)
{
  launch (embedding_add, dim3 (n), dim3 (THREADS), 0, stream, dim, table,
      index, out);
}

/* A block sums one row, in the order of the batch. */
static __global__ void
embedding_backward (unsigned n, size_t dim, const int *index, const float *dy,
    float *dtable, int add)
{
  const int row = (int) blockIdx.x;
  float *drow = dtable + (size_t) row * dim;

  for (size_t i = threadIdx.x; i < dim; i += blockDim.x) {
    double sum = 0.0;

    for (size_t k = 0; k < n; k++) {
      if (index[k] == row)
        sum += dy[k * dim + i];
    }
    drow[i] = (float) (add ? drow[i] + sum : sum);
  }
}

void
ddpm_cuda_kern_embedding_backward (cudaStream_t stream, unsigned n, size_t dim,
    unsigned rows, const int *index, const float *dy, float *dtable, int add)
{
  launch (embedding_backward, dim3 (rows), dim3 (THREADS), 0, stream, n, dim,
      index, dy, dtable, add);
}

/* --- swish ---------------------------------------------------------------- */

void
ddpm_cuda_kern_swish_forward (cudaStream_t stream, size_t count, const float *x,
    float *y)
{
  launch_for_each (stream, count, [=] __device__ (size_t i) {
        y[i] = ddpm_swish (x[i], 0);
      });
}

void
ddpm_cuda_kern_swish_backward (cudaStream_t stream, size_t count, const float
    *x, const float *dy, float *dx)
{
  launch_for_each (stream, count, [=] __device__ (size_t i) {
        dx[i] = dy[i] * ddpm_swish_derivative (x[i], 0);
      });
}
