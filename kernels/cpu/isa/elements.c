/* gst-ddpm: inner loops of the CPU backend: element by element and row by row
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/math.h"
#include "kernels/diffusion-math.h"

/* --- copies ------------------------------------------------------------- */

KERN_INLINE void
copy_run (DdpmType x_type, DdpmType y_type, gsize count,
    const void *restrict x, void *restrict y, gboolean add)
{
  for (gsize i = 0; i < count; i++) {
    float value = kern_get (x_type, x, i);

    kern_set (y_type, y, i, add ? kern_get (y_type, y, i) + value : value);
  }
}

KERN_INLINE void
copy_typed (DdpmType x_type, DdpmType y_type, gsize rows, gsize cx, gsize cy,
    const void *x, void *y, gboolean add)
{
  gsize shared = MIN (cx, cy);

  if (cx == cy) {               /* one long row */
    shared = rows * cx;
    rows = 1;
  }
  for (gsize r = 0; r < rows; r++) {
    const void *in = kern_at (x_type, x, r * cx);
    void *out = kern_at_mutable (y_type, y, r * cy);

    if (add)
      copy_run (x_type, y_type, shared, in, out, TRUE);
    else
      copy_run (x_type, y_type, shared, in, out, FALSE);
    if (!add && cy > cx)
      memset (kern_at_mutable (y_type, out, cx), 0,
          (cy - cx) * ddpm_type_size (y_type));
  }
}

static void
copy (DdpmType x_type, DdpmType y_type, gsize rows, gsize cx, gsize cy,
    const void *x, void *y, gboolean add)
{
  if (x_type == DDPM_TYPE_F32)
    KERN_BY_TYPE (copy_typed, DDPM_TYPE_F32, y_type, rows, cx, cy, x, y, add);
  else
    KERN_BY_TYPE (copy_typed, DDPM_TYPE_BF16, y_type, rows, cx, cy, x, y, add);
}

static void
round_to_bf16 (gsize count, float *x)
{
  for (gsize i = 0; i < count; i++)
    x[i] = ddpm_bf16_round (x[i]);
}

/* --- sums and broadcasts by column -------------------------------------- */

KERN_INLINE void
column_sums_typed (DdpmType type, gsize rows, gsize row, gsize c,
    const void *restrict x, float *restrict sums)
{
  gsize r = 0;

  memset (sums, 0, c * sizeof (float));
  for (; r + 4 <= rows; r += 4) {
    const void *in = kern_at (type, x, r * row);

    for (gsize i = 0; i < c; i++)
      sums[i] += (kern_get (type, in, i) + kern_get (type, in, i + row))
          + (kern_get (type, in, i + 2 * row)
          + kern_get (type, in, i + 3 * row));
  }
  for (; r < rows; r++) {
    const void *in = kern_at (type, x, r * row);

    for (gsize i = 0; i < c; i++)
      sums[i] += kern_get (type, in, i);
  }
}

static void
column_sums (DdpmType type, gsize rows, gsize row, gsize c, const void *x,
    float *sums)
{
  KERN_BY_TYPE (column_sums_typed, type, rows, row, c, x, sums);
}

static void
add_rows (gsize rows, gsize c, const float *restrict bias, float *restrict y)
{
  for (gsize r = 0; r < rows; r++, y += c) {
    for (gsize i = 0; i < c; i++)
      y[i] += bias[i];
  }
}

/* --- upsampling ----------------------------------------------------------- */

static void
upsample_row (DdpmType type, gsize w, gsize c, const void *x, void *y)
{
  const gsize size = c * ddpm_type_size (type);
  const char *in = x;
  char *out = y;

  for (gsize i = 0; i < w; i++, in += size, out += 2 * size) {
    memcpy (out, in, size);
    memcpy (out + size, in, size);
  }
}

