/* gst-ddpm: CUDA backend: what the module exports: a backend and its table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/backends.h"
#include "kernels/cuda/context.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/events.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/libraries.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/plan-cache.h"
#include "kernels/cuda/staging.h"

typedef struct
{
  CudaBackend *backend;
  GError **error;
  gboolean ok;
} Opening;

/* CUDA reports the failure of an earlier kernel in the next call that is made.
 * So this makes one, which does not wait. */
static gboolean
module_check (DdpmBackend * base, GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  gboolean ok;

  g_rec_mutex_lock (&b->lock);
  if (ddpm_cuda_context_enter (b)) {
    const cudaError_t status = cudaStreamQuery (b->stream);

    if (status == cudaErrorNotReady)
      cudaGetLastError ();
    else
      ddpm_cuda_ok (b, status, "computing");
    ddpm_cuda_context_leave (b);
  }
  ok = b->failure == NULL;
  if (!ok)
    ddpm_cuda_propagate_failure (b, error);
  g_rec_mutex_unlock (&b->lock);
  return ok;
}

static void
close_stream (gpointer data)
{
  CudaBackend *b = data;

  if (b->stream)
    ddpm_cuda_ok (b, cudaStreamSynchronize (b->stream), "computing");
  ddpm_cuda_staging_clear (b);
  ddpm_cuda_events_clear (b);
  g_clear_pointer (&b->convolutions, g_hash_table_unref);
  ddpm_cuda_libraries_close (b);
  if (b->stream)
    ddpm_cuda_ok (b, cudaStreamDestroy (b->stream), "freeing a stream");
}

static void
module_finalize (DdpmBackend * base)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  base->device = NULL;          /* the caller has freed it */
  if (b->context)
    ddpm_cuda_run (base, close_stream, b);
  ddpm_cuda_context_release (b);
  ddpm_cuda_plan_cache_free (b->plan_cache);
  g_clear_error (&b->failure);
  g_rec_mutex_clear (&b->lock);
  g_free (b);
}

static void
open_libraries (gpointer data)
{
  Opening *o = data;

  o->ok = ddpm_cuda_open_cudnn (o->backend)
      && ddpm_cuda_open_cublas (o->backend);
  if (!o->ok)
    ddpm_cuda_propagate_failure (o->backend, o->error);
}

static gboolean
module_probe (DdpmBackend * base, GError ** error)
{
  Opening opening = { ddpm_cuda_backend (base), error, FALSE };

  ddpm_cuda_run (base, open_libraries, &opening);
  return opening.ok;
}

static void
set_ops (DdpmOps * ops)
{
  ops->finalize = module_finalize;
  ops->run = ddpm_cuda_run;
  ops->check = module_check;
  ops->probe = module_probe;
  ops->alloc = ddpm_cuda_alloc;
  ops->free = ddpm_cuda_free;
  ops->upload = ddpm_cuda_upload;
  ops->download = ddpm_cuda_download;
  ops->zero = ddpm_cuda_zero;
  ops->copy = ddpm_cuda_copy;
  ops->wait = ddpm_cuda_wait;
  ops->wait_event = ddpm_cuda_wait_event;
  ops->record_event = ddpm_cuda_record_event;
  ops->graph_new = ddpm_cuda_graph_new;
  ops->graph_run = ddpm_cuda_graph_run;
  ddpm_cuda_attention_set_ops (ops);
  ddpm_cuda_convolution_set_ops (ops);
  ddpm_cuda_diffusion_set_ops (ops);
  ddpm_cuda_elements_set_ops (ops);
  ddpm_cuda_linear_set_ops (ops);
  ddpm_cuda_norm_set_ops (ops);
  ddpm_cuda_optimizer_set_ops (ops);
  ddpm_cuda_picture_set_ops (ops);
}

static void
open_stream (gpointer data)
{
  Opening *o = data;
  CudaBackend *b = o->backend;

  if (ddpm_cuda_ok (b, cudaStreamCreateWithFlags (&b->stream,
              cudaStreamNonBlocking), "creating a stream")
      && ddpm_cuda_events_init (b))
    o->ok = ddpm_cuda_staging_init (b, o->error);
  else
    ddpm_cuda_propagate_failure (b, o->error);
}

/* DdpmCudaBackendNewFunc */
DdpmBackend *ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads,
    gint device, gpointer context, GError ** error);

DdpmBackend *
ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads, gint device,
    gpointer context, GError ** error)
{
  CudaBackend *b = g_new0 (CudaBackend, 1);
  Opening opening = { b, error, FALSE };

  g_rec_mutex_init (&b->lock);
  set_ops (&b->ops);
  b->base.ops = &b->ops;
  b->base.name = "cuda";
  b->base.threads = 1;
  b->device = MAX (device, 0);
  if (!ddpm_cuda_device_open (b, precision, error)
      || !ddpm_cuda_context_retain (b, context, error))
    goto failed;
  ddpm_cuda_run (&b->base, open_stream, &opening);
  if (!opening.ok)
    goto failed;
  return &b->base;

failed:
  g_free (b->base.device);
  module_finalize (&b->base);
  return NULL;
}
