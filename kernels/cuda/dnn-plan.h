/* gst-ddpm: CUDA backend: execution plans of cuDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN's heuristics list engines for a graph, best first. The first engine
 * that keeps the rules and for which a plan can be made computes the graph.
 *
 * The rules: every run gives the same bits, and sums are in f32. If all tensors
 * are f32, products are f32 as well: neither rounded to TF32 or bf16 nor
 * replaced by other algorithms (Winograd, Fourier).
 *
 * A plan that is in the target's cache is read instead of made.
 */
#pragma once

#include "kernels/cuda/dnn-graph.h"

G_BEGIN_DECLS

/* --- plans ---------------------------------------------------------------- */

typedef struct _CudaDnnPlan CudaDnnPlan;

/* Frees the graph. Error: DDPM_ERROR_LIBRARY if no engine computes it. Its
 * message begins with what. */
CudaDnnPlan *ddpm_cuda_dnn_plan_new (CudaDnnGraph * graph, const gchar * what,
    GError ** error);
void ddpm_cuda_dnn_plan_free (CudaDnnPlan * plan);
/* bytes of workspace that a run needs */
gsize ddpm_cuda_dnn_plan_scratch (const CudaDnnPlan * plan);
/* "cudnn:eng41"; interned */
const gchar *ddpm_cuda_dnn_plan_name (const CudaDnnPlan * plan);

/* --- runs ----------------------------------------------------------------- */

/* The addresses of a run as a variant pack of cuDNN. Runs that reuse it with
 * the same addresses allocate nothing. */
typedef struct
{
  cudnnBackendDescriptor_t pack;        /* NULL: none yet */
  gconstpointer memory[CUDA_DNN_MAX_TENSORS];
  gconstpointer scratch;
} CudaDnnRun;

/* memory: the addresses of the graph's tensors, in the order of their creation.
 * A CudaDnnRun belongs to one plan. */
cudnnStatus_t ddpm_cuda_dnn_run (CudaDnnRun * run, const CudaDnnPlan * plan,
    cudnnHandle_t handle, const gconstpointer * memory, gpointer scratch);
void ddpm_cuda_dnn_run_clear (CudaDnnRun * run);

G_END_DECLS
