/* gst-ddpm: CUDA backend: launches of the kernels of norms, for C
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As in launches.h: each puts its kernels on the stream and returns at
 * once, pointers are device memory, and activations are f32, or where bf16 is
 * set, bf16.
 */
#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

/* DdpmDropout as the kernels take it. It lies in device memory: kernels that
 * are launched again and again, in a graph, find the new seed there. */
typedef struct
{
  uint64_t seed, first_sample;
  uint32_t stream;
  uint32_t limit;               /* of ddpm_dropout_keeps () */
  float scale;                  /* of what is kept: 1 / (1 - p) */
} CudaDropout;

/* One call of a norm: the arguments of DdpmOps.norm_forward or norm_backward,
 * and what its description says */
typedef struct
{
  size_t n, pixels;
  unsigned c0, c1, groups;
  float eps;
  int swish;
  const void *x0, *x1;
  const float *time_bias;       /* NULL: none */
  size_t time_bias_stride;
  const float *gamma, *beta;
  const CudaDropout *drop;      /* device memory; NULL: none */
  float *stats;
  void *y;                      /* forward */
  const void *dy;               /* all from here on: backward */
  void *dx0, *dx1;
  int add0, add1;
  float *dgamma, *dbeta;
  int add;
  float *dtime_bias;
  float *sums;                  /* workspace [3][n][c0 + c1], over pixels of:
                                 * dz, dz x^ and x^ */
  float *means;                 /* workspace [n][groups][2], over groups of:
                                 * gamma dz and gamma dz x^ */
} CudaNormCall;

/* How blocks of the fast kernels divide a norm: each takes one image and run
 * channels, whole groups of them, by run / (16 bytes) x lanes threads, and
 * keeps its part of the image in shared memory. */
typedef struct
{
  unsigned run;                 /* 0: the norm does not fit into them */
  unsigned lanes;               /* pixels at a time: a multiple of 8 */
  size_t shared;                /* bytes */
} CudaNormShape;

/* Lets the fast kernels have so much shared memory, once for a device. */
cudaError_t ddpm_cuda_kern_norm_prepare (size_t shared);
/* Sources and results begin at multiples of 16 bytes, and so do all pixels. */
void ddpm_cuda_kern_norm_forward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape);
/* Leaves sums for ddpm_cuda_kern_norm_weights () */
void ddpm_cuda_kern_norm_backward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape);
/* The same for any shape */
void ddpm_cuda_kern_norm_forward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call);
void ddpm_cuda_kern_norm_backward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call);
/* dgamma and dbeta: sums over images */
void ddpm_cuda_kern_norm_weights (cudaStream_t stream, const CudaNormCall * call);

#ifdef __cplusplus
}
#endif
