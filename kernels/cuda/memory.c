/* gst-ddpm: CUDA backend: memory of the device, and the way to it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/private.h"

/* Host memory that the card reads while the host goes on. A slot is written
 * again when the copy out of it is over, which its event tells; its place on
 * the device when the stream comes to the next copy, behind whatever reads it. */
struct _CudaStage
{
  guint8 *host;                 /* [CUDA_STAGE_SLOTS][CUDA_STAGE_MAX] */
  guint8 *device;               /* the same */
  cudaEvent_t copied[CUDA_STAGE_SLOTS];
  guint next;
};

/* --- memory ------------------------------------------------------------- */

static gpointer
alloc_zeroed (CudaBackend * b, gsize size)
{
  gpointer p = NULL;

  if (cudaMalloc (&p, MAX (size, 1)) != cudaSuccess) {
    cudaGetLastError ();        /* NULL says it */
    return NULL;
  }
  if (!ddpm_cuda_ok (b, cudaMemsetAsync (p, 0, size, b->stream),
          "clearing memory")) {
    ddpm_cuda_ok (b, cudaFree (p), "freeing memory");
    return NULL;
  }
  return p;
}

gpointer
ddpm_cuda_alloc (DdpmBackend * base, gsize size)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  gpointer p;

  if (!ddpm_cuda_context_enter (b))
    return NULL;
  p = alloc_zeroed (b, size);
  ddpm_cuda_context_leave (b);
  return p;
}

void
ddpm_cuda_free (DdpmBackend * base, gpointer p)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (p == NULL || !ddpm_cuda_context_enter (b))
    return;
  ddpm_cuda_ok (b, cudaFree (p), "freeing memory");
  ddpm_cuda_context_leave (b);
}

void
ddpm_cuda_download (DdpmBackend * base, gpointer dst, gconstpointer src,
    gsize size)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (size == 0 || !ddpm_cuda_context_enter (b))
    return;
  if (!ddpm_cuda_graph_download (b, dst, src, size)
      && ddpm_cuda_ok (b, cudaMemcpyAsync (dst, src, size,
              cudaMemcpyDeviceToHost, b->stream), "copying from the device"))
    ddpm_cuda_wait (base);
  ddpm_cuda_context_leave (b);
}

void
ddpm_cuda_zero (DdpmBackend * base, gpointer dst, gsize size)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (size == 0 || !ddpm_cuda_context_enter (b))
    return;
  if (!ddpm_cuda_replayed (b))
    ddpm_cuda_ok (b, cudaMemsetAsync (dst, 0, size, b->stream),
        "clearing memory");
  ddpm_cuda_context_leave (b);
}

void
ddpm_cuda_copy (DdpmBackend * base, gpointer dst, gconstpointer src, gsize size)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (size == 0 || !ddpm_cuda_context_enter (b))
    return;
  if (!ddpm_cuda_replayed (b))
    ddpm_cuda_ok (b, cudaMemcpyAsync (dst, src, size, cudaMemcpyDeviceToDevice,
            b->stream), "copying memory");
  ddpm_cuda_context_leave (b);
}

void
ddpm_cuda_wait (DdpmBackend * base)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (!ddpm_cuda_context_enter (b))
    return;
  ddpm_cuda_graph_deliver (b, ddpm_cuda_ok (b,
          cudaStreamSynchronize (b->stream), "computing"));
  ddpm_cuda_context_leave (b);
}

/* --- from the host ------------------------------------------------------ */

gboolean
ddpm_cuda_stage_init (CudaBackend * b, GError ** error)
{
  const gsize size = (gsize) CUDA_STAGE_SLOTS * CUDA_STAGE_MAX;
  struct _CudaStage *s = b->stage = g_new0 (struct _CudaStage, 1);

  if (!ddpm_cuda_ok (b, cudaHostAlloc ((void **) &s->host, size,
              cudaHostAllocDefault), "taking pinned memory")
      || !ddpm_cuda_ok (b, cudaMalloc ((void **) &s->device, size),
          "taking memory"))
    goto failed;
  for (guint i = 0; i < CUDA_STAGE_SLOTS; i++) {
    if (!ddpm_cuda_ok (b, cudaEventCreateWithFlags (&s->copied[i],
                cudaEventDisableTiming), "making an event"))
      goto failed;
  }
  return TRUE;

failed:
  ddpm_cuda_take_failure (b, error);
  ddpm_cuda_stage_clear (b);
  return FALSE;
}

/* The stream has passed everything. */
void
ddpm_cuda_stage_clear (CudaBackend * b)
{
  struct _CudaStage *s = g_steal_pointer (&b->stage);

  if (s == NULL)
    return;
  for (guint i = 0; i < CUDA_STAGE_SLOTS; i++) {
    if (s->copied[i])
      ddpm_cuda_ok (b, cudaEventDestroy (s->copied[i]), "freeing an event");
  }
  if (s->device)
    ddpm_cuda_ok (b, cudaFree (s->device), "freeing memory");
  if (s->host)
    ddpm_cuda_ok (b, cudaFreeHost (s->host), "freeing pinned memory");
  g_free (s);
}

/* Through the next slot; dst NULL: to its place on the device. Returns where
 * it went, or NULL. */
static gpointer
copy_in (CudaBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  struct _CudaStage *s = b->stage;
  const guint slot = s->next;
  const gsize offset = (gsize) slot * CUDA_STAGE_MAX;

  if (dst == NULL)
    dst = s->device + offset;
  /* An event that was never recorded is over. */
  if (!ddpm_cuda_ok (b, cudaEventSynchronize (s->copied[slot]),
          "waiting for a copy"))
    return NULL;
  memcpy (s->host + offset, src, size);
  if (!ddpm_cuda_ok (b, cudaMemcpyAsync (dst, s->host + offset, size,
              cudaMemcpyHostToDevice, b->stream), "copying to the device")
      || !ddpm_cuda_ok (b, cudaEventRecord (s->copied[slot], b->stream),
          "marking a copy"))
    return NULL;
  s->next = (slot + 1) % CUDA_STAGE_SLOTS;
  return dst;
}

gpointer
ddpm_cuda_stage (CudaBackend * b, gconstpointer src, gsize size)
{
  gpointer place;

  g_return_val_if_fail (size <= CUDA_STAGE_MAX, NULL);

  if (ddpm_cuda_graph_stage (b, src, size, &place))
    return place;
  return copy_in (b, NULL, src, size);
}

/* Whole, among the parameters of a sequence */
static gboolean
upload_in_sequence (CudaBackend * b, gpointer dst, gconstpointer src,
    gsize size)
{
  const gboolean replayed = ddpm_cuda_replayed (b);
  gpointer place;

  if (!ddpm_cuda_graph_stage (b, src, size, &place))
    return FALSE;
  if (place && size > 0 && !replayed)
    ddpm_cuda_ok (b, cudaMemcpyAsync (dst, place, size,
            cudaMemcpyDeviceToDevice, b->stream), "copying memory");
  return TRUE;
}

static void
upload_in_parts (CudaBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  gsize part;

  for (gsize done = 0; done < size; done += part) {
    part = MIN (size - done, CUDA_STAGE_MAX);
    if (copy_in (b, ddpm_cuda_at (dst, done), ddpm_cuda_at (src, done),
            part) == NULL)
      return;
  }
}

void
ddpm_cuda_upload (DdpmBackend * base, gpointer dst, gconstpointer src,
    gsize size)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (!ddpm_cuda_context_enter (b))
    return;
  if (!upload_in_sequence (b, dst, src, size))
    upload_in_parts (b, dst, src, size);
  ddpm_cuda_context_leave (b);
}
