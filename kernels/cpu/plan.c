/* gst-ddpm: CPU backend: what all plans share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/private.h"

void
ddpm_cpu_plan_init (CpuPlan * p, DdpmBackend * b, void (*clear) (DdpmPlan *),
    const gchar * (*implementation) (DdpmPlan *, guint kind))
{
  p->plan.ops = b->ops;
  p->plan.backend = b;
  p->clear = clear;
  p->implementation = implementation;
}

void
ddpm_cpu_plan_free (DdpmPlan * p)
{
  CpuPlan *plan = (CpuPlan *) p;

  if (plan == NULL)
    return;
  if (plan->clear)
    plan->clear (p);
  g_free (plan);
}

const gchar *
ddpm_cpu_plan_implementation (DdpmPlan * p, guint kind)
{
  const gchar *name = ((CpuPlan *) p)->implementation (p, kind);

  return name ? name : "none";
}
