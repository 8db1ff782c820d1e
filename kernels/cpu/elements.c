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
/* Rows of a piece of a sum of columns, and columns that are added up at a time
 * */
#define SUM_ROWS 128
#define SUM_COLUMNS 16

static const CpuKernels *
get_kernels (DdpmBackend * b)
{
  return ((CpuBackend *) b)->kernels;
}

typedef struct
{
  CpuBackend *backend;
  DdpmType x_type, y_type;
  gsize rows, cx, cy;
  gconstpointer x;
  gpointer y;
  gboolean add;
  gsize piece;                  /* rows */
} CopyRun;

static void
copy_piece (gconstpointer data, gsize i, guint thread)
{
  const CopyRun *run = data;
  const gsize first = i * run->piece;

  run->backend->kernels->element->copy (run->x_type, run->y_type,
      MIN (run->piece, run->rows - first), run->cx, run->cy,
      ddpm_cpu_at (run->x, first * run->cx * ddpm_type_size (run->x_type)),
      ddpm_cpu_at (run->y, first * run->cy * ddpm_type_size (run->y_type)),
      run->add);
}

void
ddpm_cpu_copy (CpuBackend * b, DdpmType x_type, DdpmType y_type, gsize rows,
    gsize cx, gsize cy, gconstpointer x, gpointer y, gboolean add)
{
  const CopyRun run = { b, x_type, y_type, rows, cx, cy, x, y, add,
    MAX (1, PIECE / MAX (cx, cy))
  };

  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (rows, run.piece), copy_piece,
      &run);
}

gsize
ddpm_cpu_column_sums_scratch (gsize rows, gsize c)
{
  return ddpm_cpu_count_pieces (rows, SUM_ROWS) * c * sizeof (float);
}

typedef struct
{
  CpuBackend *backend;
  DdpmType type;
  gsize rows, row, c;
  gconstpointer x;
  gsize pieces;
  float *sums;                  /* [pieces][c] */
  float *out;
  gboolean add;
} SumRun;

static void
sum_piece (gconstpointer data, gsize i, guint thread)
{
  const SumRun *run = data;

  run->backend->kernels->element->column_sums (run->type, MIN (SUM_ROWS,
          run->rows - i * SUM_ROWS), run->row, run->c, ddpm_cpu_at (run->x,
          i * SUM_ROWS * run->row * ddpm_type_size (run->type)),
      run->sums + i * run->c);
}

/* Adds up the sums of the pieces, in double and in their order. */
static void
join_sums (gconstpointer data, gsize i, guint thread)
{
  const SumRun *run = data;
  const gsize first = i * SUM_COLUMNS, count = MIN (SUM_COLUMNS,
      run->c - first);
  double total[SUM_COLUMNS] = { 0, };

  for (gsize piece = 0; piece < run->pieces; piece++) {
    for (gsize k = 0; k < count; k++)
      total[k] += run->sums[piece * run->c + first + k];
  }
  for (gsize k = 0; k < count; k++) {
    float *out = &run->out[first + k];

    *out = run->add ? *out + total[k] : total[k];
  }
}

void
ddpm_cpu_column_sums (CpuBackend * b, DdpmType type, gsize rows, gsize row,
    gsize c, gconstpointer x, float *out, gboolean add, gpointer scratch)
{
  const SumRun run = { b, type, rows, row, c, x,
    ddpm_cpu_count_pieces (rows, SUM_ROWS), scratch, out, add
  };

  ddpm_cpu_thread_for (run.pieces, sum_piece, &run);
  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (c, SUM_COLUMNS), join_sums, &run);
}

/* --- activations ---------------------------------------------------------- */

/* x or dx [n][h][w][c], and y or dy of twice the size */
typedef struct
{
  DdpmBackend *backend;
  guint w, c;
  gsize row_bytes;              /* of the smaller image */
  gconstpointer from;
  gpointer to;
  gboolean add;
} UpsampleRun;

static void
upsample_row (gconstpointer data, gsize i, guint thread)
{
  const UpsampleRun *run = data;

  get_kernels (run->backend)->element->upsample_row (run->backend->act_type,
      run->w, run->c, ddpm_cpu_at (run->from, i / 2 * run->row_bytes),
      ddpm_cpu_at (run->to, i * 2 * run->row_bytes));
}

static void
upsample_row_gradient (gconstpointer data, gsize i, guint thread)
{
  const UpsampleRun *run = data;
  gconstpointer dy = ddpm_cpu_at (run->from, i * 4 * run->row_bytes);

  get_kernels (run->backend)->element->upsample_row_gradient
      (run->backend->act_type, run->w, run->c, dy, ddpm_cpu_at (dy,
          2 * run->row_bytes), ddpm_cpu_at (run->to, i * run->row_bytes),
      run->add);
}

static void
upsample_forward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer x, gpointer y)
{
  const UpsampleRun run = { b, w, c, (gsize) w * c
        * ddpm_type_size (b->act_type), x, y
  };

  ddpm_cpu_thread_for ((gsize) 2 * n * h, upsample_row, &run);
}

