/* gst-ddpm: inner loops of the CPU backend: products of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Goto & van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008): of c = a b, a block of ROWS x WIDTH stays in registers while the
 * depth goes by; WIDTH columns of b lie packed, one row after the other, and
 * stay in the first-level cache while the rows of a go by.
 */
#include "kern-vector.h"

/* As many sums as hide the time that each takes, and fit into the registers
 * with two vectors of b and one element of a */
#ifdef __AVX512F__
#define ROWS 8
#else
#define ROWS 6
#endif
#define WIDTH (2 * LANES)

/* --- packing ---------------------------------------------------------------- */

/* One panel: @count <= width vectors, zeros behind them */
KERN_INLINE void
pack_panel (const gsize width, gsize count, gsize depth, const float *x,
    gsize step, gsize deep, float *packed)
{
  if (count == width && step == 1) {
    for (gsize k = 0; k < depth; k++)
      memcpy (packed + k * width, x + k * deep, width * sizeof (float));
    return;
  }
  if (count < width)
    memset (packed, 0, depth * width * sizeof (float));
  for (gsize k = 0; k < depth; k++, x += deep, packed += width) {
    if (count == width) {
#pragma GCC unroll 8
      for (gsize i = 0; i < width; i++)
        packed[i] = x[i * step];
    } else {
      for (gsize i = 0; i < count; i++)
        packed[i] = x[i * step];
    }
  }
}

static void
pack_rows (gsize count, gsize depth, const float *x, gsize step, gsize deep,
    float *packed)
{
  for (gsize i = 0; i < count; i += ROWS)
    pack_panel (ROWS, MIN (ROWS, count - i), depth, x + i * step, step, deep,
        packed + i * depth);
}

static void
pack_columns (gsize count, gsize depth, const float *x, gsize step,
    gsize deep, float *packed)
{
  for (gsize i = 0; i < count; i += WIDTH)
    pack_panel (WIDTH, MIN (WIDTH, count - i), depth, x + i * step, step, deep,
        packed + i * depth);
}

/* --- products --------------------------------------------------------------- */

/* Some columns of a block of sums, or columns that are not side by side */
static G_NO_INLINE void
store_few (gsize rows, gsize columns, float sum[ROWS][WIDTH],
    const CpuProductResult * to)
{
  for (gsize r = 0; r < rows; r++) {
    for (gsize k = 0; k < columns; k++) {
      const gsize at = r * to->row + k * to->column;
      const float value = to->plus ? sum[r][k] + to->plus[at] : sum[r][k];

      to->c[at] = to->bias ? value + to->bias[k] : value;
    }
  }
}

KERN_INLINE void
store_all (const gsize rows, Vec sum[ROWS][2], const CpuProductResult * to)
{
  if (to->plus) {
#pragma GCC unroll 8
    for (gsize r = 0; r < rows; r++) {
      sum[r][0] += vec_load (to->plus + r * to->row);
      sum[r][1] += vec_load (to->plus + r * to->row + LANES);
    }
  }
  if (to->bias) {
    const Vec bias0 = vec_load (to->bias), bias1 = vec_load (to->bias + LANES);

#pragma GCC unroll 8
    for (gsize r = 0; r < rows; r++) {
      sum[r][0] += bias0;
      sum[r][1] += bias1;
    }
  }
#pragma GCC unroll 8
  for (gsize r = 0; r < rows; r++) {
    vec_store (to->c + r * to->row, sum[r][0]);
    vec_store (to->c + r * to->row + LANES, sum[r][1]);
  }
}

KERN_INLINE void
multiply_rows (const gsize rows, gsize columns, gsize depth, const float *a,
    gsize a_row, gsize a_depth, const float *b, const CpuProductResult * to)
{
  Vec sum[ROWS][2];

#pragma GCC unroll 8
  for (gsize r = 0; r < rows; r++)
    sum[r][0] = sum[r][1] = vec_all (0.0f);
  for (gsize k = 0; k < depth; k++, a += a_depth, b += WIDTH) {
    const Vec b0 = vec_load (b), b1 = vec_load (b + LANES);

#pragma GCC unroll 8
    for (gsize r = 0; r < rows; r++) {
      const Vec x = vec_all (a[r * a_row]);

      sum[r][0] = vec_fma (x, b0, sum[r][0]);
      sum[r][1] = vec_fma (x, b1, sum[r][1]);
    }
  }
  if (columns == WIDTH && to->column == 1) {
    store_all (rows, sum, to);
  } else {
    float few[ROWS][WIDTH];

#pragma GCC unroll 8
    for (gsize r = 0; r < rows; r++) {
      vec_store (few[r], sum[r][0]);
      vec_store (few[r] + LANES, sum[r][1]);
    }
    store_few (rows, columns, few, to);
  }
}

static void
multiply_block (gsize rows, gsize columns, gsize depth, const float *a,
    gsize a_row, gsize a_depth, const float *b, const CpuProductResult * to)
{
  switch (rows) {
    case 1:
      multiply_rows (1, columns, depth, a, a_row, a_depth, b, to);
      break;
    case 2:
      multiply_rows (2, columns, depth, a, a_row, a_depth, b, to);
      break;
    case 3:
      multiply_rows (3, columns, depth, a, a_row, a_depth, b, to);
      break;
    case 4:
      multiply_rows (4, columns, depth, a, a_row, a_depth, b, to);
      break;
    case 5:
      multiply_rows (5, columns, depth, a, a_row, a_depth, b, to);
      break;
#if ROWS > 6
    case 6:
      multiply_rows (6, columns, depth, a, a_row, a_depth, b, to);
      break;
    case 7:
      multiply_rows (7, columns, depth, a, a_row, a_depth, b, to);
      break;
#endif
    default:
      multiply_rows (ROWS, columns, depth, a, a_row, a_depth, b, to);
      break;
  }
}

static void
multiply (gsize rows, gsize columns, gsize depth, const CpuProductRows * a,
    const float *b, gsize b_panel, const CpuProductResult * to)
{
  for (gsize k = 0; k < columns; k += WIDTH, b += b_panel) {
    CpuProductResult block = *to;

    block.c += k * to->column;
    block.plus = to->plus ? to->plus + k * to->column : NULL;
    block.bias = to->bias ? to->bias + k : NULL;
    for (gsize r = 0; r < rows; r += ROWS) {
      multiply_block (MIN (ROWS, rows - r), MIN (WIDTH, columns - k), depth,
          a->x + r / ROWS * a->panel, a->row, a->depth, b, &block);
      block.c += ROWS * to->row;
      block.plus += block.plus ? ROWS * to->row : 0;
    }
  }
}

extern const CpuProductKernels KERN (product_kernels);
const CpuProductKernels KERN (product_kernels) = {
  .name = "product:" G_STRINGIFY (CPU_ISA),
  .rows = ROWS,
  .width = WIDTH,
  .pack_rows = pack_rows,
  .pack_columns = pack_columns,
  .multiply = multiply,
};
