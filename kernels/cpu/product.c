/* gst-ddpm: CPU backend: products of matrices in f32
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See kernels/cpu/isa/product.c for the idea. The result is cut into pieces, one for a
 * thread at a time, which packs what it needs of b, and of a where its rows
 * are not contiguous. The depth is cut into blocks that depend on it alone
 * and are summed in their order: so no result depends on how it was cut up.
 */
#include <omp.h>
#include <string.h>
#include "kernels/cpu/product.h"

/* --- planning ----------------------------------------------------------------- */

static gsize
count_panels (const CpuProduct * p, CpuBackend * b, gboolean columns)
{
  return columns ? ddpm_cpu_count_pieces (p->columns,
      b->kernels->product->width)
      : ddpm_cpu_count_pieces (p->rows, b->kernels->product->rows);
}

/* As many for each thread, or so many that it does not matter */
static gboolean
is_shared_out (const CpuProduct * p, gsize threads)
{
  const gsize pieces = p->batch * p->row_pieces * p->column_pieces;

  return pieces >= 4 * threads || pieces % threads == 0;
}

/* The larger side is halved until all threads are busy. */
static void
cut_up (CpuProduct * p, CpuBackend * b)
{
  const gsize most_rows = count_panels (p, b, FALSE);
  const gsize most_columns = count_panels (p, b, TRUE);

  p->row_pieces = 1;
  p->column_pieces = ddpm_cpu_count_pieces (p->columns, CPU_PRODUCT_COLUMNS);
  while (!is_shared_out (p, b->base.threads)
      && (p->row_pieces < most_rows || p->column_pieces < most_columns)) {
    if (p->row_pieces >= most_rows || (p->column_pieces < most_columns
            && p->columns / p->column_pieces >= p->rows / p->row_pieces))
      p->column_pieces = MIN (2 * p->column_pieces, most_columns);
    else
      p->row_pieces = MIN (2 * p->row_pieces, most_rows);
  }
}

void
ddpm_cpu_product_init (CpuProduct * p, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * product)
{
  const gsize width = b->kernels->product->width;
  gsize columns, depth;

  memset (p, 0, sizeof (*p));
  p->batch = batch;
  p->rows = left->rows;
  p->columns = right->columns;
  p->depth = left->columns;
  memcpy (p->a, left->stride, sizeof (p->a));
  memcpy (p->b, right->stride, sizeof (p->b));
  memcpy (p->c, product->stride, sizeof (p->c));
  p->blocks = ddpm_cpu_count_pieces (p->depth, CPU_PRODUCT_DEPTH);
  cut_up (p, b);

  depth = ddpm_cpu_count_pieces (p->depth, p->blocks);
  columns = ddpm_cpu_count_pieces (count_panels (p, b, TRUE), p->column_pieces);
  ddpm_cpu_layout_add (&p->slot_bytes, columns * width * depth, sizeof (float));
  p->a_at = ddpm_cpu_layout_add (&p->slot_bytes, p->a[2] == 1 ? 0
      : CPU_PRODUCT_ROWS * depth, sizeof (float));
}

gsize
ddpm_cpu_product_scratch (const CpuProduct * p, CpuBackend * b)
{
  gsize total = 0;

  ddpm_cpu_layout_add (&total, b->base.threads, p->slot_bytes);
  return total;
}

/* --- executing ----------------------------------------------------------------- */

typedef struct
{
  const CpuProduct *p;
  const CpuProductKernels *kernels;
  const float *a, *b;
  float *c;
  gboolean add;
} Job;

/* Rows as they are, where they are contiguous, or packed */
static CpuProductRows
bring_rows (const Job * job, gsize row, gsize rows, gsize from, gsize depth,
    const float *a, float *packed)
{
  const gsize *stride = job->p->a, panel = job->kernels->rows;
  const CpuProductRows plain = { a + row * stride[1] + from, stride[1], 1,
    panel * stride[1]
  };
  const CpuProductRows brought = { packed, 1, panel, panel * depth };

  if (stride[2] == 1)
    return plain;
  job->kernels->pack_rows (rows, depth, a + row * stride[1] + from * stride[2],
      stride[1], stride[2], packed);
  return brought;
}

/* What one block of the depth adds to some rows and columns of a product */
static void
add_block (const Job * job, gsize image, gsize row, gsize end, gsize column,
    gsize columns, gsize block, gpointer slot)
{
  const CpuProduct *p = job->p;
  const CpuProductKernels *k = job->kernels;
  const gsize from = ddpm_cpu_piece_at (p->depth, p->blocks, block);
  const gsize depth = ddpm_cpu_piece_at (p->depth, p->blocks, block + 1) - from;
  const float *a = job->a + image * p->a[0];
  float *packed = slot;

  k->pack_columns (columns, depth, job->b + image * p->b[0] + column * p->b[2]
      + from * p->b[1], p->b[2], p->b[1], packed);
  for (gsize now; row < end; row += now) {
    float *c = job->c + image * p->c[0] + row * p->c[1] + column * p->c[2];
    const CpuProductResult to = { c, job->add || block > 0 ? c : NULL, NULL,
      p->c[1], p->c[2]
    };
    CpuProductRows rows;

    now = MIN (CPU_PRODUCT_ROWS, end - row);
    rows =
        bring_rows (job, row, now, from, depth, a, ddpm_cpu_at (slot, p->a_at));
    k->multiply (now, columns, depth, &rows, packed, k->width * depth, &to);
  }
}

static void
multiply_piece (const Job * job, gsize i, gpointer slot)
{
  const CpuProduct *p = job->p;
  const CpuProductKernels *k = job->kernels;
  const gsize row_panels = ddpm_cpu_count_pieces (p->rows, k->rows);
  const gsize column_panels = ddpm_cpu_count_pieces (p->columns, k->width);
  const gsize column_piece = i % p->column_pieces;
  const gsize row_piece = i / p->column_pieces % p->row_pieces;
  const gsize image = i / p->column_pieces / p->row_pieces;
  const gsize row = k->rows
      * ddpm_cpu_piece_at (row_panels, p->row_pieces, row_piece);
  const gsize row_end = k->rows
      * ddpm_cpu_piece_at (row_panels, p->row_pieces, row_piece + 1);
  const gsize column = k->width
      * ddpm_cpu_piece_at (column_panels, p->column_pieces, column_piece);
  const gsize column_end = k->width
      * ddpm_cpu_piece_at (column_panels, p->column_pieces, column_piece + 1);

  for (gsize block = 0; block < p->blocks; block++)
    add_block (job, image, row, MIN (row_end, p->rows), column,
        MIN (column_end, p->columns) - column, block, slot);
}

void
ddpm_cpu_product_run (const CpuProduct * p, CpuBackend * b, const float *left,
    const float *right, float *product, gboolean add, gpointer scratch)
{
  const Job job = { p, b->kernels->product, left, right, product, add };

#pragma omp parallel
  {
    gpointer slot =
        ddpm_cpu_at (scratch, omp_get_thread_num () * p->slot_bytes);

#pragma omp for schedule(dynamic)
    for (gsize i = 0; i < p->batch * p->row_pieces * p->column_pieces; i++)
      multiply_piece (&job, i, slot);
  }
}
