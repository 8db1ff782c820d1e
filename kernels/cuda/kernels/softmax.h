/* gst-ddpm: CUDA backend: launches of the softmax kernels
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

/* probs = softmax (scale scores) of each of the rows */
void ddpm_cuda_kern_softmax (cudaStream_t stream, int bf16, size_t rows,
    size_t columns, float scale, const float *scores, void *probs);
/* dscores = probs (dprobs - sum (probs dprobs)) of each of the rows */
void ddpm_cuda_kern_softmax_backward (cudaStream_t stream, int bf16, size_t
    rows, size_t columns, const void *probs, const float *dprobs, void
    *dscores);

#ifdef __cplusplus
}
#endif
