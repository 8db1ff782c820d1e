/* gst-ddpm: CUDA backend: matrix products (gemm) by cuBLASLt
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuBLASLt's matrices are column-major: it sees a row-major matrix as its
 * transpose. So this asks it for result^T = right^T left^T, and copies nothing.
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/libraries.h"

/* Bytes of workspace that a gemm may use: what cuBLAS itself uses on Hopper */
#define MAX_SCRATCH ((gsize) 32 << 20)

struct _CudaGemm
{
  cublasLtMatmulDesc_t desc;
  cublasLtMatrixLayout_t left, right, result;
  cublasLtMatmulAlgo_t algo;
  gsize scratch;
};

static cudaDataType_t
data_type (DdpmType type)
{
  return type == DDPM_TYPE_F32 ? CUDA_R_32F : CUDA_R_16BF;
}

/* The matrix in memory: its rows are cuBLASLt's columns. */
static gboolean
make_layout (CudaBackend * b, cublasLtMatrixLayout_t * layout,
    const CudaMatrix * m, gsize batch)
{
  const gint32 count = batch;
  const gint64 stride = m->batch_stride;

  return ddpm_cuda_blas_ok (b, cublasLtMatrixLayoutCreate (layout,
          data_type (m->type), m->transposed ? m->rows : m->columns,
          m->transposed ? m->columns : m->rows, m->row_stride),
      "describing a matrix")
      && ddpm_cuda_blas_ok (b, cublasLtMatrixLayoutSetAttribute (*layout,
          CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof (count)),
      "describing a matrix")
      && ddpm_cuda_blas_ok (b, cublasLtMatrixLayoutSetAttribute (*layout,
          CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
          sizeof (stride)), "describing a matrix");
}

static gboolean
set_transposed (CudaBackend * b, CudaGemm * m,
    cublasLtMatmulDescAttributes_t which, gboolean transposed)
{
  const gint32 op = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;

  return ddpm_cuda_blas_ok (b, cublasLtMatmulDescSetAttribute (m->desc, which,
          &op, sizeof (op)), "describing a matrix product");
}

/* The caller promises 16 bytes for the first matrix; strides may reduce it. */
static guint32
alignment_of (const CudaMatrix * m)
{
  const gsize strides = (m->row_stride | m->batch_stride)
      * ddpm_type_size (m->type) | 16;

  return strides & -strides;
}

static gboolean
set_preference (CudaBackend * b, cublasLtMatmulPreference_t preference,
    cublasLtMatmulPreferenceAttributes_t which, gconstpointer value, gsize size)
{
  return ddpm_cuda_blas_ok (b, cublasLtMatmulPreferenceSetAttribute (preference,
          which, value, size), "choosing an algorithm");
}

/* If cuBLASLt splits a sum, it adds the partial sums in f32 and in order. */
static gboolean
choose_algorithm (CudaBackend * b, CudaGemm * m, const CudaMatrix * left,
    const CudaMatrix * right, const CudaMatrix * result)
{
  const gsize scratch = MAX_SCRATCH;
  const guint32 schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  const guint32 align_left = alignment_of (left);
  const guint32 align_right = alignment_of (right);
  const guint32 align_result = alignment_of (result);
  cublasLtMatmulPreference_t preference = NULL;
  cublasLtMatmulHeuristicResult_t found;
  gint count = 0;
  gboolean ok;

  ok = ddpm_cuda_blas_ok (b, cublasLtMatmulPreferenceCreate (&preference),
      "choosing an algorithm")
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &scratch, sizeof (scratch))
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof (schemes))
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &align_right,
      sizeof (align_right))
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &align_left,
      sizeof (align_left))
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &align_result,
      sizeof (align_result))
      && set_preference (b, preference,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &align_result,
      sizeof (align_result))
      && ddpm_cuda_blas_ok (b, cublasLtMatmulAlgoGetHeuristic (b->cublas,
          m->desc, m->right, m->left, m->result, m->result, preference, 1,
          &found, &count), "choosing an algorithm")
      && ddpm_cuda_blas_ok (b,
      count > 0 ? found.state : CUBLAS_STATUS_NOT_SUPPORTED,
      "choosing an algorithm");
  if (ok) {
    m->algo = found.algo;
    m->scratch = found.workspaceSize;
  }
  if (preference)
    cublasLtMatmulPreferenceDestroy (preference);
  return ok;
}

CudaGemm *
ddpm_cuda_gemm_new (CudaBackend * b, gsize batch, const CudaMatrix * left,
    const CudaMatrix * right, const CudaMatrix * result, GError ** error)
{
  CudaGemm *m = g_new0 (CudaGemm, 1);

  if (!ddpm_cuda_open_cublas (b)
      || !ddpm_cuda_blas_ok (b, cublasLtMatmulDescCreate (&m->desc,
              CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a matrix product")
      || !set_transposed (b, m, CUBLASLT_MATMUL_DESC_TRANSA, right->transposed)
      || !set_transposed (b, m, CUBLASLT_MATMUL_DESC_TRANSB, left->transposed)
      || !make_layout (b, &m->left, left, batch)
      || !make_layout (b, &m->right, right, batch)
      || !make_layout (b, &m->result, result, batch)
      || !choose_algorithm (b, m, left, right, result))
    goto failed;
  cudaGetLastError ();          /* of an algorithm that was tried and failed */
  return m;

failed:
  ddpm_cuda_propagate_failure (b, error);
  ddpm_cuda_gemm_free (m);
  return NULL;
}

void
ddpm_cuda_gemm_free (CudaGemm * m)
{
  if (m == NULL)
    return;
  if (m->result)
    cublasLtMatrixLayoutDestroy (m->result);
  if (m->right)
    cublasLtMatrixLayoutDestroy (m->right);
  if (m->left)
    cublasLtMatrixLayoutDestroy (m->left);
  if (m->desc)
    cublasLtMatmulDescDestroy (m->desc);
  g_free (m);
}

gsize
ddpm_cuda_gemm_scratch (const CudaGemm * m)
{
  return m->scratch;
}

void
ddpm_cuda_gemm_run (CudaGemm * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer result,
    gpointer scratch)
{
  ddpm_cuda_blas_ok (b, cublasLtMatmul (b->cublas, m->desc, &alpha, right,
          m->right, left, m->left, &beta, result, m->result, result,
          m->result, &m->algo, scratch, m->scratch, b->stream),
      "matrix product");
}
