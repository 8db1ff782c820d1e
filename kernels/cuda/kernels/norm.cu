/* gst-ddpm: CUDA backend: group norm with time bias, swish and dropout, in one
 * pass over memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Wu and He, "Group normalization" (2018), over the pixels and channels of each
 * group:
 *
 *   a  = concat (x0, x1) + time_bias
 *   x^ = (a - mean a) / sqrt (var a + eps)
 *   z  = gamma x^ + beta
 *   y  = dropout (swish (z))
 *
 * With modulation, gamma (1 + scale) and beta (1 + scale) + shift of the image
 * stand in the places of gamma and beta.
 *
 * A block reads run channels of an image, [pixels][run], into shared memory and
 * passes over them there: sums, squared deviations, results. Thread (x, y)
 * handles the same 16 bytes of channels of pixels y, y + lanes, ..., and reads
 * only what it stored itself. The border between x0 and x1 may lie within a
 * group, but not within 16 bytes.
 *
 * The order of sums depends on lanes alone. Sums are of x without the time
 * bias, which shifts the mean of a channel but not its deviations.
 */
#include "kernels/cuda/kernels/norm.cuh"

#define MAX_THREADS 384

struct Block
{
  size_t image;
  unsigned first;               /* first channel */
  unsigned thread, threads;
  unsigned at;                  /* this thread's first channel - first */
  float *partials;                /* shared memory: [lanes][run], */
  float *channel[3];            /* [run] each, */
  float *group[2];              /* [groups of the run] each */
};

/* slab: the start of shared memory, [tensors][steps][threads] */
template < typename T > __device__ inline Block
block_of (const CudaNormCall & call, const CudaNormShape & shape,
    uint4 * slab, int tensors)
{
  const unsigned runs = channels_of (call) / shape.run;
  const size_t steps = (call.pixels + shape.lanes - 1) / shape.lanes;
  Block b;

  b.image = blockIdx.x / runs;
  b.first = blockIdx.x % runs * shape.run;
  b.thread = threadIdx.y * blockDim.x + threadIdx.x;
  b.threads = blockDim.x * blockDim.y;
  b.at = threadIdx.x * Pack < T >::size;
  b.partials = reinterpret_cast < float *>(slab + tensors * steps * b.threads);
  b.channel[0] = b.partials + shape.lanes * shape.run;
  b.channel[1] = b.channel[0] + shape.run;
  b.channel[2] = b.channel[1] + shape.run;
  b.group[0] = b.channel[2] + shape.run;
  b.group[1] = b.group[0] + shape.run;
  return b;
}

/* total[run] = sums over the lanes. Each thread adds V rows of one channel,
 * into one of the first lanes / V rows, which are then added in order. Every
 * thread must call this; afterwards all can read total. */
template < int V > __device__ inline void
sum_lanes (const Block & b, const CudaNormShape & shape,
    const float (&value)[V], float *total)
{
  float4 *row = reinterpret_cast < float4 * >(b.partials
      + threadIdx.y * shape.run + b.at);
  float sum = 0.0f;

#pragma unroll
  for (int i = 0; i < V; i += 4)
    row[i / 4] = make_float4 (value[i], value[i + 1], value[i + 2],
        value[i + 3]);
  __syncthreads ();
#pragma unroll
  for (int i = 0; i < V; i++)
    sum += b.partials[b.thread + i * b.threads];
  b.partials[b.thread] = sum;      /* only this thread reads it */
  __syncthreads ();
  if (b.thread < shape.run) {
    sum = 0.0f;
    for (unsigned i = b.thread; i < b.threads; i += shape.run)
      sum += b.partials[i];
    total[b.thread] = sum;
  }
  __syncthreads ();
}

/* Dropout factors of V elements of an image, beginning with element */
template < int V > __device__ inline void
pack_factors (const CudaDropout & drop, size_t image, size_t element,
    float (&factor)[V])
{
#pragma unroll
  for (int i = 0; i < V; i += 4)
    dropout_factors (drop, image, (element + i) / 4, factor + i);
}

/* --- forward -------------------------------------------------------------- */

/* group[0] = means, from the sums in channel[0] */
__device__ inline void
group_means (const CudaNormCall & call, const CudaNormShape & shape,
    const Block & b, unsigned per_group, float count)
{
  for (unsigned g = b.thread; g < shape.run / per_group; g += b.threads) {
    float sum = 0.0f;

    for (unsigned c = g * per_group; c < (g + 1) * per_group; c++)
      sum += b.channel[0][c] + (float) call.pixels
          * time_bias_of (call, b.image, b.first + c);
    b.group[0][g] = sum / count;
  }
  __syncthreads ();
}

