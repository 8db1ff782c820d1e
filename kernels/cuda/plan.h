/* gst-ddpm: CUDA backend: what all plans have in common
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"

G_BEGIN_DECLS

/* The first member of every plan */
typedef struct
{
  DdpmPlan plan;
  void (*clear) (DdpmPlan * plan);      /* frees members; NULL: none to free */
  const gchar *implementation[3];       /* interned, by kind; NULL: "cuda" */
} CudaPlan;

static inline CudaBackend *
ddpm_cuda_plan_backend (DdpmPlan * p)
{
  return (CudaBackend *) p->backend;
}

void ddpm_cuda_plan_init (CudaPlan * plan, DdpmBackend * b, gsize scratch);
/* As in DdpmOps */
void ddpm_cuda_plan_free (DdpmPlan * p);
const gchar *ddpm_cuda_plan_implementation (DdpmPlan * p, guint kind);

G_END_DECLS
