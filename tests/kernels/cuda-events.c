/* gst-ddpm: the CUDA backend's stream keeps order with other streams, on
 * devices that do everything as late as they may (tests/support/host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/context.h"
#include "kernels/cuda/events.h"
#include "kernels/cuda/failure.h"
#include "tests/support/host-cuda.h"
#include "tests/support/test.h"

/* The backend without its libraries */
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

static CudaBackend backend;

/* Memory that another stream reads and the backend writes */
typedef struct
{
  cudaStream_t stream;          /* the other stream */
  gint picture, read;
} Others;

static const gint first = 1, second = 2;

static void
copy (gint * to, const gint * from, cudaStream_t stream)
{
  cudaError_t status = cudaMemcpyAsync (to, from, sizeof (gint),
      cudaMemcpyDeviceToDevice, stream);

  g_assert_cmpint (status, ==, cudaSuccess);
}

static void
wait_for (cudaStream_t stream)
{
  g_assert_cmpint (cudaStreamSynchronize (stream), ==, cudaSuccess);
}

static const struct
{
  const gchar *name;
  gboolean by_default;
} namings[] = { {"of-a-stream", FALSE}, {"of-the-default-stream", TRUE} };

/* NULL: the default stream, which stands for all others */
static gpointer
name_of (Others * others, gboolean by_default)
{
  return by_default ? NULL : others->stream;
}

TABLE_TEST (what_others_still_read_is_not_written, namings)
{
  Others others = { host_cuda_stream_new (), first, 0 };

  copy (&others.read, &others.picture, others.stream);
  ddpm_cuda_wait_event (&backend.base, name_of (&others, row->by_default));
  copy (&others.picture, &second, backend.stream);
  g_assert_cmpuint (host_cuda_behind (), ==, 2);        /* without waiting */
  g_assert_cmpint (others.read, ==, 0);

  wait_for (backend.stream);
  g_assert_cmpint (others.read, ==, first);
  g_assert_cmpint (others.picture, ==, second);
}

TABLE_TEST (what_is_not_yet_written_is_not_read, namings)
{
  Others others = { host_cuda_stream_new (), first, 0 };

  copy (&others.picture, &second, backend.stream);
  ddpm_cuda_record_event (&backend.base, name_of (&others, row->by_default));
  copy (&others.read, &others.picture, others.stream);
  g_assert_cmpuint (host_cuda_behind (), ==, 1);
  g_assert_cmpint (others.picture, ==, first);

  wait_for (others.stream);
  g_assert_cmpint (others.read, ==, second);
}

/* Both directions share one event. */
TABLE_TEST (each_picture_comes_behind_the_last_one_s_reader, namings)
{
  enum
  { N = 5 };
  Others others = { host_cuda_stream_new (), 0, 0 };
  gint painted[N], read[N];

  for (guint i = 0; i < N; i++) {
    painted[i] = 10 + i;
    ddpm_cuda_wait_event (&backend.base, name_of (&others, row->by_default));
    copy (&others.picture, &painted[i], backend.stream);
    ddpm_cuda_record_event (&backend.base, name_of (&others, row->by_default));
    copy (&read[i], &others.picture, others.stream);
  }
  g_assert_cmpint (others.picture, ==, 0);
  wait_for (others.stream);
  g_assert_cmpmem (read, sizeof (read), painted, sizeof (painted));
  wait_for (backend.stream);
}

/* The backend does not wait for streams that were not named. */
TEST (other_streams_go_on)
{
  Others named = { host_cuda_stream_new (), first, 0 };
  Others other = { host_cuda_stream_new (), first, 0 };

  copy (&named.read, &named.picture, named.stream);
  copy (&other.read, &other.picture, other.stream);
  ddpm_cuda_wait_event (&backend.base, named.stream);
  wait_for (backend.stream);
  g_assert_cmpint (named.read, ==, first);
  g_assert_cmpint (other.read, ==, 0);
  wait_for (other.stream);
}

int
main (int argc, char **argv)
{
  gint status;

  test_init (&argc, &argv);
  g_assert_true (ddpm_cuda_context_retain (&backend, NULL, NULL));
  g_assert_true (ddpm_cuda_context_enter (&backend));
  g_assert_true (ddpm_cuda_events_init (&backend));
  status = g_test_run ();
  ddpm_cuda_events_clear (&backend);
  ddpm_cuda_context_leave (&backend);
  ddpm_cuda_context_release (&backend);
  return status;
}
