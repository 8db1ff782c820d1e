/* gst-ddpm: the parameters of a reverse step and of an optimizer step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain data, which can be copied to a device. C and CUDA compile the same
 * text.
 */
#pragma once

#include <stdint.h>

/* One reverse step, element by element (see gst-ddpm/sample/sampler.c for the
 * formulas):
 *   x_0  = x0_x * x + x0_pred * pred, clipped to [clip_min, clip_max] if clip
 *   x   <- c_x * x + c_x0 * x_0 + c_x0_prev * x_0_prev + c_pred * pred
 *          + sigma * z
 *   x_0_prev <- x_0
 * pred: what the network predicts, or eps from it; z: normal numbers of stream
 * @stream, between keyframes those of ddpm_keyframe_normal4 (); none are drawn
 * if sigma is 0.
 * With has_learned_noise, sigma is 0, and another operation adds noise whose
 * variance the network predicts, element by element (Nichol & Dhariwal 2021,
 * eq. 15): for the v that it predicts,
 *   x <- x + exp (log_low + (v + 1) / 2 (log_high - log_low)) * z */
typedef struct
{
  float x0_x, x0_pred;
  int clip;
  float clip_min, clip_max;
  float c_x, c_x0, c_x0_prev;
  float sigma;
  uint32_t stream;
  float c_pred;
  int has_learned_noise;
  float log_low, log_high;      /* of sigma: v -1, v 1 */
  uint32_t interval;            /* from keyframe to keyframe; 0: none */
} DdpmReverseStep;

/* Adam as in PyTorch (Kingma & Ba 2015, algorithm 1), then the average (EMA) of
 * the weights:
 *   g = grad_scale * grad
 *   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2
 *   p <- p - step_size * m / (sqrt (v) / sqrt_bias2 + eps)
 *   ema <- ema_decay ema + (1 - ema_decay) p */
typedef struct
{
  float grad_scale;
  float beta1, beta2, eps;
  float step_size;              /* learning rate / (1 - beta1^step) */
  float sqrt_bias2;             /* sqrt (1 - beta2^step) */
  float ema_decay;
} DdpmAdam;
