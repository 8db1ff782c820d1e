/* gst-ddpm: CUDA backend: a context of the device, around all its work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CUDA's runtime works in whatever context is the thread's, and other elements
 * have one of their own (GstCuda makes it with cuCtxCreate). Memory of one
 * context is of no use in another: who wants to share it gives the backend the
 * other's context, and else it takes the device's primary one. Each piece of
 * work is put between a push and a pop of it, and leaves the thread as it was.
 * The driver's functions for it are asked of the runtime: were the module
 * linked with libcuda.so.1, it could not be opened where there is no driver.
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
  gboolean primary;             /* and so retained */
};

/* The numbers of the driver's errors are those of the runtime. */
static gboolean
driver_ok (CudaBackend * b, CUresult result, const gchar * what)
{
  return ddpm_cuda_ok (b, (cudaError_t) result, what);
}

/* A function of the driver, as it was in a version of CUDA */
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

/* The context of others must be of the device that was described: a number of
 * the driver and one of the runtime name the same. */
static gboolean
adopt (CudaBackend * b, struct _CudaContext *c, gpointer shared)
{
  PFN_cuCtxGetDevice_v2000 get_device;
  CUcontext left;
  gboolean ok;

  if (!find (b, "cuCtxGetDevice", 2000, (void **) &get_device)
      || !driver_ok (b, c->push (shared), "entering a context of others"))
    return FALSE;
  ok = driver_ok (b, get_device (&c->device), "cuCtxGetDevice");
  if (!driver_ok (b, c->pop (&left), "leaving a context of others") || !ok)
    return FALSE;
  if (c->device != b->device)
    return ddpm_cuda_ok (b, cudaErrorInvalidDevice, "the context of others");
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

/* The first backend of a GPU leaves its hold of the primary context behind, so
 * that a pipeline that stops and starts need not wait for a new one, nor find
 * libraries that remember one that is gone. It costs the GPU's memory for the
 * context alone, and the driver ends it with the process: it is no memory of
 * ours, nor does anything but the driver point to it. A context in which
 * something failed may be of no more use, so then the hold is given up: who
 * comes when all have left gets a new one. */
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
