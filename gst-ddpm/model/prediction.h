/* gst-ddpm: the prediction of a network, and eps from it (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arrays of float are memory of the backend, [n][elements]; signal and noise
 * [n] are memory of the host: x_t = signal x_0 + noise eps, where signal^2 +
 * noise^2 = 1. Both functions are for inside run ().
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

/* Replaces the network's prediction for x_t by eps: for v = signal eps -
 * noise x_0 (Salimans & Ho 2022, section 4) it is signal v + noise x_t; for x_0
 * it is (x_t - signal x_0) / noise */
void ddpm_prediction_to_eps (DdpmPrediction kind, DdpmBackend * backend,
    guint n, guint elements, const gfloat * signal, const gfloat * noise,
    const float *x_t, float *prediction);
/* Replaces eps by the target of the prediction. minus_noise [n]: -noise */
void ddpm_prediction_from_eps (DdpmPrediction kind, DdpmBackend * backend,
    guint n, guint elements, const gfloat * signal, const gfloat * minus_noise,
    const float *x_0, float *eps);

G_END_DECLS
