/* gst-ddpm: CPU backend: products of matrices in any type
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/product.h"

G_BEGIN_DECLS

/* In f32 by our own kernels, in bf16 by a primitive of oneDNN */
typedef struct
{
  CpuProduct product;
  CpuPrimitive primitive;
  gboolean add;
  gsize scratch;                /* bytes of workspace */
  const gchar *implementation;  /* NULL: not planned */
} CpuMatmul;

/* c = a b, or c += a b, @batch times */
gboolean ddpm_cpu_matmul_init (CpuMatmul * m, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * product,
    gboolean add, GError ** error);
void ddpm_cpu_matmul_run (CpuMatmul * m, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer product, gpointer scratch);
void ddpm_cpu_matmul_clear (CpuMatmul * m);
/* (kernels/cpu/onednn/matmul.c) */
gboolean ddpm_cpu_matmul_plan_primitive (CpuPrimitive * p, CpuBackend * b,
    gsize batch, const CpuMatrix * left, const CpuMatrix * right,
    const CpuMatrix * product, gboolean add, GError ** error);

G_END_DECLS