static void
upsample_backward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer dy, gpointer dx, gboolean add)
{
  const UpsampleRun run = { b, w, c, (gsize) w * c
        * ddpm_type_size (b->act_type), dy, dx, add
  };

  ddpm_cpu_thread_for ((gsize) n * h, upsample_row_gradient, &run);
}

static void
accumulate (DdpmBackend * b, gsize count, gconstpointer x, gpointer y)
{
  ddpm_cpu_copy ((CpuBackend *) b, b->act_type, b->act_type, count, 1, 1, x, y,
      TRUE);
}

/* --- the embeddings of times and labels ----------------------------------- */

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

typedef struct
{
  guint n, dim;
  const gint *index;
  const float *dy;
  float *dtable;
  gboolean add;
} EmbeddingRun;

static void
embedding_backward_row (gconstpointer data, gsize row, guint thread)
{
  const EmbeddingRun *run = data;

  for (gsize first = 0; first < run->dim; first += SUM_COLUMNS)
    embedding_backward_piece (run->n, run->dim, row, first, run->index, run->dy,
        run->dtable + row * run->dim, run->add);
}

static void
embedding_backward (DdpmBackend * b, guint n, guint dim, guint rows,
    const gint * index, const float *dy, float *dtable, gboolean add)
{
  const EmbeddingRun run = { n, dim, index, dy, dtable, add };

  ddpm_cpu_thread_for (rows, embedding_backward_row, &run);
}

/* Of the time embedding alone, so that sharing it out would take longer */
static void
swish_forward (DdpmBackend * b, gsize count, const float *x, float *y)
{
  get_kernels (b)->element->swish (count, x, y);
}

static void
swish_backward (DdpmBackend * b, gsize count, const float *x, const float *dy,
    float *dx)
{
  get_kernels (b)->element->swish_gradient (count, x, dy, dx);
}

/* Rare operations: there are no kernels for each instruction set, and no
 * pieces.
 */
static void
scale (DdpmBackend * b, gsize count, gfloat factor, gpointer y)
{
  float *f32 = y;
  guint16 *bf16 = y;

  if (b->act_type == DDPM_TYPE_F32) {
    for (gsize i = 0; i < count; i++)
      f32[i] *= factor;
  } else {
    for (gsize i = 0; i < count; i++)
      bf16[i] = ddpm_bf16_from_float (ddpm_bf16_to_float (bf16[i]) * factor);
  }
}

static void
split_channels (DdpmBackend * b, gsize pixels, guint c, const float *x,
    float *first, float *second)
{
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
  for (gsize i = 0; i < pixels; i++) {
    memcpy (y + i * 2 * c, first + i * c, c * sizeof (float));
    if (second)
      memcpy (y + (i * 2 + 1) * c, second + i * c, c * sizeof (float));
    else
      memset (y + (i * 2 + 1) * c, 0, c * sizeof (float));
  }
}

/* --- the optimizer -------------------------------------------------------- */

enum
{ SUMS_AT_A_TIME = 1024 };

typedef struct
{
  DdpmBackend *backend;
  gsize count, first;           /* elements; the first piece */
  const float *x;
  double *sums;
} SquaresRun;

static void
sum_squares_of_piece (gconstpointer data, gsize i, guint thread)
{
  const SquaresRun *run = data;
  const gsize first = (run->first + i) * PIECE;

  run->sums[i] = get_kernels (run->backend)->optimizer->sum_of_squares
      (MIN (PIECE, run->count - first), run->x + first);
}

/* The sums of the pieces are added in their order. */
static double
sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  double sums[SUMS_AT_A_TIME], total = 0.0;
  const gsize pieces = ddpm_cpu_count_pieces (count, PIECE);
  SquaresRun run = { b, count, 0, x, sums };

  for (; run.first < pieces; run.first += SUMS_AT_A_TIME) {
    const gsize now = MIN (SUMS_AT_A_TIME, pieces - run.first);

    ddpm_cpu_thread_for (now, sum_squares_of_piece, &run);
    for (gsize i = 0; i < now; i++)
      total += sums[i];
  }
  return total;
}

typedef struct
{
  DdpmBackend *backend;
  const DdpmAdam *adam;
  gsize count;
  const float *grad;
  float *param, *m, *v, *ema;
} AdamRun;

static void
adam_piece (gconstpointer data, gsize i, guint thread)
{
  const AdamRun *run = data;
  const gsize first = i * PIECE;

  get_kernels (run->backend)->optimizer->adam (run->adam, MIN (PIECE,
          run->count - first), run->grad + first, run->param + first,
      run->m + first, run->v + first, run->ema ? run->ema + first : NULL);
}

static void
adam (DdpmBackend * b, const DdpmAdam * a, gsize count, const float *grad,
    float *param, float *m, float *v, float *ema)
{
  const AdamRun run = { b, a, count, grad, param, m, v, ema };

  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (count, PIECE), adam_piece, &run);
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
