/* gst-ddpm: inner loops of the CPU backend: products of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Goto & van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008): a block of ROWS x WIDTH of c = a b stays in registers during the loop
 * over the depth; WIDTH columns of b lie packed, one row after the other, and
 * stay in the first-level cache during the loop over the rows of a.
 */
#include "kernels/cpu/isa/vector.h"

/* Enough sums to hide the latency of an instruction, and few enough that they fit
 * into the registers beside two vectors of b and one element of a */
#ifdef __AVX512F__
#define ROWS 8
#else
#define ROWS 6
#endif
#define WIDTH (2 * LANES)
/* Floats of a cache line */
#define PACK_DEPTH 16
/* How many vectors ahead memory is prefetched */
#define PACK_AHEAD 32

/* --- packing ---------------------------------------------------------------- */

typedef float Four __attribute__((vector_size (16)));

/* Four elements of four vectors, transposed */
KERN_INLINE void
transpose_four (gsize width, const float *x, gsize step, float *packed)
{
  Four in[4], part[4], out[4];

  for (gsize i = 0; i < 4; i++)
    memcpy (&in[i], x + i * step, sizeof (Four));
  for (gsize i = 0; i < 4; i += 2) {
    part[i] = __builtin_shufflevector (in[i], in[i + 1], 0, 4, 1, 5);
    part[i + 1] = __builtin_shufflevector (in[i], in[i + 1], 2, 6, 3, 7);
  }
  for (gsize i = 0; i < 2; i++) {
    out[2 * i] = __builtin_shufflevector (part[i], part[2 + i], 0, 1, 4, 5);
    out[2 * i + 1] = __builtin_shufflevector (part[i], part[2 + i], 2, 3, 6, 7);
  }
  for (gsize k = 0; k < 4; k++)
    memcpy (packed + k * width, &out[k], sizeof (Four));
}

/* Packs one panel of @count <= width vectors, and zeros after them. In most panels
 * count is width, and the vectors or their elements lie side by side. */
KERN_INLINE void
pack_panel (const gsize width, gsize count, gsize depth, const float *x,
    gsize step, gsize deep, float *packed)
{
  gsize k = 0;

  if (count < width)
    memset (packed, 0, depth * width * sizeof (float));
  if (count == width && step == 1) {
    for (; k < depth; k++) {
      __builtin_prefetch (x + (k + PACK_AHEAD) * deep);
      memcpy (packed + k * width, x + k * deep, width * sizeof (float));
    }
  } else if (count == width && deep == 1 && width % 4 == 0) {
    for (; k + 4 <= depth; k += 4) {
      for (gsize i = 0; i < width; i += 4)
        transpose_four (width, x + i * step + k, step, packed + k * width + i);
    }
  }
  for (; k < depth; k++) {
    for (gsize i = 0; i < count; i++)
      packed[k * width + i] = x[i * step + k * deep];
  }
}

/* Packs in steps of the depth that read whole cache lines, in whichever direction
 * these lie. */
KERN_INLINE void
pack_panels (const gsize width, gsize count, gsize depth, const float *x,
    gsize step, gsize deep, float *packed)
{
  for (gsize k = 0; k < depth; k += PACK_DEPTH) {
    for (gsize i = 0; i < count; i += width)
      pack_panel (width, MIN (width, count - i), MIN (PACK_DEPTH, depth - k),
          x + i * step + k * deep, step, deep, packed + i * depth + k * width);
  }
}

static void
pack_rows (gsize count, gsize depth, const float *x, gsize step, gsize deep,
    float *packed)
{
  pack_panels (ROWS, count, depth, x, step, deep, packed);
}

static void
pack_columns (gsize count, gsize depth, const float *x, gsize step,
    gsize deep, float *packed)
{
  pack_panels (WIDTH, count, depth, x, step, deep, packed);
}

/* --- products --------------------------------------------------------------- */

/* Stores a block with fewer columns than WIDTH, or whose columns are not side by
 * side. */
static G_NO_INLINE void
store_few (gsize rows, gsize columns, float sum[ROWS][WIDTH],
    const CpuGemmResult * to)
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
store_all (const gsize rows, Vec sum[ROWS][2], const CpuGemmResult * to)
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
    gsize a_row, gsize a_depth, const float *b, const CpuGemmResult * to)
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
    gsize a_row, gsize a_depth, const float *b, const CpuGemmResult * to)
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
multiply (gsize rows, gsize columns, gsize depth, const CpuGemmRows * a,
    const float *b, gsize b_panel, const CpuGemmResult * to)
{
  for (gsize k = 0; k < columns; k += WIDTH, b += b_panel) {
    CpuGemmResult block = *to;

    block.c += k * to->column;
    block.plus = to->plus ? to->plus + k * to->column : NULL;
    block.bias = to->bias ? to->bias + k : NULL;
    for (gsize r = 0; r < rows; r += ROWS) {
      multiply_block (MIN (ROWS, rows - r), MIN (WIDTH, columns - k), depth,
          a->x + r / ROWS * a->panel, a->row, a->depth, b, &block);
      block.c += ROWS * to->row;
      if (block.plus)
        block.plus += ROWS * to->row;
    }
  }
}

extern const CpuGemmKernels KERN (gemm_kernels);
const CpuGemmKernels KERN (gemm_kernels) = {
  .name = "gemm:" G_STRINGIFY (CPU_ISA),
  .rows = ROWS,
  .width = WIDTH,
  .pack_rows = pack_rows,
  .pack_columns = pack_columns,
  .multiply = multiply,
};
