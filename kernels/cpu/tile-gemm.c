/* gst-ddpm: CPU backend: products of matrices in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A piece of the result is some rows and some columns of one matrix of the
 * batch. Its operands are packed in blocks of 32 x 32, except a left one whose
 * rows are tiles as they lie. The left operand is cut up where that is cheap:
 * by columns of the result, so that no part of the right one is packed twice;
 * or by rows where the left one must be packed.
 */
#include <string.h>
#include "kernels/cpu/gemm.h"

#define BLOCK CPU_TILE_DEPTH
#define BLOCK_BYTES (2 * CPU_TILE_BYTES)
#define PIECES_PER_THREAD 4

/* --- planning ------------------------------------------------------------ */

static gsize
count_blocks (gsize size)
{
  return ddpm_cpu_count_pieces (size, BLOCK);
}

static void
cut_up (CpuTileGemm * g, gsize threads)
{
  const gsize wanted =
      ddpm_cpu_count_pieces (PIECES_PER_THREAD * threads, g->batch);

  g->row_pieces = g->in_place ? 1 : MIN (wanted, count_blocks (g->rows));
  g->column_pieces = g->in_place ? MIN (wanted, count_blocks (g->columns)) : 1;
}

/* In place, step s of the depth is 64 s bytes after the first; packed, the
 * blocks of a depth follow one another. */
static void
plan_addresses (CpuTileGemm * g, gsize rows)
{
  const gsize tiles = 2 * count_blocks (rows);

  g->steps = count_blocks (g->depth);
  g->tile_at = g_new (guint32, tiles);
  g->step_at = g_new (guint32, g->steps);
  for (gsize i = 0; i < tiles; i++)
    g->tile_at[i] = g->in_place ? i * CPU_TILE_ROWS * g->a[1] * sizeof (guint16)
        : i / 2 * g->steps * BLOCK_BYTES + i % 2 * CPU_TILE_BYTES;
  for (gsize i = 0; i < g->steps; i++)
    g->step_at[i] = i * (g->in_place ? CPU_TILE_ROW_BYTES : BLOCK_BYTES);
}

static gsize
get_piece_size (gsize count, gsize pieces)
{
  return ddpm_cpu_count_pieces (count_blocks (count), pieces) * BLOCK;
}

void
ddpm_cpu_tile_gemm_init (CpuTileGemm * g, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out)
{
  gsize rows, columns, total = 0;

  g->batch = batch;
  g->rows = left->rows;
  g->columns = right->columns;
  g->depth = left->columns;
  memcpy (g->a, left->stride, sizeof (g->a));
  memcpy (g->b, right->stride, sizeof (g->b));
  memcpy (g->c, out->stride, sizeof (g->c));
  g->type = out->type;
  g->in_place = g->a[2] == 1 && g->rows % CPU_TILE_ROWS == 0
      && g->depth % BLOCK == 0
      && g->rows * g->a[1] <= G_MAXINT32 / sizeof (guint16);
  cut_up (g, b->base.threads);

  rows = get_piece_size (g->rows, g->row_pieces);
  columns = get_piece_size (g->columns, g->column_pieces);
  plan_addresses (g, rows);
  ddpm_cpu_layout_add (&total, columns / BLOCK * g->steps, BLOCK_BYTES);
  g->a_at = ddpm_cpu_layout_add (&total, g->in_place ? 0
      : rows / BLOCK * g->steps, BLOCK_BYTES);
  g->block_at = ddpm_cpu_layout_add (&total, 2, BLOCK_BYTES);
  g->places_at = ddpm_cpu_layout_add (&total, rows, sizeof (gsize));
  g->slot_bytes = total;
  ddpm_cpu_layout_add (&g->scratch, b->base.threads, g->slot_bytes);
}

void
ddpm_cpu_tile_gemm_clear (CpuTileGemm * g)
{
  g_free (g->tile_at);
  g_free (g->step_at);
}

/* --- packing ------------------------------------------------------------- */

typedef struct
{
  const CpuTileGemm *g;
  const CpuBackend *backend;
  const guint16 *a, *b;
  gpointer c;
  gboolean add;
  gpointer scratch;
} GemmRun;

/* A block [32][32]: @count vectors that are @step numbers apart, of @size
 * neighbouring numbers, and zeros after both */
static void
copy_block (const CpuTileKernels * k, const guint16 * x, gsize step,
    gsize count, gsize size, guint16 * to)
{
  count = MIN (count, BLOCK);
  k->pack_pixels (DDPM_TYPE_BF16, count, MIN (size, BLOCK), step, x, 0, to);
  memset (to + count * BLOCK, 0, (BLOCK - count) * CPU_TILE_ROW_BYTES);
}

/* Two tiles of a: 32 rows, 32 of the depth; element r, k at x + r row + k deep
 * */
