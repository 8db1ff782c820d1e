/* gst-ddpm: the CPU backend's inner loops give the same bits whatever the
 * instructions are that they were compiled to; products of matrices, whose
 * roundings differ, those that numbers without roundings have
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/table.h"
#include "kernels/bf16.h"
#include "kernels/philox.h"
#include "tests/support/kernels.h"
#include "tests/support/test.h"

/* What every processor can run; what this one runs is compared with it. */
extern const CpuKernels ddpm_cpu_kernels_baseline;

enum
{ PIXELS = 37, C = 29, COUNT = PIXELS * C };

/* Data of one run: activations of either type, and vectors of channels */
typedef struct
{
  DdpmType type;
  float *x, *dy, *keep, *vectors;
  guint16 *x_bf16, *dy_bf16;
} Data;

static Data
data_new (DdpmType type)
{
  Data d = { type, test_random (1, COUNT), test_random (2, COUNT),
    test_random (3, COUNT), test_random (4, 8 * C), g_new (guint16, COUNT),
    g_new (guint16, COUNT)
  };

  for (gsize i = 0; i < COUNT; i++) {
    d.x[i] *= 20;               /* into both ends of the sigmoid */
    d.x_bf16[i] = ddpm_bf16_from_float (d.x[i]);
    d.dy_bf16[i] = ddpm_bf16_from_float (d.dy[i]);
  }
  return d;
}

static void
data_clear (Data * d)
{
  g_free (d->x);
  g_free (d->dy);
  g_free (d->keep);
  g_free (d->vectors);
  g_free (d->x_bf16);
  g_free (d->dy_bf16);
}

/* Everything about norms, one after the other into out */
static void
run_norms (const CpuKernels * k, const Data * d, guint8 * out)
{
  const gboolean f32 = d->type == DDPM_TYPE_F32;
  const void *x = f32 ? (void *) d->x : d->x_bf16;
  const void *dy = f32 ? (void *) d->dy : d->dy_bf16;
  const float *v = d->vectors;
  float *sums = (float *) out, *dz = sums + 8 * C;
  void *y = dz + COUNT, *dx = dz + 2 * COUNT;
  double work[2 * C];

  k->norm->moments (d->type, PIXELS, C, x, sums, sums + C);
  k->norm->group_stats (PIXELS, PIXELS, C, 1, 1e-5f, sums, v, work,
      sums + 2 * C);
  k->norm->normalize (d->type, PIXELS, C, C, x, v, v + C, v + 2 * C, TRUE,
      d->keep, y);
  k->norm->gradient (d->type, PIXELS, C, C, x, dy, v, v + C, v + 2 * C,
      v + 3 * C, TRUE, d->keep, dz, sums + 3 * C, sums + 4 * C, sums + 5 * C);
  k->norm->input_gradient (d->type, PIXELS, C, C, x, dz, v, v + C, v + 2 * C,
      v + 3 * C, v + 4 * C, dx, FALSE);
}

static const struct
{
  const gchar *name;
  DdpmType type;
} types[] = { {"f32", DDPM_TYPE_F32}, {"bf16", DDPM_TYPE_BF16} };

TABLE_TEST (norms, types)
{
  const gsize size = (8 * C + 3 * COUNT) * sizeof (float);
  Data d = data_new (row->type);
  g_autofree guint8 *a = g_malloc0 (size), *b = g_malloc0 (size);

  run_norms (&ddpm_cpu_kernels_baseline, &d, a);
  run_norms (ddpm_cpu_kernels_get (), &d, b);
  test_assert_same_bits (a, b, size);
  data_clear (&d);
}

TABLE_TEST (softmaxes, types)
{
  Data d = data_new (row->type);
  g_autofree float *a = g_new0 (float, 2 * COUNT);
  g_autofree float *b = g_new0 (float, 2 * COUNT);
  const CpuKernels *k[] =
      { &ddpm_cpu_kernels_baseline, ddpm_cpu_kernels_get () };
  float *out[] = { a, b };

  for (guint i = 0; i < 2; i++) {
    g_autofree float *scores = g_memdup2 (d.x, COUNT * sizeof (float));

    k[i]->softmax->softmax (d.type, COUNT, 0.7f, scores, out[i]);
    k[i]->softmax->softmax_gradient (d.type, COUNT, 0.7f, out[i], d.dy,
        out[i] + COUNT);
  }
  test_assert_same_bits (a, b, 2 * COUNT * sizeof (float));
  data_clear (&d);
}

TEST (exponentials_are_good_to_the_last_digits)
{
  const CpuKernels *k = ddpm_cpu_kernels_get ();

  for (float x = -80; x < 80; x += 0.0173f) {
    const double expected = x / (1 + exp (-(double) x));
    float y;

    k->element->swish (1, &x, &y);
    g_assert_cmpfloat (fabs (y - expected), <=, 4e-7 * fabs (expected));
  }
}

