/* gst-ddpm: CUDA backend: what the kernels share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations are read and written 16 bytes at a time and computed in f32. Sums
 * over threads always have the same order, so that equal inputs give equal
 * bits.
 */
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/cuda/kernels/launch.cuh"
#include "kernels/cuda/kernels/launches.h"

/* --- activations ---------------------------------------------------------- */

__device__ inline float
to_float (float value)
{
  return value;
}

__device__ inline float
to_float (__nv_bfloat16 value)
{
  return __bfloat162float (value);
}

template < typename T > __device__ inline T from_float (float value);

template <> __device__ inline float
from_float < float >(float value)
{
  return value;
}

template <> __device__ inline __nv_bfloat16
from_float < __nv_bfloat16 > (float value)
{
  return __float2bfloat16_rn (value);
}

/* V elements in memory, which are accessed together, 16 bytes at a time */
template < typename T, int V > struct alignas (V * sizeof (T) < 16
    ? V * sizeof (T) : 16) Lanes
{
  T v[V];
};

/* V elements as floats: 16 bytes of T, unless V says otherwise. In memory they
 * must be aligned to their size, or to 16 bytes if they are larger. */
template < typename T, int V = 16 / (int) sizeof (T) > struct Pack
{
  static constexpr int size = V;
  float v[V];

  __device__ inline void
  load (const T * from)
  {
    const Lanes < T, V > raw =
        *reinterpret_cast < const Lanes < T, V > * >(from);

#pragma unroll
    for (int i = 0; i < V; i++)
      v[i] = to_float (raw.v[i]);
  }

  __device__ inline void
  store (T * to) const
  {
    Lanes < T, V > raw;

#pragma unroll
    for (int i = 0; i < V; i++)
      raw.v[i] = from_float < T > (v[i]);
    *reinterpret_cast < Lanes < T, V > * >(to) = raw;
  }
};

/* Whether p is aligned to 16 bytes */
static inline bool
is_packed (const void *p)
{
  return reinterpret_cast < uintptr_t > (p) % 16 == 0;
}

/* --- sums over threads ---------------------------------------------------- */

/* The sum over a warp, in every lane */
template < typename T > __device__ inline T
warp_sum (T value)
{
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2)
    value += __shfl_xor_sync (0xFFFFFFFFu, value, lane);
  return value;
}

__device__ inline float
warp_max (float value)
{
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2)
    value = fmaxf (value, __shfl_xor_sync (0xFFFFFFFFu, value, lane));
  return value;
}

/* The sum over a one-dimensional block of whole warps, in every thread. Every
 * thread must call this. */
template < typename T > __device__ inline T
block_sum (T value)
{
  __shared__ T partials[32];
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;

  value = warp_sum (value);
  if (lane == 0)
    partials[warp] = value;
  __syncthreads ();
  value = warp_sum (lane < blockDim.x / 32 ? partials[lane] : T (0));
  __syncthreads ();             /* partials may be written again */
  return value;
}

/* --- launches ------------------------------------------------------------- */

/* How many blocks of this many threads loop over count elements in steps of the
 * whole grid */
static inline unsigned
grid_size (size_t count, unsigned threads)
{
  const size_t blocks = (count + threads - 1) / threads;
  const size_t most = 132 * 16; /* a few waves on the largest GPUs */

  return (unsigned) (blocks < 1 ? 1 : blocks < most ? blocks : most);
}

/* Calls function (i) for every i below count */
template < typename Function > static __global__ void
for_each (size_t count, Function function)
{
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < count;
      i += step)
    function (i);
}

/* function: a __device__ lambda that captures by value */
template < typename Function > static void
launch_for_each (cudaStream_t stream, size_t count, const Function & function)
{
  const unsigned threads = 256;

  launch (for_each < Function >, dim3 (grid_size (count, threads)),
      dim3 (threads), 0, stream, count, function);
}
