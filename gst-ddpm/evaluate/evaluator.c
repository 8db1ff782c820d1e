/* gst-ddpm: how good a model is: loss by timestep, variational bits/dim
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An image is evaluated at several timesteps. Each evaluation of the network is
 * a row of a batch; the rows of an image may be in two batches. The random
 * numbers of a row depend on its image and timestep, and not on its batch.
 */
#include <string.h>

#include "gst-ddpm/evaluate/private.h"
#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/model/pixels.h"
#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/model/require.h"

void
ddpm_evaluator_settings_init (DdpmEvaluatorSettings * settings)
{
  memset (settings, 0, sizeof (DdpmEvaluatorSettings));
  settings->images = 500;
  settings->timesteps = 20;
  settings->batch = 16;
  settings->variance = DDPM_VARIANCE_FIXED_SMALL;
  settings->clip_x0 = TRUE;
}

static gboolean
check_settings (const DdpmEvaluatorSettings * settings, guint T,
    GError ** error)
{
  guint fewest = MIN (2, T);

  return ddpm_require (settings->images >= 1
      && settings->images <= G_MAXUINT64 / T, error,
      "an evaluation takes 1 to %" G_GUINT64_FORMAT " images, found %"
      G_GUINT64_FORMAT, G_MAXUINT64 / T, settings->images)
      && ddpm_require (settings->timesteps >= fewest
      && settings->timesteps <= T, error,
      "a model of %u timesteps is evaluated at %u to %u of them, found %u",
      T, fewest, T, settings->timesteps)
      && ddpm_require (settings->variance == DDPM_VARIANCE_FIXED_SMALL
      || settings->variance == DDPM_VARIANCE_FIXED_LARGE, error,
      "variance %d: expected fixed-small or fixed-large", settings->variance);
}

static gboolean
alloc_memory (DdpmEvaluator * e)
{
  guint batch = e->settings.batch;
  gsize values = (gsize) batch * e->elements;

  e->x_0 = ddpm_backend_alloc (e->backend, values * sizeof (float));
  e->eps = ddpm_backend_alloc (e->backend, values * sizeof (float));
  e->host_pixels = g_try_new0 (guint8, values);
  e->host_x_0 = g_try_new0 (gfloat, values);
  e->host_eps = g_try_new0 (gfloat, values);
  e->host_eps_theta = g_try_new0 (gfloat, values);
  e->image.pixels = g_try_new0 (guint8, e->elements);
  e->signal = g_try_new0 (gfloat, batch);
  e->noise = g_try_new0 (gfloat, batch);
  e->rows = g_try_new0 (DdpmEvaluatorRow, batch);
  return e->x_0 && e->eps && e->host_pixels && e->host_x_0 && e->host_eps
      && e->host_eps_theta && e->image.pixels && e->signal && e->noise
      && e->rows;
}

DdpmEvaluator *
ddpm_evaluator_new (DdpmModel * model, DdpmBackend * backend, guint width,
    guint height, const DdpmEvaluatorSettings * settings,
    DdpmEvaluatorRead read, gpointer data, GError ** error)
{
  DdpmEvaluator *e = g_atomic_rc_box_new0 (DdpmEvaluator);

  e->model = ddpm_model_ref (model);
  e->backend = ddpm_backend_ref (backend);
  e->settings = *settings;
  if (settings->timesteps == 0)
    e->settings.timesteps = model->config.timesteps;
  e->n_bins = MIN (DDPM_EVALUATION_BINS, model->config.timesteps);
  e->read = read;
  e->data = data;
  if (!ddpm_require (!model->config.zero_snr, error,
          "a model whose schedule is rescaled to zero SNR has no finite "
          "bound"))
    goto failed;
  e->schedule = ddpm_schedule_new (&model->config, error);
  if (e->schedule == NULL
      || !check_settings (&e->settings, e->schedule->T, error))
    goto failed;
  e->predictor = ddpm_predictor_new (model, backend, settings->batch, width,
      height, 1.0, error);
  if (e->predictor == NULL)
    goto failed;
  e->elements = width * height * model->config.image_channels;
  if (!alloc_memory (e))
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  return e;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "not enough memory for a batch of %u: choose a smaller one",
      settings->batch);
failed:
  ddpm_evaluator_free (e);
  return NULL;
}

static void
clear_evaluator (gpointer data)
{
  DdpmEvaluator *e = data;

  ddpm_predictor_free (e->predictor);
  ddpm_backend_free (e->backend, e->x_0);
  ddpm_backend_free (e->backend, e->eps);
  g_free (e->host_pixels);
  g_free (e->host_x_0);
  g_free (e->host_eps);
  g_free (e->host_eps_theta);
  g_free (e->image.pixels);
  g_free (e->signal);
  g_free (e->noise);
  g_free (e->rows);
  ddpm_schedule_free (e->schedule);
  ddpm_backend_unref (e->backend);
  ddpm_model_unref (e->model);
}

DDPM_DEFINE_BOXED (DdpmEvaluator, ddpm_evaluator, clear_evaluator);

guint64
ddpm_evaluator_get_n_evaluations (DdpmEvaluator * e)
{
  return e->settings.images * e->settings.timesteps;
}

