/* gst-ddpm: the CUDA backend's linear layers agree with the reference. Their
 * kernels run on the CPU (tests/support/host-cuda.h), and a stand-in for
 * gemm.c computes products by the formula.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/operations.h"
#include "tests/support/host-backend.h"
#include "tests/support/host-gemm.h"

static CudaBackend backend = {.base = {.ops = &host_ops,
    .act_type = DDPM_TYPE_F32}
};

static DdpmBackend *const b = &backend.base;

static const Subject subject = {.backend = &backend.base,.tolerance = 1e-12 };

/* Row counts around those that kernels are compiled for */
TEST (few_rows)
{
  static const guint rows[] = { 1, 2, 4, 5, 8, 16, 17 };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const Case c = {.run = run_linear,.linear = {rows[i], 136, 37} };
    const Case odd = {.run = run_linear,.linear = {rows[i], 131, 37} };

    host_gemms = 0;
    assert_as_reference (&subject, &c, rows[i], 0);
    assert_as_reference (&subject, &odd, rows[i], 0);
    /* both gradients, and forward if there are many rows */
    g_assert_cmpuint (host_gemms, ==, rows[i] > CUDA_KERN_FEW_ROWS ? 6 : 4);
  }
}

TEST (alignment_changes_little)
{
  const Case c = {.run = run_linear,.linear = {3, 128, 40} };
  Outcome aligned = case_run (b, &c, 0);
  Outcome shifted = case_run (b, &c, 1);

  outcome_assert_close (&shifted, &aligned, 3, 3, subject.tolerance);
  outcome_clear (&aligned);
  outcome_clear (&shifted);
}

TEST (the_order_of_threads_changes_no_bit)
{
  const Case c = {.run = run_linear,.linear = {5, 128, 40} };

  host_assert_any_order (b, &c);
}

/* An image's embedding does not depend on other images of the batch. */
TEST (other_rows_change_no_bit)
{
  enum
  { ROWS = 9, IN = 128, OUT = 40 };
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
  TENSORS_FREE (b, &x, &weight, &bias, &all, &one);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ddpm_cuda_linear_set_ops (&host_ops);
  add_operation_tests ("/cuda-linear", &subject, TEST_LINEAR);
  return g_test_run ();
}
