/* gst-ddpm: the backends that ddpm_backend_new () chooses from
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* What each gives; precision and threads as asked for. They fill everything
 * but refcount and what is kept. */
DdpmBackend *ddpm_reference_backend_new (DdpmPrecision precision,
    guint threads, GError ** error);
DdpmBackend *ddpm_cpu_backend_new (DdpmPrecision precision, guint threads,
    GError ** error);

/* The symbol that the CUDA module exports */
#define DDPM_CUDA_BACKEND_SYMBOL "ddpm_cuda_backend_new_on"
/* device, context: as in ddpm_backend_new_on () */
typedef DdpmBackend *(*DdpmCudaBackendNewFunc) (DdpmPrecision precision,
    guint threads, gint device, gpointer context, GError ** error);

G_END_DECLS
