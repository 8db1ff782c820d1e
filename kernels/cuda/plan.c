/* gst-ddpm: CUDA backend: what all plans have in common
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/plan.h"

/* Clears CUDA's last error: while planning, libraries try things that fail, and
 * the next kernel launch must not report that. */
void
ddpm_cuda_plan_init (CudaPlan * plan, DdpmBackend * b, gsize scratch)
{
  cudaGetLastError ();
  plan->plan.ops = b->ops;
  plan->plan.backend = b;
  plan->plan.scratch = scratch;
}

void
ddpm_cuda_plan_free (DdpmPlan * p)
{
  CudaPlan *plan = (CudaPlan *) p;

  if (plan == NULL)
    return;
  if (plan->clear)
    plan->clear (p);
  g_free (plan);
}

const gchar *
ddpm_cuda_plan_implementation (DdpmPlan * p, guint kind)
{
  const CudaPlan *plan = (CudaPlan *) p;

  return kind < G_N_ELEMENTS (plan->implementation)
      && plan->implementation[kind] ? plan->implementation[kind] : "cuda";
}
