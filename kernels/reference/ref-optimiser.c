/* gst-ddpm: reference backend: Adam and the average of weights behind it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include "ref-private.h"

double
ddpm_ref_sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  double sum = 0.0;

  for (gsize i = 0; i < count; i++)
    sum += (double) x[i] * x[i];
  return sum;
}

/* Kingma and Ba 2015, algorithm 1, in PyTorch's arrangement: eps is added
 * after the bias correction of the second moment */
void
ddpm_ref_adam (DdpmBackend * b, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  const double beta1 = a->beta1, beta2 = a->beta2, decay = a->ema_decay;

  for (gsize i = 0; i < count; i++) {
    const double g = (double) a->grad_scale * grad[i];

    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
    param[i] -= a->step_size * (double) m[i]
        / (sqrt (v[i]) / a->sqrt_bias2 + a->eps);
    if (ema)
      ema[i] = decay * ema[i] + (1.0 - decay) * param[i];
  }
}
