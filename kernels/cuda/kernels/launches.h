/* gst-ddpm: CUDA backend: launches of the kernels, for C
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each puts its kernels on the stream and returns at once; the caller asks
 * with ddpm_cuda_launch_ok () whether that went well. Pointers are device memory.
 * Activations are void *: f32, or where bf16 is set, bf16.
 */
#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/picture.h"
#include "kernels/steps.h"
#include "kernels/cuda/layout.h"

#ifdef __cplusplus
extern "C"
{
#endif

/* --- linear.cu --------------------------------------------------------- */

/* y[row][column] = bias[column] */
void ddpm_cuda_kern_broadcast_bias (cudaStream_t stream, size_t rows, size_t columns,
    const float *bias, float *y);
/* All of a linear layer, of so many rows at most:
 * y [rows][columns] = x [rows][in] weight [columns][in]^T + bias */
#define CUDA_KERN_FEW_ROWS 16
void ddpm_cuda_kern_linear_few_rows (cudaStream_t stream, unsigned rows, size_t in,
    size_t columns, const float *x, const float *weight, const float *bias,
    float *y);
/* sum[column] (+)= sum over rows of x[row][column], in an order of its own */
void ddpm_cuda_kern_sum_rows (cudaStream_t stream, size_t rows, size_t columns,
    const float *x, float *sum, int add);

/* --- layout.cu: around cuDNN's convolutions ------------------------------ */

/* x [pixels][padded] = x0 | x1 | 0 */
void ddpm_cuda_kern_concat (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x0, const void *x1, int dst_bf16, void *x);
/* x0 | x1 (+)= x [pixels][padded]; x0 or x1 NULL: not wanted */
void ddpm_cuda_kern_split (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x, int dst_bf16, void *x0, int add0, void *x1,
    int add1);
/* y [pixels][c0] = sum [pixels][padded] + bias [c0] + residual [pixels][c0];
 * bias or residual NULL: none */
void ddpm_cuda_kern_add_bias (cudaStream_t stream, const CudaChannels * channels,
    int sum_bf16, const void *sum, const float *bias, int y_bf16,
    const void *residual, void *y);
/* Plain weights to padded ones, and padded gradients to plain ones */
void ddpm_cuda_kern_weights_to_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, const float *weight, int padded_bf16,
    void *padded);
void ddpm_cuda_kern_weights_from_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, int padded_bf16, const void *padded,
    float *weight, int add);
/* parts [ddpm_cuda_chunk_count (pixels)][c]: sums over pixels of x [pixels][c] */
void ddpm_cuda_kern_sum_pixels (cudaStream_t stream, size_t pixels, unsigned c,
    int x_bf16, const void *x, float *parts);

/* --- elements.cu ------------------------------------------------------- */

/* x [rows][columns][channels] of all images; y twice as high and wide */
void ddpm_cuda_kern_upsample_forward (cudaStream_t stream, size_t rows,
    size_t columns, size_t channels, int bf16, const void *x, void *y);
void ddpm_cuda_kern_upsample_backward (cudaStream_t stream, size_t rows,
    size_t columns, size_t channels, int bf16, const void *dy, void *dx,
    int add);
void ddpm_cuda_kern_accumulate (cudaStream_t stream, size_t count, int bf16,
    const void *x, void *y);
/* t [n]: rows of the table; n is not 0 */
void ddpm_cuda_kern_embedding (cudaStream_t stream, unsigned n, size_t dim,
    const float *table, const int *t, float *out);
/* index [n]: rows of the table, or -1; n is not 0 */
void ddpm_cuda_kern_embedding_add (cudaStream_t stream, unsigned n, size_t dim,
    const float *table, const int *index, float *out);
void ddpm_cuda_kern_embedding_backward (cudaStream_t stream, unsigned n,
    size_t dim, unsigned rows, const int *index, const float *dy,
    float *dtable, int add);
void ddpm_cuda_kern_swish_forward (cudaStream_t stream, size_t count,
    const float *x, float *y);
void ddpm_cuda_kern_swish_backward (cudaStream_t stream, size_t count,
    const float *x, const float *dy, float *dx);

/* --- picture.cu ---------------------------------------------------------- */

void ddpm_cuda_kern_to_picture (cudaStream_t stream, const float *x,
    const DdpmPicture * p);
void ddpm_cuda_kern_from_picture (cudaStream_t stream, const DdpmPicture * p,
    uint8_t *pixels);
/* mirrored [n]: device memory, too */
void ddpm_cuda_kern_from_pixels (cudaStream_t stream, unsigned n,
    const DdpmPixels * p, const uint8_t *pixels, const uint8_t *mirrored,
    float *x);

/* --- diffusion.cu, optimizer.cu ------------------------------------- */

/* What changes from step to step lies in device memory: kernels that are
 * launched again and again, in a graph, find the new values there. */
typedef struct
{
  uint64_t seed, first_sample;
  uint32_t stream;
} CudaNoise;

typedef struct
{
  DdpmReverseStep step;
  uint64_t seed, first_sample;
} CudaReverse;

typedef struct
{
  unsigned n_valid;
} CudaLoss;

void ddpm_cuda_kern_noise (cudaStream_t stream, const CudaNoise * args, unsigned n,
    unsigned elements, float *out);
/* a, s [n] */
void ddpm_cuda_kern_q_sample (cudaStream_t stream, unsigned n, unsigned elements,
    const float *a, const float *s, const float *x_0, const float *eps,
    float *x_t);
/* scale, loss [n]; n is not 0 */
void ddpm_cuda_kern_mse (cudaStream_t stream, const CudaLoss * args,
    const float *scale, unsigned n, unsigned elements, const float *pred, const float *target, float *dpred,
    double *loss);
void ddpm_cuda_kern_guide (cudaStream_t stream, size_t count, float w,
    const float *without, float *eps);
/* x_0_prev NULL: not kept */
void ddpm_cuda_kern_reverse_step (cudaStream_t stream, const CudaReverse * args,
    unsigned n, unsigned elements, float *x, const float *eps,
    float *x_0_prev);

/* sums [CUDA_KERN_SUMS], which add up to the sum */
#define CUDA_KERN_SUMS 256
void ddpm_cuda_kern_sum_of_squares (cudaStream_t stream, size_t count,
    const float *x, double *sums);
/* Device memory: a step that depends on the length of the gradient */
typedef struct
{
  DdpmAdam adam;                /* its grad_scale: before, and after clipping */
  double limit;
  double squares;               /* of the length */
  int stop;                     /* the gradient is not sane */
} CudaClipping;

/* sums: as ddpm_cuda_kern_sum_of_squares () has left them */
void ddpm_cuda_kern_clip (cudaStream_t stream, const double *sums,
    CudaClipping * clipping);
/* ema NULL: none is kept; stop NULL, or to 0: go on */
void ddpm_cuda_kern_adam (cudaStream_t stream, const DdpmAdam * args,
    const int *stop, size_t count, const float *grad, float *param, float *m,
    float *v, float *ema);

#ifdef __cplusplus
}
#endif
