/* gst-ddpm: what cuDNN needs of a driver to make plans, where there is none
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN compiles some kernels for the graph at hand and hands them to the
 * driver when their plan is made. In the place of libcuda.so.1 this takes them
 * and nothing else: there is no device, and nothing runs. cuDNN looks for all
 * of these functions, and NVRTC for some, and they call few of them.
 */
#define SUCCESS 0
#define STUB_LIBRARY 34         /* what NVIDIA's own library of stubs says */

/* What the functions are declared as matters to no one here: arguments that
 * are not named are not looked at. */
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
