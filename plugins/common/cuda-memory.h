/* gst-ddpm: tensors in the memory of a GPU
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_DDPM_CUDA_MEMORY_TYPE "gst.ddpm.cuda"

/* GstCuda's GST_MAP_CUDA: map.data is a place on the device. Mapped without
 * it, such memory is copied to the host and, where it is written, back. */
#define GST_DDPM_MAP_CUDA ((GstMapFlags) (GST_MAP_FLAG_LAST << 1))

/* Memory comes from backend, which is referenced, and is contiguous; whoever
 * writes it on the device waits for that to be done before it goes on.
 * Returns: (transfer full) */
GstAllocator *gst_ddpm_cuda_allocator_new (DdpmBackend * backend);
/* Is the buffer one such memory, good in backend's context? */
gboolean gst_ddpm_cuda_buffer_is_for (GstBuffer * buffer,
    DdpmBackend * backend);
/* decide_allocation: buffers of size bytes of such memory, of a pool of the
 * element: none is taken for a state once those before it have been used */
void gst_ddpm_cuda_decide_tensors (GstQuery * query, DdpmBackend * backend,
    guint size);

G_END_DECLS
