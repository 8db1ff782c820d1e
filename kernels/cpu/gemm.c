/* gst-ddpm: CPU backend: products of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * isa/gemm.c has the idea. The result is cut into pieces. A thread takes one
 * piece at a time and packs the part of b that it needs, and of a, if the rows
 * of a are not contiguous. The depth is cut into blocks, which depend on the
 * depth alone and are summed in their order: so no result depends on how the
 * work was shared out.
 */
#include <string.h>
#include "kernels/cpu/gemm.h"

/* --- planning ------------------------------------------------------------- */

static gsize
count_panels (const CpuGemm * g, CpuBackend * b, gboolean columns)
{
  return columns ? ddpm_cpu_count_pieces (g->columns, b->kernels->gemm->width)
      : ddpm_cpu_count_pieces (g->rows, b->kernels->gemm->rows);
}

/* Whether all threads get the same number of pieces, or so many that one piece
 * more does not matter */
static gboolean
is_shared_out (const CpuGemm * g, gsize threads)
{
  const gsize pieces = g->batch * g->row_pieces * g->column_pieces;

  return pieces >= 4 * threads || pieces % threads == 0;
}

/* Halves the larger side of the pieces until all threads have work. */
static void
cut_up (CpuGemm * g, CpuBackend * b)
{
  const gsize most_rows = count_panels (g, b, FALSE);
  const gsize most_columns = count_panels (g, b, TRUE);

  g->row_pieces = 1;
  g->column_pieces = ddpm_cpu_count_pieces (g->columns, CPU_GEMM_COLUMNS);
  while (!is_shared_out (g, b->base.threads)
      && (g->row_pieces < most_rows || g->column_pieces < most_columns)) {
    if (g->row_pieces >= most_rows || (g->column_pieces < most_columns
            && g->columns / g->column_pieces >= g->rows / g->row_pieces))
      g->column_pieces = MIN (2 * g->column_pieces, most_columns);
    else
      g->row_pieces = MIN (2 * g->row_pieces, most_rows);
  }
}

static void
plan_f32 (CpuGemm * g, CpuBackend * b, gsize batch, const CpuMatrix * left,
    const CpuMatrix * right, const CpuMatrix * out)
{
  const gsize width = b->kernels->gemm->width;
  gsize columns, depth;

  g->batch = batch;
  g->rows = left->rows;
  g->columns = right->columns;
  g->depth = left->columns;
  memcpy (g->a, left->stride, sizeof (g->a));
  memcpy (g->b, right->stride, sizeof (g->b));
  memcpy (g->c, out->stride, sizeof (g->c));
  g->blocks = ddpm_cpu_count_pieces (g->depth, CPU_GEMM_DEPTH);
  cut_up (g, b);

  depth = ddpm_cpu_count_pieces (g->depth, g->blocks);
  columns = ddpm_cpu_count_pieces (count_panels (g, b, TRUE), g->column_pieces);
  ddpm_cpu_layout_add (&g->slot_bytes, columns * width * depth, sizeof (float));
  g->a_at = ddpm_cpu_layout_add (&g->slot_bytes, g->a[2] == 1 ? 0
      : CPU_GEMM_ROWS * depth, sizeof (float));
  ddpm_cpu_layout_add (&g->scratch, b->base.threads, g->slot_bytes);
  g->name = b->kernels->gemm->name;
}

void
ddpm_cpu_gemm_init (CpuGemm * g, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out)
{
  memset (g, 0, sizeof (*g));
  if (left->type == DDPM_TYPE_F32) {
    plan_f32 (g, b, batch, left, right, out);
    return;
  }
  g->tiles = g_new0 (CpuTileGemm, 1);
  ddpm_cpu_tile_gemm_init (g->tiles, b, batch, left, right, out);
  g->scratch = g->tiles->scratch;
  g->name = b->tiles->name;
}

void
ddpm_cpu_gemm_clear (CpuGemm * g)
{
  if (g->tiles)
    ddpm_cpu_tile_gemm_clear (g->tiles);
  g_clear_pointer (&g->tiles, g_free);
}

/* --- executing ------------------------------------------------------------ */

typedef struct
{
  const CpuGemm *g;
  const CpuBackend *backend;
  const CpuGemmKernels *kernels;
  const float *a, *b;
  float *c;
  gboolean add;
  gpointer scratch;
} GemmRun;

