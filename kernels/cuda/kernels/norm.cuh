/* gst-ddpm: CUDA backend: what the kernels of group norm share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/kernels/common.cuh"
#include "kernels/cuda/kernels/norm.h"
#include "kernels/norm-math.h"

/* Whether approximate functions are exact enough: they are for bf16. */
template < typename T > struct Coarse
{
  static constexpr int yes = sizeof (T) == 2;
};

__device__ inline unsigned
channels_of (const CudaNormCall & call)
{
  return call.c0 + call.c1;
}

/* The pixels of one channel of an image, in the source that the channel belongs
 * to: the first one, and the distance to the next. NULL: that source is
 * NULL. */
template < typename T > struct Pixels
{
  T *at;
  size_t stride;
};

template < typename T > __device__ inline Pixels < T >
pixels_of (const CudaNormCall & call, T * x0, T * x1, size_t image,
    unsigned channel)
{
  const bool second = channel >= call.c0;
  const size_t stride = second ? call.c1 : call.c0;
  T *x = second ? x1 : x0;

  if (x != nullptr)
    x += image * call.pixels * stride + channel - (second ? call.c0 : 0);
  return { x, stride };
}

__device__ inline float
time_bias_of (const CudaNormCall & call, size_t image, unsigned channel)
{
  return call.time_bias == nullptr ? 0.0f
      : call.time_bias[image * call.time_bias_stride + channel];
}

/* Means and 1 / sqrt (var + eps): stats [n][groups][2] */
__device__ inline float *
stats_of (const CudaNormCall & call, size_t image, unsigned group)
{
  return call.stats + (image * call.groups + group) * 2;
}

/* Without dropout, no random number is below the limit. */
__device__ inline CudaDropout
dropout_of (const CudaNormCall & call)
{
  const CudaDropout none = { 0, 0, 0, 0, 1.0f };

  return call.drop == nullptr ? none : *call.drop;
}

/* The factors by which dropout multiplies four elements of an image, which
 * share a block of random numbers: elements 4 block to 4 block + 3, where
 * element e is pixel (c0 + c1) + channel */
__device__ inline void
dropout_factors (const CudaDropout & drop, size_t image, size_t block,
    float factor[4])
{
  uint32_t words[4];

  ddpm_random4 (drop.seed, drop.first_sample + image, drop.stream,
      (uint32_t) block, words);
#pragma unroll
  for (int i = 0; i < 4; i++)
    factor[i] = ddpm_dropout_keeps (words[i], drop.limit) ? drop.scale : 0.0f;
}
