/* gst-ddpm: the CUDA backend's matrix products by the formula, for tests of
 * what calls them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/host-gemm.h"

#include "kernels/cuda/gemm.h"
#include "tests/support/host-backend.h"

guint host_gemms;

struct _CudaGemm
{
  gsize batch;
  CudaMatrix left, right, product;
};

CudaGemm *
ddpm_cuda_gemm_new (CudaBackend * b, gsize batch, const CudaMatrix * left,
    const CudaMatrix * right, const CudaMatrix * product, GError ** error)
{
  CudaGemm *m = g_new0 (CudaGemm, 1);

  g_assert_cmpuint (left->columns, ==, right->rows);
  g_assert_cmpuint (left->rows, ==, product->rows);
  g_assert_cmpuint (right->columns, ==, product->columns);
  m->batch = batch;
  m->left = *left;
  m->right = *right;
  m->product = *product;
  return m;
}

void
ddpm_cuda_gemm_free (CudaGemm * m)
{
  g_free (m);
}

gsize
ddpm_cuda_gemm_scratch (const CudaGemm * m)
{
  return 40;
}

static gsize
place_of (const CudaMatrix * m, gsize matrix, gsize row, gsize column)
{
  return matrix * m->batch_stride + (m->transposed
      ? column * m->row_stride + row : row * m->row_stride + column);
}

static float
get (DdpmType type, gconstpointer data, gsize i)
{
  const Tensor t = {.type = type,.data = (gpointer) data };

  return tensor_get (&t, i);
}

void
ddpm_cuda_gemm_run (CudaGemm * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer product,
    gpointer scratch)
{
  const Tensor out = {.type = m->product.type,.data = product };

  g_assert_false (host_replayed);
  host_gemms++;
  memset (scratch, 0xff, ddpm_cuda_gemm_scratch (m));
  for (gsize i = 0; i < m->batch; i++) {
    for (gsize row = 0; row < m->product.rows; row++) {
      for (gsize column = 0; column < m->product.columns; column++) {
        const gsize e = place_of (&m->product, i, row, column);
        double sum = 0.0;

        for (gsize k = 0; k < m->left.columns; k++)
          sum += (double) get (m->left.type, left,
              place_of (&m->left, i, row, k))
              * get (m->right.type, right, place_of (&m->right, i, k, column));
        tensor_set (&out, e, alpha * sum
            + (beta == 0.0f ? 0.0f : beta * tensor_get (&out, e)));
      }
    }
  }
}
