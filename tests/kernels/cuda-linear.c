/* gst-ddpm: the CUDA backend's linear layers agree with the reference. Their
 * kernels run on the CPU (tests/support/host-cuda.h), and a stand-in for
 * gemm.c computes products by the formula.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/operations.h"
#include "kernels/host.h"
#include "tests/support/host-cuda.h"
#include "tests/support/against-reference.h"

#define TOLERANCE 1e-12

/* --- gemm, by the formula ------------------------------------------------- */

struct _CudaGemm
{
  CudaMatrix left, right, product;
};

static guint n_gemms;           /* that have been run */

CudaGemm *
ddpm_cuda_gemm_new (CudaBackend * b, gsize batch, const CudaMatrix * left,
    const CudaMatrix * right, const CudaMatrix * product, GError ** error)
{
  CudaGemm *m = g_new (CudaGemm, 1);

  g_assert_cmpuint (batch, ==, 1);
  *m = (CudaGemm) {
  *left, *right, *product};
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
  return 0;
}

static float
element (const CudaMatrix * m, gconstpointer data, gsize row, gsize column)
{
  const float *elements = data;

  return m->transposed ? elements[column * m->row_stride + row]
      : elements[row * m->row_stride + column];
}

void
ddpm_cuda_gemm_run (CudaGemm * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer product,
    gpointer scratch)
{
  float *out = product;

  n_gemms++;
  for (gsize row = 0; row < m->product.rows; row++) {
    for (gsize column = 0; column < m->product.columns; column++) {
      float *c = &out[row * m->product.row_stride + column];
      double sum = beta == 0.0f ? 0.0 : beta * *c;

      for (gsize i = 0; i < m->left.columns; i++)
        sum += alpha * element (&m->left, left, row, i)
            * element (&m->right, right, i, column);
      *c = sum;
    }
  }
}

/* --- the backend without a device ----------------------------------------- */

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  return TRUE;
}

gboolean
ddpm_cuda_graph_replays (CudaBackend * b)
{
  return FALSE;
}

static gpointer
host_alloc (DdpmBackend * b, gsize size)
{
  return host_cuda_alloc (size);
}

static void
host_free (DdpmBackend * b, gpointer p)
{
  host_cuda_free (p);
}

static void
host_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  func (data);
}

static DdpmOps host_ops = {
  .run = host_run,
  .alloc = host_alloc,
  .free = host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
};

/* --- tests ---------------------------------------------------------------- */

/* Row counts around those that kernels are compiled for */
static void
few_rows (gconstpointer data)
{
  static const guint rows[] = { 1, 2, 4, 5, 8, 16, 17 };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const Case c = {.run = run_linear,.linear = {rows[i], 136, 37} };
    const Case odd = {.run = run_linear,.linear = {rows[i], 131, 37} };

    n_gemms = 0;
    assert_as_reference (data, &c, rows[i], 0);
    assert_as_reference (data, &odd, rows[i], 0);
    /* both gradients, and forward if there are many rows */
    g_assert_cmpuint (n_gemms, ==, rows[i] > CUDA_KERN_FEW_ROWS ? 6 : 4);
  }
}

static void
alignment_changes_little (gconstpointer data)
{
  const Subject *subject = data;
  const Case c = {.run = run_linear,.linear = {3, 128, 40} };
  Outcome aligned = case_run (subject->backend, &c, 0);
  Outcome shifted = case_run (subject->backend, &c, 1);

  outcome_assert_close (&shifted, &aligned, 3, 3, TOLERANCE);
  outcome_clear (&aligned);
  outcome_clear (&shifted);
}

static void
the_order_of_threads_changes_no_bit (gconstpointer data)
{
  const Subject *subject = data;
  const Case c = {.run = run_linear,.linear = {5, 128, 40} };
  Outcome first = case_run (subject->backend, &c, 0);

  for (HostCudaOrder order = 1; order < HOST_CUDA_ORDERS; order++) {
    Outcome again;

    host_cuda_set_order (order);
    again = case_run (subject->backend, &c, 0);
    outcome_assert_same_bits (&again, &first);
    outcome_clear (&again);
  }
  host_cuda_set_order (HOST_CUDA_FIRST_TO_LAST);
  outcome_clear (&first);
}

/* An image's embedding does not depend on other images of the batch. */
static void
other_rows_change_no_bit (gconstpointer data)
{
  enum
  { ROWS = 9, IN = 128, OUT = 40 };
  DdpmBackend *b = ((const Subject *) data)->backend;
  Tensor x = tensor_random (b, DDPM_TYPE_F32, ROWS, IN, 1, 1, 0, 0);
  Tensor weight = tensor_random (b, DDPM_TYPE_F32, OUT, IN, 2, 1, 0, 0);
  Tensor bias = tensor_random (b, DDPM_TYPE_F32, 1, OUT, 3, 1, 0, 0);
  Tensor all = tensor_new (b, DDPM_TYPE_F32, ROWS * OUT, 0);
  Tensor one = tensor_new (b, DDPM_TYPE_F32, OUT, 0);

  ddpm_cuda_kern_linear_few_rows (NULL, ROWS, IN, OUT, x.data, weight.data,
      bias.data, all.data);
  for (guint row = 0; row < ROWS; row++) {
    ddpm_cuda_kern_linear_few_rows (NULL, 1, IN, OUT,
        (float *) x.data + row * IN, weight.data, bias.data, one.data);
    g_assert_cmpmem (one.data, OUT * sizeof (float),
        (float *) all.data + row * OUT, OUT * sizeof (float));
  }
  tensor_free (b, &x);
  tensor_free (b, &weight);
  tensor_free (b, &bias);
  tensor_free (b, &all);
  tensor_free (b, &one);
}

int
main (int argc, char **argv)
{
  CudaBackend backend = {.base = {.ops = &host_ops,.act_type = DDPM_TYPE_F32}
  };
  const Subject subject = { &backend.base, TOLERANCE };

  g_test_init (&argc, &argv, NULL);
  ddpm_cuda_linear_set_ops (&host_ops);
  g_test_add_data_func ("/cuda-linear/as-the-reference", &subject, linear);
  g_test_add_data_func ("/cuda-linear/few-rows", &subject, few_rows);
  g_test_add_data_func ("/cuda-linear/alignment", &subject,
      alignment_changes_little);
  g_test_add_data_func ("/cuda-linear/order-of-threads", &subject,
      the_order_of_threads_changes_no_bit);
  g_test_add_data_func ("/cuda-linear/rows-beside", &subject,
      other_rows_change_no_bit);
  return g_test_run ();
}
