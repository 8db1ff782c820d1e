/* gst-ddpm: a fake driver with two GPUs, for GstCuda
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * This replaces libcuda.so.1. Contexts are numbers, and memory is system
 * memory. Tests must build without the CUDA Toolkit, so its headers do not
 * declare these functions; unnamed arguments are ignored.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUCCESS 0
#define INVALID_VALUE 1
#define OUT_OF_MEMORY 2
#define INVALID_DEVICE 101
#define NOT_SUPPORTED 801

#define N_GPUS 2
#define PITCH 512               /* rows are a multiple of this apart, in bytes */

typedef uint64_t Place;

typedef struct
{
  size_t x, y;
  int type;                     /* 1: host, 2: device */
  void *host;
  Place device;
  void *array;
  size_t pitch;
} Side;

typedef struct
{
  Side from, to;
  size_t width, height;
} Copy2D;

/* *INDENT-OFF* */
#define DONE(name) int name (void); int name (void) { return SUCCESS; }
#define REFUSED(name) int name (void); \
    int name (void) { return NOT_SUPPORTED; }
#define TOLD(name) int name (int error, const char **words); \
    int name (int error, const char **words) \
    { *words = "fake"; return SUCCESS; }

DONE (cuInit)
DONE (cuCtxDestroy_v2)
DONE (cuCtxPushCurrent_v2)
DONE (cuCtxSynchronize)
DONE (cuStreamDestroy)
DONE (cuStreamDestroy_v2)
DONE (cuStreamSynchronize)
DONE (cuEventDestroy_v2)
DONE (cuEventRecord)
DONE (cuEventSynchronize)
TOLD (cuGetErrorName)
TOLD (cuGetErrorString)
/* *INDENT-ON* */

int cuDriverGetVersion (int *version);
int
cuDriverGetVersion (int *version)
{
  *version = 12000;
  return SUCCESS;
}

int cuDeviceGetCount (int *count);
int
cuDeviceGetCount (int *count)
{
  *count = N_GPUS;
  return SUCCESS;
}

