/* gst-ddpm: the CUDA context that an element shares with others (GstCuda)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "kernels/backend.h"

G_BEGIN_DECLS

/* Of an element. Where there is no GstCuda, or no driver, every function does
 * nothing, and backends compute in the GPU's primary context. */
typedef struct
{
  GRecMutex lock;               /* held while others are asked */
  GstObject *found;             /* GstCudaContext; NULL: none */

  GMutex mutex;                 /* and nothing else while it is held */
  GstObject *context;           /* found, for who asks */
} GstDdpmCuda;

void gst_ddpm_cuda_init (GstDdpmCuda * cuda);
void gst_ddpm_cuda_clear (GstDdpmCuda * cuda);
/* Lets go of the context, when the element stops. */
void gst_ddpm_cuda_release (GstDdpmCuda * cuda);

/* GstElementClass.set_context, before the parent's */
void gst_ddpm_cuda_set_context (GstDdpmCuda * cuda, GstElement * element,
    GstContext * context, gint device_id);
/* TRUE: the query was one for the context, and is answered. */
gboolean gst_ddpm_cuda_answer (GstDdpmCuda * cuda, GstElement * element,
    GstQuery * query);

/* As ddpm_backend_new_on (); where that gives one that computes on a GPU, it
 * does so in the context of neighbours or of the application, which are
 * asked, or else in a new one, which they are told of. device_id -1: any. */
DdpmBackend *gst_ddpm_cuda_backend_new (GstDdpmCuda * cuda,
    GstElement * element, DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, gint device_id, GError ** error);

/* Does backend compute in the context, so that it can write video in memory of
 * GstCuda? */
gboolean gst_ddpm_cuda_has_video (GstDdpmCuda * cuda, DdpmBackend * backend);
/* decide_allocation: frames in such memory, which belong to the stream of who
 * follows, where it says that it has one. FALSE: there can be none */
gboolean gst_ddpm_cuda_decide_video (GstDdpmCuda * cuda, DdpmBackend * backend,
    GstQuery * query);
/* Is it such memory? */
gboolean gst_ddpm_cuda_is_video (GstBuffer * buffer);
/* The CUstream in whose order such memory is used. NULL: it has none, and who
 * gives it on has waited until all that it did is done */
gpointer gst_ddpm_cuda_get_stream (GstBuffer * buffer);
/* To be read where it is, by backend: whatever writes it has done so. FALSE:
 * it is no such memory, or that of another context. */
gboolean gst_ddpm_cuda_map_video (GstVideoFrame * frame,
    const GstVideoInfo * info, GstBuffer * buffer, DdpmBackend * backend);

G_END_DECLS