KERN_INLINE void
upsample_pixel_gradient (DdpmType type, gsize c, const void *restrict dy0,
    const void *restrict dy1, void *restrict dx, gboolean add)
{
  for (gsize i = 0; i < c; i++) {
    float sum = (kern_get (type, dy0, i) + kern_get (type, dy0, i + c))
        + (kern_get (type, dy1, i) + kern_get (type, dy1, i + c));

    kern_set (type, dx, i, add ? kern_get (type, dx, i) + sum : sum);
  }
}

KERN_INLINE void
upsample_row_gradient_typed (DdpmType type, gsize w, gsize c, const void *dy0,
    const void *dy1, void *dx, gboolean add)
{
  for (gsize p = 0; p < w; p++) {
    const void *in0 = kern_at (type, dy0, 2 * p * c);
    const void *in1 = kern_at (type, dy1, 2 * p * c);
    void *out = kern_at_mutable (type, dx, p * c);

    if (add)
      upsample_pixel_gradient (type, c, in0, in1, out, TRUE);
    else
      upsample_pixel_gradient (type, c, in0, in1, out, FALSE);
  }
}

static void
upsample_row_gradient (DdpmType type, gsize w, gsize c, const void *dy0,
    const void *dy1, void *dx, gboolean add)
{
  KERN_BY_TYPE (upsample_row_gradient_typed, type, w, c, dy0, dy1, dx, add);
}

/* --- swish ------------------------------------------------------------- */

static void
swish (gsize count, const float *x, float *y)
{
  for (gsize i = 0; i < count; i++)
    y[i] = kern_swish (x[i]);
}

static void
swish_gradient (gsize count, const float *x, const float *dy, float *dx)
{
  for (gsize i = 0; i < count; i++)
    dx[i] = dy[i] * kern_swish_gradient (x[i]);
}

/* --- diffusion: in double between the floats of memory --------------------- */

static void
q_sample (gsize count, float a, float s, const float *x_0, const float *eps,
    float *x_t)
{
  for (gsize i = 0; i < count; i++)
    x_t[i] = ddpm_diffuse (a, x_0[i], s, eps[i]);
}

/* Ho et al. 2020, eq. 14, and its derivative by the prediction */
static double
mse (gsize count, float scale, const float *pred, const float *target,
    float *dpred)
{
  double lanes[CPU_SUM_LANES] = { 0, };
  gsize i = 0;

  for (; i + CPU_SUM_LANES <= count; i += CPU_SUM_LANES) {
    for (gsize lane = 0; lane < CPU_SUM_LANES; lane++) {
      double difference = (double) pred[i + lane] - target[i + lane];

      lanes[lane] += difference * difference;
      dpred[i + lane] = ddpm_mse_gradient (scale, difference);
    }
  }
  for (; i < count; i++) {
    double difference = (double) pred[i] - target[i];

    lanes[0] += difference * difference;
    dpred[i] = ddpm_mse_gradient (scale, difference);
  }
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
      + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

static void
guide (gsize count, float w, const float *restrict without, float *restrict eps)
{
  for (gsize i = 0; i < count; i++)
    eps[i] = ddpm_guide (w, without[i], eps[i]);
}

static void
reverse_step (const DdpmReverseStep * step, gsize count, float *x,
    const float *pred, float *x_0_prev, const float *z)
{
  const DdpmReverseStep s = *step;      /* which no store to x can alias */

  for (gsize i = 0; i < count; i++)
    ddpm_reverse_element (&s, z ? z[i] : 0.0f, pred[i], &x[i],
        x_0_prev ? &x_0_prev[i] : NULL);
}

extern const CpuElementKernels KERN (element_kernels);
const CpuElementKernels KERN (element_kernels) = {
  .copy = copy,
  .round_to_bf16 = round_to_bf16,
  .column_sums = column_sums,
  .upsample_row = upsample_row,
  .upsample_row_gradient = upsample_row_gradient,
  .add_rows = add_rows,
  .swish = swish,
  .swish_gradient = swish_gradient,
  .q_sample = q_sample,
  .mse = mse,
  .guide = guide,
  .reverse_step = reverse_step,
};
