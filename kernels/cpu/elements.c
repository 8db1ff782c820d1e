/* gst-ddpm: CPU backend: operations without a plan, cut into pieces
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/bf16.h"
#include "kernels/cpu/private.h"

/* Elements of a piece: enough to be worth starting a thread, and few enough
 * that each thread gets some pieces of a large array. Sums are rounded piece by
 * piece, so this number must not depend on the number of threads. */
#define PIECE 16384
/* Rows of a piece of a sum of columns, and columns that are added up at a time */
#define SUM_ROWS 128
#define SUM_COLUMNS 16

static const CpuKernels *
get_kernels (DdpmBackend * b)
{
  return ((CpuBackend *) b)->kernels;
}

void
ddpm_cpu_copy (CpuBackend * b, DdpmType x_type, DdpmType y_type, gsize rows,
    gsize cx, gsize cy, gconstpointer x, gpointer y, gboolean add)
{
  const gsize piece = MAX (1, PIECE / MAX (cx, cy));
  const gsize pieces = ddpm_cpu_count_pieces (rows, piece);

#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < pieces; i++) {
    const gsize first = i * piece;

    b->kernels->element->copy (x_type, y_type, MIN (piece, rows - first), cx,
        cy, ddpm_cpu_at (x, first * cx * ddpm_type_size (x_type)),
        ddpm_cpu_at (y, first * cy * ddpm_type_size (y_type)), add);
  }
}

gsize
ddpm_cpu_column_sums_scratch (gsize rows, gsize c)
{
  return ddpm_cpu_count_pieces (rows, SUM_ROWS) * c * sizeof (float);
}

/* Adds up the sums of the pieces [pieces][c], in double and in their order. */
static void
join_sums (gsize pieces, gsize c, gsize first, const float *sums, float *out,
    gboolean add)
{
  const gsize count = MIN (SUM_COLUMNS, c - first);
  double total[SUM_COLUMNS] = { 0, };

  for (gsize piece = 0; piece < pieces; piece++) {
    for (gsize i = 0; i < count; i++)
      total[i] += sums[piece * c + first + i];
  }
  for (gsize i = 0; i < count; i++)
    out[first + i] = add ? out[first + i] + total[i] : total[i];
}

void
ddpm_cpu_column_sums (CpuBackend * b, DdpmType type, gsize rows, gsize row,
    gsize c, gconstpointer x, float *out, gboolean add, gpointer scratch)
{
  const gsize pieces = ddpm_cpu_count_pieces (rows, SUM_ROWS);
  float *sums = scratch;

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (gsize i = 0; i < pieces; i++)
      b->kernels->element->column_sums (type, MIN (SUM_ROWS,
              rows - i * SUM_ROWS), row, c, ddpm_cpu_at (x,
              i * SUM_ROWS * row * ddpm_type_size (type)), sums + i * c);
#pragma omp for schedule(static)
    for (gsize first = 0; first < c; first += SUM_COLUMNS)
      join_sums (pieces, c, first, sums, out, add);
  }
}

/* --- activations ------------------------------------------------------------ */

static void
upsample_forward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer x, gpointer y)
{
  const gsize row = (gsize) w * c * ddpm_type_size (b->act_type);

  /* all images, one below the other: 2 n h rows */
#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < (gsize) 2 * n * h; i++)
    get_kernels (b)->element->upsample_row (b->act_type, w, c,
        ddpm_cpu_at (x, i / 2 * row), ddpm_cpu_at (y, i * 2 * row));
}

static void
upsample_backward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer dy, gpointer dx, gboolean add)
{
  const gsize row = (gsize) w * c * ddpm_type_size (b->act_type);

#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < (gsize) n * h; i++)
    get_kernels (b)->element->upsample_row_gradient (b->act_type, w, c,
        ddpm_cpu_at (dy, i * 4 * row), ddpm_cpu_at (dy, i * 4 * row + 2 * row),
        ddpm_cpu_at (dx, i * row), add);
}

static void
accumulate (DdpmBackend * b, gsize count, gconstpointer x, gpointer y)
{
  ddpm_cpu_copy ((CpuBackend *) b, b->act_type, b->act_type, count, 1, 1, x, y,
      TRUE);
}

/* --- the embeddings of times and labels --------------------------------------- */

static void
embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  for (gsize i = 0; i < n; i++)
    memcpy (out + i * dim, table + (gsize) t[i] * dim, dim * sizeof (float));
}

static void
embedding_add (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * index, float *out)
{
  for (gsize i = 0; i < n; i++) {
    if (index[i] >= 0)
      get_kernels (b)->element->add_rows (1, dim,
          table + (gsize) index[i] * dim, out + i * dim);
  }
}

