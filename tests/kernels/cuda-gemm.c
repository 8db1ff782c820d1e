/* gst-ddpm: the CUDA backend's matrix products, with a stand-in for cuBLASLt
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/libraries.h"
#include "kernels/bf16.h"
#include "tests/support/test.h"

/* --- cuBLASLt, by its manual ---------------------------------------------- */

/* A column-major matrix of rows x columns, leading elements from one column to
 * the next */
typedef struct
{
  guint64 rows, columns;
  gint64 leading, stride;
  gint32 batch;
  cudaDataType type;
} Layout;

typedef struct
{
  gint32 transposed[2];
} Desc;

static guint32 alignments[4];   /* of a, b, c, d: the last request */
static gint unfreed;

cudaError_t
cudaGetLastError (void)
{
  return cudaSuccess;
}

cublasStatus_t
cublasLtMatrixLayoutCreate (cublasLtMatrixLayout_t * layout,
    cudaDataType type, uint64_t rows, uint64_t columns, int64_t leading)
{
  Layout *l = g_new0 (Layout, 1);

  *l = (Layout) {
  rows, columns, leading, 0, 1, type};
  *layout = (cublasLtMatrixLayout_t) l;
  unfreed++;
  g_assert_cmpint (leading, >=, rows);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatrixLayoutSetAttribute (cublasLtMatrixLayout_t layout,
    cublasLtMatrixLayoutAttribute_t attribute, const void *value, size_t size)
{
  Layout *l = (Layout *) layout;

  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) {
    g_assert_cmpuint (size, ==, sizeof (l->batch));
    memcpy (&l->batch, value, size);
  } else {
    g_assert_cmpint (attribute, ==,
        CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
    g_assert_cmpuint (size, ==, sizeof (l->stride));
    memcpy (&l->stride, value, size);
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatrixLayoutDestroy (const cublasLtMatrixLayout_t layout)
{
  g_free (layout);
  unfreed--;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescCreate (cublasLtMatmulDesc_t * desc,
    cublasComputeType_t compute, cudaDataType_t scale)
{
  g_assert_cmpint (compute, ==, CUBLAS_COMPUTE_32F);
  g_assert_cmpint (scale, ==, CUDA_R_32F);
  *desc = (cublasLtMatmulDesc_t) g_new0 (Desc, 1);
  unfreed++;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescSetAttribute (cublasLtMatmulDesc_t desc,
    cublasLtMatmulDescAttributes_t attribute, const void *value, size_t size)
{
  Desc *d = (Desc *) desc;
  gint32 op;

  g_assert_cmpuint (size, ==, sizeof (op));
  memcpy (&op, value, size);
  g_assert_true (op == CUBLAS_OP_N || op == CUBLAS_OP_T);
  g_assert_true (attribute == CUBLASLT_MATMUL_DESC_TRANSA
      || attribute == CUBLASLT_MATMUL_DESC_TRANSB);
  d->transposed[attribute == CUBLASLT_MATMUL_DESC_TRANSB] = op == CUBLAS_OP_T;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescDestroy (const cublasLtMatmulDesc_t desc)
{
  g_free (desc);
  unfreed--;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceCreate (cublasLtMatmulPreference_t * preference)
{
  *preference = (cublasLtMatmulPreference_t) g_malloc (1);
  unfreed++;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceSetAttribute (cublasLtMatmulPreference_t preference,
    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
    size_t size)
{
  const gint which = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;

  if (which >= 0 && which < 4) {
    g_assert_cmpuint (size, ==, 4);
    memcpy (&alignments[which], value, size);
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceDestroy (const cublasLtMatmulPreference_t preference)
{
  g_free (preference);
  unfreed--;
  return CUBLAS_STATUS_SUCCESS;
}

/* There is no algorithm for seven rows. */
cublasStatus_t
cublasLtMatmulAlgoGetHeuristic (cublasLtHandle_t handle,
    cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
    cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference,
    int wanted, cublasLtMatmulHeuristicResult_t * results, int *count)
{
  memset (results, 0, sizeof (*results));
  *count = ((Layout *) d)->columns == 7 ? 0 : 1;
  results->workspaceSize = 1000;
  return CUBLAS_STATUS_SUCCESS;
}

static gsize
place_of (const Layout * l, gint matrix, guint64 row, guint64 column)
{
  g_assert_cmpuint (row, <, l->rows);
  g_assert_cmpuint (column, <, l->columns);
  return matrix * l->stride + column * l->leading + row;
}

static double
get (const Layout * l, const void *data, gsize i)
{
  return l->type == CUDA_R_32F ? ((const float *) data)[i]
      : ddpm_bf16_to_float (((const guint16 *) data)[i]);
}

static void
set (const Layout * l, void *data, gsize i, double value)
{
  if (l->type == CUDA_R_32F)
    ((float *) data)[i] = value;
  else
    ((guint16 *) data)[i] = ddpm_bf16_from_float (value);
}

/* d = alpha op (a) op (b) + beta c */
cublasStatus_t
cublasLtMatmul (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
    const void *alpha, const void *a, cublasLtMatrixLayout_t layout_a,
    const void *b, cublasLtMatrixLayout_t layout_b, const void *beta,
    const void *c, cublasLtMatrixLayout_t layout_c, void *d,
    cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t * algo,
    void *workspace, size_t workspace_size, cudaStream_t stream)
{
  const Desc *op = (const Desc *) desc;
  const Layout *la = (const Layout *) layout_a;
  const Layout *lb = (const Layout *) layout_b;
  const Layout *ld = (const Layout *) layout_d;
  const gboolean ta = op->transposed[0], tb = op->transposed[1];
  const guint64 inner = ta ? la->rows : la->columns;

  g_assert_true (c == d && layout_c == layout_d);
  g_assert_cmpuint (workspace_size, ==, 1000);
  memset (workspace, 0xff, workspace_size);
  g_assert_cmpuint (ta ? la->columns : la->rows, ==, ld->rows);
  g_assert_cmpuint (tb ? lb->rows : lb->columns, ==, ld->columns);
  g_assert_cmpuint (tb ? lb->columns : lb->rows, ==, inner);
  g_assert_true (la->batch == ld->batch && lb->batch == ld->batch);
  for (gint i = 0; i < ld->batch; i++) {
    for (guint64 row = 0; row < ld->rows; row++) {
      for (guint64 column = 0; column < ld->columns; column++) {
        const gsize place = place_of (ld, i, row, column);
        double sum = 0.0;

        for (guint64 k = 0; k < inner; k++)
          sum += get (la, a, ta ? place_of (la, i, k, row)
              : place_of (la, i, row, k))
              * get (lb, b, tb ? place_of (lb, i, column, k)
              : place_of (lb, i, k, column));
        sum *= *(const float *) alpha;
        if (*(const float *) beta != 0.0f)
          sum += *(const float *) beta *get (ld, d, place);
        set (ld, d, place, sum);
      }
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}

/* --- the backend without its libraries ------------------------------------ */

static cublasStatus_t failure;

gboolean
ddpm_cuda_open_cublas (CudaBackend * b)
{
  return TRUE;
}

gboolean
ddpm_cuda_blas_ok (CudaBackend * b, cublasStatus_t status, const gchar * what)
{
  if (status != CUBLAS_STATUS_SUCCESS)
    failure = status;
  return status == CUBLAS_STATUS_SUCCESS;
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, "cuBLASLt: %d", failure);
}

/* --- tests ---------------------------------------------------------------- */

static CudaBackend backend;

/* Small integers, whose sums are exact in both types */
static double
value (gsize i, gsize seed)
{
  return (gint) ((i * 7 + seed * 5) % 11) - 5;
}

typedef struct
{
  DdpmType in, out;
  gsize batch, rows, inner, columns;
  gboolean transposed[2];       /* left, right */
  gsize gap;                    /* unused elements between rows and matrices */
  gfloat alpha, beta;
} Case;

static CudaMatrix
matrix_of (DdpmType type, gsize rows, gsize columns, gboolean transposed,
    gsize gap)
{
  const gsize stride = (transposed ? rows : columns) + gap;
  const gsize lines = transposed ? columns : rows;
  const CudaMatrix m = { type, rows, columns, stride, lines * stride + 3 * gap,
    transposed
  };

  return m;
}

/* Row-major, as in kernels/cuda/gemm.h */
static gsize
element (const CudaMatrix * m, gsize matrix, gsize row, gsize column)
{
  return matrix * m->batch_stride + (m->transposed ?
      column * m->row_stride + row : row * m->row_stride + column);
}

static gpointer
fill (const CudaMatrix * m, gsize batch, gsize seed)
{
  const Layout l = {.type = m->type == DDPM_TYPE_F32 ? CUDA_R_32F : CUDA_R_16BF
  };
  gpointer data = g_malloc (batch * m->batch_stride * 4);

  for (gsize i = 0; i < batch * m->batch_stride; i++)
    set (&l, data, i, value (i, seed));
  return data;
}

static void
check (const Case * c)
{
  const CudaMatrix left = matrix_of (c->in, c->rows, c->inner,
      c->transposed[0], c->gap);
  const CudaMatrix right = matrix_of (c->in, c->inner, c->columns,
      c->transposed[1], c->gap);
  const CudaMatrix product = matrix_of (c->out, c->rows, c->columns, FALSE,
      c->gap);
  const Layout l = {.type = c->out == DDPM_TYPE_F32 ? CUDA_R_32F : CUDA_R_16BF
  };
  g_autofree gpointer a = fill (&left, c->batch, 1);
  g_autofree gpointer b = fill (&right, c->batch, 2);
  g_autofree gpointer y = fill (&product, c->batch, 3);
  g_autofree gpointer expected = fill (&product, c->batch, 3);
  g_autofree gpointer scratch = NULL;
  CudaGemm *m =
      assert_ok (ddpm_cuda_gemm_new (&backend, c->batch, &left, &right,
          &product, &error));

  scratch = g_malloc (ddpm_cuda_gemm_scratch (m));
  ddpm_cuda_gemm_run (m, &backend, c->alpha, a, b, c->beta, y, scratch);
  ddpm_cuda_gemm_free (m);
  g_assert_cmpint (unfreed, ==, 0);

  for (gsize i = 0; i < c->batch; i++) {
    for (gsize row = 0; row < c->rows; row++) {
      for (gsize column = 0; column < c->columns; column++) {
        const gsize e = element (&product, i, row, column);
        double sum = 0.0;

        for (gsize k = 0; k < c->inner; k++)
          sum += value (element (&left, i, row, k), 1)
              * value (element (&right, i, k, column), 2);
        set (&l, expected, e, c->alpha * sum + c->beta * value (e, 3));
      }
    }
  }
  /* also compares the gaps */
  g_assert_cmpmem (y, c->batch * product.batch_stride
      * ddpm_type_size (c->out), expected,
      c->batch * product.batch_stride * ddpm_type_size (c->out));
}

TEST (products_are_those_of_the_formula)
{
  for (guint i = 0; i < 32; i++) {
    const Case c = {
      .in = i & 1 ? DDPM_TYPE_BF16 : DDPM_TYPE_F32,
      .out = i & 2 ? DDPM_TYPE_F32 : i & 1 ? DDPM_TYPE_BF16 : DDPM_TYPE_F32,
      .batch = i & 16 ? 3 : 1,.rows = 4,.inner = 5,.columns = 6,
      .transposed = {(i & 4) != 0, (i & 8) != 0},
      .gap = i & 16 ? 2 : 0,.alpha = i & 2 ? 1 : 2,.beta = i & 4 ? 1 : 0,
    };

    check (&c);
  }
}

TEST (alignment_is_what_strides_leave)
{
  const CudaMatrix left = matrix_of (DDPM_TYPE_BF16, 8, 16, FALSE, 0);
  CudaMatrix right = matrix_of (DDPM_TYPE_BF16, 16, 12, FALSE, 0);
  const CudaMatrix product = matrix_of (DDPM_TYPE_F32, 8, 12, FALSE, 1);

  right.batch_stride = 16 * 12 + 2;
  ddpm_cuda_gemm_free (assert_ok (ddpm_cuda_gemm_new (&backend, 2, &left,
              &right, &product, &error)));
  g_assert_cmpuint (alignments[0], ==, 4);      /* cuBLASLt's a is our right */
  g_assert_cmpuint (alignments[1], ==, 16);
  g_assert_cmpuint (alignments[2], ==, 4);
  g_assert_cmpuint (alignments[3], ==, 4);
}

TEST (what_cublas_cannot_is_an_error)
{
  const CudaMatrix left = matrix_of (DDPM_TYPE_F32, 7, 5, FALSE, 0);
  const CudaMatrix right = matrix_of (DDPM_TYPE_F32, 5, 6, FALSE, 0);
  const CudaMatrix product = matrix_of (DDPM_TYPE_F32, 7, 6, FALSE, 0);

  assert_fails (ddpm_cuda_gemm_new (&backend, 1, &left, &right, &product,
          &error), DDPM_ERROR_LIBRARY, NULL);
  g_assert_cmpint (failure, ==, CUBLAS_STATUS_NOT_SUPPORTED);
  g_assert_cmpint (unfreed, ==, 0);
}
