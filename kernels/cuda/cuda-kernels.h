/* gst-ddpm: CUDA backend: launches of the kernels, for C
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each puts its kernels on the stream and returns at once; the caller asks
 * with cuda_launched () whether that went well. Pointers are device memory.
 * Activations are void *: f32, or where bf16 is set, bf16.
 */
#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

/* --- kern-linear.cu --------------------------------------------------------- */

/* y[row][column] = bias[column] */
void cuda_kern_spread_bias (cudaStream_t stream, size_t rows, size_t columns,
    const float *bias, float *y);
/* sum[column] (+)= sum over rows of x[row][column], in an order of its own */
void cuda_kern_sum_rows (cudaStream_t stream, size_t rows, size_t columns,
    const float *x, float *sum, int add);

#ifdef __cplusplus
}
#endif
