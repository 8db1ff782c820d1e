/* gst-ddpm: what is used of GstCuda, which is opened at run time
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Its headers cannot be had without CUDA's, and Debian's package of them brings
 * hundreds of others. So the functions are declared here as they are there.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* GST_CUDA_CONTEXT_TYPE */
#define GST_DDPM_GSTCUDA_CONTEXT_TYPE "gst.cuda.context"
/* GST_CUDA_MEMORY_TYPE_NAME */
#define GST_DDPM_GSTCUDA_MEMORY_TYPE "gst.cuda.memory"

/* A GstObject, with the property cuda-device-id (guint) */
typedef struct _GstCudaContext GstCudaContext;

/* The beginning of memory of GST_DDPM_GSTCUDA_MEMORY_TYPE */
typedef struct
{
  GstMemory mem;
  GstCudaContext *context;
} GstDdpmGstCudaMemory;

/* gst_ and the name of the member is the name of the function. */
typedef struct
{
  gboolean (*cuda_load_library) (void);
  gboolean (*cuda_ensure_element_context) (GstElement * element,
      gint device_id, GstCudaContext ** context);
  gboolean (*cuda_handle_set_context) (GstElement * element,
      GstContext * context, gint device_id, GstCudaContext ** cuda_context);
  gboolean (*cuda_handle_context_query) (GstElement * element,
      GstQuery * query, GstCudaContext * context);
  gpointer (*cuda_context_get_handle) (GstCudaContext * context);
  GstBufferPool *(*cuda_buffer_pool_new) (GstCudaContext * context);
  void (*cuda_memory_init_once) (void);

  /* from 1.24 on, where memory may be written by a stream that is behind;
   * takes a GstCudaMemory. NULL: none is */
  void (*cuda_memory_sync) (gpointer memory);
} GstDdpmGstCuda;

G_END_DECLS
