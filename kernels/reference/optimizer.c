/* gst-ddpm: reference backend: Adam (Kingma & Ba 2015, algorithm 1) and the moving
 * average of weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/optimizer-math.h"
#include "kernels/reference/private.h"

static double
sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  double sum = 0.0;

  for (gsize i = 0; i < count; i++)
    sum += (double) x[i] * x[i];
  return sum;
}

static void
adam (DdpmBackend * b, const DdpmAdam * a, gsize count, const float *grad,
    float *param, float *m, float *v, float *ema)
{
  for (gsize i = 0; i < count; i++)
    ddpm_adam_element (a, grad[i], &param[i], &m[i], &v[i],
        ema ? &ema[i] : NULL);
}

void
ddpm_ref_optimizer_set_ops (DdpmOps * ops)
{
  ops->sum_of_squares = sum_of_squares;
  ops->adam = adam;
}