/* group[1] = 1 / sqrt (var + eps), from the squared deviations in channel[1] */
__device__ inline void
group_deviations (const CudaNormCall & call, const CudaNormShape & shape,
    const Block & b, unsigned per_group, float count)
{
  for (unsigned g = b.thread; g < shape.run / per_group; g += b.threads) {
    float *stats = stats_of (call, b.image, b.first / per_group + g);
    float sum = 0.0f;

    for (unsigned c = g * per_group; c < (g + 1) * per_group; c++)
      sum += b.channel[1][c];
    b.group[1][g] = 1.0f / sqrtf (sum / count + call.eps);
    stats[0] = b.group[0][g];
    stats[1] = b.group[1][g];
  }
  __syncthreads ();
}

template < typename T > static __global__ void __launch_bounds__ (MAX_THREADS)
norm_forward (const CudaNormCall call, const CudaNormShape shape)
{
  constexpr int V = Pack < T >::size;
  uint4 *slab = launched_shared ();
  const Block b = block_of < T > (call, shape, slab, 1);
  const unsigned channels = channels_of (call), channel = b.first + b.at;
  const unsigned per_group = channels / call.groups;
  const float count = (float) call.pixels * (float) per_group;
  const CudaDropout drop = dropout_of (call);
  const Pixels < const T > x = pixels_of (call,
      static_cast < const T * >(call.x0), static_cast < const T * >(call.x1),
      b.image, channel);
  T *y = static_cast < T * >(call.y) + b.image * call.pixels * channels
      + channel;
  float sum[V] = { }, squares[V] = { };
  float center[V], scale[V], beta[V];
  Pack < T > pack;

#pragma unroll 4
  for (size_t pixel = threadIdx.y, slot = b.thread; pixel < call.pixels;
      pixel += shape.lanes, slot += b.threads) {
    const uint4 raw =
        __ldg (reinterpret_cast < const uint4 * >(x.at + pixel * x.stride));

    slab[slot] = raw;
    pack.load (reinterpret_cast < const T * >(&raw));
#pragma unroll
    for (int i = 0; i < V; i++)
      sum[i] += pack.v[i];
  }
  sum_lanes (b, shape, sum, b.channel[0]);
  group_means (call, shape, b, per_group, count);
#pragma unroll
  for (int i = 0; i < V; i++)
    center[i] = b.group[0][(b.at + i) / per_group]
        - time_bias_of (call, b.image, channel + i);

#pragma unroll 4
  for (size_t pixel = threadIdx.y, slot = b.thread; pixel < call.pixels;
      pixel += shape.lanes, slot += b.threads) {
    pack.load (reinterpret_cast < const T * >(slab + slot));
#pragma unroll
    for (int i = 0; i < V; i++)
      squares[i] += (pack.v[i] - center[i]) * (pack.v[i] - center[i]);
  }
  sum_lanes (b, shape, squares, b.channel[1]);
  group_deviations (call, shape, b, per_group, count);
#pragma unroll
  for (int i = 0; i < V; i++) {
    scale[i] = b.group[1][(b.at + i) / per_group]
        * gamma_of (call, b.image, channel + i);
    beta[i] = beta_of (call, b.image, channel + i);
  }

#pragma unroll 2
  for (size_t pixel = threadIdx.y, slot = b.thread; pixel < call.pixels;
      pixel += shape.lanes, slot += b.threads) {
    float factor[V];

    pack.load (reinterpret_cast < const T * >(slab + slot));
#pragma unroll
    for (int i = 0; i < V; i++) {
      const float z = (pack.v[i] - center[i]) * scale[i] + beta[i];

      pack.v[i] = call.swish ? ddpm_swish (z, Coarse < T >::yes) : z;
    }
    if (call.drop) {
      pack_factors (drop, b.image, pixel * channels + channel, factor);
#pragma unroll
      for (int i = 0; i < V; i++)
        pack.v[i] *= factor[i];
    }
    pack.store (y + pixel * channels);
  }
}

