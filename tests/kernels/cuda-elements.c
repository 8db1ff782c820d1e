/* gst-ddpm: the CUDA backend's operations without a plan agree with the
 * reference. Their kernels run on the CPU (tests/support/host-cuda.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"
#include "tests/support/host-backend.h"

/* A few roundings of sums of four */
#define TOLERANCE_F32 1e-13

static CudaBackend f32 = {.base = {.ops = &host_ops,
    .act_type = DDPM_TYPE_F32}
};

static CudaBackend bf16 = {.base = {.ops = &host_ops,
    .act_type = DDPM_TYPE_BF16}
};

/* --- cases ---------------------------------------------------------------- */

static const Case cases[] = {
  {.run = run_small_activations},
  {.run = run_small_activations,.add = TRUE},
  {.run = run_swish},
  {.run = run_halves},
  {.run = run_embedding},
  {.run = run_labels},
  {.run = run_labels,.add = TRUE},
  {.run = run_diffusion},
  {.run = run_losses},
  {.run = run_adam},
};

/* Aligned memory is accessed 16 bytes at a time, other memory one by one. */
TABLE_TEST (alignment_changes_no_bit, host_precisions)
{
  CudaBackend b = host_backend (row->type);

  /* the others are f32 anyway */
  for (guint i = 0; i < (row->type == DDPM_TYPE_BF16 ? 2
          : G_N_ELEMENTS (cases)); i++) {
    Outcome aligned = case_run (&b.base, &cases[i], 0);
    Outcome shifted = case_run (&b.base, &cases[i], 1);

    outcome_assert_same_bits (&shifted, &aligned);
    outcome_clear (&aligned);
    outcome_clear (&shifted);
  }
}

TEST (the_order_of_threads_changes_no_bit)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    host_assert_any_order (&f32.base, &cases[i]);
}

TEST (a_replayed_graph_launches_nothing)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (cases[i].run != run_losses)     /* it returns a number */
      host_assert_replay (&f32.base, &cases[i]);
}

/* More losses than a staging slot holds */
static void
many_images_job (gpointer data)
{
  enum
  { N = CUDA_STAGING_SIZE / 8 + 5 };
  DdpmBackend *b = data;
  g_autofree double *loss = g_new (double, N);
  g_autofree float *scale = g_new (float, N);
  Tensor pred = tensor_random (b, DDPM_TYPE_F32, 1, N, 3, 1, 0, 0);
  Tensor target = tensor_random (b, DDPM_TYPE_F32, 1, N, 4, 1, 0, 0);
  Tensor dpred = tensor_new (b, DDPM_TYPE_F32, N, 0);
  const float *p = pred.data, *t = target.data, *d = dpred.data;

  for (guint i = 0; i < N; i++)
    scale[i] = i % 3;
  b->ops->mse (b, N, N - 3, 1, scale, p, t, dpred.data, loss);
  for (guint i = 0; i < N; i++) {
    const float difference = i < N - 3 ? p[i] - t[i] : 0;

    g_assert_cmpfloat (loss[i], ==, difference * difference);
    g_assert_cmpfloat (d[i], ==, 2 * (i % 3) * difference);
  }
  TENSORS_FREE (b, &pred, &target, &dpred);
}

TEST (many_images_come_in_parts)
{
  host_ops.run (&f32.base, many_images_job, &f32.base);
}

int
main (int argc, char **argv)
{
  const Subject subjects[] = { {&f32.base, TOLERANCE_F32},
  {&bf16.base, 0, ERROR_F32}
  };

  test_init (&argc, &argv);
  ddpm_cuda_diffusion_set_ops (&host_ops);
  ddpm_cuda_elements_set_ops (&host_ops);
  ddpm_cuda_optimizer_set_ops (&host_ops);
  add_operation_tests ("/cuda-elements/f32", &subjects[0], TEST_ELEMENTS);
  add_operation_tests ("/cuda-elements/bf16", &subjects[1], TEST_ELEMENTS);
  return g_test_run ();
}
