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

/* In bf16, by tiles (tile-gemm.c), with c in bf16 or f32 */
typedef struct
{
  gsize batch, rows, columns, depth;
  gsize a[3], b[3], c[3];       /* strides: of batch, rows, columns */
  DdpmType type;                /* of c */
  gboolean in_place;            /* a is not packed */
  gsize row_pieces, column_pieces;
  gsize steps;
  guint32 *tile_at, *step_at;   /* see CpuTileProduct */
  gsize a_at, block_at, places_at, slot_bytes;  /* of a thread's workspace */
  gsize scratch;                /* bytes of workspace */
} CpuTileGemm;

/* c = a b, or c += a b, @batch times: in f32 (see gemm.c for how it is cut up)
 * or in bf16 */
typedef struct
{
  gsize batch, rows, columns, depth;
  gsize a[3], b[3], c[3];       /* strides: of batch, rows, columns */
  gsize blocks;                 /* of the depth */
  gsize row_pieces, column_pieces;
  gsize a_at, slot_bytes;       /* of a thread's workspace */
  CpuTileGemm *tiles;           /* NULL: in f32 */
  gsize scratch;                /* bytes of workspace */
  const gchar *name;            /* of what computes it; NULL: not planned */
} CpuGemm;

/* left and right have one type. In bf16, the columns of out lie side by side,
 * and so do the rows or the columns of the others. */
void ddpm_cpu_gemm_init (CpuGemm * g, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out);
void ddpm_cpu_gemm_run (const CpuGemm * g, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer out, gboolean add, gpointer scratch);
void ddpm_cpu_gemm_clear (CpuGemm * g);

/* (tile-gemm.c) */
void ddpm_cpu_tile_gemm_init (CpuTileGemm * g, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out);
void ddpm_cpu_tile_gemm_run (const CpuTileGemm * g, CpuBackend * b,
    gconstpointer left, gconstpointer right, gpointer out, gboolean add,
    gpointer scratch);
void ddpm_cpu_tile_gemm_clear (CpuTileGemm * g);

G_END_DECLS
