/* gst-ddpm: CUDA backend: launches of the kernels of group norm
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As in launches.h: each function puts its kernels on the stream and returns at
 * once. Pointers are device memory. Activations are bf16 if bf16 is set,
 * otherwise f32.
 */
#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

/* DdpmDropout as the kernels take it: in device memory, so that a graph that is
 * launched again reads the new seed there */
typedef struct
{
  uint64_t seed, first_sample;
  uint32_t stream;
  uint32_t limit;               /* of ddpm_dropout_keeps () */
  float scale;                  /* of elements that are kept: 1 / (1 - p) */
} CudaDropout;

/* One call: the arguments of DdpmOps.norm_forward or norm_backward, and the
 * norm's description */
typedef struct
{
  size_t n, pixels;
  unsigned c0, c1, groups;
  float eps;
  int swish;
  const void *x0, *x1;
  const float *time_bias;       /* NULL: none */
  const float *modulation;      /* [n][2 c0], in its place; NULL: none */
  size_t time_bias_stride;      /* of either */
  const float *gamma, *beta;
  const CudaDropout *drop;      /* device memory; NULL: none */
  float *stats;
  void *y;                      /* forward */
  const void *dy;               /* from here on: backward */
  void *dx0, *dx1;
  int add0, add1;
  float *dgamma, *dbeta;
  int add;
  float *dtime_bias, *dmodulation;
  float *sums;                  /* workspace [3][n][c0 + c1], over pixels, of:
                                 * dz, dz x^ and x^ */
  float *means;                 /* workspace [n][groups][2], over groups, of:
                                 * gamma dz and gamma dz x^ */
} CudaNormCall;

/* How the blocks of the one-pass kernels divide a norm. Each block handles run
 * channels of one image, which are whole groups, with run / (16 bytes) x lanes
 * threads, and keeps them in shared memory. */
typedef struct
{
  unsigned run;                 /* 0: the norm does not fit */
  unsigned lanes;               /* pixels at a time, a multiple of 8 */
  size_t shared;                /* bytes */
} CudaNormShape;

/* Allows the one-pass kernels this much shared memory, once for a GPU. */
cudaError_t ddpm_cuda_kern_norm_prepare (size_t shared);
/* All tensors and pixels must be aligned to 16 bytes. */
void ddpm_cuda_kern_norm_forward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape);
/* Writes the sums that ddpm_cuda_kern_norm_weights () reads */
void ddpm_cuda_kern_norm_backward (cudaStream_t stream, int bf16,
    const CudaNormCall * call, const CudaNormShape * shape);
/* The same for any shape */
void ddpm_cuda_kern_norm_forward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call);
void ddpm_cuda_kern_norm_backward_general (cudaStream_t stream, int bf16,
    const CudaNormCall * call);
/* dgamma and dbeta: sums over images */
void ddpm_cuda_kern_norm_weights (cudaStream_t stream, const CudaNormCall *
    call);

#ifdef __cplusplus
}
#endif
