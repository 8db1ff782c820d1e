/* gst-ddpm: CUDA backend: order with other streams, by an event
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* FALSE: failed, and the failure is stored */
gboolean ddpm_cuda_events_init (CudaBackend * b);
void ddpm_cuda_events_clear (CudaBackend * b);
/* As in DdpmOps */
void ddpm_cuda_wait_event (DdpmBackend * b, gpointer stream);
void ddpm_cuda_record_event (DdpmBackend * b, gpointer stream);

G_END_DECLS
