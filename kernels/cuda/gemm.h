/* gst-ddpm: CUDA backend: matrix products (gemm) by cuBLASLt
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* batch matrices of rows x columns, row-major: row_stride elements from one
 * row to the next, batch_stride from one matrix to the next. transposed: memory
 * holds columns x rows; never set for a result. The first matrix begins at a
 * multiple of 16 bytes, or of the largest power of two in its strides. */
typedef struct
{
  DdpmType type;
  gsize rows, columns;          /* after transposing */
  gsize row_stride, batch_stride;
  gboolean transposed;
} CudaMatrix;

/* result = alpha left right + beta result, accumulated in f32 (never TF32 if
 * the type is f32) */
typedef struct _CudaGemm CudaGemm;
CudaGemm *ddpm_cuda_gemm_new (CudaBackend * b, gsize batch,
    const CudaMatrix * left, const CudaMatrix * right,
    const CudaMatrix * result, GError ** error);
/* NULL: nothing */
void ddpm_cuda_gemm_free (CudaGemm * m);
/* bytes of workspace that a run needs */
gsize ddpm_cuda_gemm_scratch (const CudaGemm * m);
void ddpm_cuda_gemm_run (CudaGemm * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer result,
    gpointer scratch);

G_END_DECLS
