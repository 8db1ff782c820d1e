/* gst-ddpm: the CUDA context that an element shares with others (GstCuda)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/compute.h"

G_BEGIN_DECLS

/* The CUDA context of an element. Without GstCuda or a driver, every function
 * does nothing, and backends compute in the primary context of the GPU. */
typedef struct
{
  GstElement *element;
  const GstDdpmCompute *compute;        /* its settings, with its object lock */

  GRecMutex lock;               /* held while querying other elements */
  GstObject *found;             /* GstCudaContext; NULL: none */

  GMutex mutex;                 /* no other lock is taken while it is held */
  GstObject *context;           /* found, to answer other elements */
} GstDdpmCuda;

/* compute: in the settings of element, which contains cuda */
void gst_ddpm_cuda_init (GstDdpmCuda * cuda, GstElement * element,
    const GstDdpmCompute * compute);
void gst_ddpm_cuda_clear (GstDdpmCuda * cuda);
/* Drops the context, when the element stops. */
void gst_ddpm_cuda_release (GstDdpmCuda * cuda);

/* GstElementClass.set_context, before the parent's */
void gst_ddpm_cuda_set_context (GstDdpmCuda * cuda, GstContext * context);
/* TRUE: the query asked for the context, and has been answered. */
gboolean gst_ddpm_cuda_answer (GstDdpmCuda * cuda, GstQuery * query);

/* May buffers be in GPU memory? backend NULL: it is not made yet, so compute
 * decides */
gboolean gst_ddpm_cuda_is_possible (const GstDdpmCompute * compute,
    DdpmBackend * backend);
/* Like ddpm_backend_new_on (). A backend that computes on a GPU uses the
 * context of other elements or of the application, which are queried, or a new
 * context, which they are told of. */
DdpmBackend *gst_ddpm_cuda_backend_new (GstDdpmCuda * cuda,
    const GstDdpmCompute * compute, GError ** error);

/* Can backend write video in GstCuda's memory, because it computes in this
 * context? */
gboolean gst_ddpm_cuda_has_video (GstDdpmCuda * cuda, DdpmBackend * backend);
/* decide_allocation: chooses frames in GstCuda's memory, which use the stream
 * of downstream if it offers one. FALSE: not possible */
gboolean gst_ddpm_cuda_decide_video (GstDdpmCuda * cuda, DdpmBackend * backend,
    GstQuery * query);
/* Is the buffer in GstCuda's memory? */
gboolean gst_ddpm_cuda_is_video (GstBuffer * buffer);
/* The CUstream whose operations use such memory in order. NULL: it has none,
 * and the previous element has waited for its operations to complete */
gpointer gst_ddpm_cuda_get_stream (GstBuffer * buffer);
/* Maps such memory for backend to read on the GPU, after the operations that
 * write it. FALSE: it is other memory, or that of another context */
gboolean gst_ddpm_cuda_map_video (GstVideoFrame * frame,
    const GstVideoInfo * info, GstBuffer * buffer, DdpmBackend * backend);

G_END_DECLS
