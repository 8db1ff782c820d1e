/* gst-ddpm: CUDA backend: the device's primary context, around all its work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CUDA's runtime works in whatever context is the thread's, and other elements
 * have contexts of their own (GstCuda). So each piece of work is put between a
 * push and a pop of the primary context, and leaves the thread as it was. The
 * driver's functions for it are asked of the runtime: were the module linked
 * with libcuda.so.1, it could not be opened where there is no driver.
 */
#include <cudaTypedefs.h>

#include "cuda-private.h"

struct _CudaContext
{
  PFN_cuDevicePrimaryCtxRelease_v11000 release;
  PFN_cuCtxPushCurrent_v4000 push;
  PFN_cuCtxPopCurrent_v4000 pop;
  CUdevice device;
  CUcontext primary;            /* NULL: not retained */
};

/* The numbers of the driver's errors are those of the runtime. */
static gboolean
driver_ok (CudaBackend * b, CUresult result, const gchar * what)
{
  return cuda_ok (b, (cudaError_t) result, what);
}

/* A function of the driver, as it was in a version of CUDA */
static gboolean
find (CudaBackend * b, const gchar * name, guint version, void **function)
{
  enum cudaDriverEntryPointQueryResult found;

  *function = NULL;
  return cuda_ok (b, cudaGetDriverEntryPointByVersion (name, function, version,
          cudaEnableDefault, &found), name)
      && cuda_ok (b, *function ? cudaSuccess : cudaErrorSymbolNotFound, name);
}

gboolean
cuda_context_retain (CudaBackend * b, GError ** error)
{
  struct _CudaContext *c = b->context = g_new0 (struct _CudaContext, 1);
  PFN_cuDeviceGet_v2000 get_device;
  PFN_cuDevicePrimaryCtxRetain_v7000 retain;

  if (find (b, "cuDeviceGet", 2000, (void **) &get_device)
      && find (b, "cuDevicePrimaryCtxRetain", 7000, (void **) &retain)
      && find (b, "cuDevicePrimaryCtxRelease", 11000, (void **) &c->release)
      && find (b, "cuCtxPushCurrent", 4000, (void **) &c->push)
      && find (b, "cuCtxPopCurrent", 4000, (void **) &c->pop)
      && driver_ok (b, get_device (&c->device, b->device), "cuDeviceGet")
      && driver_ok (b, retain (&c->primary, c->device),
          "retaining the primary context"))
    return TRUE;
  c->primary = NULL;
  cuda_take_failure (b, error);
  return FALSE;
}

void
cuda_context_release (CudaBackend * b)
{
  if (b->context && b->context->primary)
    driver_ok (b, b->context->release (b->context->device),
        "releasing the primary context");
  g_clear_pointer (&b->context, g_free);
}

gboolean
cuda_context_enter (CudaBackend * b)
{
  return driver_ok (b, b->context->push (b->context->primary),
      "entering the primary context");
}

void
cuda_context_leave (CudaBackend * b)
{
  CUcontext left;

  driver_ok (b, b->context->pop (&left), "leaving the primary context");
}
