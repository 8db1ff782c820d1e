/* gst-ddpm: CUDA backend: handles of cuDNN and cuBLASLt
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each library is opened by the first plan that needs it: generating noise
 * needs neither.
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* Set b->cudnn and b->cublas. FALSE: failed, and the failure is stored */
gboolean ddpm_cuda_open_cudnn (CudaBackend * b);
gboolean ddpm_cuda_open_cublas (CudaBackend * b);
void ddpm_cuda_libraries_close (CudaBackend * b);

G_END_DECLS
