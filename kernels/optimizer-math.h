/* gst-ddpm: Adam and the average (EMA) for one weight, and the norm of a
 * gradient
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers are float in memory and double in between, and each operation rounds
 * once. So equal gradients give equal weights on every machine, to the bit.
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "kernels/host-device.h"
#include "kernels/steps.h"

/* The factor of PyTorch's clip_grad_norm_(); limit 0: no clipping */
DDPM_HOST_DEVICE double
ddpm_clip_factor (double limit, double norm)
{
  const double factor = limit / (norm + 1e-6);

  return limit > 0.0 && factor < 1.0 ? factor : 1.0;
}

/* FALSE if the square of the gradient does not fit into a float: it would make
 * Adam's v infinite. Also FALSE for a NaN, which no comparison is true for. */
DDPM_HOST_DEVICE int
ddpm_gradient_is_sane (double norm, double factor)
{
  return norm * factor * (norm * factor) < FLT_MAX;
}

/* Kingma and Ba 2015, algorithm 1, in PyTorch's arrangement: eps is added after
 * the bias correction of the second moment. ema NULL: no average is updated. */
DDPM_HOST_DEVICE void
ddpm_adam_element (const DdpmAdam * a, float grad, float *param, float *m,
    float *v, float *ema)
{
  const double g = (double) a->grad_scale * grad;

  *m = (float) ddpm_multiply_add (a->beta1, *m, (1.0 - a->beta1) * g);
  *v = (float) ddpm_multiply_add (a->beta2, *v, (1.0 - a->beta2) * g * g);
  *param = (float) (*param - (double) a->step_size * *m
      / (sqrt ((double) *v) / a->sqrt_bias2 + a->eps));
  if (ema != NULL)
    *ema = (float) ddpm_multiply_add (a->ema_decay, *ema,
        (1.0 - a->ema_decay) * *param);
}
