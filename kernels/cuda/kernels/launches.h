/* gst-ddpm: CUDA backend: launches of the kernels, for C
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each function puts its kernels on the stream and returns at once; the caller
 * then calls ddpm_cuda_launch_ok (). Pointers are device memory. Activations
 * are void *: bf16 if bf16 is set, otherwise f32.
 */
#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/picture-math.h"
#include "kernels/steps.h"
#include "kernels/cuda/layout.h"

#ifdef __cplusplus
extern "C"
{
#endif

/* --- linear.cu ------------------------------------------------------------ */

/* y[row][column] = bias[column] */
void ddpm_cuda_kern_broadcast_bias (cudaStream_t stream, size_t rows, size_t
    columns, const float *bias, float *y);
/* A whole linear layer, for at most CUDA_KERN_FEW_ROWS rows:
 * y [rows][columns] = x [rows][in] weight [columns][in]^T + bias */
#define CUDA_KERN_FEW_ROWS 16
void ddpm_cuda_kern_linear_few_rows (cudaStream_t stream, unsigned rows, size_t
    in, size_t columns, const float *x, const float *weight, const float *bias,
    float *y);
/* sum[column] (+)= sum over rows of x[row][column], in a fixed order */
void ddpm_cuda_kern_sum_rows (cudaStream_t stream, size_t rows, size_t columns,
    const float *x, float *sum, int add);

/* --- layout.cu: around cuDNN's convolutions ------------------------------- */

/* x [pixels][padded] = x0 | x1 | 0 */
void ddpm_cuda_kern_concat (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x0, const void *x1, int dst_bf16, void *x);
/* x0 | x1 (+)= x [pixels][padded]; x0 or x1 NULL: skipped */
void ddpm_cuda_kern_split (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x, int dst_bf16, void *x0, int add0, void *x1,
    int add1);
/* y [pixels][c0] = sum [pixels][padded] + bias [c0] + residual [pixels][c0];
 * bias or residual NULL: none */
void ddpm_cuda_kern_add_bias (cudaStream_t stream, const CudaChannels *
    channels, int sum_bf16, const void *sum, const float *bias, int y_bf16,
    const void *residual, void *y);
/* Weights from KCRS to KRSC, and their gradients back */
void ddpm_cuda_kern_weights_to_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, const float *weight, int krsc_bf16,
    void *krsc);
void ddpm_cuda_kern_weights_from_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, int krsc_bf16, const void *krsc,
    float *weight, int add);
/* partials [ddpm_cuda_chunk_count (pixels)][c]: sums of x [pixels][c] over the
 * pixels of each chunk */
void ddpm_cuda_kern_sum_pixels (cudaStream_t stream, size_t pixels, unsigned c,
    int x_bf16, const void *x, float *partials);

/* --- elements.cu ---------------------------------------------------------- */

/* x [rows][columns][channels] of all images; y twice as high and wide */
void ddpm_cuda_kern_upsample_forward (cudaStream_t stream, size_t rows,
    size_t columns, size_t channels, int bf16, const void *x, void *y);
void ddpm_cuda_kern_upsample_backward (cudaStream_t stream, size_t rows,
    size_t columns, size_t channels, int bf16, const void *dy, void *dx,
    int add);
void ddpm_cuda_kern_accumulate (cudaStream_t stream, size_t count, int bf16,
    const void *x, void *y);
void ddpm_cuda_kern_scale (cudaStream_t stream, size_t count, float factor,
    int bf16, void *y);
/* x [pixels][2 c], first and second [pixels][c]; second NULL: nowhere */
void ddpm_cuda_kern_split_channels (cudaStream_t stream, size_t pixels,
    size_t c, const float *x, float *first, float *second);
/* The reverse; second NULL: zeros */
void ddpm_cuda_kern_join_channels (cudaStream_t stream, size_t pixels,
    size_t c, const float *first, const float *second, float *y);
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

/* --- picture.cu ----------------------------------------------------------- */

void ddpm_cuda_kern_to_picture (cudaStream_t stream, const float *x,
    const DdpmPicture * p);
void ddpm_cuda_kern_from_picture (cudaStream_t stream, const DdpmPicture * p,
    uint8_t *pixels);
/* mirrored [n]: device memory as well */
void ddpm_cuda_kern_from_pixels (cudaStream_t stream, unsigned n,
    const DdpmPixels * p, const uint8_t *pixels, const uint8_t *mirrored,
    float *x);

/* --- diffusion.cu, optimizer.cu ------------------------------------------- */

/* Arguments that change from step to step are in device memory, so that a graph
 * that is launched again reads the new values there. */
typedef struct
{
  uint64_t seed, first_sample;
  uint32_t stream, interval;
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

void ddpm_cuda_kern_noise (cudaStream_t stream, const CudaNoise * args, unsigned
    n, unsigned elements, float *out);
/* a, s [n] */
void ddpm_cuda_kern_q_sample (cudaStream_t stream, unsigned n, unsigned
    elements, const float *a, const float *s, const float *x_0, const float
    *eps, float *x_t);
/* scale, loss [n]; n is not 0 */
void ddpm_cuda_kern_mse (cudaStream_t stream, const CudaLoss * args, const float
    *scale, unsigned n, unsigned elements, const float *pred, const float
    *target, float *dpred, double *loss);
void ddpm_cuda_kern_guide (cudaStream_t stream, size_t count, float w,
    const float *without, float *eps);
/* x_0_prev NULL: not kept */
void ddpm_cuda_kern_reverse_step (cudaStream_t stream, const CudaReverse * args,
    unsigned n, unsigned elements, float *x, const float *pred,
    float *x_0_prev);
void ddpm_cuda_kern_learned_noise (cudaStream_t stream, const CudaReverse *
    args, unsigned n, unsigned elements, const float *v, float *x);

/* sums [CUDA_KERN_SUMS]: partial sums */
#define CUDA_KERN_SUMS 256
void ddpm_cuda_kern_sum_of_squares (cudaStream_t stream, size_t count,
    const float *x, double *sums);
/* In device memory: an optimizer step whose gradient is clipped */
typedef struct
{
  DdpmAdam adam;                /* grad_scale is updated by clipping */
  double limit;
  double squares;               /* of the gradient's norm */
  int stop;                     /* the gradient is not finite */
} CudaClipping;

/* sums: what ddpm_cuda_kern_sum_of_squares () wrote */
void ddpm_cuda_kern_clip (cudaStream_t stream, const double *sums,
    CudaClipping * clipping);
/* ema NULL: none is kept. *stop not 0: nothing changes; stop may be NULL. */
void ddpm_cuda_kern_adam (cudaStream_t stream, const DdpmAdam * args,
    const int *stop, size_t count, const float *grad, float *param, float *m,
    float *v, float *ema);

#ifdef __cplusplus
}
#endif
