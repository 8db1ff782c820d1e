/* gst-ddpm: CUDA backend: what the kernels share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations are read and written 16 bytes at a time and computed with in
 * float. Sums over threads are trees of one shape, so that equal inputs give
 * equal bits.
 */
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/cuda/kernels/launches.h"

/* --- activations ------------------------------------------------------------- */

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

/* 16 bytes of T as floats. Places in memory are multiples of 16 bytes. */
template < typename T > struct Pack
{
  static constexpr int size = 16 / (int) sizeof (T);
  float v[size];

  __device__ inline void
  load (const T * from)
  {
    alignas (16) T raw[size];

    *reinterpret_cast < uint4 * >(raw) =
        *reinterpret_cast < const uint4 *>(from);
#pragma unroll
    for (int i = 0; i < size; i++)
      v[i] = to_float (raw[i]);
  }

  __device__ inline void
  store (T * to) const
  {
    alignas (16) T raw[size];

#pragma unroll
    for (int i = 0; i < size; i++)
      raw[i] = from_float < T > (v[i]);
    *reinterpret_cast < uint4 * >(to) =
        *reinterpret_cast < const uint4 *>(raw);
  }
};

/* Whether pointers and counts allow 16 bytes at a time */
static inline bool
is_packed (const void *p)
{
  return reinterpret_cast < uintptr_t > (p) % 16 == 0;
}

/* --- sums over threads ---------------------------------------------------------- */

/* Over a whole warp; every lane gets it. */
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

/* Over a one-dimensional block of whole warps; every thread gets it, and every
 * thread has to come here. */
template < typename T > __device__ inline T
block_sum (T value)
{
  __shared__ T parts[32];
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;

  value = warp_sum (value);
  if (lane == 0)
    parts[warp] = value;
  __syncthreads ();
  value = warp_sum (lane < blockDim.x / 32 ? parts[lane] : T (0));
  __syncthreads ();             /* parts may be written again */
  return value;
}

/* --- launches ------------------------------------------------------------------- */

/* Blocks for a loop over count elements by blocks of so many threads that go
 * on in steps of the whole grid */
static inline unsigned
grid_size (size_t count, unsigned threads)
{
  const size_t blocks = (count + threads - 1) / threads;
  const size_t most = 132 * 16; /* a few waves on the largest machines */

  return (unsigned) (blocks < 1 ? 1 : blocks < most ? blocks : most);
}
