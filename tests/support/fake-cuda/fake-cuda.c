/* gst-ddpm: a fake driver with which cuDNN can make plans
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN compiles some kernels for a graph, and loads them into the driver when
 * it makes a plan. This replaces libcuda.so.1 and accepts them, but nothing
 * else: there is no device, and nothing runs. cuDNN looks up all of these
 * functions, and NVRTC some; they call few of them.
 */
#define SUCCESS 0
#define STUB_LIBRARY 34         /* what NVIDIA's own stub library returns */

/* The declarations do not matter here: unnamed arguments are ignored. */
#define REFUSED(name) int name (void); \
    int name (void) { return STUB_LIBRARY; }
#define DONE(name) int name (void); int name (void) { return SUCCESS; }
#define GIVEN(name, type, value) int name (type *to); \
    int name (type *to) { *to = value; return SUCCESS; }
#define TOLD(name) int name (int error, const char **words); \
    int name (int error, const char **words) \
    { *words = "no driver"; return SUCCESS; }

static char library, kernel;

/* *INDENT-OFF* */
DONE (cuInit)
GIVEN (cuDriverGetVersion, int, 13000)
GIVEN (cuDeviceGetCount, int, 0)
TOLD (cuGetErrorName)
TOLD (cuGetErrorString)
GIVEN (cuLibraryLoadData, void *, &library)
GIVEN (cuLibraryGetKernel, void *, &kernel)
DONE (cuLibraryUnload)
DONE (cuKernelSetAttribute)

REFUSED (cuCtxGetCurrent)
REFUSED (cuCtxGetLimit)
REFUSED (cuCtxPopCurrent)
REFUSED (cuCtxPushCurrent)
REFUSED (cuDeviceGet)
REFUSED (cuGetExportTable)
REFUSED (cuKernelGetAttribute)
REFUSED (cuLaunchCooperativeKernel)
REFUSED (cuLaunchKernel)
REFUSED (cuLaunchKernelEx)
REFUSED (cuLibraryLoadFromFile)
REFUSED (cuLinkAddData)
REFUSED (cuLinkComplete)
REFUSED (cuLinkCreate)
REFUSED (cuLinkDestroy)
REFUSED (cuOccupancyMaxPotentialClusterSize)
REFUSED (cuStreamGetCtx)
/* *INDENT-ON* */
