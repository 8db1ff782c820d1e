/* gst-ddpm: inner loops of the CPU backend: 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(2x2, 3x3): Lavin & Gray, "Fast algorithms for convolutional
 * neural networks" (2016), section 4.1. From a tile d of 4x4 inputs and a
 * kernel g come 2x2 outputs, by 16 multiplications instead of 36:
 *
 *   y = A^T [(G g G^T) . (B^T d B)] A
 *
 *         1  0 -1  0          1   0   0         1  0
 *   B^T = 0  1  1  0    G =  1/2 1/2 1/2    A = 1  1
 *         0 -1  1  0         1/2-1/2 1/2        1 -1
 *         0  1  0 -1          0   0   1         0 -1
 *
 * The sum over channels makes each of the 16 a product of matrices. What the
 * chain rule makes of it is the gradient of the kernel:
 *
 *   dg = G^T [sum over tiles of (B^T d B) . (A dy A^T)] G
 *
 * Products are fused with the sums: only processors that can are served.
 */
#include "kern-math.h"

#if defined (__AVX2__) && defined (__FMA__)
#include <immintrin.h>

#ifdef __AVX512F__
typedef __m512 Vec;
#define LANES 16
#define vec_load _mm512_loadu_ps
#define vec_store _mm512_storeu_ps
#define vec_all _mm512_set1_ps
#define vec_fma _mm512_fmadd_ps
#else
typedef __m256 Vec;
#define LANES 8
#define vec_load _mm256_loadu_ps
#define vec_store _mm256_storeu_ps
#define vec_all _mm256_set1_ps
#define vec_fma _mm256_fmadd_ps
#endif

/* A block of a product, kept in registers: rows, and columns */
#define ROWS 6
#define WIDTH (2 * LANES)

/* --- products --------------------------------------------------------------- */