guint64
ddpm_evaluator_get_n_done (DdpmEvaluator * e)
{
  return e->n_done;
}

/* Returns where part k of the timesteps 1..T-1 begins. The first parts are one
 * timestep wide and later ones wider, because the terms of the bound are large
 * and vary most at small t (Nichol & Dhariwal 2021, figure 2). */
static gdouble
part_begin (DdpmEvaluator * e, guint k)
{
  gdouble reached = k / (e->settings.timesteps - 1.0);

  return 1.0 + MAX (k, (e->schedule->T - 1.0) * reached * reached * reached);
}

/* Draws the k-th timestep of an image (stratified sampling): timestep 0 always,
 * then one at random from each part. Its weight is the width of the part, so that
 * estimates are unbiased. */
static guint
draw_timestep (DdpmEvaluator * e, guint64 sample, guint k, gdouble * weight)
{
  gdouble begin;
  gfloat u;

  *weight = 1.0;
  if (k == 0)
    return 0;
  begin = part_begin (e, k - 1);
  *weight = part_begin (e, k) - begin;
  ddpm_noise_uniform (e->settings.seed, sample, DDPM_STREAM_EVALUATOR_TIMESTEP,
      k, 1, &u);
  return (guint) (begin + u * *weight);
}

/* Adds a row to the batch: the next timestep of the image */
static void
make_row (DdpmEvaluator * e)
{
  guint n = e->n_rows++, k = e->image.done++;
  guint8 *pixels = e->host_pixels + (gsize) n * e->elements;
  DdpmEvaluatorRow *row = &e->rows[n];
  guint t = draw_timestep (e, e->image.sample, k, &row->weight);

  row->sample = e->image.sample;
  row->last = e->image.done == e->settings.timesteps;
  e->predictor->t[n] = t;
  e->predictor->labels[n] = e->image.label;
  e->signal[n] = e->schedule->sqrt_alphas_bar[t];
  e->noise[n] = e->schedule->sqrt_one_minus_alphas_bar[t];
  memcpy (pixels, e->image.pixels, e->elements);
  ddpm_pixels_to_float (e->model->config.data_range, pixels, e->elements,
      e->host_x_0 + (gsize) n * e->elements);
}

static gboolean
next_image (DdpmEvaluator * e, GError ** error)
{
  DdpmEvaluatorImage *image = &e->image;

  image->label = DDPM_NO_LABEL;
  if (!e->read (e->data, image->i, &image->sample, &image->label,
          image->pixels, error))
    return FALSE;
  if (image->label < DDPM_NO_LABEL
      || image->label >= (gint) e->model->config.classes)
    goto no_class;
  return TRUE;

no_class:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "image %" G_GUINT64_FORMAT
      " has label %d: expected one of the %u classes of " "%s, or -1 for none",
      image->sample, image->label, e->model->config.classes,
      e->model->location ? e->model->location : "the model");
  return FALSE;
}

/* Adds rows until the batch is full or no image is left */
static gboolean
make_rows (DdpmEvaluator * e, GError ** error)
{
  DdpmEvaluatorImage *image = &e->image;

  while (e->n_rows < e->settings.batch && image->i < e->settings.images) {
    if (image->done == 0 && !next_image (e, error))
      return FALSE;
    make_row (e);
    if (image->done == e->settings.timesteps) {
      image->done = 0;
      image->i++;
    }
  }
  return TRUE;
}

/* Ho et al. 2020, algorithm 1, line 5, without the gradient. Rows from
 * n_rows on are those of the batch before; their results are not used. */
static void
predict_rows (gpointer data)
{
  DdpmEvaluator *e = data;
  DdpmPredictor *p = e->predictor;
  DdpmBackend *b = e->backend;

  for (guint i = 0; i < e->n_rows; i++)
    b->ops->noise (b, e->settings.seed, e->rows[i].sample,
        DDPM_STREAM_EVALUATOR_EPS + p->t[i], 0, 1, e->elements,
        e->eps + (gsize) i * e->elements);
  b->ops->q_sample (b, p->batch, e->elements, e->signal, e->noise, e->x_0,
      e->eps, p->x);
  ddpm_predictor_run (p);
  ddpm_prediction_to_eps (e->model->config.prediction, b, p->batch,
      e->elements, e->signal, e->noise, p->x, p->out);
}

gboolean
ddpm_evaluator_step (DdpmEvaluator * e, GError ** error)
{
  gsize size;

  if (!make_rows (e, error))
    return FALSE;
  if (e->n_rows == 0)
    return TRUE;
  size = (gsize) e->n_rows * e->elements * sizeof (float);
  ddpm_backend_upload (e->backend, e->x_0, e->host_x_0, size);
  ddpm_backend_run (e->backend, predict_rows, e);
  ddpm_backend_download (e->backend, e->host_eps, e->eps, size);
  ddpm_backend_download (e->backend, e->host_eps_theta, e->predictor->out,
      size);
  if (!ddpm_backend_check (e->backend, error))
    return FALSE;
  for (guint n = 0; n < e->n_rows; n++) {
    if (!ddpm_evaluator_add_row (e, n, error))
      return FALSE;
  }
  e->n_done += e->n_rows;
  e->n_rows = 0;
  return TRUE;
}
