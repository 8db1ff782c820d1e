/* gst-ddpm: CUDA backend: handles of cuDNN and cuBLASLt
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/libraries.h"

/* A handle that cannot use the stream is closed again. */
gboolean
ddpm_cuda_open_cudnn (CudaBackend * b)
{
  cudnnHandle_t handle = NULL;

  if (b->cudnn)
    return TRUE;
  if (!ddpm_cuda_dnn_ok (b, cudnnCreate (&handle), "opening cuDNN"))
    return FALSE;
  if (ddpm_cuda_dnn_ok (b, cudnnSetStream (handle, b->stream),
          "cudnnSetStream"))
    b->cudnn = handle;
  else
    ddpm_cuda_dnn_ok (b, cudnnDestroy (handle), "closing cuDNN");
  return b->cudnn != NULL;
}

gboolean
ddpm_cuda_open_cublas (CudaBackend * b)
{
  cublasLtHandle_t handle = NULL;

  if (b->cublas == NULL
      && ddpm_cuda_blas_ok (b, cublasLtCreate (&handle), "opening cuBLASLt"))
    b->cublas = handle;
  return b->cublas != NULL;
}

void
ddpm_cuda_libraries_close (CudaBackend * b)
{
  if (b->cublas)
    ddpm_cuda_blas_ok (b, cublasLtDestroy (b->cublas), "closing cuBLASLt");
  if (b->cudnn)
    ddpm_cuda_dnn_ok (b, cudnnDestroy (b->cudnn), "closing cuDNN");
}
