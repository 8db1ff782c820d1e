/* gst-ddpm: CUDA backend: its stream in order with those of others
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory that others read or write is used in their streams too. The device
 * itself keeps the order, by an event: the host goes on.
 */
#include "kernels/cuda/events.h"
#include "kernels/cuda/failure.h"

gboolean
ddpm_cuda_events_init (CudaBackend * b)
{
  return ddpm_cuda_ok (b, cudaEventCreateWithFlags (&b->event,
          cudaEventDisableTiming), "making an event");
}

void
ddpm_cuda_events_clear (CudaBackend * b)
{
  if (b->event)
    ddpm_cuda_ok (b, cudaEventDestroy (b->event), "freeing an event");
  b->event = NULL;
}

/* A wait is for what the event marks when it is asked for, whatever the event
 * marks later: so one is enough. */
static void
put_behind (CudaBackend * b, cudaStream_t first, cudaStream_t second)
{
  if (ddpm_cuda_ok (b, cudaEventRecord (b->event, first), "marking a stream"))
    ddpm_cuda_ok (b, cudaStreamWaitEvent (second, b->event, 0),
        "ordering streams");
}

/* The default stream of the whole context, not that of a thread: a mark in it
 * is behind all that blocking streams have, and they are behind its waits. Ours
 * is none of these. */
static cudaStream_t
stream_of (gpointer others)
{
  return others ? others : cudaStreamLegacy;
}

void
ddpm_cuda_wait_event (DdpmBackend * base, gpointer stream)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  put_behind (b, stream_of (stream), b->stream);
}

void
ddpm_cuda_record_event (DdpmBackend * base, gpointer stream)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  put_behind (b, b->stream, stream_of (stream));
}
