/* gst-ddpm: inner loops of the CPU backend: 3x3 convolution by Winograd's tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(m x m, 3x3): Lavin & Gray, "Fast algorithms for convolutional
 * neural networks" (2016), section 4. A tile d of (m + 2) x (m + 2) inputs and a
 * kernel g give m x m outputs by (m + 2)^2 multiplications instead of 9 m^2: 4
 * for each output with m = 2, 2.25 with m = 4.
 *
 *   y = A^T [(G g G^T) . (B^T d B)] A
 *
 * Summed over channels, each element of the transformed tiles is a product of
 * matrices (ibid., eq. 12). The chain rule gives the gradient of the kernel:
 *
 *   dg = G^T [sum over tiles of (B^T d B) . (A dy A^T)] G
 */
#include "kernels/cpu/isa/winograd.h"

/* Rows of a block of a product, which is kept in registers */
#define ROWS 6

/* In each step of the depth, one cache line at @prefetch is brought into the
 * cache; the next one is prefetch_depth floats on. */
KERN_INLINE void
multiply_rows (const gsize rows, gsize depth, const float *a, gsize a_row,
    gsize a_depth, const float *b, gsize b_depth, const float *prefetch,
    gsize prefetch_depth, float *c, gsize c_row, gboolean add)
{
  Vec sum[ROWS][2];

#pragma GCC unroll 6
  for (gsize r = 0; r < rows; r++)
    sum[r][0] = sum[r][1] = vec_all (0.0f);
  for (gsize k = 0; k < depth; k++, a += a_depth, b += b_depth) {
    const Vec b0 = vec_load (b), b1 = vec_load (b + LANES);

    __builtin_prefetch (prefetch, 0, 2);
    prefetch += prefetch_depth;

#pragma GCC unroll 6
    for (gsize r = 0; r < rows; r++) {
      const Vec x = vec_all (a[r * a_row]);

      sum[r][0] = vec_fma (x, b0, sum[r][0]);
      sum[r][1] = vec_fma (x, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 6
  for (gsize r = 0; r < rows; r++, c += c_row) {
    if (add) {
      sum[r][0] += vec_load (c);
      sum[r][1] += vec_load (c + LANES);
    }
    vec_store (c, sum[r][0]);
    vec_store (c + LANES, sum[r][1]);
  }
}

/* Two blocks of four rows are faster than one of six and one of two. The weights
 * of the next call are prefetched evenly over all blocks: if the first did it
 * all, it would wait for memory. */
static void
multiply (gsize rows, gsize depth, const float *a, gsize a_row, gsize a_depth,
    const float *b, gsize b_depth, const float *prefetch, float *c, gsize c_row,
    gboolean add)
{
  const gsize all = rows;
  gsize now, step;

  for (; rows > 0; rows -= now, a += now * a_row, c += now * c_row,
      prefetch += step * depth) {
    now = rows == 8 ? 4 : MIN (rows, ROWS);
    step = (now * WIDTH + all - 1) / all;
    switch (now) {
      case 1:
        multiply_rows (1, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
      case 2:
        multiply_rows (2, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
      case 3:
        multiply_rows (3, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
      case 4:
        multiply_rows (4, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
      case 5:
        multiply_rows (5, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
      default:
        multiply_rows (6, depth, a, a_row, a_depth, b, b_depth, prefetch,
            step, c, c_row, add);
        break;
    }
  }
}

extern const CpuWinogradTransforms KERN (winograd_transforms_2),
KERN (winograd_transforms_4);

extern const CpuWinogradKernels KERN (winograd_kernels);
const CpuWinogradKernels KERN (winograd_kernels) = {
  .width = WIDTH,
  .lanes = LANES,
  .multiply = multiply,
  .transforms = {&KERN (winograd_transforms_2), &KERN (winograd_transforms_4)},
};
