/* gst-ddpm: CUDA backend: order with other streams, by an event
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Other elements read and write shared memory in their own streams. An event
 * keeps the order on the device, so that the host does not wait.
 */
#include "kernels/cuda/events.h"
#include "kernels/cuda/failure.h"

gboolean
ddpm_cuda_events_init (CudaBackend * b)
{
  return ddpm_cuda_ok (b, cudaEventCreateWithFlags (&b->event,
          cudaEventDisableTiming), "creating an event");
}

void
ddpm_cuda_events_clear (CudaBackend * b)
{
  if (b->event)
    ddpm_cuda_ok (b, cudaEventDestroy (b->event), "freeing an event");
  b->event = NULL;
}

/* Work of second that is queued from now on waits for the work that first has
 * now. A wait refers to what the event marks at the time of the call, so that
 * one event is enough for all. */
static void
make_wait (CudaBackend * b, cudaStream_t first, cudaStream_t second)
{
  if (ddpm_cuda_ok (b, cudaEventRecord (b->event, first), "recording an event"))
    ddpm_cuda_ok (b, cudaStreamWaitEvent (second, b->event, 0),
        "waiting for an event");
}

/* NULL means the context's default stream, not a thread's. An event recorded in
 * it comes after all work of blocking streams, and blocking streams wait for
 * it. The backend's own stream is not a blocking one. */
static cudaStream_t
resolve_stream (gpointer stream)
{
  return stream ? stream : cudaStreamLegacy;
}

void
ddpm_cuda_wait_event (DdpmBackend * base, gpointer stream)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  make_wait (b, resolve_stream (stream), b->stream);
}

void
ddpm_cuda_record_event (DdpmBackend * base, gpointer stream)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  make_wait (b, b->stream, resolve_stream (stream));
}
