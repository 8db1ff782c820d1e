/* gst-ddpm: CPU backend: a product of matrices by oneDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/onednn/onednn.h"

/* A single matrix is described in two dimensions: oneDNN has more implementations
 * for these. */
static dnnl_status_t
describe_matrix (gsize batch, const CpuMatrix * m, dnnl_memory_desc_t * desc)
{
  const dnnl_dims_t batch_dims = { batch, m->rows, m->columns };
  const dnnl_dims_t batch_strides = { m->stride[0], m->stride[1],
    m->stride[2]
  };
  const dnnl_dims_t dims = { m->rows, m->columns };
  const dnnl_dims_t strides = { m->stride[1], m->stride[2] };

  return batch == 1
      ? dnnl_memory_desc_create_with_strides (desc, 2, dims,
      ddpm_cpu_onednn_type (m->type), strides)
      : dnnl_memory_desc_create_with_strides (desc, 3, batch_dims,
      ddpm_cpu_onednn_type (m->type), batch_strides);
}

gboolean
ddpm_cpu_onednn_plan_gemm (CpuPrimitive * p, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out,
    gboolean add, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST };
  const CpuMatrix *matrices[] = { left, right, out };
  dnnl_memory_desc_t descs[3] = { NULL, NULL, NULL };
  dnnl_primitive_attr_t attr = NULL;
  dnnl_primitive_desc_t pd;
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < 3; i++)
    ok = ddpm_cpu_onednn_check (describe_matrix (batch, matrices[i], &descs[i]),
        "a matrix", error);
  ok = ok && ddpm_cpu_attr_new (add, &attr, error)
      && ddpm_cpu_onednn_check (dnnl_matmul_primitive_desc_create (&pd,
          b->engine, descs[0], descs[1], NULL, descs[2], attr),
      "a product of matrices", error)
      && ddpm_cpu_primitive_init (p, b, pd, args, G_N_ELEMENTS (args), error);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  for (guint i = 0; i < 3; i++) {
    if (descs[i])
      dnnl_memory_desc_destroy (descs[i]);
  }
  return ok;
}
