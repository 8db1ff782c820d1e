/* gst-ddpm: CUDA backend: group norm with time bias, swish and dropout, of any
 * shape
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The formulas are those of norm.cu. These kernels handle images that are too
 * large for shared memory, channels that are not a multiple of 16 bytes, and
 * tensors that are not aligned: element by element, with a kernel for each
 * pass. Adjacent threads handle adjacent channels.
 *
 * Blocks have CHANNELS x ROWS threads and proceed in steps of the whole grid.
 * The gradients of gamma and beta are computed here for norm.cu as well.
 */
#include "kernels/cuda/kernels/norm.cuh"

#define CHANNELS 32
#define ROWS 8
#define THREADS (CHANNELS * ROWS)

template < typename T > __device__ inline float
input_of (const CudaNormCall & call, size_t image, size_t pixel,
    unsigned channel)
{
  const Pixels < const T > x = pixels_of (call,
      static_cast < const T * >(call.x0), static_cast < const T * >(call.x1),
      image, channel);

  return to_float (x.at[pixel * x.stride])
      + time_bias_of (call, image, channel);
}

/* The factor by which dropout multiplies element e of an image */
__device__ inline float
dropout_factor (const CudaNormCall & call, size_t image, size_t e)
{
  float factor[4], found;

  if (call.drop == nullptr)
    return 1.0f;
  dropout_factors (*call.drop, image, e / 4, factor);
  found = factor[0];
#pragma unroll
  for (unsigned i = 1; i < 4; i++)
    found = e % 4 == i ? factor[i] : found;
  return found;
}

/* --- forward -------------------------------------------------------------- */

/* A block handles a group at a time, wide channels in parallel (a power of
 * two). */
