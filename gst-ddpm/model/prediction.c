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
  g_autofree gfloat *of_prediction = NULL, *of_x_t = NULL;

  if (kind == DDPM_PREDICTION_EPSILON)
    return;
  if (kind == DDPM_PREDICTION_SAMPLE) {
    of_prediction = g_new (gfloat, n);
    of_x_t = g_new (gfloat, n);
    for (guint i = 0; i < n; i++) {
      of_prediction[i] = -signal[i] / noise[i];
      of_x_t[i] = 1.0f / noise[i];
    }
  }
  ddpm_timer_start (backend);
  backend->ops->q_sample (backend, n, elements,
      of_prediction ? of_prediction : signal, of_x_t ? of_x_t : noise,
      prediction, x_t, prediction);
  ddpm_timer_lap (backend, DDPM_TIMER_DIFFUSION, 0.0);
}

void
ddpm_prediction_from_eps (DdpmPrediction kind, DdpmBackend * backend, guint n,
    guint elements, const gfloat * signal, const gfloat * minus_noise,
    const float *x_0, float *eps)
{
  if (kind == DDPM_PREDICTION_SAMPLE)
    ddpm_backend_copy (backend, eps, x_0, (gsize) n * elements
        * sizeof (float));
  if (kind != DDPM_PREDICTION_V)
    return;
  ddpm_timer_start (backend);
  backend->ops->q_sample (backend, n, elements, minus_noise, signal, x_0,
      eps, eps);
  ddpm_timer_lap (backend, DDPM_TIMER_DIFFUSION, 0.0);
}