int cuDeviceGet (int *device, int number);
int
cuDeviceGet (int *device, int number)
{
  *device = number;
  return number >= 0 && number < N_GPUS ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName (char *name, int size, int device);
int
cuDeviceGetName (char *name, int size, int device)
{
  snprintf (name, size, "fake GPU %d", device);
  return SUCCESS;
}

int cuDeviceGetAttribute (int *value, int attribute, int device);
int
cuDeviceGetAttribute (int *value, int attribute, int device)
{
  const int texture_alignment = 14;

  *value = attribute == texture_alignment ? PITCH : 0;
  return SUCCESS;
}

int cuDeviceCanAccessPeer (int *can, int device, int peer);
int
cuDeviceCanAccessPeer (int *can, int device, int peer)
{
  *can = 0;
  return SUCCESS;
}

/* Each context is a different number. */
static int
make_handle (void **handle)
{
  static uintptr_t last = 0x1000;

  *handle = (void *) __atomic_add_fetch (&last, 16, __ATOMIC_SEQ_CST);
  return SUCCESS;
}

int cuCtxCreate_v2 (void **context, unsigned flags, int device);
int
cuCtxCreate_v2 (void **context, unsigned flags, int device)
{
  return make_handle (context);
}

int cuCtxPopCurrent_v2 (void **context);
int
cuCtxPopCurrent_v2 (void **context)
{
  if (context)
    *context = NULL;
  return SUCCESS;
}

int cuStreamCreate (void **stream, unsigned flags);
int
cuStreamCreate (void **stream, unsigned flags)
{
  return make_handle (stream);
}

int cuEventCreate (void **event, unsigned flags);
int
cuEventCreate (void **event, unsigned flags)
{
  return make_handle (event);
}

static int
take (void **place, size_t size)
{
  *place = calloc (size, 1);
  return *place ? SUCCESS : OUT_OF_MEMORY;
}

int cuMemAlloc_v2 (void **place, size_t size);
int
cuMemAlloc_v2 (void **place, size_t size)
{
  return take (place, size);
}

int cuMemAllocHost_v2 (void **place, size_t size);
int
cuMemAllocHost_v2 (void **place, size_t size)
{
  return take (place, size);
}

int cuMemAllocPitch_v2 (void **place, size_t *pitch, size_t width,
    size_t height, unsigned element);
int
cuMemAllocPitch_v2 (void **place, size_t *pitch, size_t width,
    size_t height, unsigned element)
{
  *pitch = (width + PITCH - 1) / PITCH * PITCH;
  return take (place, *pitch * height);
}

int cuMemFree_v2 (void *place);
int
cuMemFree_v2 (void *place)
{
  free (place);
  return SUCCESS;
}

int cuMemFreeHost (void *place);
int
cuMemFreeHost (void *place)
{
  free (place);
  return SUCCESS;
}

static uint8_t *
get_place (const Side * side)
{
  const uintptr_t base = side->type == 1 ? (uintptr_t) side->host
      : side->type == 2 ? (uintptr_t) side->device : 0;

  return base ? (uint8_t *) base + side->y * side->pitch + side->x : NULL;
}

int cuMemcpy2DAsync_v2 (const Copy2D * copy, void *stream);
int
cuMemcpy2DAsync_v2 (const Copy2D * copy, void *stream)
{
  const uint8_t *from = get_place (&copy->from);
  uint8_t *to = get_place (&copy->to);

  if (from == NULL || to == NULL)
    return INVALID_VALUE;
  for (size_t row = 0; row < copy->height; row++)
    memcpy (to + row * copy->to.pitch, from + row * copy->from.pitch,
        copy->width);
  return SUCCESS;
}

int cuMemcpy2D_v2 (const Copy2D * copy);
int
cuMemcpy2D_v2 (const Copy2D * copy)
{
  return cuMemcpy2DAsync_v2 (copy, NULL);
}

/* GstCuda looks these up, and does not call them in the tests. */
/* *INDENT-OFF* */
REFUSED (cuCtxDisablePeerAccess)
REFUSED (cuCtxEnablePeerAccess)
REFUSED (cuCtxGetLimit)
REFUSED (cuCtxSetLimit)
REFUSED (cuDestroyExternalMemory)
REFUSED (cuDestroyExternalSemaphore)
REFUSED (cuExternalMemoryGetMappedBuffer)
REFUSED (cuExternalMemoryGetMappedMipmappedArray)
REFUSED (cuGLGetDevices_v2)
REFUSED (cuGraphicsGLRegisterBuffer)
REFUSED (cuGraphicsGLRegisterImage)
REFUSED (cuGraphicsMapResources)
REFUSED (cuGraphicsResourceGetMappedPointer_v2)
REFUSED (cuGraphicsResourceSetMapFlags_v2)
REFUSED (cuGraphicsSubResourceGetMappedArray)
REFUSED (cuGraphicsUnmapResources)
REFUSED (cuGraphicsUnregisterResource)
REFUSED (cuImportExternalMemory)
REFUSED (cuImportExternalSemaphore)
REFUSED (cuIpcCloseMemHandle)
REFUSED (cuIpcGetEventHandle)
REFUSED (cuIpcGetMemHandle)
REFUSED (cuIpcOpenEventHandle)
REFUSED (cuIpcOpenMemHandle)
REFUSED (cuLaunchKernel)
REFUSED (cuMemAddressFree)
REFUSED (cuMemAddressReserve)
REFUSED (cuMemAllocAsync)
REFUSED (cuMemAllocFromPoolAsync)
REFUSED (cuMemCreate)
REFUSED (cuMemExportToShareableHandle)
REFUSED (cuMemFreeAsync)
REFUSED (cuMemGetAccess)
REFUSED (cuMemGetAllocationGranularity)
REFUSED (cuMemGetAllocationPropertiesFromHandle)
REFUSED (cuMemImportFromShareableHandle)
REFUSED (cuMemMap)
REFUSED (cuMemPoolCreate)
REFUSED (cuMemPoolDestroy)
REFUSED (cuMemPoolGetAttribute)
REFUSED (cuMemPoolSetAttribute)
REFUSED (cuMemRelease)
REFUSED (cuMemRetainAllocationHandle)
REFUSED (cuMemSetAccess)
REFUSED (cuMemUnmap)
REFUSED (cuMemcpyDtoDAsync_v2)
REFUSED (cuMemcpyDtoD_v2)
REFUSED (cuMemcpyDtoHAsync_v2)
REFUSED (cuMemcpyDtoH_v2)
REFUSED (cuMemcpyHtoDAsync_v2)
REFUSED (cuMemcpyHtoD_v2)
REFUSED (cuMemsetD2D16Async)
REFUSED (cuMemsetD2D16_v2)
REFUSED (cuMemsetD2D32Async)
REFUSED (cuMemsetD2D32_v2)
REFUSED (cuMemsetD2D8Async)
REFUSED (cuMemsetD2D8_v2)
REFUSED (cuModuleGetFunction)
REFUSED (cuModuleLoadData)
REFUSED (cuModuleUnload)
REFUSED (cuSignalExternalSemaphoresAsync)
REFUSED (cuTexObjectCreate)
REFUSED (cuTexObjectDestroy)
REFUSED (cuWaitExternalSemaphoresAsync)
/* *INDENT-ON* */
