/* gst-ddpm: CUDA backend: a ring of pinned memory for uploads
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* Bytes of a slot, and how many slots there are */
#define CUDA_STAGING_SIZE 65536
#define CUDA_STAGING_SLOTS 64

gboolean ddpm_cuda_staging_init (CudaBackend * b, GError ** error);
void ddpm_cuda_staging_clear (CudaBackend * b);
/* Copies size bytes, at most CUDA_STAGING_SIZE, from the host through the next
 * slot to dst, or if dst is NULL to the slot's own device memory. The host
 * waits only if the stream is a whole ring behind. Returns the destination;
 * NULL: failed, and the failure is stored. */
gpointer ddpm_cuda_staging_copy (CudaBackend * b, gpointer dst,
    gconstpointer src, gsize size);
/* Copies the small arguments of a kernel (timesteps, coefficients), at most
 * CUDA_STAGING_SIZE bytes, to the device, in order of the stream. Returns
 * their device memory, which is theirs until CUDA_STAGING_SLOTS later
 * arguments have been copied; NULL: failed, and the failure is stored. */
gpointer ddpm_cuda_stage_args (CudaBackend * b, gconstpointer src, gsize size);

G_END_DECLS
