/* gst-ddpm: the CUDA backend's operations without a plan agree with the
 * reference. Their kernels run on the CPU (tests/support/host-cuda.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"
#include "kernels/host.h"
#include "tests/support/host-cuda.h"
#include "tests/support/against-reference.h"

/* A few roundings of sums of four; in bf16, the last rounding */
#define TOLERANCE_F32 1e-13
#define TOLERANCE_BF16 1e-5

/* --- the backend without a device ----------------------------------------- */

/* An unreadable page follows staged arguments. */
static GPtrArray *staged;

gpointer
ddpm_cuda_stage_args (CudaBackend * b, gconstpointer src, gsize size)
{
  gpointer place;

  g_assert_cmpuint (size, <=, CUDA_STAGING_SIZE);
  place = host_cuda_alloc (size);
  memcpy (place, src, size);
  g_ptr_array_add (staged, place);
  return place;
}

void
ddpm_cuda_download (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size)
{
  memcpy (dst, src, size);
}

void
ddpm_cuda_zero (DdpmBackend * b, gpointer dst, gsize size)
{
  memset (dst, 0, size);
}

/* TRUE: as if a graph made the calls, so that nothing may be launched */
static gboolean replayed;

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  g_assert_false (replayed);
  return TRUE;
}

gboolean
ddpm_cuda_graph_replays (CudaBackend * b)
{
  return replayed;
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
  g_ptr_array_set_size (staged, 0);
}

static DdpmOps host_ops = {
  .run = host_run,
  .alloc = host_alloc,
  .free = host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
  .copy = ddpm_host_copy,
};

/* --- cases ---------------------------------------------------------------- */

static const Case cases[] = {
  {.run = run_small_activations},
  {.run = run_small_activations,.add = TRUE},
  {.run = run_swish},
  {.run = run_embedding},
  {.run = run_labels},
  {.run = run_labels,.add = TRUE},
  {.run = run_diffusion},
  {.run = run_losses},
  {.run = run_adam},
};

/* Aligned memory is accessed 16 bytes at a time, other memory one by one. */
static void
alignment_changes_no_bit (gconstpointer data)
{
  const Subject *subject = data;
  const gboolean bf16 = subject->backend->act_type == DDPM_TYPE_BF16;

  /* the others are f32 anyway */
  for (guint i = 0; i < (bf16 ? 2 : G_N_ELEMENTS (cases)); i++) {
    Outcome aligned = case_run (subject->backend, &cases[i], 0);
    Outcome shifted = case_run (subject->backend, &cases[i], 1);

    outcome_assert_same_bits (&shifted, &aligned);
    outcome_clear (&aligned);
    outcome_clear (&shifted);
  }
}

static void
the_order_of_threads_changes_no_bit (gconstpointer data)
{
  const Subject *subject = data;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Outcome first = case_run (subject->backend, &cases[i], 0);

    for (HostCudaOrder order = 1; order < HOST_CUDA_ORDERS; order++) {
      Outcome again;

      host_cuda_set_order (order);
      again = case_run (subject->backend, &cases[i], 0);
      outcome_assert_same_bits (&again, &first);
      outcome_clear (&again);
    }
    host_cuda_set_order (HOST_CUDA_FIRST_TO_LAST);
    outcome_clear (&first);
  }
}

static void
a_replayed_graph_launches_nothing (gconstpointer data)
{
  const Subject *subject = data;
  const unsigned launches = host_cuda_launches ();

  replayed = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Outcome none;

    if (cases[i].run == run_losses)
      continue;                 /* it returns a number */
    none = case_run (subject->backend, &cases[i], 0);
    outcome_clear (&none);
  }
  replayed = FALSE;
  g_assert_cmpuint (host_cuda_launches (), ==, launches);
}

/* More losses than a staging slot holds */
static void
many_images_job (gpointer data)
{
  enum
  { N = CUDA_STAGING_SIZE / 8 + 5 };
  DdpmBackend *b = ((const Subject *) data)->backend;
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
  tensor_free (b, &pred);
  tensor_free (b, &target);
  tensor_free (b, &dpred);
}

static void
many_images_come_in_parts (gconstpointer data)
{
  const Subject *subject = data;

  host_run (subject->backend, many_images_job, (gpointer) data);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const gchar *name;
    GTestDataFunc func;
  } tests[] = {
    {"swish", swish},
    {"a-time-is-a-row-of-the-table", a_time_is_a_row_of_the_table},
    {"labels-are-the-reference-s-to-the-bit",
        labels_are_the_reference_s_to_the_bit},
    {"noise-and-steps-are-the-reference-s-to-the-bit",
        noise_and_steps_are_the_reference_s_to_the_bit},
    {"losses", losses},
    {"adam-is-the-reference-s-to-the-bit", adam_is_the_reference_s_to_the_bit},
    {"a-sum-of-squares-tells-of-an-element-that-is-not-finite",
        a_sum_of_squares_tells_of_an_element_that_is_not_finite},
    {"alignment-changes-no-bit", alignment_changes_no_bit},
    {"the-order-of-threads-changes-no-bit",
        the_order_of_threads_changes_no_bit},
    {"many-images-come-in-parts", many_images_come_in_parts},
    {"what-a-graph-does", a_replayed_graph_launches_nothing},
  };
  CudaBackend f32 = {.base = {.ops = &host_ops,.act_type = DDPM_TYPE_F32} };
  CudaBackend bf16 = {.base = {.ops = &host_ops,.act_type = DDPM_TYPE_BF16} };
  const Subject subjects[] = { {&f32.base, TOLERANCE_F32},
  {&bf16.base, TOLERANCE_BF16}
  };

  g_test_init (&argc, &argv, NULL);
  ddpm_cuda_diffusion_set_ops (&host_ops);
  ddpm_cuda_elements_set_ops (&host_ops);
  ddpm_cuda_optimizer_set_ops (&host_ops);
  staged = g_ptr_array_new_with_free_func (host_cuda_free);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree gchar *path = g_strconcat ("/cuda/", tests[i].name, NULL);

    g_test_add_data_func (path, &subjects[0], tests[i].func);
  }
  g_test_add_data_func ("/cuda/upsampling-and-sums/f32", &subjects[0],
      upsampling_and_sums);
  g_test_add_data_func ("/cuda/upsampling-and-sums/bf16", &subjects[1],
      upsampling_and_sums);
  g_test_add_data_func ("/cuda/alignment-changes-no-bit/bf16", &subjects[1],
      alignment_changes_no_bit);
  return g_test_run ();
}
