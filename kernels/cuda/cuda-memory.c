/* gst-ddpm: CUDA backend: memory of the device, and the way to it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "cuda-private.h"

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

gpointer
cuda_alloc (DdpmBackend * base, gsize size)
{
  CudaBackend *b = cuda_backend (base);
  gpointer p = NULL;

  if (cudaMalloc (&p, MAX (size, 1)) != cudaSuccess) {
    cudaGetLastError ();        /* NULL says it */
    return NULL;
  }
  if (!cuda_ok (b, cudaMemsetAsync (p, 0, size, b->stream), "clearing memory")) {
    cudaFree (p);
    return NULL;
  }
  return p;
}

void
cuda_free (DdpmBackend * base, gpointer p)
{
  if (p)
    cuda_ok (cuda_backend (base), cudaFree (p), "freeing memory");
}

static void
copy (CudaBackend * b, gpointer dst, gconstpointer src, gsize size,
    enum cudaMemcpyKind kind, const gchar * what)
{
  if (size > 0 && cuda_ok (b, cudaMemcpyAsync (dst, src, size, kind,
              b->stream), what))
    cuda_ok (b, cudaStreamSynchronize (b->stream), what);
}

void
cuda_upload (DdpmBackend * base, gpointer dst, gconstpointer src, gsize size)
{
  copy (cuda_backend (base), dst, src, size, cudaMemcpyHostToDevice,
      "copying to the device");
}

void
cuda_download (DdpmBackend * base, gpointer dst, gconstpointer src, gsize size)
{
  copy (cuda_backend (base), dst, src, size, cudaMemcpyDeviceToHost,
      "copying from the device");
}

void
cuda_zero (DdpmBackend * base, gpointer dst, gsize size)
{
  CudaBackend *b = cuda_backend (base);

  cuda_ok (b, cudaMemsetAsync (dst, 0, size, b->stream), "clearing memory");
}

/* --- small arguments ---------------------------------------------------- */

gboolean
cuda_stage_init (CudaBackend * b, GError ** error)
{
  const gsize size = (gsize) CUDA_STAGE_SLOTS * CUDA_STAGE_MAX;
  struct _CudaStage *s = b->stage = g_new0 (struct _CudaStage, 1);

  if (!cuda_ok (b, cudaHostAlloc ((void **) &s->host, size,
              cudaHostAllocDefault), "taking pinned memory")
      || !cuda_ok (b, cudaMalloc ((void **) &s->device, size), "taking memory"))
    goto failed;
  for (guint i = 0; i < CUDA_STAGE_SLOTS; i++) {
    if (!cuda_ok (b, cudaEventCreateWithFlags (&s->copied[i],
                cudaEventDisableTiming), "making an event"))
      goto failed;
  }
  return TRUE;

failed:
  cuda_take_failure (b, error);
  cuda_stage_clear (b);
  return FALSE;
}

/* The stream has passed everything. */
void
cuda_stage_clear (CudaBackend * b)
{
  struct _CudaStage *s = g_steal_pointer (&b->stage);

  if (s == NULL)
    return;
  for (guint i = 0; i < CUDA_STAGE_SLOTS; i++) {
    if (s->copied[i])
      cuda_ok (b, cudaEventDestroy (s->copied[i]), "freeing an event");
  }
  if (s->device)
    cuda_ok (b, cudaFree (s->device), "freeing memory");
  if (s->host)
    cuda_ok (b, cudaFreeHost (s->host), "freeing pinned memory");
  g_free (s);
}

gpointer
cuda_stage (CudaBackend * b, gconstpointer src, gsize size)
{
  struct _CudaStage *s = b->stage;
  const guint slot = s->next;
  guint8 *host = s->host + (gsize) slot * CUDA_STAGE_MAX;
  guint8 *device = s->device + (gsize) slot * CUDA_STAGE_MAX;

  g_return_val_if_fail (size <= CUDA_STAGE_MAX, NULL);

  /* An event that was never recorded is over. */
  if (!cuda_ok (b, cudaEventSynchronize (s->copied[slot]),
          "waiting for a copy"))
    return NULL;
  memcpy (host, src, size);
  if (!cuda_ok (b, cudaMemcpyAsync (device, host, size,
              cudaMemcpyHostToDevice, b->stream), "copying to the device")
      || !cuda_ok (b, cudaEventRecord (s->copied[slot], b->stream),
          "marking a copy"))
    return NULL;
  s->next = (slot + 1) % CUDA_STAGE_SLOTS;
  return device;
}
