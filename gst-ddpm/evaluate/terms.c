/* gst-ddpm: terms of the variational bound from one evaluation of an image
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "gst-ddpm/evaluate/bound.h"
#include "gst-ddpm/evaluate/private.h"

#define NATS_TO_BITS (1.0 / G_LN2)

/* x_0 as the model predicts it: x_0 + sqrt (1 / A - 1) (eps - eps_theta), Ho
 * et al. 2020, eq. 4 solved */
static gdouble
predict_x_0 (DdpmEvaluator * e, guint t, gsize i)
{
  gdouble error = (gdouble) e->host_eps[i] - e->host_eps_theta[i];
  gdouble x_0 = e->host_x_0[i]
      + e->schedule->reciprocal_alphas_bar_m1_sqrt[t] * error;
  gboolean unit = e->model->config.data_range == DDPM_DATA_RANGE_UNIT;

  return e->settings.clip_x0 ? CLAMP (x_0, unit ? 0.0 : -1.0, 1.0) : x_0;
}

static gdouble
eps_mse (DdpmEvaluator * e, guint n)
{
  const gfloat *eps = e->host_eps + (gsize) n * e->elements;
  const gfloat *eps_theta = e->host_eps_theta + (gsize) n * e->elements;
  gdouble sum = 0.0;

  for (guint i = 0; i < e->elements; i++) {
    gdouble error = (gdouble) eps[i] - eps_theta[i];

    sum += error * error;
  }
  return sum / e->elements;
}

/* L_0 of row n, in nats: at the last step the model's mean is its x_0. */
static gdouble
decoder_term (DdpmEvaluator * e, guint n)
{
  gdouble sigma = ddpm_bound_decoder_sigma (e->schedule);
  gsize first = (gsize) n * e->elements;
  gdouble sum = 0.0;

  for (gsize i = first; i < first + e->elements; i++)
    sum -= ddpm_bound_log_pixel (e->model->config.data_range,
        e->host_pixels[i], predict_x_0 (e, 0, i), sigma);
  return sum / e->elements;
}

/* L_t of row n, in nats */
static gdouble
kl_term (DdpmEvaluator * e, guint n)
{
  gsize first = (gsize) n * e->elements;
  gdouble sum = 0.0;

  for (gsize i = first; i < first + e->elements; i++) {
    gdouble off = predict_x_0 (e, e->predictor->t[n], i) - e->host_x_0[i];

    sum += off * off;
  }
  return ddpm_bound_kl (e->schedule, e->settings.variance, e->predictor->t[n],
      sum / e->elements);
}

static guint
bin_of (DdpmEvaluator * e, guint t)
{
  return (guint64) t *e->n_bins / e->schedule->T;
}

static void
add_image (DdpmEvaluator * e)
{
  DdpmEvaluatorSums *sums = &e->sums;

  ddpm_mean_add (&e->loss, sums->loss);
  ddpm_mean_add (&e->prior, sums->prior);
  ddpm_mean_add (&e->kl, sums->kl);
  ddpm_mean_add (&e->decoder, sums->decoder);
  ddpm_mean_add (&e->total, sums->prior + sums->kl + sums->decoder);
  for (guint i = 0; i < e->n_bins; i++) {
    e->bin_rows[i] += sums->bin_rows[i];
    ddpm_ratio_add (&e->bin_mse[i], sums->bin_mse[i], sums->bin_weight[i]);
    ddpm_mean_add (&e->bin_bits[i], sums->bin_bits[i]);
  }
  memset (sums, 0, sizeof (DdpmEvaluatorSums));
}

gboolean
ddpm_evaluator_add_row (DdpmEvaluator * e, guint n, GError ** error)
{
  const DdpmEvaluatorRow *row = &e->rows[n];
  DdpmEvaluatorSums *sums = &e->sums;
  guint t = e->predictor->t[n], bin = bin_of (e, t);
  gdouble mse = eps_mse (e, n), bits;

  if (!isfinite (mse))
    goto not_finite;
  if (t == 0) {
    bits = NATS_TO_BITS * decoder_term (e, n);
    sums->decoder += bits;
    sums->prior += NATS_TO_BITS * ddpm_bound_prior (e->schedule,
        e->host_x_0 + (gsize) n * e->elements, e->elements);
  } else {
    bits = NATS_TO_BITS * row->weight * kl_term (e, n);
    sums->kl += bits;
  }
  sums->loss += row->weight * mse / e->schedule->T;
  sums->bin_rows[bin]++;
  sums->bin_mse[bin] += row->weight * mse;
  sums->bin_weight[bin] += row->weight;
  sums->bin_bits[bin] += bits;
  if (row->last)
    add_image (e);
  return TRUE;

not_finite:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_DIVERGED,
      "%s: the prediction for image %" G_GUINT64_FORMAT
      " at timestep %u is not finite",
      e->model->location ? e->model->location : "the model", row->sample, t);
  return FALSE;
}

void
ddpm_evaluator_get_results (DdpmEvaluator * e, DdpmEvaluation * results)
{
  guint T = e->schedule->T;

  memset (results, 0, sizeof (DdpmEvaluation));
  results->images = e->total.n;
  results->evaluations = e->total.n * e->settings.timesteps;
  results->n_bins = e->n_bins;
  for (guint i = 0; i < e->n_bins; i++) {
    DdpmEvaluationBin *bin = &results->bins[i];

    /* those t that bin_of () says are in i: ceil (i T / n_bins) and on */
    bin->first = ((guint64) i * T + e->n_bins - 1) / e->n_bins;
    bin->last = ((i + 1ull) * T + e->n_bins - 1) / e->n_bins - 1;
    bin->evaluations = e->bin_rows[i];
    bin->eps_mse = ddpm_ratio_get (&e->bin_mse[i]);
    bin->bits = ddpm_mean_get (&e->bin_bits[i]);
  }
  results->loss = ddpm_mean_get (&e->loss);
  results->prior = ddpm_mean_get (&e->prior);
  results->kl = ddpm_mean_get (&e->kl);
  results->decoder = ddpm_mean_get (&e->decoder);
  results->total = ddpm_mean_get (&e->total);
}
