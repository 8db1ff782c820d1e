/* gst-ddpm: the backends that ddpm_backend_new () chooses from
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* Make a backend with the precision and threads that the caller asked for. They
 * fill in all of DdpmBackend but refcount, owner, free_owner and timer. */
DdpmBackend *ddpm_reference_backend_new (DdpmPrecision precision,
    guint threads, GError ** error);
DdpmBackend *ddpm_cpu_backend_new (DdpmPrecision precision, guint threads,
    GError ** error);

/* The symbol that the CUDA module exports */
#define DDPM_CUDA_BACKEND_SYMBOL "ddpm_cuda_backend_new_on"
/* device, context: those of ddpm_backend_new_on () */
typedef DdpmBackend *(*DdpmCudaBackendNewFunc) (DdpmPrecision precision,
    guint threads, gint device, gpointer context, GError ** error);

G_END_DECLS
