/* gst-ddpm: CUDA backend: repeated calls as a CUDA graph
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/failure.h"

G_BEGIN_DECLS

/* As in DdpmOps */
DdpmPlan *ddpm_cuda_graph_new (DdpmBackend * b);
void ddpm_cuda_graph_run (DdpmPlan * p, void (*func) (gpointer data),
    gpointer data);

/* Counts a call. Every function that puts work on the stream calls this once,
 * after it has staged all its arguments. TRUE: a graph that is about to be
 * launched already contains the work; the function must not put it on the
 * stream again. */
gboolean ddpm_cuda_graph_count_call (CudaBackend * b);

/* Does this for a function that launches one kernel: kernel (stream, ...).
 * what: names it in an error */
#define DDPM_CUDA_LAUNCH(b, what, kernel, ...) \
  G_STMT_START { \
    if (!ddpm_cuda_graph_count_call (b)) { \
      kernel ((b)->stream, __VA_ARGS__); \
      ddpm_cuda_launch_ok ((b), (what)); \
    } \
  } G_STMT_END

/* Parts of ddpm_cuda_stage_args () and ddpm_cuda_download (). FALSE: no graph
 * is being run, or it is only being measured; do it as usual. place: what
 * ddpm_cuda_stage_args () returns */
gboolean ddpm_cuda_graph_stage_args (CudaBackend * b, gconstpointer src, gsize
    size, gpointer * place);
gboolean ddpm_cuda_graph_download (CudaBackend * b, gpointer dst,
    gconstpointer src, gsize size);
/* Waits for the stream, and copies what graphs have downloaded to its
 * destinations on the host */
void ddpm_cuda_graph_wait (CudaBackend * b);

G_END_DECLS