template < typename T > __device__ inline float
sum_group (const CudaNormCall & call, size_t image, unsigned first,
    unsigned per_group, unsigned wide, float mean, bool squares)
{
  const unsigned high = blockDim.x / wide;
  float sum = 0.0f;

  for (unsigned c = threadIdx.x % wide; c < per_group; c += wide) {
    for (size_t pixel = threadIdx.x / wide; pixel < call.pixels;
        pixel += high) {
      const float a = input_of < T > (call, image, pixel, first + c) - mean;

      sum += squares ? a * a : a;
    }
  }
  return block_sum (sum);
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
statistics (const CudaNormCall call, unsigned wide)
{
  const unsigned per_group = channels_of (call) / call.groups;
  const float count = (float) call.pixels * (float) per_group;
  const size_t items = call.n * call.groups;

  for (size_t item = blockIdx.x; item < items; item += gridDim.x) {
    const size_t image = item / call.groups;
    const unsigned group = item % call.groups;
    const unsigned first = group * per_group;
    const float mean = sum_group < T > (call, image, first, per_group, wide,
        0.0f, false) / count;
    const float var = sum_group < T > (call, image, first, per_group, wide,
        mean, true) / count;

    if (threadIdx.x == 0) {
      float *stats = stats_of (call, image, group);

      stats[0] = mean;
      stats[1] = 1.0f / sqrtf (var + call.eps);
    }
  }
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
normalize (const CudaNormCall call)
{
  const unsigned channels = channels_of (call);
  const unsigned per_group = channels / call.groups;
  const size_t rows = call.n * call.pixels;
  T *y = static_cast < T * >(call.y);

  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    const size_t image = row / call.pixels, pixel = row % call.pixels;

    for (unsigned c = threadIdx.x; c < channels; c += CHANNELS) {
      const float *stats = stats_of (call, image, c / per_group);
      const float a = input_of < T > (call, image, pixel, c);
      const float z = (a - stats[0]) * stats[1] * gamma_of (call, image, c)
          + beta_of (call, image, c);
      const float s = call.swish ? ddpm_swish (z, Coarse < T >::yes) : z;

      y[row * channels + c] = from_float < T > (s
          * dropout_factor (call, image, pixel * channels + c));
    }
  }
}

/* --- backward ------------------------------------------------------------- */

/* The gradient of one element */
struct Gradient
{
  float x;                      /* x^ */
  float dz;
};

template < typename T > __device__ inline Gradient
gradient_of (const CudaNormCall & call, size_t image, size_t pixel, unsigned c)
{
  const unsigned channels = channels_of (call);
  const float *stats =
      stats_of (call, image, c / (channels / call.groups));
  const T *dy = static_cast < const T * >(call.dy);
  const size_t e = pixel * channels + c;
  Gradient g;

  g.x = (input_of < T > (call, image, pixel, c) - stats[0]) * stats[1];
  g.dz = to_float (dy[image * call.pixels * channels + e])
      * dropout_factor (call, image, e);
  if (call.swish)
    g.dz *= ddpm_swish_derivative (g.x * gamma_of (call, image, c)
        + beta_of (call, image, c), Coarse < T >::yes);
  return g;
}

/* Computes sums, of CHANNELS channels of an image at a time: each row of
 * threads sums every eighth pixel, and then the rows are added in order. */
template < typename T > static __global__ void __launch_bounds__ (THREADS)
sum_pixels (const CudaNormCall call)
{
  __shared__ float partials[3][ROWS][CHANNELS];
  const unsigned channels = channels_of (call);
  const unsigned runs = (channels + CHANNELS - 1) / CHANNELS;
  const size_t items = call.n * runs;

  for (size_t item = blockIdx.x; item < items; item += gridDim.x) {
    const size_t image = item / runs;
    const unsigned c = item % runs * CHANNELS + threadIdx.x;
    float sum[3] = { };

    if (c < channels) {
      for (size_t pixel = threadIdx.y; pixel < call.pixels; pixel += ROWS) {
        const Gradient g = gradient_of < T > (call, image, pixel, c);

        sum[0] += g.dz;
        sum[1] += g.dz * g.x;
        sum[2] += g.x;
      }
    }
    for (int i = 0; i < 3; i++)
      partials[i][threadIdx.y][threadIdx.x] = sum[i];
    __syncthreads ();
    if (threadIdx.y < 3 && c < channels) {
      float total = 0.0f;

      for (unsigned row = 0; row < ROWS; row++)
        total += partials[threadIdx.y][row][threadIdx.x];
      call.sums[(threadIdx.y * call.n + image) * channels + c] = total;
    }
    __syncthreads ();           /* partials may be written again */
  }
}

/* Computes means and the gradients of the time bias and the modulation. A warp
 * handles a group at a time. */
static __global__ void __launch_bounds__ (THREADS)
mean_groups (const CudaNormCall call)
{
  const unsigned channels = channels_of (call);
  const unsigned per_group = channels / call.groups;
  const float count = (float) call.pixels * (float) per_group;
  const size_t items = call.n * call.groups;

  for (size_t item = (size_t) blockIdx.x * ROWS + threadIdx.y; item < items;
      item += (size_t) gridDim.x * ROWS) {
    const size_t image = item / call.groups;
    const unsigned first = item % call.groups * per_group;
    const float rstd = call.stats[item * 2 + 1];
    const float *dz = call.sums + image * channels;
    const float *dz_x = dz + call.n * channels;
    const float *x = dz_x + call.n * channels;
    float mean_dz = 0.0f, mean_dz_x = 0.0f;

    for (unsigned c = first + threadIdx.x; c < first + per_group;
        c += CHANNELS) {
      mean_dz += gamma_of (call, image, c) * dz[c];
      mean_dz_x += gamma_of (call, image, c) * dz_x[c];
      store_modulation (call, image, c, dz_x[c], dz[c]);
    }
    mean_dz = warp_sum (mean_dz) / count;
    mean_dz_x = warp_sum (mean_dz_x) / count;
    if (threadIdx.x == 0) {
      call.means[item * 2] = mean_dz;
      call.means[item * 2 + 1] = mean_dz_x;
    }
    for (unsigned c = first + threadIdx.x; call.dtime_bias
        && c < first + per_group; c += CHANNELS)
      call.dtime_bias[image * call.time_bias_stride + c] =
          rstd * (call.gamma[c] * dz[c] - (float) call.pixels * mean_dz
          - x[c] * mean_dz_x);
  }
}

template < typename T > static __global__ void __launch_bounds__ (THREADS)
input_gradient (const CudaNormCall call)
{
  const unsigned channels = channels_of (call);
  const unsigned per_group = channels / call.groups;
  const size_t rows = call.n * call.pixels;

  for (size_t row = (size_t) blockIdx.x * ROWS + threadIdx.y; row < rows;
      row += (size_t) gridDim.x * ROWS) {
    const size_t image = row / call.pixels, pixel = row % call.pixels;

    for (unsigned c = threadIdx.x; c < channels; c += CHANNELS) {
      const size_t group = image * call.groups + c / per_group;
      const Pixels < T > dx = pixels_of (call, static_cast < T * >(call.dx0),
          static_cast < T * >(call.dx1), image, c);
      const bool add = c >= call.c0 ? call.add1 : call.add0;
      Gradient g;
      float value;

      if (dx.at == nullptr)
        continue;
      g = gradient_of < T > (call, image, pixel, c);
      value = call.stats[group * 2 + 1] * (gamma_of (call, image, c)
          * g.dz - call.means[group * 2] - g.x * call.means[group * 2 + 1]);
      if (add)
        value += to_float (dx.at[pixel * dx.stride]);
      dx.at[pixel * dx.stride] = from_float < T > (value);
    }
  }
}

/* dbeta (blockIdx.y 0) and dgamma (1): of CHANNELS channels, as sum_pixels ()
 * does it, but over images */
static __global__ void __launch_bounds__ (THREADS)
sum_images (const CudaNormCall call)
{
  __shared__ float partials[ROWS][CHANNELS];
  const unsigned channels = channels_of (call);
  const unsigned c = blockIdx.x * CHANNELS + threadIdx.x;
  const float *sums = call.sums + blockIdx.y * call.n * channels;
  float *out = blockIdx.y == 0 ? call.dbeta : call.dgamma;
  float total = 0.0f;

  if (c < channels) {
    for (size_t image = threadIdx.y; image < call.n; image += ROWS)
      total += factor_of (call, image, c) * sums[image * channels + c];
  }
  partials[threadIdx.y][threadIdx.x] = total;
  __syncthreads ();
  if (threadIdx.y > 0 || c >= channels)
    return;
  total = call.add ? out[c] : 0.0f;
  for (unsigned row = 0; row < ROWS; row++)
    total += partials[row][threadIdx.x];
  out[c] = total;
}

/* --- launches ------------------------------------------------------------- */

template < typename T > static void
forward (cudaStream_t stream, const CudaNormCall & call)
{
  const unsigned per_group = (call.c0 + call.c1) / call.groups;
  unsigned wide = 1;

  while (wide < CHANNELS && wide < per_group)
    wide *= 2;
  launch (statistics < T >, dim3 (grid_size (call.n * call.groups, 1)),
      dim3 (THREADS), 0, stream, call, wide);
  launch (normalize < T >, dim3 (grid_size (call.n * call.pixels, ROWS)),
      dim3 (CHANNELS, ROWS), 0, stream, call);
}

void
ddpm_cuda_kern_norm_forward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call)
{
  if (bf16)
    forward < __nv_bfloat16 > (stream, *call);
  else
    forward < float >(stream, *call);
}

template < typename T > static void
backward (cudaStream_t stream, const CudaNormCall & call)
{
  const dim3 block (CHANNELS, ROWS);
  const size_t runs = ((size_t) call.c0 + call.c1 + CHANNELS - 1) / CHANNELS;

  launch (sum_pixels < T >, dim3 (grid_size (call.n * runs, 1)), block, 0,
      stream, call);
  launch (mean_groups, dim3 (grid_size (call.n * call.groups, ROWS)), block, 0,
      stream, call);
  launch (input_gradient < T >, dim3 (grid_size (call.n * call.pixels, ROWS)),
      block, 0, stream, call);
}

void
ddpm_cuda_kern_norm_backward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call)
{
  if (bf16)
    backward < __nv_bfloat16 > (stream, *call);
  else
    backward < float >(stream, *call);
}

void
ddpm_cuda_kern_norm_weights (cudaStream_t stream, const CudaNormCall * call)
{
  const unsigned channels = call->c0 + call->c1;

  launch (sum_images, dim3 ((channels + CHANNELS - 1) / CHANNELS, 2),
      dim3 (CHANNELS, ROWS), 0, stream, *call);
}
