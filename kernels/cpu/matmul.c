/* gst-ddpm: CPU backend: products of matrices in any type
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/matmul.h"

gboolean
cpu_matmul_init (CpuMatmul * m, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * product,
    gboolean add, GError ** error)
{
  memset (m, 0, sizeof (*m));
  m->add = add;
  if (left->type != DDPM_TYPE_F32) {
    if (!cpu_matmul_plan_primitive (&m->primitive, b, batch, left, right,
            product, add, error))
      return FALSE;
    m->scratch = m->primitive.scratch;
    m->implementation = m->primitive.implementation;
    return TRUE;
  }
  cpu_product_init (&m->product, b, batch, left, right, product);
  m->scratch = cpu_product_scratch (&m->product, b);
  m->implementation = b->kernels->product->name;
  return TRUE;
}

void
cpu_matmul_run (CpuMatmul * m, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer product, gpointer scratch)
{
  const gconstpointer data[] = { left, right, product };

  if (m->primitive.primitive)
    cpu_primitive_run (&m->primitive, b, data, scratch);
  else
    cpu_product_run (&m->product, b, left, right, product, m->add, scratch);
}

void
cpu_matmul_clear (CpuMatmul * m)
{
  cpu_primitive_clear (&m->primitive);
  memset (m, 0, sizeof (*m));
}
