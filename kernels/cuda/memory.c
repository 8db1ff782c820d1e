/* gst-ddpm: CUDA backend: device memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/context.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/workspace.h"

static gpointer
alloc_zeroed (CudaBackend * b, gsize size)
{
  gpointer p = NULL;

  if (cudaMalloc (&p, MAX (size, 1)) != cudaSuccess) {
    cudaGetLastError ();        /* the caller reports NULL */
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
  if (!ddpm_cuda_graph_count_call (b))
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
  if (!ddpm_cuda_graph_count_call (b))
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
  ddpm_cuda_graph_wait (b);
  ddpm_cuda_context_leave (b);
}

/* Stages all of src in the parameters of the graph that is being run. FALSE:
 * none is, or it is only being measured: upload as usual. */
static gboolean
upload_in_graph (CudaBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  const gboolean replayed = ddpm_cuda_graph_count_call (b);
  gpointer place;

  if (!ddpm_cuda_graph_stage_args (b, src, size, &place))
    return FALSE;
  if (place && size > 0 && !replayed)
    ddpm_cuda_ok (b, cudaMemcpyAsync (dst, place, size,
            cudaMemcpyDeviceToDevice, b->stream), "copying memory");
  return TRUE;
}

static void
upload_by_slots (CudaBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  gsize count;

  for (gsize done = 0; done < size; done += count) {
    count = MIN (size - done, CUDA_STAGING_SIZE);
    if (ddpm_cuda_staging_copy (b, ddpm_cuda_at (dst, done), ddpm_cuda_at (src,
                done), count) == NULL)
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
  if (!upload_in_graph (b, dst, src, size))
    upload_by_slots (b, dst, src, size);
  ddpm_cuda_context_leave (b);
}
