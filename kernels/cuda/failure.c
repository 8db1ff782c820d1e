/* gst-ddpm: CUDA backend: the first failure of asynchronous work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"

static gboolean
store_failure (CudaBackend * b, gboolean memory, const gchar * what,
    const gchar * words)
{
  if (b->failure == NULL)
    b->failure = g_error_new (DDPM_ERROR,
        memory ? DDPM_ERROR_NO_SPACE : DDPM_ERROR_LIBRARY, "%s, %s: %s",
        b->base.device ? b->base.device : "CUDA", what, words);
  return FALSE;
}

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  if (status == cudaSuccess)
    return TRUE;
  cudaGetLastError ();          /* so that the next launch does not seem to fail */
  return store_failure (b, status == cudaErrorMemoryAllocation, what,
      cudaGetErrorString (status));
}

gboolean
ddpm_cuda_dnn_ok (CudaBackend * b, cudnnStatus_t status, const gchar * what)
{
  gchar words[512] = "";

  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudaGetLastError ();          /* so that the next launch does not seem to fail */
  cudnnGetLastErrorString (words, sizeof (words));
  return store_failure (b, status == CUDNN_STATUS_ALLOC_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED, what,
      *words ? words : cudnnGetErrorString (status));
}

gboolean
ddpm_cuda_blas_ok (CudaBackend * b, cublasStatus_t status, const gchar * what)
{
  if (status == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  cudaGetLastError ();
  return store_failure (b, status == CUBLAS_STATUS_ALLOC_FAILED, what,
      cublasLtGetStatusString (status));
}

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  return ddpm_cuda_ok (b, cudaGetLastError (), kernel);
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  if (b->failure == NULL)
    store_failure (b, FALSE, "planning", "no plan was found");
  g_propagate_error (error, g_steal_pointer (&b->failure));
}
