/* gst-ddpm: CUDA backend: the CUDA context of its work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CUDA's runtime works in the current context of the thread, and other elements
 * have contexts of their own (GstCuda makes its own with cuCtxCreate). Memory
 * of one context cannot be used in another. So an application can give the
 * backend the context that it shares memory with; otherwise the backend uses
 * the GPU's primary context. Each piece of work pushes the context first and
 * pops it afterwards, which leaves the thread as it was.
 *
 * The driver's functions for this are looked up through the runtime: a module
 * that is linked with libcuda.so.1 could not be opened without a driver.
 */
#include <cudaTypedefs.h>

#include "kernels/cuda/context.h"
#include "kernels/cuda/failure.h"

struct _CudaContext
{
  PFN_cuDevicePrimaryCtxRelease_v11000 release;
  PFN_cuCtxPushCurrent_v4000 push;
  PFN_cuCtxPopCurrent_v4000 pop;
  CUdevice device;
  CUcontext context;            /* NULL: none yet */
  gboolean primary;             /* and retained */
};

/* The driver and the runtime number their errors alike. */
static gboolean
driver_ok (CudaBackend * b, CUresult result, const gchar * what)
{
  return ddpm_cuda_ok (b, (cudaError_t) result, what);
}

/* Looks up a function of the driver as of a version of CUDA. */
static gboolean
find (CudaBackend * b, const gchar * name, guint version, void **function)
{
  enum cudaDriverEntryPointQueryResult found;

  *function = NULL;
  return ddpm_cuda_ok (b, cudaGetDriverEntryPointByVersion (name, function,
          version, cudaEnableDefault, &found), name)
      && ddpm_cuda_ok (b, *function ? cudaSuccess : cudaErrorSymbolNotFound,
      name);
}

static gboolean
find_all (CudaBackend * b, struct _CudaContext *c)
{
  return find (b, "cuDevicePrimaryCtxRelease", 11000, (void **) &c->release)
      && find (b, "cuCtxPushCurrent", 4000, (void **) &c->push)
      && find (b, "cuCtxPopCurrent", 4000, (void **) &c->pop);
}

static gboolean
retain_primary (CudaBackend * b, struct _CudaContext *c)
{
  PFN_cuDeviceGet_v2000 get_device;
  PFN_cuDevicePrimaryCtxRetain_v7000 retain;

  c->primary = find (b, "cuDeviceGet", 2000, (void **) &get_device)
      && find (b, "cuDevicePrimaryCtxRetain", 7000, (void **) &retain)
      && driver_ok (b, get_device (&c->device, b->device), "cuDeviceGet")
      && driver_ok (b, retain (&c->context, c->device),
      "retaining the primary context");
  return c->primary;
}

/* The shared context must belong to GPU b->device: the driver and the runtime
 * number GPUs alike. */
static gboolean
adopt (CudaBackend * b, struct _CudaContext *c, gpointer shared)
{
  PFN_cuCtxGetDevice_v2000 get_device;
  CUcontext left;
  gboolean ok;

  if (!find (b, "cuCtxGetDevice", 2000, (void **) &get_device)
      || !driver_ok (b, c->push (shared), "entering the shared context"))
    return FALSE;
  ok = driver_ok (b, get_device (&c->device), "cuCtxGetDevice");
  if (!driver_ok (b, c->pop (&left), "leaving the shared context") || !ok)
    return FALSE;
  if (c->device != b->device)
    return ddpm_cuda_ok (b, cudaErrorInvalidDevice,
        "a shared context on this GPU");
  c->context = shared;
  return TRUE;
}

gboolean
ddpm_cuda_context_retain (CudaBackend * b, gpointer shared, GError ** error)
{
  struct _CudaContext *c = b->context = g_new0 (struct _CudaContext, 1);

  if (find_all (b, c)
      && (shared ? adopt (b, c, shared) : retain_primary (b, c))) {
    b->base.context = c->context;
    return TRUE;
  }
  g_clear_pointer (&b->context, g_free);
  ddpm_cuda_propagate_failure (b, error);
  return FALSE;
}

static void
release_once (CudaBackend * b)
{
  driver_ok (b, b->context->release (b->context->device),
      "releasing the primary context");
}

/* The first backend of a GPU keeps its reference to the primary context when it
 * is freed. So a pipeline that stops and starts need not wait for a new context,
 * and libraries do not remember one that is gone. The cost is the context's GPU
 * memory, which the driver frees with the process. A context in which something
 * failed may be unusable, so then this reference is released as well: once all
 * backends are gone, the next one gets a new context. */
static void
release_primary (CudaBackend * b)
{
  static GMutex lock;
  static guint64 held;          /* a bit for each GPU */
  const CUdevice device = b->context->device;
  const guint64 bit = device < 64 ? G_GUINT64_CONSTANT (1) << device : 0;
  const gboolean failed = b->failure != NULL;

  g_mutex_lock (&lock);
  if (!failed && (~held & bit)) {
    held |= bit;
  } else {
    release_once (b);
    if (failed && (held & bit)) {
      release_once (b);
      held &= ~bit;
    }
  }
  g_mutex_unlock (&lock);
}

void
ddpm_cuda_context_release (CudaBackend * b)
{
  if (b->context && b->context->primary)
    release_primary (b);
  g_clear_pointer (&b->context, g_free);
}

gboolean
ddpm_cuda_context_enter (CudaBackend * b)
{
  g_rec_mutex_lock (&b->lock);
  if (driver_ok (b, b->context->push (b->context->context),
          "entering the context"))
    return TRUE;
  g_rec_mutex_unlock (&b->lock);
  return FALSE;
}

void
ddpm_cuda_context_leave (CudaBackend * b)
{
  CUcontext left;

  driver_ok (b, b->context->pop (&left), "leaving the context");
  g_rec_mutex_unlock (&b->lock);
}

void
ddpm_cuda_run (DdpmBackend * base, void (*func) (gpointer data), gpointer data)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  gboolean entered;

  g_rec_mutex_lock (&b->lock);
  entered = ddpm_cuda_context_enter (b);
  func (data);                  /* in any case: its calls fail, too */
  if (entered)
    ddpm_cuda_context_leave (b);
  g_rec_mutex_unlock (&b->lock);
}