/* The rows of a in place if they are contiguous, otherwise packed */
static CpuGemmRows
get_rows (const GemmRun * run, gsize row, gsize rows, gsize from, gsize depth,
    const float *a, float *packed)
{
  const gsize *stride = run->g->a, panel = run->kernels->rows;
  const CpuGemmRows plain = { a + row * stride[1] + from, stride[1], 1,
    panel * stride[1]
  };
  const CpuGemmRows packed_rows = { packed, 1, panel, panel * depth };

  if (stride[2] == 1)
    return plain;
  run->kernels->pack_rows (rows, depth, a + row * stride[1] + from * stride[2],
      stride[1], stride[2], packed);
  return packed_rows;
}

/* Adds the products of one block of the depth to some rows and columns of c. */
static void
add_block (const GemmRun * run, gsize image, gsize row, gsize end, gsize column,
    gsize columns, gsize block, gpointer slot)
{
  const CpuGemm *g = run->g;
  const CpuGemmKernels *k = run->kernels;
  const gsize from = ddpm_cpu_piece_at (g->depth, g->blocks, block);
  const gsize depth = ddpm_cpu_piece_at (g->depth, g->blocks, block + 1) - from;
  const float *a = run->a + image * g->a[0];
  float *packed = slot;

  k->pack_columns (columns, depth, run->b + image * g->b[0] + column * g->b[2]
      + from * g->b[1], g->b[2], g->b[1], packed);
  for (gsize now; row < end && !ddpm_cpu_is_cancelled (run->backend);
      row += now) {
    float *c = run->c + image * g->c[0] + row * g->c[1] + column * g->c[2];
    const CpuGemmResult to = { c, run->add || block > 0 ? c : NULL, NULL,
      g->c[1], g->c[2]
    };
    CpuGemmRows rows;

    now = MIN (CPU_GEMM_ROWS, end - row);
    rows =
        get_rows (run, row, now, from, depth, a, ddpm_cpu_at (slot, g->a_at));
    k->multiply (now, columns, depth, &rows, packed, k->width * depth, &to);
  }
}

static void
multiply_piece (gconstpointer data, gsize i, guint thread)
{
  const GemmRun *run = data;
  const CpuGemm *g = run->g;
  gpointer slot = ddpm_cpu_at (run->scratch, thread * g->slot_bytes);
  const CpuGemmKernels *k = run->kernels;
  const gsize row_panels = ddpm_cpu_count_pieces (g->rows, k->rows);
  const gsize column_panels = ddpm_cpu_count_pieces (g->columns, k->width);
  const gsize column_piece = i % g->column_pieces;
  const gsize row_piece = i / g->column_pieces % g->row_pieces;
  const gsize image = i / g->column_pieces / g->row_pieces;
  const gsize row = k->rows
      * ddpm_cpu_piece_at (row_panels, g->row_pieces, row_piece);
  const gsize row_end = k->rows
      * ddpm_cpu_piece_at (row_panels, g->row_pieces, row_piece + 1);
  const gsize column = k->width
      * ddpm_cpu_piece_at (column_panels, g->column_pieces, column_piece);
  const gsize column_end = k->width
      * ddpm_cpu_piece_at (column_panels, g->column_pieces, column_piece + 1);

  for (gsize block = 0; block < g->blocks; block++)
    add_block (run, image, row, MIN (row_end, g->rows), column,
        MIN (column_end, g->columns) - column, block, slot);
}

static void
multiply_f32 (const CpuGemm * g, CpuBackend * b, const float *left,
    const float *right, float *out, gboolean add, gpointer scratch)
{
  const GemmRun run = { g, b, b->kernels->gemm, left, right, out, add,
    scratch
  };

  ddpm_cpu_thread_for (g->batch * g->row_pieces * g->column_pieces,
      multiply_piece, &run);
}

void
ddpm_cpu_gemm_run (const CpuGemm * g, CpuBackend * b, gconstpointer left,
    gconstpointer right, gpointer out, gboolean add, gpointer scratch)
{
  if (g->tiles)
    ddpm_cpu_tile_gemm_run (g->tiles, b, left, right, out, add, scratch);
  else
    multiply_f32 (g, b, left, right, out, add, scratch);
}
