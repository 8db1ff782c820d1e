/* gst-ddpm: the CUDA backend without a device: its memory is the host's, and
 * its kernels run on this processor (host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/host-backend.h"

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/staging.h"
#include "kernels/host.h"

const HostPrecision host_precisions[2] = {
  {"f32", DDPM_PRECISION_F32, DDPM_TYPE_F32},
  {"bf16", DDPM_PRECISION_BF16_EMULATED, DDPM_TYPE_BF16},
};

gboolean host_replayed;

/* --- what operations call ------------------------------------------------- */

/* Until run () returns; an unreadable page follows each. */
static GPtrArray *staged;

gpointer
ddpm_cuda_stage_args (CudaBackend * b, gconstpointer src, gsize size)
{
  gpointer place;

  g_assert_cmpuint (size, <=, CUDA_STAGING_SIZE);
  place = host_cuda_alloc (size);
  memcpy (place, src, size);
  if (staged == NULL)
    staged = g_ptr_array_new_with_free_func (host_cuda_free);
  g_ptr_array_add (staged, place);
  return place;
}

gpointer
ddpm_cuda_alloc (DdpmBackend * b, gsize size)
{
  return host_cuda_alloc (size);
}

void
ddpm_cuda_free (DdpmBackend * b, gpointer p)
{
  if (p)
    host_cuda_free (p);
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

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  g_assert_cmpint (status, ==, cudaSuccess);
  return TRUE;
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  g_assert_not_reached ();
}

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  g_assert_false (host_replayed);
  return TRUE;
}

gboolean
ddpm_cuda_graph_count_call (CudaBackend * b)
{
  return host_replayed;
}

/* --- the backend ---------------------------------------------------------- */

static void
host_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  func (data);
  if (staged)
    g_ptr_array_set_size (staged, 0);
}

/* The program adds what it tests. */
DdpmOps host_ops = {
  .run = host_run,
  .alloc = ddpm_cuda_alloc,
  .free = ddpm_cuda_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
  .copy = ddpm_host_copy,
};

CudaBackend
host_backend (DdpmType type)
{
  return (CudaBackend) {
    .base = {
      .ops = &host_ops,.act_type = type
    }
  };
}

/* --- what is proved ------------------------------------------------------- */

/* The outcome, which is the same in other orders of threads and blocks */
static Outcome
run_in_any_order (DdpmBackend * b, const Case * c, guint shift)
{
  Outcome first = case_run (b, c, shift);

  for (HostCudaOrder order = 1; order < HOST_CUDA_ORDERS; order++) {
    Outcome again;

    host_cuda_set_order (order);
    again = case_run (b, c, shift);
    outcome_assert_same_bits (&again, &first);
    outcome_clear (&again);
  }
  host_cuda_set_order (HOST_CUDA_FIRST_TO_LAST);
  return first;
}

void
host_assert_any_order (DdpmBackend * b, const Case * c)
{
  Outcome outcome = run_in_any_order (b, c, 0);

  outcome_clear (&outcome);
}

/* Roundings to bf16 that the reference does not do: an attention's dS; a
 * convolution's sum, if cuDNN cannot store it as f32, and an f32 gradient of y */
static guint
count_roundings (const HostPrecision * p, const Case * c)
{
  if (p->type == DDPM_TYPE_F32)
    return 0;
  return c->run == run_conv ? 2 : c->run == run_attention ? 1 : 0;
}

/* In any order of threads. Returns how many kernels were launched. */
guint
host_assert_as_reference (const HostPrecision * p, const Case * c, guint n,
    guint shift)
{
  const guint before = host_cuda_launches ();
  CudaBackend b = host_backend (p->type);
  g_autoptr (DdpmBackend) reference = test_reference (p->precision);
  Outcome got = run_in_any_order (&b.base, c, shift);
  Outcome expected = case_run (reference, c, shift);

  outcome_assert_rounded_once (&got, &expected, n, n,
      ERROR_F32 + count_roundings (p, c) * BF16_ERROR);
  outcome_clear (&got);
  outcome_clear (&expected);
  g_clear_pointer (&b.convolutions, g_hash_table_unref);
  return (host_cuda_launches () - before) / HOST_CUDA_ORDERS;
}

/* The calls of a graph that is replayed launch nothing. */
void
host_assert_replay (DdpmBackend * b, const Case * c)
{
  const guint before = host_cuda_launches ();
  Outcome none;

  host_replayed = TRUE;
  none = case_run (b, c, 0);
  host_replayed = FALSE;
  g_assert_cmpuint (host_cuda_launches (), ==, before);
  outcome_clear (&none);
}