/* --- backward ----------------------------------------------------------------
 *
 *   dz     = keep swish' (z) dy
 *   dbeta  = sum dz,  dgamma = sum dz x^    (over pixels and images)
 *   dx     = rstd (gamma dz - mean (gamma dz) - x^ mean (gamma dz x^))
 *   dtime  = sum dx                         (over pixels)
 *
 * with d = x - center and x^ = rstd d: the kernel sums and uses d. It stores
 * dropped elements of dy as zeros in shared memory, so that random numbers are
 * computed once. */

/* From the sums of dz, dz d and d in channel[]: sums for the weights, and
 * group[0] = rstd mean (gamma dz), group[1] = rstd^2 mean (gamma dz x^) */
__device__ inline void
group_gradients (const CudaNormCall & call, const CudaNormShape & shape,
    const Block & b, unsigned per_group, float count)
{
  const unsigned channels = channels_of (call);

  for (unsigned c = b.thread; c < shape.run; c += b.threads) {
    const float rstd =
        stats_of (call, b.image, (b.first + c) / per_group)[1];
    float *sums = call.sums + b.image * channels + b.first + c;

    sums[0] = b.channel[0][c];
    sums[call.n * channels] = rstd * b.channel[1][c];
    store_modulation (call, b.image, b.first + c, rstd * b.channel[1][c],
        b.channel[0][c]);
  }
  for (unsigned g = b.thread; g < shape.run / per_group; g += b.threads) {
    const float rstd = stats_of (call, b.image, b.first / per_group + g)[1];
    float dz = 0.0f, dz_x = 0.0f;

    for (unsigned c = g * per_group; c < (g + 1) * per_group; c++) {
      const float gamma = gamma_of (call, b.image, b.first + c);

      dz += gamma * b.channel[0][c];
      dz_x += gamma * (rstd * b.channel[1][c]);
    }
    b.group[0][g] = rstd * (dz / count);
    b.group[1][g] = rstd * rstd * (dz_x / count);
  }
  __syncthreads ();
}

__device__ inline void
store_time_bias (const CudaNormCall & call, const CudaNormShape & shape,
    const Block & b, unsigned per_group)
{
  float *dtime = call.dtime_bias + b.image * call.time_bias_stride + b.first;

  for (unsigned c = b.thread; c < shape.run; c += b.threads) {
    const unsigned g = c / per_group;
    const float rstd = stats_of (call, b.image, b.first / per_group + g)[1];

    dtime[c] = rstd * call.gamma[b.first + c] * b.channel[0][c]
        - (float) call.pixels * b.group[0][g] - b.channel[2][c] * b.group[1][g];
  }
}

