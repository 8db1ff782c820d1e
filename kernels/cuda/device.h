/* gst-ddpm: CUDA backend: which GPU computes, and whether it can
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* Describes GPU number b->device in b and chooses the precision. Error:
 * DDPM_ERROR_UNSUPPORTED, with what is missing */
gboolean ddpm_cuda_device_open (CudaBackend * b, DdpmPrecision precision,
    GError ** error);

G_END_DECLS
