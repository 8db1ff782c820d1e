/* gst-ddpm: CUDA backend: a ring of pinned memory for uploads
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/staging.h"

/* Pinned host memory, which the GPU reads while the host goes on. The host
 * overwrites a slot once its event says that the copy is complete. The slot's
 * device memory is overwritten in stream order, so after its last reader. */
struct _CudaStaging
{
  guint8 *host;                 /* [CUDA_STAGING_SLOTS][CUDA_STAGING_SIZE] */
  guint8 *device;               /* the same */
  cudaEvent_t copied[CUDA_STAGING_SLOTS];
  guint next;
};

gboolean
ddpm_cuda_staging_init (CudaBackend * b, GError ** error)
{
  const gsize size = (gsize) CUDA_STAGING_SLOTS * CUDA_STAGING_SIZE;
  struct _CudaStaging *s = b->staging = g_new0 (struct _CudaStaging, 1);

  if (!ddpm_cuda_ok (b, cudaHostAlloc ((void **) &s->host, size,
              cudaHostAllocDefault), "allocating pinned memory")
      || !ddpm_cuda_ok (b, cudaMalloc ((void **) &s->device, size),
          "allocating memory"))
    goto failed;
  for (guint i = 0; i < CUDA_STAGING_SLOTS; i++) {
    if (!ddpm_cuda_ok (b, cudaEventCreateWithFlags (&s->copied[i],
                cudaEventDisableTiming), "creating an event"))
      goto failed;
  }
  return TRUE;

failed:
  ddpm_cuda_propagate_failure (b, error);
  ddpm_cuda_staging_clear (b);
  return FALSE;
}

/* The stream must be idle. */
void
ddpm_cuda_staging_clear (CudaBackend * b)
{
  struct _CudaStaging *s = g_steal_pointer (&b->staging);

  if (s == NULL)
    return;
  for (guint i = 0; i < CUDA_STAGING_SLOTS; i++) {
    if (s->copied[i])
      ddpm_cuda_ok (b, cudaEventDestroy (s->copied[i]), "freeing an event");
  }
  if (s->device)
    ddpm_cuda_ok (b, cudaFree (s->device), "freeing memory");
  if (s->host)
    ddpm_cuda_ok (b, cudaFreeHost (s->host), "freeing pinned memory");
  g_free (s);
}

gpointer
ddpm_cuda_staging_copy (CudaBackend * b, gpointer dst, gconstpointer src,
    gsize size)
{
  struct _CudaStaging *s = b->staging;
  const guint slot = s->next;
  const gsize offset = (gsize) slot * CUDA_STAGING_SIZE;

  if (dst == NULL)
    dst = s->device + offset;
  /* An event that was never recorded counts as complete. */
  if (!ddpm_cuda_ok (b, cudaEventSynchronize (s->copied[slot]),
          "waiting for a copy"))
    return NULL;
  memcpy (s->host + offset, src, size);
  if (!ddpm_cuda_ok (b, cudaMemcpyAsync (dst, s->host + offset, size,
              cudaMemcpyHostToDevice, b->stream), "copying to the device")
      || !ddpm_cuda_ok (b, cudaEventRecord (s->copied[slot], b->stream),
          "marking a copy"))
    return NULL;
  s->next = (slot + 1) % CUDA_STAGING_SLOTS;
  return dst;
}

gpointer
ddpm_cuda_stage_args (CudaBackend * b, gconstpointer src, gsize size)
{
  gpointer place;

  g_return_val_if_fail (size <= CUDA_STAGING_SIZE, NULL);

  if (ddpm_cuda_graph_stage_args (b, src, size, &place))
    return place;
  return ddpm_cuda_staging_copy (b, NULL, src, size);
}