template < typename T > static __global__ void __launch_bounds__ (MAX_THREADS)
norm_backward (const CudaNormCall call, const CudaNormShape shape)
{
  constexpr int V = Pack < T >::size;
  uint4 *slab = launched_shared ();
  const Block b = block_of < T > (call, shape, slab, 2);
  const size_t steps = (call.pixels + shape.lanes - 1) / shape.lanes;
  uint4 *dy_slab = slab + steps * b.threads;
  const unsigned channels = channels_of (call), channel = b.first + b.at;
  const unsigned per_group = channels / call.groups;
  const float count = (float) call.pixels * (float) per_group;
  const CudaDropout drop = dropout_of (call);
  const Pixels < const T > x = pixels_of (call,
      static_cast < const T * >(call.x0), static_cast < const T * >(call.x1),
      b.image, channel);
  const Pixels < T > dx = pixels_of (call, static_cast < T * >(call.dx0),
      static_cast < T * >(call.dx1), b.image, channel);
  const T *dy = static_cast < const T * >(call.dy)
      + b.image * call.pixels * channels + channel;
  const bool add = channel >= call.c0 ? call.add1 : call.add0;
  float sum_dz[V] = { }, sum_dz_d[V] = { }, sum_d[V] = { };
  float center[V], scale[V], beta[V], offset[V], slope[V];
  Pack < T > in, up;

#pragma unroll
  for (int i = 0; i < V; i++) {
    const float *stats = stats_of (call, b.image, (channel + i) / per_group);

    center[i] = stats[0] - time_bias_of (call, b.image, channel + i);
    scale[i] = stats[1] * gamma_of (call, b.image, channel + i);
    beta[i] = beta_of (call, b.image, channel + i);
  }

#pragma unroll 2
  for (size_t pixel = threadIdx.y, slot = b.thread; pixel < call.pixels;
      pixel += shape.lanes, slot += b.threads) {
    const uint4 raw =
        __ldg (reinterpret_cast < const uint4 * >(x.at + pixel * x.stride));
    const uint4 raw_dy =
        __ldg (reinterpret_cast < const uint4 * >(dy + pixel * channels));
    float factor[V];

    slab[slot] = raw;
    in.load (reinterpret_cast < const T * >(&raw));
    up.load (reinterpret_cast < const T * >(&raw_dy));
    if (call.drop) {
      pack_factors (drop, b.image, pixel * channels + channel, factor);
#pragma unroll
      for (int i = 0; i < V; i++)
        up.v[i] = factor[i] == 0.0f ? 0.0f : up.v[i];
    }
    up.store (reinterpret_cast < T * >(dy_slab + slot));
#pragma unroll
    for (int i = 0; i < V; i++) {
      const float d = in.v[i] - center[i], z = d * scale[i] + beta[i];
      float dz = up.v[i] * drop.scale;

      if (call.swish)
        dz *= ddpm_swish_derivative (z, Coarse < T >::yes);
      sum_dz[i] += dz;
      sum_dz_d[i] += dz * d;
      sum_d[i] += d;
    }
  }
  sum_lanes (b, shape, sum_dz, b.channel[0]);
  sum_lanes (b, shape, sum_dz_d, b.channel[1]);
  sum_lanes (b, shape, sum_d, b.channel[2]);
  group_gradients (call, shape, b, per_group, count);
  if (call.dtime_bias)
    store_time_bias (call, shape, b, per_group);
  if (dx.at == nullptr)
    return;
#pragma unroll
  for (int i = 0; i < V; i++) {
    offset[i] = b.group[0][(b.at + i) / per_group];
    slope[i] = b.group[1][(b.at + i) / per_group];
  }

#pragma unroll 2
  for (size_t pixel = threadIdx.y, slot = b.thread; pixel < call.pixels;
      pixel += shape.lanes, slot += b.threads) {
    T *to = dx.at + pixel * dx.stride;
    Pack < T > out = { };

    if (add)
      out.load (to);
    in.load (reinterpret_cast < const T * >(slab + slot));
    up.load (reinterpret_cast < const T * >(dy_slab + slot));
#pragma unroll
    for (int i = 0; i < V; i++) {
      const float d = in.v[i] - center[i], z = d * scale[i] + beta[i];
      float dz = up.v[i] * drop.scale;

      if (call.swish)
        dz *= ddpm_swish_derivative (z, Coarse < T >::yes);
      out.v[i] += scale[i] * dz - offset[i] - d * slope[i];
    }
    out.store (to);
  }
}

/* --- launches ------------------------------------------------------------- */

cudaError_t
ddpm_cuda_kern_norm_prepare (size_t shared)
{
  const void *kernels[] = {
    (const void *) norm_forward < float >,
    (const void *) norm_forward < __nv_bfloat16 >,
    (const void *) norm_backward < float >,
    (const void *) norm_backward < __nv_bfloat16 >,
  };
  cudaError_t status = cudaSuccess;

  for (int i = 0; i < 4 && status == cudaSuccess; i++) {
    status = cudaFuncSetAttribute (kernels[i],
        cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared);
    /* as much shared memory as possible, so that several blocks fit */
    if (status == cudaSuccess)
      status = cudaFuncSetAttribute (kernels[i],
          cudaFuncAttributePreferredSharedMemoryCarveout,
          cudaSharedmemCarveoutMaxShared);
  }
  return status;
}

template < typename T > static void
launch_one_pass (void (*kernel) (CudaNormCall, CudaNormShape),
    cudaStream_t stream, const CudaNormCall & call,
    const CudaNormShape & shape)
{
  const unsigned runs = (call.c0 + call.c1) / shape.run;
  const dim3 block (shape.run * sizeof (T) / 16, shape.lanes);

  launch (kernel, dim3 ((unsigned) call.n * runs), block, shape.shared, stream,
      call, shape);
}

void
ddpm_cuda_kern_norm_forward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape)
{
  if (bf16)
    launch_one_pass < __nv_bfloat16 > (norm_forward < __nv_bfloat16 >, stream,
        *call, *shape);
  else
    launch_one_pass < float >(norm_forward < float >, stream, *call, *shape);
}

void
ddpm_cuda_kern_norm_backward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape)
{
  if (bf16)
    launch_one_pass < __nv_bfloat16 > (norm_backward < __nv_bfloat16 >, stream,
        *call, *shape);
  else
    launch_one_pass < float >(norm_backward < float >, stream, *call, *shape);
}
