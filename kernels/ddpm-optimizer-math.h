/* gst-ddpm: Adam and the average of weights behind it, of one weight
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Float in memory, double in between, each operation rounded by itself: so a
 * weight has the same bits on every machine that has the same gradient.
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include <math.h>
#include <stddef.h>

#include "ddpm-host-device.h"
#include "ddpm-steps.h"

/* Kingma and Ba 2015, algorithm 1, in PyTorch's arrangement: eps is added
 * after the bias correction of the second moment. ema NULL: none is kept. */
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
