/* gst-ddpm: the CUDA backend's memory operations, called from several threads
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * On the stand-ins for CUDA's runtime (tests/support/host-cuda.h), which end
 * the test when a call has no context, or two threads make calls at the same
 * time.
 */
#include "kernels/cuda/context.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/staging.h"
#include "tests/support/host-cuda.h"
#include "tests/support/test.h"

/* More than one slot of the upload's ring takes */
#define COUNT (CUDA_STAGING_SIZE / sizeof (guint) + 3)
#define SIZE (COUNT * sizeof (guint))

/* --- the backend without its libraries ------------------------------------ */

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  if (status != cudaSuccess && b->failure == NULL)
    b->failure = g_error_new_literal (DDPM_ERROR, DDPM_ERROR_LIBRARY, what);
  return status == cudaSuccess;
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  g_propagate_error (error, g_steal_pointer (&b->failure));
}

static CudaBackend backend;
static DdpmBackend *const b = &backend.base;

/* --- tests ---------------------------------------------------------------- */

static void
assert_all (const guint * values, guint value)
{
  for (gsize i = 0; i < COUNT; i++)
    g_assert_cmpuint (values[i], ==, value);
}

static void
fill (guint * values, guint value)
{
  for (gsize i = 0; i < COUNT; i++)
    values[i] = value;
}

/* Every memory operation, in a thread that has no context and is not inside
 * run (): each leaves the thread without a context again. */
static gpointer
use_memory (gpointer data)
{
  const guint rounds = GPOINTER_TO_UINT (data);
  g_autofree guint *values = g_malloc (SIZE);
  gpointer x = ddpm_cuda_alloc (b, SIZE), y = ddpm_cuda_alloc (b, SIZE);

  ddpm_cuda_download (b, values, x, SIZE);
  assert_all (values, 0);
  for (guint i = 1; i <= rounds; i++) {
    fill (values, i);
    ddpm_cuda_upload (b, x, values, SIZE);
    fill (values, 0);
    ddpm_cuda_copy (b, y, x, SIZE);
    ddpm_cuda_zero (b, x, SIZE);
    ddpm_cuda_wait (b);
    ddpm_cuda_download (b, values, y, SIZE);
    assert_all (values, i);
    ddpm_cuda_download (b, values, x, SIZE);
    assert_all (values, 0);
    g_assert_cmpuint (host_cuda_contexts (), ==, 0);
  }
  ddpm_cuda_free (b, x);
  ddpm_cuda_free (b, y);
  g_assert_cmpuint (host_cuda_contexts (), ==, 0);
  return NULL;
}

TEST (memory_needs_no_run)
{
  use_memory (GUINT_TO_POINTER (1));
  g_thread_join (g_thread_new ("memory", use_memory, GUINT_TO_POINTER (1)));
}

typedef struct
{
  guint *x, *y;                 /* on the device */
  GThread *thread;
  gint uploaded;                /* atomic */
} Shared;

static gpointer
upload_twos (gpointer data)
{
  Shared *shared = data;
  g_autofree guint *values = g_malloc (SIZE);

  fill (values, 2);
  ddpm_cuda_upload (b, shared->x, values, SIZE);
  g_atomic_int_set (&shared->uploaded, 1);
  return NULL;
}

static void
upload_ones_and_copy (gpointer data)
{
  Shared *shared = data;
  g_autofree guint *values = g_malloc (SIZE);

  fill (values, 1);
  ddpm_cuda_upload (b, shared->x, values, SIZE);
  shared->thread = g_thread_new ("upload", upload_twos, shared);
  g_usleep (50000);
  g_assert_cmpint (g_atomic_int_get (&shared->uploaded), ==, 0);
  ddpm_cuda_copy (b, shared->y, shared->x, SIZE);
}

TEST (another_thread_s_upload_comes_after_run)
{
  Shared shared = { ddpm_cuda_alloc (b, SIZE), ddpm_cuda_alloc (b, SIZE) };
  g_autofree guint *values = g_malloc (SIZE);

  ddpm_cuda_run (b, upload_ones_and_copy, &shared);
  g_thread_join (shared.thread);
  ddpm_cuda_download (b, values, shared.y, SIZE);
  assert_all (values, 1);
  ddpm_cuda_download (b, values, shared.x, SIZE);
  assert_all (values, 2);
  ddpm_cuda_free (b, shared.x);
  ddpm_cuda_free (b, shared.y);
}

static void
use_memory_inside (gpointer data)
{
  gpointer x = ddpm_cuda_alloc (b, 64);

  g_assert_cmpuint (host_cuda_contexts (), ==, 1);
  ddpm_cuda_wait (b);
  ddpm_cuda_free (b, x);
  g_assert_cmpuint (host_cuda_contexts (), ==, 1);
}

TEST (threads_do_not_disturb_each_other)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("memory", use_memory, GUINT_TO_POINTER (20));
  for (guint i = 0; i < 200; i++)
    ddpm_cuda_run (b, use_memory_inside, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static void
count_call (gpointer data)
{
  *(guint *) data += 1;
}

TEST (a_context_that_cannot_be_entered_is_a_failure)
{
  gpointer x = ddpm_cuda_alloc (b, SIZE);
  guint value = 5, calls = 0;

  host_cuda_let_enter (FALSE);
  g_assert_null (ddpm_cuda_alloc (b, SIZE));
  ddpm_cuda_download (b, &value, x, sizeof (value));
  ddpm_cuda_run (b, count_call, &calls);
  host_cuda_let_enter (TRUE);
  g_assert_cmpuint (value, ==, 5);
  g_assert_cmpuint (calls, ==, 1);
  g_assert_error (backend.failure, DDPM_ERROR, DDPM_ERROR_LIBRARY);
  g_clear_error (&backend.failure);

  ddpm_cuda_free (b, x);        /* the lock was given back */
  memory_needs_no_run ();
}

static void
init_staging (gpointer data)
{
  assert_ok (ddpm_cuda_staging_init (&backend, &error));
}

static void
clear_staging (gpointer data)
{
  ddpm_cuda_staging_clear (&backend);
}

int
main (int argc, char **argv)
{
  gint status;

  test_init (&argc, &argv);
  assert_ok (ddpm_cuda_context_retain (&backend, NULL, &error));
  ddpm_cuda_run (b, init_staging, NULL);

  status = g_test_run ();

  ddpm_cuda_run (b, clear_staging, NULL);
  ddpm_cuda_context_release (&backend);
  return status;
}
