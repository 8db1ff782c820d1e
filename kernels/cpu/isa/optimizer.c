/* gst-ddpm: inner loops of the CPU backend: Adam, and the norm of the gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include "kernels/cpu/isa/math.h"

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

/* Kingma & Ba 2015, algorithm 1, computed in double and stored as float: the
 * loop waits for memory, not for the divider. */
KERN_INLINE void
adam_loop (const DdpmAdam * a, gsize count, const float *restrict grad,
    float *restrict param, float *restrict m, float *restrict v,
    float *restrict ema)
{
  const double scale = a->grad_scale, step_size = a->step_size;
  const double beta1 = a->beta1, beta2 = a->beta2, eps = a->eps;
  const double sqrt_bias2 = a->sqrt_bias2, decay = a->ema_decay;

  for (gsize i = 0; i < count; i++) {
    double g = scale * grad[i];

    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
    param[i] -= step_size * m[i] / (sqrt ((double) v[i]) / sqrt_bias2 + eps);
    if (ema)
      ema[i] = decay * ema[i] + (1.0 - decay) * param[i];
  }
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
