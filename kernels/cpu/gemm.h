/* gst-ddpm: CPU backend: products of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"

G_BEGIN_DECLS

/* Rows that are multiplied before the next columns are, and how deep: a
 * block of as much stays in the second-level cache, and one of its panels
 * in the first. */
#define CPU_GEMM_ROWS 96
#define CPU_GEMM_COLUMNS 128
#define CPU_GEMM_DEPTH 256

/* A matrix, or a batch of them stride[0] apart; row and column strides */
typedef struct
{
  DdpmType type;
  gsize rows, columns;
  gsize stride[3];
} CpuMatrix;

/* c = a b, or c += a b, @batch times: in f32 by our own kernels (see gemm.c for
 * how it is cut up), in bf16, with c in bf16 or f32, by primitives of oneDNN */
typedef struct
{
  gsize batch, rows, columns, depth;
  gsize a[3], b[3], c[3];       /* strides: of batch, rows, columns */
  gsize blocks;                 /* of the depth */
  gsize row_pieces, column_pieces;
  gsize a_at, slot_bytes;       /* of a thread's workspace */
  CpuPrimitive primitive[2];    /* [1]: c += a b */
  /* A large product is many calls of its primitive, between which it can be
   * cancelled: for parts of the rows of each matrix of the batch. These are so
   * many bytes apart in a, b and c. */
  gsize images, parts;
  gsize image_bytes[3], part_bytes[3];
  gsize scratch;                /* bytes of workspace */
  const gchar *name;            /* of what computes it; NULL: not planned */
} CpuGemm;

/* adds: it may be run with @add, too. Cannot fail in f32. */
gboolean ddpm_cpu_gemm_init (CpuGemm * g, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out,
    gboolean adds, GError ** error);
void ddpm_cpu_gemm_run (CpuGemm * g, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer out, gboolean add, gpointer scratch);
void ddpm_cpu_gemm_clear (CpuGemm * g);

/* (onednn/gemm.c) */
gboolean ddpm_cpu_onednn_plan_gemm (CpuPrimitive * p, CpuBackend * b,
    gsize batch, const CpuMatrix * left, const CpuMatrix * right,
    const CpuMatrix * out, gboolean add, GError ** error);

G_END_DECLS
