/* gst-ddpm: CUDA backend: its state
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The backend is a module of its own, opened at run time. cuDNN computes
 * convolutions, cuBLASLt matrix products, and the kernels of the *.cu files
 * everything else. All work is put on one stream and runs in the order of the
 * calls; only downloads and operations that return numbers wait for it.
 *
 * Device memory is allocated when the backend and its plans are made, and not
 * afterwards. No kernel uses atomics: equal inputs give equal bits.
 */
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "kernels/ops.h"

G_BEGIN_DECLS

typedef struct
{
  DdpmBackend base;
  DdpmOps ops;
  gint device;
  gint capability;              /* 10 major + minor: 90 is sm_90 */
  cudaStream_t stream;
  cudaEvent_t event;            /* of events.c */
  cudnnHandle_t cudnn;          /* NULL until libraries.c opens it */
  cublasLtHandle_t cublas;      /* the same */
  GRecMutex lock;               /* held inside run () and by memory calls */
  GError *failure;              /* the first since check (), or NULL */
  struct _CudaStaging *staging;
  struct _CudaContext *context;
  GHashTable *convolutions;     /* CudaConvShape by GBytes: its desc */
  struct _CudaPlanCache *plan_cache;
  struct _CudaGraph *graph;     /* that is being run, or NULL */
  struct _CudaGraph *delivering;        /* list of those with downloads */
} CudaBackend;

static inline CudaBackend *
ddpm_cuda_backend (DdpmBackend * b)
{
  return (CudaBackend *) b;
}

static inline CudaBackend *
ddpm_cuda_plan_backend (DdpmPlan * p)
{
  return (CudaBackend *) p->backend;
}

G_END_DECLS
