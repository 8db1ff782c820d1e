/* gst-ddpm: CUDA backend: launches of the softmax kernels, for C
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

/* probs = softmax (scale scores) of each of the rows */
void ddpm_cuda_kern_softmax (cudaStream_t stream, int bf16, size_t rows,
    size_t columns, float scale, const float *scores, void *probs);
/* dscores = probs (dprobs - sum (probs dprobs)) of each of the rows */
void ddpm_cuda_kern_softmax_backward (cudaStream_t stream, int bf16, size_t rows,
    size_t columns, const void *probs, const float *dprobs, void *dscores);

#ifdef __cplusplus
}
#endif
