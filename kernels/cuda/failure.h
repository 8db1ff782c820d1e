/* gst-ddpm: CUDA backend: the first failure of asynchronous work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operations return nothing, and their kernels run later. So the first failure
 * is stored in the backend until ddpm_backend_check () returns it.
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* Return TRUE if status means success. Otherwise they store an error: what was
 * being done, and the library's description of the status. */
gboolean ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what);
gboolean ddpm_cuda_dnn_ok (CudaBackend * b, cudnnStatus_t status,
    const gchar * what);
gboolean ddpm_cuda_blas_ok (CudaBackend * b, cublasStatus_t status,
    const gchar * what);
/* Called after every kernel launch: checks cudaGetLastError () */
gboolean ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel);
/* Moves the stored failure to error: DDPM_ERROR_NO_SPACE if memory ran out,
 * otherwise DDPM_ERROR_LIBRARY */
void ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error);

G_END_DECLS
