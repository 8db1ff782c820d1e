/* gst-ddpm: CPU backend: products of matrices in f32
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"

G_BEGIN_DECLS

/* Rows that are multiplied before the next columns are, and how deep: a
 * block of as much stays in the second-level cache, and one of its panels
 * in the first. */
#define CPU_PRODUCT_ROWS 96
#define CPU_PRODUCT_COLUMNS 128
#define CPU_PRODUCT_DEPTH 256

/* c = a b, @batch times; see product.c for how it is cut up. */
typedef struct
{
  gsize batch, rows, columns, depth;
  gsize a[3], b[3], c[3];       /* strides: of batch, rows, columns */
  gsize blocks;                 /* of the depth */
  gsize row_pieces, column_pieces;
  gsize a_at, slot_bytes;       /* of a thread's workspace */
} CpuProduct;

static inline gsize
ddpm_cpu_count_pieces (gsize count, gsize piece)
{
  return (count + piece - 1) / piece;
}

/* Where the i-th of so many pieces begins */
static inline gsize
ddpm_cpu_piece_at (gsize count, gsize pieces, gsize i)
{
  return count / pieces * i + MIN (i, count % pieces);
}

/* All of them are f32. */
void ddpm_cpu_product_init (CpuProduct * p, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right,
    const CpuMatrix * product);
/* Bytes of workspace */
gsize ddpm_cpu_product_scratch (const CpuProduct * p, CpuBackend * b);
/* add: c += a b */
void ddpm_cpu_product_run (const CpuProduct * p, CpuBackend * b, const float *left,
    const float *right, float *product, gboolean add, gpointer scratch);

G_END_DECLS