/* The gradient of SUM_COLUMNS elements of one row of the table */
static void
embedding_backward_piece (guint n, guint dim, gint row, gsize first,
    const gint * index, const float *dy, float *drow, gboolean add)
{
  const gsize count = MIN (SUM_COLUMNS, dim - first);
  double sums[SUM_COLUMNS] = { 0, };

  for (gsize i = 0; i < n; i++) {
    for (gsize k = 0; index[i] == row && k < count; k++)
      sums[k] += dy[i * dim + first + k];
  }
  for (gsize k = 0; k < count; k++)
    drow[first + k] = add ? drow[first + k] + sums[k] : sums[k];
}

static void
embedding_backward (DdpmBackend * b, guint n, guint dim, guint rows,
    const gint * index, const float *dy, float *dtable, gboolean add)
{
#pragma omp parallel for schedule(static)
  for (gsize row = 0; row < rows; row++) {
    for (gsize first = 0; first < dim; first += SUM_COLUMNS)
      embedding_backward_piece (n, dim, row, first, index, dy,
          dtable + row * dim, add);
  }
}

static void
swish_forward (DdpmBackend * b, gsize count, const float *x, float *y)
{
#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < count; first += PIECE)
    get_kernels (b)->element->swish (MIN (PIECE, count - first), x + first,
        y + first);
}

static void
swish_backward (DdpmBackend * b, gsize count, const float *x, const float *dy,
    float *dx)
{
#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < count; first += PIECE)
    get_kernels (b)->element->swish_gradient (MIN (PIECE, count - first),
        x + first, dy + first, dx + first);
}

/* A rare operation, so there is no kernel for each instruction set. */
static void
scale (DdpmBackend * b, gsize count, gfloat factor, gpointer y)
{
  float *f32 = y;
  guint16 *bf16 = y;

  if (b->act_type == DDPM_TYPE_F32) {
#pragma omp parallel for schedule(static)
    for (gsize i = 0; i < count; i++)
      f32[i] *= factor;
  } else {
#pragma omp parallel for schedule(static)
    for (gsize i = 0; i < count; i++)
      bf16[i] = ddpm_bf16_from_float (ddpm_bf16_to_float (bf16[i]) * factor);
  }
}

static void
split_channels (DdpmBackend * b, gsize pixels, guint c, const float *x,
    float *first, float *second)
{
#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < pixels; i++) {
    memcpy (first + i * c, x + i * 2 * c, c * sizeof (float));
    if (second)
      memcpy (second + i * c, x + (i * 2 + 1) * c, c * sizeof (float));
  }
}

static void
join_channels (DdpmBackend * b, gsize pixels, guint c, const float *first,
    const float *second, float *y)
{
#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < pixels; i++) {
    memcpy (y + i * 2 * c, first + i * c, c * sizeof (float));
    if (second)
      memcpy (y + (i * 2 + 1) * c, second + i * c, c * sizeof (float));
    else
      memset (y + (i * 2 + 1) * c, 0, c * sizeof (float));
  }
}

/* --- the optimizer ------------------------------------------------------------ */

/* The sums of the pieces are added in their order, a fixed number at a time. */
static double
sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  const gsize at_a_time = 1024;
  double sums[1024], total = 0.0;
  gsize pieces = ddpm_cpu_count_pieces (count, PIECE);

  for (gsize done = 0; done < pieces; done += at_a_time) {
    const gsize now = MIN (at_a_time, pieces - done);

#pragma omp parallel for schedule(static)
    for (gsize i = 0; i < now; i++) {
      const gsize first = (done + i) * PIECE;

      sums[i] = get_kernels (b)->optimizer->sum_of_squares (MIN (PIECE,
              count - first), x + first);
    }
    for (gsize i = 0; i < now; i++)
      total += sums[i];
  }
  return total;
}

static void
adam (DdpmBackend * b, const DdpmAdam * a, gsize count, const float *grad,
    float *param, float *m, float *v, float *ema)
{
#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < count; first += PIECE)
    get_kernels (b)->optimizer->adam (a, MIN (PIECE, count - first),
        grad + first, param + first, m + first, v + first,
        ema ? ema + first : NULL);
}

void
ddpm_cpu_elements_set_ops (DdpmOps * ops)
{
  ops->upsample_forward = upsample_forward;
  ops->upsample_backward = upsample_backward;
  ops->accumulate = accumulate;
  ops->scale = scale;
  ops->split_channels = split_channels;
  ops->join_channels = join_channels;
  ops->embedding = embedding;
  ops->embedding_add = embedding_add;
  ops->embedding_backward = embedding_backward;
  ops->swish_forward = swish_forward;
  ops->swish_backward = swish_backward;
  ops->sum_of_squares = sum_of_squares;
  ops->adam = adam;
}
