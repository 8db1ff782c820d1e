/* gst-ddpm: tensors in GPU memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_DDPM_CUDA_MEMORY_TYPE "gst.ddpm.cuda"

/* The same as GST_MAP_CUDA of GstCuda: map.data is a device pointer. Without
 * this flag, mapping copies the memory to the host, and unmapping copies it
 * back if it was mapped for writing. */
#define GST_DDPM_MAP_CUDA ((GstMapFlags) (GST_MAP_FLAG_LAST << 1))

/* Allocates contiguous memory of backend, which it references. Code that writes
 * such memory on the device waits until the write is complete before it passes
 * the memory on. Returns: (transfer full) */
GstAllocator *gst_ddpm_cuda_allocator_new (DdpmBackend * backend);
/* Is the buffer one such memory, of the CUDA context of backend? */
gboolean gst_ddpm_cuda_buffer_is_for (GstBuffer * buffer,
    DdpmBackend * backend);
/* decide_allocation: chooses a pool of buffers of size bytes in such memory,
 * which reuses the buffers that downstream has released */
void gst_ddpm_cuda_decide_tensors (GstQuery * query, DdpmBackend * backend,
    guint size);

G_END_DECLS
