/* gst-ddpm: inner loops of the CPU backend: Adam, and the norm of the gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/math.h"
#include "kernels/optimizer-math.h"

static double
sum_of_squares (gsize count, const float *x)
{
  double lanes[CPU_SUM_LANES] = { 0, };
  gsize i = 0;

  for (; i + CPU_SUM_LANES <= count; i += CPU_SUM_LANES) {
    for (gsize lane = 0; lane < CPU_SUM_LANES; lane++)
      lanes[lane] += (double) x[i + lane] * x[i + lane];
  }
  for (; i < count; i++)
    lanes[0] += (double) x[i] * x[i];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
      + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

KERN_INLINE void
adam_loop (const DdpmAdam * a, gsize count, const float *restrict grad,
    float *restrict param, float *restrict m, float *restrict v,
    float *restrict ema)
{
  const DdpmAdam step = *a;     /* which nothing that is stored can alias */

  for (gsize i = 0; i < count; i++)
    ddpm_adam_element (&step, grad[i], &param[i], &m[i], &v[i],
        ema ? &ema[i] : NULL);
}

static void
adam (const DdpmAdam * a, gsize count, const float *grad, float *param,
    float *m, float *v, float *ema)
{
  if (ema)
    adam_loop (a, count, grad, param, m, v, ema);
  else
    adam_loop (a, count, grad, param, m, v, NULL);
}

extern const CpuOptimizerKernels KERN (optimizer_kernels);
const CpuOptimizerKernels KERN (optimizer_kernels) = {
  .sum_of_squares = sum_of_squares,
  .adam = adam,
};
