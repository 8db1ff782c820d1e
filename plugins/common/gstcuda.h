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
/* Memory of GST_DDPM_GSTCUDA_MEMORY_TYPE */
typedef struct _GstCudaMemory GstCudaMemory;
/* A GstMiniObject */
typedef struct _GstCudaStream GstCudaStream;

/* The beginning of a GstCudaMemory */
typedef struct
{
  GstMemory mem;
  GstCudaContext *context;
} GstDdpmGstCudaMemory;

/* The beginning of a GstCudaStream */
typedef struct
{
  GstMiniObject parent;
  GstCudaContext *context;
} GstDdpmGstCudaStream;

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

  /* From 1.24 on, memory may have a stream, in whose order it is used: who
   * does so in another one waits before it (sync). has_streams: all of these
   * are there. */
  gboolean has_streams;
  void (*cuda_memory_sync) (GstCudaMemory * memory);
  /* (transfer none) (nullable) */
  GstCudaStream *(*cuda_memory_get_stream) (GstCudaMemory * memory);
  /* A CUstream; NULL for NULL */
  struct CUstream_st *(*cuda_stream_get_handle) (GstCudaStream * stream);
  /* (transfer full) (nullable) */
  GstCudaStream *(*buffer_pool_config_get_cuda_stream) (GstStructure * config);
  void (*buffer_pool_config_set_cuda_stream) (GstStructure * config,
      GstCudaStream * stream);
} GstDdpmGstCuda;

G_END_DECLS
