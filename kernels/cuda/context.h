/* gst-ddpm: CUDA backend: the CUDA context of its work
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* shared: a context of GPU b->device that somebody else made; NULL: the GPU's
 * primary one. Release it in either case. */
gboolean ddpm_cuda_context_retain (CudaBackend * b, gpointer shared,
    GError ** error);
void ddpm_cuda_context_release (CudaBackend * b);
/* Locks the backend and makes its context the thread's; leave undoes both.
 * Calls nest. FALSE: failed, which is stored; the lock is not held. */
gboolean ddpm_cuda_context_enter (CudaBackend * b);
void ddpm_cuda_context_leave (CudaBackend * b);
/* DdpmOps.run */
void ddpm_cuda_run (DdpmBackend * b, void (*func) (gpointer data),
    gpointer data);

G_END_DECLS