TEST (what_is_not_a_number_stays_so)
{
  const CpuKernels *k = ddpm_cpu_kernels_get ();
  float x[16], y[16];

  for (guint i = 0; i < 16; i++)
    x[i] = i % 3 ? 1.0f : NAN;
  k->element->swish (16, x, y);
  for (guint i = 0; i < 16; i++)
    g_assert_true (!!isnan (y[i]) == (i % 3 == 0));
}

/* From and to anywhere, against the definition */
TEST (dropout)
{
  const DdpmDropout drop = { 0.3f, G_MAXUINT32, G_GUINT64_CONSTANT
        (0x1122334455667788), G_MAXUINT32
  };
  const CpuKernels *k[] =
      { &ddpm_cpu_kernels_baseline, ddpm_cpu_kernels_get () };
  float keep[700];

  for (gsize first = 0; first < 1100; first += 97) {
    const gsize count = G_N_ELEMENTS (keep) - first % 300;

    for (guint i = 0; i < 2; i++) {
      k[i]->random->dropout (&drop, 5, first, count, keep);
      for (gsize e = first; e < first + count; e++) {
        float u[4];

        ddpm_uniform4 (drop.seed, drop.first_sample + 5, drop.stream, e / 4, u);
        g_assert_cmpfloat (keep[e - first], ==,
            u[e % 4] >= drop.p ? (float) (1 / (1 - drop.p)) : 0.0f);
      }
    }
  }
}

/* --- products of matrices ------------------------------------------------------- */

enum
{ A_TRANSPOSED = 1, B_TRANSPOSED = 2, C_TRANSPOSED = 4, ADDED = 8, VARIANTS = 16
};

/* Sixteenths: sums of products of them are exact */
static float *
sixteenths (guint32 seed, gsize count)
{
  float *x = test_random (seed, count);

  for (gsize i = 0; i < count; i++)
    x[i] = floorf (16 * x[i]) / 16;
  return x;
}

/* c = a b [+ c + bias], each of them as it is or transposed */
static void
check_product (const CpuGemmKernels * k, gsize rows, gsize columns,
    gsize depth, guint variant)
{
  const gsize a_row = variant & A_TRANSPOSED ? 1 : depth;
  const gsize a_depth = variant & A_TRANSPOSED ? rows : 1;
  const gsize b_column = variant & B_TRANSPOSED ? depth : 1;
  const gsize b_depth = variant & B_TRANSPOSED ? 1 : columns;
  const gsize c_row = variant & C_TRANSPOSED ? 1 : columns;
  const gsize c_column = variant & C_TRANSPOSED ? rows : 1;
  const gboolean add = variant & ADDED;
  g_autofree float *a = sixteenths (1, rows * depth);
  g_autofree float *b = sixteenths (2, columns * depth);
  g_autofree float *bias = sixteenths (3, columns);
  g_autofree float *before = sixteenths (4, rows * columns);
  g_autofree float *c = g_memdup2 (before, rows * columns * sizeof (float));
  g_autofree float *a_packed = test_unwritten ((rows + k->rows) * depth);
  g_autofree float *b_packed = test_unwritten ((columns + k->width) * depth);
  CpuGemmRows left = { a, a_row, a_depth, k->rows * a_row };
  const CpuGemmResult to = { c, add ? c : NULL, add ? bias : NULL, c_row,
    c_column
  };

  k->pack_columns (columns, depth, b, b_column, b_depth, b_packed);
  if (variant & A_TRANSPOSED) {
    const CpuGemmRows packed = { a_packed, 1, k->rows, k->rows * depth };

    k->pack_rows (rows, depth, a, a_row, a_depth, a_packed);
    left = packed;
  }
  k->multiply (rows, columns, depth, &left, b_packed, k->width * depth, &to);
  for (gsize r = 0; r < rows; r++) {
    for (gsize i = 0; i < columns; i++) {
      const gsize at = r * c_row + i * c_column;
      double expected = add ? before[at] + bias[i] : 0.0;

      for (gsize d = 0; d < depth; d++)
        expected += a[r * a_row + d * a_depth] * b[i * b_column + d * b_depth];
      g_assert_cmpfloat (c[at], ==, expected);
    }
  }
}

static const struct
{
  const gchar *name;
  gboolean baseline;
} instructions[] = { {"baseline", TRUE}, {"best", FALSE} };

TABLE_TEST (products_of_any_shape, instructions)
{
  const CpuGemmKernels *k = row->baseline ? ddpm_cpu_kernels_baseline.gemm
      : ddpm_cpu_kernels_get ()->gemm;
  const gsize columns[] = { 1, 7, k->width, 2 * k->width + 3 };

  for (gsize rows = 1; rows <= 2 * k->rows + 1; rows++) {
    for (guint i = 0; i < G_N_ELEMENTS (columns); i++) {
      for (guint variant = 0; variant < VARIANTS; variant++)
        check_product (k, rows, columns[i], i % 2 ? 39 : 1 + 3 * i, variant);
    }
  }
}
