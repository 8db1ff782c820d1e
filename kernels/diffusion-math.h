/* gst-ddpm: the forward process, the loss and the reverse process for one
 * element
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers are float in memory and double in between, and each operation rounds
 * once. So a state has the same bits on every machine.
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/host-device.h"
#include "kernels/steps.h"

/* Ho et al. 2020, eq. 4: a = sqrt (alpha bar), s = sqrt (1 - alpha bar) */
DDPM_HOST_DEVICE float
ddpm_diffuse (float a, float x_0, float s, float eps)
{
  return (float) ddpm_multiply_add (a, x_0, (double) s * eps);
}

/* The derivative of scale * difference^2, difference = pred - target, by the
 * prediction (Ho et al. 2020, eq. 14) */
DDPM_HOST_DEVICE float
ddpm_mse_gradient (float scale, double difference)
{
  return (float) (2.0 * scale * difference);
}

/* Ho & Salimans 2022, eq. 6, where w is called 1 + w: with w > 1 it goes from
 * the prediction without a label beyond the one with a label */
DDPM_HOST_DEVICE float
ddpm_guide (float w, float without, float with)
{
  return (float) ddpm_multiply_add (w, (double) with - without, without);
}

/* A NaN stays one. */
DDPM_HOST_DEVICE double
ddpm_clip (double value, double low, double high)
{
  value = value < low ? low : value;
  return value > high ? high : value;
}

/* Computes x_0 from x_t and the prediction (for eps, Ho et al. 2020, eq. 4,
 * solved for x_0), and then x_(t-1), its mean plus noise. The sampler chooses
 * the coefficients. x_0_prev NULL: it is not stored, and counts as 0. */
DDPM_HOST_DEVICE void
ddpm_reverse_element (const DdpmReverseStep * step, float z, float pred,
    float *x, float *x_0_prev)
{
  double x_0 =
      ddpm_multiply_add (step->x0_x, *x, (double) step->x0_pred * pred);
  double next;

  if (step->clip)
    x_0 = ddpm_clip (x_0, step->clip_min, step->clip_max);

  next = ddpm_multiply_add (step->c_x, *x, step->c_x0 * x_0);
  /* x_0_prev may be infinite, and 0 times that would not be 0 */
  if (x_0_prev != NULL && step->c_x0_prev != 0.0f)
    next = ddpm_multiply_add (step->c_x0_prev, *x_0_prev, next);
  if (step->c_pred != 0.0f)
    next = ddpm_multiply_add (step->c_pred, pred, next);
  *x = (float) ddpm_multiply_add (step->sigma, z, next);
  if (x_0_prev != NULL)
    *x_0_prev = (float) x_0;
}

/* e^y, with the same bits everywhere: y = k ln 2 + r with |r| <= ln 2 / 2, and
 * the Taylor series of e^r. Below -700 it is 0; a NaN stays one. */
DDPM_HOST_DEVICE double
ddpm_exp (double y)
{
  const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  double k, r, p = 1.0, scale;
  int64_t bits;
  int i;

  if (!(y >= -700.0))
    return y < -700.0 ? 0.0 : y;
  y = y > 700.0 ? 700.0 : y;
  k = (double) (int) (y * 1.44269504088896340736 + (y < 0.0 ? -0.5 : 0.5));
  r = ddpm_multiply_add (-k, ln2_low, ddpm_multiply_add (-k, ln2_high, y));
  for (i = 14; i >= 1; i--)
    p = ddpm_multiply_add (p * r, 1.0 / i, 1.0);
  bits = ((int64_t) k + 1023) << 52;
  memcpy (&scale, &bits, sizeof scale);
  return p * scale;
}

/* Adds the noise of a learned variance, if any (see DdpmReverseStep). */
DDPM_HOST_DEVICE void
ddpm_learned_noise_element (const DdpmReverseStep * step, float z, float v,
    float *x)
{
  const double between = (double) step->log_high - step->log_low;
  const double log_sigma =
      ddpm_multiply_add (0.5 * ((double) v + 1.0), between, step->log_low);

  if (step->has_learned_noise)
    *x = (float) ddpm_multiply_add (ddpm_exp (log_sigma), z, *x);
}
