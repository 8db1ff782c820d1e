/* gst-ddpm: the prediction of a network, and eps from it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each is a weighted sum of two arrays, as x_t is: q_sample computes it.
 */
#include "gst-ddpm/model/prediction.h"
#include "kernels/timer.h"

void
ddpm_prediction_to_eps (DdpmPrediction kind, DdpmBackend * backend, guint n,
    guint elements, const gfloat * signal, const gfloat * noise,
    const float *x_t, float *prediction)
{
  if (kind != DDPM_PREDICTION_V)
    return;
  ddpm_timer_start (backend);
  backend->ops->q_sample (backend, n, elements, signal, noise, prediction,
      x_t, prediction);
  ddpm_timer_lap (backend, DDPM_TIMER_DIFFUSION, 0.0);
}

void
ddpm_prediction_from_eps (DdpmPrediction kind, DdpmBackend * backend, guint n,
    guint elements, const gfloat * signal, const gfloat * minus_noise,
    const float *x_0, float *eps)
{
  if (kind != DDPM_PREDICTION_V)
    return;
  ddpm_timer_start (backend);
  backend->ops->q_sample (backend, n, elements, minus_noise, signal, x_0,
      eps, eps);
  ddpm_timer_lap (backend, DDPM_TIMER_DIFFUSION, 0.0);
}
