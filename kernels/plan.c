/* gst-ddpm: what all plans of operations have in common
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/ops.h"

gpointer
ddpm_plan_new (gsize size, DdpmBackend * b, void (*clear) (DdpmPlan *),
    const gchar * implementation)
{
  DdpmPlan *plan = g_malloc0 (size);

  plan->ops = b->ops;
  plan->backend = b;
  plan->clear = clear;
  for (guint kind = 0; kind < G_N_ELEMENTS (plan->implementation); kind++)
    plan->implementation[kind] = implementation;
  return plan;
}

void
ddpm_plan_free (DdpmPlan * plan)
{
  if (plan == NULL)
    return;
  if (plan->clear)
    plan->clear (plan);
  g_free (plan);
}

const gchar *
ddpm_plan_get_implementation (const DdpmPlan * plan, guint kind)
{
  return plan->implementation[kind] ? plan->implementation[kind] : "none";
}
