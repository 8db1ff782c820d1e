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

/* 1 + the scale by which the time multiplies a channel of an image */
__device__ inline float
factor_of (const CudaNormCall & call, size_t image, unsigned channel)
{
  return call.modulation == nullptr ? 1.0f
      : 1.0f + call.modulation[image * call.time_bias_stride + channel];
}

/* What stands in the places of gamma and beta for an image */
__device__ inline float
gamma_of (const CudaNormCall & call, size_t image, unsigned channel)
{
  return call.gamma[channel] * factor_of (call, image, channel);
}

__device__ inline float
beta_of (const CudaNormCall & call, size_t image, unsigned channel)
{
  const float beta = call.beta[channel];

  return call.modulation == nullptr ? beta
      : beta * factor_of (call, image, channel)
      + call.modulation[image * call.time_bias_stride + call.c0 + channel];
}

/* The gradients of an image's scale and shift from those of what stands in the
 * places of gamma and beta, if they are needed */
__device__ inline void
store_modulation (const CudaNormCall & call, size_t image, unsigned channel,
    float dgamma, float dbeta)
{
  float *dscale = call.dmodulation;

  if (dscale == nullptr)
    return;
  dscale += image * call.time_bias_stride;
  dscale[channel] = call.gamma[channel] * dgamma + call.beta[channel] * dbeta;
  dscale[call.c0 + channel] = dbeta;
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
