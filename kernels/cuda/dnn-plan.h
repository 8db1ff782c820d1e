/* gst-ddpm: CUDA backend: cuDNN's graph interface: plans, and their runs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/dnn-graph.h"

G_BEGIN_DECLS

/* --- plans ------------------------------------------------------------------- */

typedef struct _CudaDnnPlan CudaDnnPlan;

/* Takes the graph. Error: DDPM_ERROR_LIBRARY where no engine computes it,
 * which begins with what. */
CudaDnnPlan *ddpm_cuda_dnn_plan_new (CudaDnnGraph * graph, const gchar * what,
    GError ** error);
void ddpm_cuda_dnn_plan_free (CudaDnnPlan * plan);
/* bytes of workspace that a run needs */
gsize ddpm_cuda_dnn_plan_scratch (const CudaDnnPlan * plan);
/* "cudnn:eng41"; interned */
const gchar *ddpm_cuda_dnn_plan_name (const CudaDnnPlan * plan);

/* --- runs -------------------------------------------------------------------- */

/* The memory of a run, as cuDNN wants to have it told. Whoever runs a plan
 * again and again with the same memory keeps one: then nothing is allocated. */
typedef struct
{
  cudnnBackendDescriptor_t pack;        /* NULL: none yet */
  gconstpointer memory[CUDA_DNN_MAX_TENSORS];
  gconstpointer scratch;
} CudaDnnRun;

/* memory: of the tensors of the graph, as they were made. The plan is that of
 * the last run, too. */
cudnnStatus_t ddpm_cuda_dnn_run (CudaDnnRun * run, const CudaDnnPlan * plan,
    cudnnHandle_t handle, const gconstpointer * memory, gpointer scratch);
void ddpm_cuda_dnn_run_clear (CudaDnnRun * run);

G_END_DECLS