KERN_INLINE void
multiply_rows (const gsize rows, gsize depth, const float *a, gsize a_row,
    gsize a_depth, const float *b, gsize b_depth, float *c, gboolean add)
{
  Vec sum[ROWS][2];

#pragma GCC unroll 6
  for (gsize r = 0; r < rows; r++)
    sum[r][0] = sum[r][1] = vec_all (0.0f);
  for (gsize k = 0; k < depth; k++, a += a_depth, b += b_depth) {
    const Vec b0 = vec_load (b), b1 = vec_load (b + LANES);

#pragma GCC unroll 6
    for (gsize r = 0; r < rows; r++) {
      const Vec x = vec_all (a[r * a_row]);

      sum[r][0] = vec_fma (x, b0, sum[r][0]);
      sum[r][1] = vec_fma (x, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 6
  for (gsize r = 0; r < rows; r++, c += WIDTH) {
    if (add) {
      sum[r][0] += vec_load (c);
      sum[r][1] += vec_load (c + LANES);
    }
    vec_store (c, sum[r][0]);
    vec_store (c + LANES, sum[r][1]);
  }
}

/* Two blocks of four rows are faster than one of six and one of two. */
static void
multiply (gsize rows, gsize depth, const float *a, gsize a_row, gsize a_depth,
    const float *b, gsize b_depth, float *c, gboolean add)
{
  gsize now;

  for (; rows > 0; rows -= now, a += now * a_row, c += now * WIDTH) {
    now = rows == 8 ? 4 : MIN (rows, ROWS);
    switch (now) {
      case 1:
        multiply_rows (1, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
      case 2:
        multiply_rows (2, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
      case 3:
        multiply_rows (3, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
      case 4:
        multiply_rows (4, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
      case 5:
        multiply_rows (5, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
      default:
        multiply_rows (6, depth, a, a_row, a_depth, b, b_depth, c, add);
        break;
    }
  }
}

/* --- kernels ------------------------------------------------------------------ */

/* out = G in, of 3 vectors one in_step apart, 4 vectors out_step apart */
KERN_INLINE void
times_g (const Vec * in, gsize in_step, Vec * out, gsize out_step)
{
  const Vec half = vec_all (0.5f);
  const Vec ends = half * (in[0] + in[2 * in_step]);
  const Vec middle = half * in[in_step];

  out[0] = in[0];
  out[out_step] = ends + middle;
  out[2 * out_step] = ends - middle;
  out[3 * out_step] = in[2 * in_step];
}

static void
pack_lanes (const float *taps, gsize plane, float *packed)
{
  Vec g[9], part[12], u[16];

  for (gsize i = 0; i < 9; i++)
    g[i] = vec_load (taps + i * WIDTH);
  for (gsize column = 0; column < 3; column++)
    times_g (g + column, 3, part + column, 3);
  for (gsize row = 0; row < 4; row++)
    times_g (part + 3 * row, 1, u + 4 * row, 1);
  for (gsize i = 0; i < 16; i++)
    vec_store (packed + i * plane, u[i]);
}

static void
pack (gsize in, gsize out, gsize in_stride, gsize out_stride, gboolean turned,
    const float *weight, float *packed)
{
  float taps[9 * WIDTH] = { 0, };

  for (gsize i = 0; i < in; i++, weight += in_stride, packed += WIDTH) {
    for (gsize o = 0; o < out; o++) {
      const float *g = weight + o * out_stride;

      for (gsize tap = 0; tap < 9; tap++)
        taps[tap * WIDTH + o] = g[turned ? 8 - tap : tap];
    }
    pack_lanes (taps, in * WIDTH, packed);
    pack_lanes (taps + LANES, in * WIDTH, packed + LANES);
  }
}

/* out = G^T in, of 4 vectors, 3 vectors */
KERN_INLINE void
times_g_transposed (const Vec * in, gsize in_step, Vec * out, gsize out_step)
{
  const Vec half = vec_all (0.5f);
  const Vec sum = half * (in[in_step] + in[2 * in_step]);

  out[0] = in[0] + sum;
  out[out_step] = half * (in[in_step] - in[2 * in_step]);
  out[2 * out_step] = sum + in[3 * in_step];
}

static void
unpack_lanes (const float *packed, gsize plane, float *taps)
{
  Vec u[16], part[12], g[9];

  for (gsize i = 0; i < 16; i++)
    u[i] = vec_load (packed + i * plane);
  for (gsize column = 0; column < 4; column++)
    times_g_transposed (u + column, 4, part + column, 4);
  for (gsize row = 0; row < 3; row++)
    times_g_transposed (part + 4 * row, 1, g + 3 * row, 1);
  for (gsize i = 0; i < 9; i++)
    vec_store (taps + i * WIDTH, g[i]);
}

static void
unpack (gsize in, gsize in_stride, gsize out_stride, const float *packed,
    float *dweight, gboolean add)
{
  float taps[9 * WIDTH];

  for (gsize i = 0; i < in; i++, dweight += in_stride, packed += WIDTH) {
    unpack_lanes (packed, in * WIDTH, taps);
    unpack_lanes (packed + LANES, in * WIDTH, taps + LANES);
    for (gsize o = 0; o < WIDTH; o++) {
      float *dg = dweight + o * out_stride;

      for (gsize tap = 0; tap < 9; tap++)
        dg[tap] = add ? dg[tap] + taps[tap * WIDTH + o]
            : taps[tap * WIDTH + o];
    }
  }
}

/* --- tiles ------------------------------------------------------------------- */

/* out = B^T in, four vectors each */
KERN_INLINE void
times_b (const Vec * in, gsize in_step, Vec * out, gsize out_step)
{
  out[0] = in[0] - in[2 * in_step];
  out[out_step] = in[in_step] + in[2 * in_step];
  out[2 * out_step] = in[2 * in_step] - in[in_step];
  out[3 * out_step] = in[in_step] - in[3 * in_step];
}

static void
spread_input (gsize channels, const float *const x[16], gsize plane, float *v)
{
  for (gsize c = 0; c < channels; c += LANES) {
    Vec d[16], part[16], u[16];

    for (gsize i = 0; i < 16; i++)
      d[i] = vec_load (x[i] + c);
    for (gsize column = 0; column < 4; column++)
      times_b (d + column, 4, part + column, 4);
    for (gsize row = 0; row < 4; row++)
      times_b (part + 4 * row, 1, u + 4 * row, 1);
    for (gsize i = 0; i < 16; i++)
      vec_store (v + i * plane + c, u[i]);
  }
}

/* out = A in, of 2 vectors, 4 vectors */
KERN_INLINE void
times_a (const Vec * in, gsize in_step, Vec * out, gsize out_step)
{
  out[0] = in[0];
  out[out_step] = in[0] + in[in_step];
  out[2 * out_step] = in[0] - in[in_step];
  out[3 * out_step] = -in[in_step];
}

static void
spread_gradient (gsize channels, const float *const dy[4], gsize plane,
    float *v)
{
  for (gsize c = 0; c < channels; c += LANES) {
    Vec d[4], part[8], u[16];

    for (gsize i = 0; i < 4; i++)
      d[i] = vec_load (dy[i] + c);
    for (gsize column = 0; column < 2; column++)
      times_a (d + column, 2, part + column, 2);
    for (gsize row = 0; row < 4; row++)
      times_a (part + 2 * row, 1, u + 4 * row, 1);
    for (gsize i = 0; i < 16; i++)
      vec_store (v + i * plane + c, u[i]);
  }
}

/* out = A^T in, of 4 vectors, 2 vectors */
KERN_INLINE void
times_a_transposed (const Vec * in, gsize in_step, Vec * out, gsize out_step)
{
  out[0] = (in[0] + in[in_step]) + in[2 * in_step];
  out[out_step] = (in[in_step] - in[2 * in_step]) - in[3 * in_step];
}

/* y[4] of some lanes, from 16 vectors of products */
KERN_INLINE void
gather_lanes (const float *m, gsize plane, Vec bias, Vec * y)
{
  Vec u[16], part[8];

  for (gsize i = 0; i < 16; i++)
    u[i] = vec_load (m + i * plane);
  for (gsize column = 0; column < 4; column++)
    times_a_transposed (u + column, 4, part + column, 4);
  for (gsize row = 0; row < 2; row++)
    times_a_transposed (part + 4 * row, 1, y + 2 * row, 1);
  for (gsize i = 0; i < 4; i++)
    y[i] += bias;
}

static void
gather_output (gsize channels, const float *m, gsize plane, const float *bias,
    const float *const residual[4], float *const y[4])
{
  for (gsize c = 0; c < WIDTH; c += LANES) {
    float few[LANES];
    Vec out[4];

    gather_lanes (m + c, plane, bias ? vec_load (bias + c) : vec_all (0.0f),
        out);
    for (gsize i = 0; i < 4; i++) {
      if (y[i] == NULL)
        continue;
      if (channels == WIDTH) {
        if (residual)
          out[i] += vec_load (residual[i] + c);
        vec_store (y[i] + c, out[i]);
        continue;
      }
      vec_store (few, out[i]);
      for (gsize k = c; k < MIN (channels, c + LANES); k++)
        y[i][k] = residual ? few[k - c] + residual[i][k] : few[k - c];
    }
  }
}

extern const CpuWinogradKernels KERN (winograd_kernels);
const CpuWinogradKernels KERN (winograd_kernels) = {
  .name = "winograd:" G_STRINGIFY (CPU_ISA),
  .width = WIDTH,
  .lanes = LANES,
  .pack = pack,
  .unpack = unpack,
  .spread_input = spread_input,
  .spread_gradient = spread_gradient,
  .multiply = multiply,
  .gather_output = gather_output,
};
#else
extern const CpuWinogradKernels KERN (winograd_kernels);
const CpuWinogradKernels KERN (winograd_kernels) = { NULL, };
#endif