static void
pack_left (const CpuTileKernels * k, const guint16 * x, gsize row, gsize deep,
    gsize rows, gsize depth, guint16 * block, guint16 * to)
{
  guint16 *pairs = block + BLOCK * BLOCK;

  if (deep == 1) {
    copy_block (k, x, row, rows, depth, to);
    return;
  }
  copy_block (k, x, deep, depth, rows, block);
  k->pair_rows (BLOCK / 2, block, pairs);
  for (guint i = 0; i < 2; i++)
    k->transpose ((guint32 *) pairs + i * CPU_TILE_ROWS, BLOCK,
        (guint32 *) (to + i * CPU_TILE_BYTES / 2), CPU_TILE_ROWS);
}

/* Two tiles of b, side by side: element k, i at x + k deep + i column */
static void
pack_right (const CpuTileKernels * k, const guint16 * x, gsize deep,
    gsize column, gsize depth, gsize columns, guint16 * block, guint16 * to)
{
  if (column == 1) {
    copy_block (k, x, deep, depth, columns, block);
    k->pair_rows (BLOCK / 2, block, to);
    return;
  }
  copy_block (k, x, column, columns, depth, block);
  for (guint i = 0; i < 2; i++)
    k->transpose ((guint32 *) block + i * CPU_TILE_ROWS * CPU_TILE_ROWS,
        CPU_TILE_ROWS, (guint32 *) to + i * CPU_TILE_ROWS, BLOCK);
}

/* --- executing ----------------------------------------------------------- */

static void
pack_operands (const GemmRun * run, const guint16 * a, const guint16 * b,
    gsize rows, gsize columns, gpointer slot)
{
  const CpuTileGemm *g = run->g;
  const CpuTileKernels *k = run->backend->tiles;
  guint16 *block = ddpm_cpu_at (slot, g->block_at);
  guint16 *left = ddpm_cpu_at (slot, g->a_at), *right = slot;

  for (gsize i = 0; !g->in_place && i < rows; i += BLOCK) {
    for (gsize d = 0; d < g->depth; d += BLOCK, left += BLOCK * BLOCK)
      pack_left (k, a + i * g->a[1] + d * g->a[2], g->a[1], g->a[2], rows - i,
          g->depth - d, block, left);
  }
  for (gsize i = 0; i < columns; i += BLOCK) {
    for (gsize d = 0; d < g->depth; d += BLOCK, right += BLOCK * BLOCK)
      pack_right (k, b + d * g->b[1] + i * g->b[2], g->b[1], g->b[2],
          g->depth - d, columns - i, block, right);
  }
}

static void
multiply_piece (gconstpointer data, gsize i, guint thread)
{
  const GemmRun *run = data;
  const CpuTileGemm *g = run->g;
  gpointer slot = ddpm_cpu_at (run->scratch, thread * g->slot_bytes);
  const gsize column_piece = i % g->column_pieces;
  const gsize row_piece = i / g->column_pieces % g->row_pieces;
  const gsize image = i / g->column_pieces / g->row_pieces;
  const gsize row = BLOCK * ddpm_cpu_piece_at (count_blocks (g->rows),
      g->row_pieces, row_piece);
  const gsize column = BLOCK * ddpm_cpu_piece_at (count_blocks (g->columns),
      g->column_pieces, column_piece);
  const gsize rows = MIN (g->rows, BLOCK * ddpm_cpu_piece_at
      (count_blocks (g->rows), g->row_pieces, row_piece + 1)) - row;
  const gsize columns = MIN (g->columns, BLOCK * ddpm_cpu_piece_at
      (count_blocks (g->columns), g->column_pieces, column_piece + 1)) - column;
  const guint16 *a = run->a + image * g->a[0] + row * g->a[1];
  gsize *places = ddpm_cpu_at (slot, g->places_at);
  CpuTileProduct product = {
    .a = g->in_place ? (gconstpointer) a : ddpm_cpu_at (slot, g->a_at),
    .tile_at = g->tile_at,
    .tiles = ddpm_cpu_count_pieces (rows, CPU_TILE_ROWS),
    .a_row = g->in_place ? g->a[1] * sizeof (guint16) : CPU_TILE_ROW_BYTES,
    .step_at = g->step_at,
    .steps = g->steps,
    .b = slot,
    .columns = columns,
    .place = places,
    .y = ddpm_cpu_at (run->c, (image * g->c[0] + row * g->c[1] + column)
        * ddpm_type_size (g->type)),
    .type = g->type,
  };

  if (ddpm_cpu_is_cancelled (run->backend))
    return;
  product.plus = run->add ? product.y : NULL;
  for (gsize r = 0; r < product.tiles * CPU_TILE_ROWS; r++)
    places[r] = r < rows ? r * g->c[1] : G_MAXSIZE;
  pack_operands (run, a, run->b + image * g->b[0] + column * g->b[2], rows,
      columns, slot);
  run->backend->tiles->multiply (&product);
}

void
ddpm_cpu_tile_gemm_run (const CpuTileGemm * g, CpuBackend * b,
    gconstpointer left, gconstpointer right, gpointer out, gboolean add,
    gpointer scratch)
{
  const GemmRun run = { g, b, left, right, out, add, scratch };

  ddpm_cpu_thread_for (g->batch * g->row_pieces * g->column_pieces,
      multiply_piece, &run);
}
