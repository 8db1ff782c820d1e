/* gst-ddpm: CPU backend: products of matrices in any type
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/matmul.h"

gboolean
ddpm_cpu_matmul_init (CpuMatmul * m, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * product,
    gboolean add, GError ** error)
{
  memset (m, 0, sizeof (*m));
  m->add = add;
  if (left->type != DDPM_TYPE_F32) {
    if (!ddpm_cpu_matmul_plan_primitive (&m->primitive, b, batch, left, right,
            product, add, error))
      return FALSE;
    m->scratch = m->primitive.scratch;
    m->implementation = m->primitive.implementation;
    return TRUE;
  }
  ddpm_cpu_product_init (&m->product, b, batch, left, right, product);
  m->scratch = ddpm_cpu_product_scratch (&m->product, b);
  m->implementation = b->kernels->product->name;
  return TRUE;
}

void
ddpm_cpu_matmul_run (CpuMatmul * m, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer product, gpointer scratch)
{
  const gconstpointer data[] = { left, right, product };

  if (m->primitive.primitive)
    ddpm_cpu_primitive_run (&m->primitive, b, data, scratch);
  else
    ddpm_cpu_product_run (&m->product, b, left, right, product, m->add,
        scratch);
}

void
ddpm_cpu_matmul_clear (CpuMatmul * m)
{
  ddpm_cpu_primitive_clear (&m->primitive);
  memset (m, 0, sizeof (*m));
}
