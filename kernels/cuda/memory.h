/* gst-ddpm: CUDA backend: device memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As in DdpmOps, from any thread, inside run () or not: each operation enters
 * the context, and all use the stream of the kernels.
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

gpointer ddpm_cuda_alloc (DdpmBackend * b, gsize size);
void ddpm_cuda_free (DdpmBackend * b, gpointer p);
void ddpm_cuda_upload (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_cuda_download (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_cuda_zero (DdpmBackend * b, gpointer dst, gsize size);
void ddpm_cuda_copy (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_cuda_wait (DdpmBackend * b);

G_END_DECLS
