/* gst-ddpm: CUDA backend: which GPU computes, and whether it can
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/device.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/plan-cache.h"

/* Turing: the oldest GPUs that the kernels are compiled for */
#define MIN_CAPABILITY 75
/* Ampere: the first GPUs that multiply in bf16 */
#define BF16_CAPABILITY 80
/* Minor version of cuDNN 9 */
#define MIN_CUDNN_MINOR 8

/* CUDA writes version 13.0 as 13000, and 12.8 as 12080. */
#define CUDA_MAJOR_MINOR(version) (version) / 1000, (version) % 1000 / 10

/* The runtime reports a missing driver as one that is too old. */
static gboolean
find_device (gint device, GError ** error)
{
  gint count = 0, driver = 0;
  cudaError_t status = cudaGetDeviceCount (&count);

  cudaGetLastError ();
  if (cudaDriverGetVersion (&driver) != cudaSuccess)
    driver = 0;
  if (status == cudaErrorInsufficientDriver && driver == 0)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs NVIDIA's driver (libcuda.so.1), which is missing");
  else if (status == cudaErrorInsufficientDriver)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a driver for CUDA %d.%d, but the installed one is "
        "for CUDA %d.%d", CUDA_MAJOR_MINOR (CUDART_VERSION),
        CUDA_MAJOR_MINOR (driver));
  else if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU, but CUDA finds none");
  else if (status == cudaSuccess && count <= device)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs GPU %d, but CUDA finds only GPUs 0 to %d",
        device, count - 1);
  else if (status != cudaSuccess)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU, but CUDA finds none: %s",
        cudaGetErrorString (status));
  else
    return TRUE;
  return FALSE;
}

/* cuDNN keeps its interface within a major version, so this accepts the oldest
 * minor version that meson accepts, whichever one this was compiled with. */
static gboolean
check_cudnn (GError ** error)
{
  const gsize version = cudnnGetVersion ();

  if (version / 10000 == CUDNN_MAJOR && version / 100 % 100 >= MIN_CUDNN_MINOR)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "backend=cuda needs cuDNN %d.%d or a later %d, but finds %d.%d",
      CUDNN_MAJOR, MIN_CUDNN_MINOR, CUDNN_MAJOR, (gint) (version / 10000),
      (gint) (version / 100 % 100));
  return FALSE;
}

static gboolean
choose_precision (CudaBackend * b, DdpmPrecision asked, GError ** error)
{
  const gboolean native = b->capability >= BF16_CAPABILITY;

  if (asked == DDPM_PRECISION_AUTO)
    asked = native ? DDPM_PRECISION_BF16 : DDPM_PRECISION_F32;
  if (asked == DDPM_PRECISION_BF16_EMULATED
      || (asked == DDPM_PRECISION_BF16 && !native)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED, asked ==
        DDPM_PRECISION_BF16 ? "precision=bf16 needs a GPU with compute "
        "capability 8.0 or later, which %s has not" :
        "backend=cuda does not emulate " "bf16 on %s", b->base.device);
    return FALSE;
  }
  b->base.precision = asked;
  b->base.act_type = asked == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  return TRUE;
}

/* In the user's cache folder */
static void
find_plan_cache (CudaBackend * b, const struct cudaDeviceProp *prop)
{
  g_autofree gchar *folder = g_build_filename (g_get_user_cache_dir (),
      "gst-ddpm", "cudnn", NULL);
  g_autofree gchar *machine = NULL;
  gint driver = 0, runtime = 0;

  if (cudaDriverGetVersion (&driver) != cudaSuccess
      || cudaRuntimeGetVersion (&runtime) != cudaSuccess)
    return;
  machine = g_strdup_printf ("%s, sm_%d, %d processors, driver %d, CUDA %d, "
      "cuBLASLt %zu, cuDNN %zu", prop->name, b->capability,
      prop->multiProcessorCount, driver, runtime, cublasLtGetVersion (),
      cudnnGetVersion ());
  b->plan_cache = ddpm_cuda_plan_cache_new (folder, machine);
}

static gboolean
describe_device (CudaBackend * b, GError ** error)
{
  struct cudaDeviceProp prop;
  gint runtime = 0;

  if (!ddpm_cuda_ok (b, cudaGetDeviceProperties (&prop, b->device),
          "getting the properties of the GPU")
      || !ddpm_cuda_ok (b, cudaRuntimeGetVersion (&runtime),
          "getting the version of CUDA")) {
    ddpm_cuda_propagate_failure (b, error);
    return FALSE;
  }
  b->capability = prop.major * 10 + prop.minor;
  find_plan_cache (b, &prop);
  b->base.device = g_strdup_printf ("%s, sm_%d, CUDA %d.%d, cuDNN %d.%d",
      prop.name, b->capability, CUDA_MAJOR_MINOR (runtime),
      (gint) (cudnnGetVersion () / 10000),
      (gint) (cudnnGetVersion () / 100 % 100));
  if (b->capability < MIN_CAPABILITY) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU with compute capability %d.%d or later, "
        "which %s has not", MIN_CAPABILITY / 10, MIN_CAPABILITY % 10,
        b->base.device);
    return FALSE;
  }
  return TRUE;
}

gboolean
ddpm_cuda_device_open (CudaBackend * b, DdpmPrecision precision,
    GError ** error)
{
  return find_device (b->device, error) && check_cudnn (error)
      && describe_device (b, error) && choose_precision (b, precision, error);
}
