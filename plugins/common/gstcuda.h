/* gst-ddpm: declarations of GstCuda, a library that is opened at run time
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The headers of GstCuda include those of CUDA, and Debian's package of those
 * has hundreds of dependencies. So this file declares the functions that we
 * use, as GstCuda does.
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

/* The first members of a GstCudaMemory */
typedef struct
{
  GstMemory mem;
  GstCudaContext *context;
} GstDdpmGstCudaMemory;

/* The first members of a GstCudaStream */
typedef struct
{
  GstMiniObject parent;
  GstCudaContext *context;
} GstDdpmGstCudaStream;

/* Functions, whose names have the prefix gst_ in GstCuda */
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

  /* Since 1.24, memory may have a stream, whose operations use it in order.
   * Before using it in another stream, wait (cuda_memory_sync). has_streams:
   * all functions below exist. */
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
