/* gst-ddpm: a model, a sampler and a batch of states on their way to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/denoiser.h"

#include <math.h>
#include <string.h>

#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/sample/known.h"
#include "gst-ddpm/sample/private.h"
#include "kernels/host.h"
#include "kernels/timer.h"

struct _DdpmDenoiser
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSchedule *schedule;
  DdpmSampler *sampler;
  DdpmPredictor *predictor;     /* whose x are the samples */
  DdpmPlan *graph_plan;         /* of a step; NULL: the backend has none */
  DdpmKnown *known;             /* NULL: nothing has been known yet */

  guint batch;
  guint width, height;          /* of an image, in pixels */
  guint elements;               /* floats of one image */
  float *x_0_prev;              /* (batch, elements); NULL: not needed */
  /* [batch], of the host: x_t = signal x_0 + noise eps */
  gfloat *signal, *noise;

  guint64 seed, first_sample;
  guint interval;               /* from keyframe to keyframe; 0: there are none */
  guint resample;               /* how often each step of the sampler is made */
  guint step, n_steps;          /* made; in all */
  DdpmReverseStep coefs;        /* of the current step */
  gboolean cancelled;           /* the current step */
  GError *failure;              /* of the backend, since begin; or NULL */
};

static gsize
state_size (DdpmDenoiser * d)
{
  return (gsize) d->batch * d->elements * sizeof (float);
}

static gboolean
make_known (DdpmDenoiser * d, GError ** error)
{
  const DdpmConfig *config = &d->model->config;

  if (d->known == NULL)
    d->known = ddpm_known_new (d->backend, d->schedule, config->data_range,
        d->batch, d->elements / config->image_channels, config->image_channels,
        error);
  return d->known != NULL;
}

/* Allocates what samplers may need besides the state. */
static gboolean
make_memory (DdpmDenoiser * d, const DdpmSampler * sampler, GError ** error)
{
  if (sampler->spec.resample > 1 && !make_known (d, error))
    return FALSE;
  if (!sampler->multistep || d->x_0_prev)
    return TRUE;
  d->x_0_prev = ddpm_backend_alloc (d->backend, state_size (d));
  if (d->x_0_prev == NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for a batch of %u", d->batch);
  return d->x_0_prev != NULL;
}

/* Takes another network where another guidance needs one or two evaluations in
 * the place of two or one. The labels stay. */
static gboolean
set_guidance (DdpmDenoiser * d, gdouble guidance, GError ** error)
{
  DdpmPredictor *p;

  if (ddpm_predictor_set_guidance (d->predictor, guidance))
    return TRUE;
  p = ddpm_predictor_new (d->model, d->backend, d->batch, d->width, d->height,
      guidance, error);
  if (p == NULL)
    return FALSE;
  memcpy (p->labels, d->predictor->labels, d->batch * sizeof (gint));
  memcpy (p->classes, d->predictor->classes, d->batch * sizeof (DdpmClass));
  p->mixes = d->predictor->mixes;
  ddpm_predictor_free (d->predictor);
  d->predictor = p;
  return TRUE;
}

gboolean
ddpm_denoiser_set_spec (DdpmDenoiser * d, const DdpmSamplerSpec * spec,
    GError ** error)
{
  g_autoptr (DdpmSampler) sampler =
      ddpm_sampler_new (d->schedule, &d->model->config, spec, error);

  if (sampler == NULL || !make_memory (d, sampler, error)
      || !set_guidance (d, spec->guidance, error))
    return FALSE;
  /* It has the calls of the sampler before. */
  ddpm_backend_free_plans (d->backend, &d->graph_plan, 1);
  d->graph_plan = NULL;
  ddpm_sampler_free (d->sampler);
  d->sampler = g_steal_pointer (&sampler);
  d->resample = MAX (spec->resample, 1);
  d->step = d->n_steps = d->sampler->n_steps * d->resample;
  return TRUE;
}

DdpmDenoiser *
ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend, guint batch,
    guint width, guint height, const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmDenoiser *d = g_atomic_rc_box_new0 (DdpmDenoiser);

  d->model = ddpm_model_ref (model);
  d->backend = ddpm_backend_ref (backend);
  d->batch = batch;
  d->schedule = ddpm_schedule_new (&model->config, error);
  if (d->schedule == NULL
      || !ddpm_sampler_spec_check (spec, &model->config, error))
    goto failed;
  d->predictor = ddpm_predictor_new (model, backend, batch, width, height,
      spec->guidance, error);
  if (d->predictor == NULL)
    goto failed;
  d->width = width;
  d->height = height;
  d->elements = d->predictor->elements;
  d->signal = g_try_new (gfloat, batch);
  d->noise = g_try_new (gfloat, batch);
  if (d->signal == NULL || d->noise == NULL)
    goto no_memory;
  if (!ddpm_denoiser_set_spec (d, spec, error)
      || !ddpm_backend_check (backend, error))
    goto failed;
  return d;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for a batch of %u", batch);
failed:
  ddpm_denoiser_free (d);
  return NULL;
}

static void
clear_denoiser (gpointer data)
{
  DdpmDenoiser *d = data;

  ddpm_known_free (d->known);
  ddpm_backend_free_plans (d->backend, &d->graph_plan, 1);
  ddpm_backend_free (d->backend, d->x_0_prev);
  ddpm_predictor_free (d->predictor);
  g_free (d->signal);
  g_free (d->noise);
  g_clear_error (&d->failure);
  ddpm_sampler_free (d->sampler);
  ddpm_schedule_free (d->schedule);
  ddpm_backend_unref (d->backend);
  ddpm_model_unref (d->model);
}

DDPM_DEFINE_BOXED (DdpmDenoiser, ddpm_denoiser, clear_denoiser);

guint
ddpm_denoiser_get_n_steps (DdpmDenoiser * d)
{
  return d->n_steps;
}

/* Step n of those that are made, as the sampler knows it */
static const DdpmSamplerStep *
get_step (DdpmDenoiser * d, guint n)
{
  return &d->sampler->steps[n / d->resample];
}

guint
ddpm_denoiser_get_state (DdpmDenoiser * d)
{
  return d->step < d->n_steps ? get_step (d, d->step)->state :
      d->sampler->spec.stop;
}

static gboolean
check_labels (const DdpmDenoiser * d, const gint * labels, GError ** error)
{
  guint i;

  for (i = 0; labels && i < d->batch; i++)
    if (labels[i] < DDPM_NO_LABEL
        || labels[i] >= (gint) d->model->config.classes)
      goto no_class;
  return TRUE;

no_class:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s has %u classes, and no label %d", d->model->location ?
      d->model->location : "the model", d->model->config.classes, labels[i]);
  return FALSE;
}

static gboolean
check_weights (const DdpmDenoiser * d, const gfloat * weights, GError ** error)
{
  guint i;

  for (i = 0; i < d->batch; i++)
    if (!(weights[i] >= 0.0f && weights[i] <= 1.0f))
      goto no_weight;
  return TRUE;

no_weight:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "expected 0 to 1 as the weight of the second label, got %g", weights[i]);
  return FALSE;
}

gboolean
ddpm_denoiser_set_labels (DdpmDenoiser * d, const gint * labels,
    GError ** error)
{
  DdpmPredictor *p = d->predictor;

  if (!check_labels (d, labels, error))
    return FALSE;
  for (guint i = 0; i < d->batch; i++) {
    p->labels[i] = labels ? labels[i] : DDPM_NO_LABEL;
    p->classes[i] = (DdpmClass) {
    p->labels[i], DDPM_NO_LABEL, 0.0f};
  }
  return TRUE;
}

gboolean
ddpm_denoiser_set_label_mix (DdpmDenoiser * d, const gint * labels,
    const gint * others, const gfloat * weights, GError ** error)
{
  DdpmPredictor *p = d->predictor;

  if (!check_labels (d, others, error) || !check_weights (d, weights, error)
      || !ddpm_denoiser_set_labels (d, labels, error))
    return FALSE;
  for (guint i = 0; i < d->batch; i++) {
    p->classes[i].other = others[i];
    p->classes[i].weight = weights[i];
  }
  if (!p->mixes) {
    ddpm_backend_free_plans (d->backend, &d->graph_plan, 1);
    d->graph_plan = NULL;
  }
  ddpm_predictor_mix (p);
  return TRUE;
}

void
ddpm_denoiser_set_keyframes (DdpmDenoiser * d, guint interval)
{
  d->interval = interval;
}

void
ddpm_denoiser_set_cancel (DdpmDenoiser * d, DdpmCancelFunc func, gpointer data)
{
  ddpm_predictor_set_cancel (d->predictor, func, data);
}

static void
begin (DdpmDenoiser * d, guint64 seed, guint64 first_sample)
{
  d->seed = seed;
  d->first_sample = first_sample;
  d->step = 0;
  if (d->known)
    ddpm_known_set (d->known, NULL, NULL);
  g_clear_error (&d->failure);
}

void
ddpm_denoiser_begin (DdpmDenoiser * d, const gfloat * x, guint64 seed,
    guint64 first_sample)
{
  begin (d, seed, first_sample);
  ddpm_backend_upload (d->backend, d->predictor->x, x, state_size (d));
}

void
ddpm_denoiser_begin_from (DdpmDenoiser * d, const gfloat * x, guint64 seed,
    guint64 first_sample)
{
  begin (d, seed, first_sample);
  ddpm_backend_copy (d->backend, d->predictor->x, x, state_size (d));
  ddpm_backend_wait (d->backend);
}

/* With keyframes, a sample is between the labels of two. */
static void
find_labels (const DdpmDenoiser * d, const DdpmLabels * labels,
    guint64 first_sample, gint * own, gint * others, gfloat * weights)
{
  for (guint i = 0; i < d->batch; i++) {
    const guint64 n = first_sample + i;
    const guint64 keyframe = d->interval ? n / d->interval : n;
    const guint place = d->interval ? n % d->interval : 0;

    own[i] = ddpm_labels_get (labels, keyframe);
    others[i] = place ? ddpm_labels_get (labels, keyframe + 1) : own[i];
    weights[i] = place ? (gfloat) place / d->interval : 0.0f;
  }
}

gboolean
ddpm_denoiser_set_sample_labels (DdpmDenoiser * d, const DdpmLabels * labels,
    guint64 first_sample, GError ** error)
{
  g_autofree gint *own = NULL, *others = NULL;
  g_autofree gfloat *weights = NULL;

  if (labels == NULL)
    return ddpm_denoiser_set_labels (d, NULL, error);
  own = g_try_new (gint, d->batch);
  others = g_try_new (gint, d->batch);
  weights = g_try_new (gfloat, d->batch);
  if (own == NULL || others == NULL || weights == NULL)
    goto no_memory;
  find_labels (d, labels, first_sample, own, others, weights);
  return d->interval ? ddpm_denoiser_set_label_mix (d, own, others, weights,
      error) : ddpm_denoiser_set_labels (d, own, error);

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the labels of a batch of %u", d->batch);
  return FALSE;
}

gboolean
ddpm_denoiser_begin_with_noise (DdpmDenoiser * d, const DdpmLabels * labels,
    guint64 seed, guint64 first_sample, GError ** error)
{
  if (!ddpm_denoiser_set_sample_labels (d, labels, first_sample, error))
    return FALSE;
  begin (d, seed, first_sample);
  return ddpm_noise_normal_batch (d->backend, seed, first_sample, d->interval,
      DDPM_STREAM_X_T, d->batch, d->elements, d->predictor->x, error);
}

gboolean
ddpm_denoiser_set_known (DdpmDenoiser * d, const guint8 * pixels,
    const guint8 * alpha, GError ** error)
{
  if (!make_known (d, error))
    return FALSE;
  ddpm_known_set (d->known, pixels, alpha);
  return TRUE;
}

/* What the step is in the place of the sampler's, where it is made for the r-th
 * time again: it has other noise, and is of first order, since the x_0 before it
 * is of the same state. */
static void
set_coefs (DdpmDenoiser * d, guint r)
{
  d->coefs = get_step (d, d->step)->coefs;
  d->coefs.interval = d->interval;
  if (r == 0)
    return;
  d->coefs.stream += DDPM_STREAM_AGAIN * r;
  d->coefs.c_x0 += d->coefs.c_x0_prev;
  d->coefs.c_x0_prev = 0.0f;
}

/* The timesteps of this step and, with it, of those that follow */
static void
prepare_step (DdpmDenoiser * d)
{
  gint next[DDPM_TIMES_AT_ONCE];
  guint n;

  for (guint i = 0; i < d->batch; i++)
    d->predictor->t[i] = get_step (d, d->step)->t;
  for (n = 0; n < G_N_ELEMENTS (next) && d->step + 1 + n < d->n_steps; n++)
    next[n] = get_step (d, d->step + 1 + n)->t;
  ddpm_predictor_prepare (d->predictor, n, next);
}

/* The same calls in each step: what changes is in the host's memory. A cancelled
 * step leaves x and x_0_prev as they were. */
static void
make_step (gpointer data)
{
  DdpmDenoiser *d = data;
  DdpmPredictor *p = d->predictor;
  const DdpmSamplerStep *step = get_step (d, d->step);

  for (guint i = 0; i < d->batch; i++) {
    d->signal[i] = d->schedule->sqrt_alphas_bar[step->t];
    d->noise[i] = d->schedule->sqrt_one_minus_alphas_bar[step->t];
  }
  d->cancelled = !ddpm_predictor_run (p);
  if (d->cancelled)
    return;
  if (d->sampler->prediction != d->model->config.prediction)
    ddpm_prediction_to_eps (d->model->config.prediction, d->backend, d->batch,
        d->elements, d->signal, d->noise, p->x, p->out);
  ddpm_timer_start (d->backend);
  d->backend->ops->reverse_step (d->backend, &d->coefs, d->seed,
      d->first_sample, d->batch, d->elements, p->x, p->out, d->x_0_prev);
  /* in the last step too, which has none: every step makes the same calls */
  if (d->sampler->learned_noise)
    d->backend->ops->learned_noise (d->backend, &d->coefs, d->seed,
        d->first_sample, d->batch, d->elements, p->variance, p->x);
  ddpm_timer_lap (d->backend, DDPM_TIMER_DIFFUSION, 0.0);
}

/* Clipping turns NaN into a number, so only the prediction shows that the
 * weights overflow. A device is asked after the last step alone, since the host has to
 * wait for the answer. */
static void
check_prediction (DdpmDenoiser * d)
{
  const DdpmSamplerStep *step = get_step (d, d->step);
  const gboolean is_last = d->step + 1 == d->n_steps;
  gdouble squares;

  if (!d->backend->host_memory && !is_last)
    return;
  ddpm_timer_start (d->backend);
  squares = d->backend->ops->sum_of_squares (d->backend,
      (gsize) d->batch * d->elements, d->predictor->out);
  ddpm_timer_lap (d->backend, DDPM_TIMER_DIFFUSION, 0.0);
  if (!isfinite (squares))
    g_set_error (&d->failure, DDPM_ERROR, DDPM_ERROR_DIVERGED,
        "%s predicts numbers that are not finite at timestep %u: its weights "
        "overflow, or the input is not finite",
        d->model->location ? d->model->location : "the model", step->t);
}

/* After the step has been made for the r-th time again, the known part is put
 * back: where the step ends, or where it began, if it has to be made once more.
 * The step before came there as often as it was made. */
static void
put_known_back (DdpmDenoiser * d, guint r)
{
  const DdpmSamplerStep *step = get_step (d, d->step);
  DdpmKnownPlace place = { d->predictor->x, d->seed, d->first_sample,
    d->interval, step->next_state, r
  };

  ddpm_timer_start (d->backend);
  if (r + 1 < d->resample) {
    place.state = step->state;
    place.visit = r + (d->step < d->resample ? 1 : d->resample);
    ddpm_known_jump (d->known, &place, step->next_state);
  } else if (d->step + 1 == d->n_steps && d->sampler->spec.stop == 0) {
    ddpm_known_finish (d->known, d->predictor->x);
  } else {
    ddpm_known_put_back (d->known, &place);
  }
  ddpm_timer_lap (d->backend, DDPM_TIMER_DIFFUSION, 0.0);
}

static void
run_step (gpointer data)
{
  DdpmDenoiser *d = data;
  const guint r = d->step % d->resample;

  set_coefs (d, r);
  prepare_step (d);
  if (d->graph_plan == NULL)
    d->graph_plan = ddpm_graph_plan_new (d->backend);
  ddpm_graph_plan_run (d->graph_plan, make_step, d);
  if (d->cancelled)
    return;
  check_prediction (d);
  if (d->known)
    put_known_back (d, r);
}

gboolean
ddpm_denoiser_step (DdpmDenoiser * d)
{
  if (d->failure || d->step >= d->n_steps)
    return FALSE;
  ddpm_backend_run (d->backend, run_step, d);
  if (d->cancelled || d->failure
      || !ddpm_backend_check (d->backend, &d->failure))
    return FALSE;
  d->step++;
  return TRUE;
}

/* Whether all that was waited for went well: a device computes later than it
 * is asked to */
static gboolean
check_result (DdpmDenoiser * d, GError ** error)
{
  if (d->failure == NULL)
    ddpm_backend_check (d->backend, &d->failure);
  if (d->failure == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (d->failure));
  return FALSE;
}

gboolean
ddpm_denoiser_read (DdpmDenoiser * d, gfloat * x, GError ** error)
{
  if (d->failure == NULL)
    ddpm_backend_download (d->backend, x, d->predictor->x, state_size (d));
  return check_result (d, error);
}

gboolean
ddpm_denoiser_wait (DdpmDenoiser * d, GError ** error)
{
  if (d->failure == NULL)
    ddpm_backend_wait (d->backend);
  return check_result (d, error);
}

gboolean
ddpm_denoiser_copy (DdpmDenoiser * d, gfloat * x, GError ** error)
{
  if (d->failure == NULL) {
    ddpm_backend_copy (d->backend, x, d->predictor->x, state_size (d));
    ddpm_backend_wait (d->backend);
  }
  return check_result (d, error);
}

/* Arguments of paint_samples () */
typedef struct
{
  DdpmBackend *backend;
  const float *x;
  const DdpmPicture *picture;
  gpointer stream;
} Paint;

static void
paint_samples (gpointer data)
{
  const Paint *paint = data;
  DdpmBackend *b = paint->backend;

  if (b->ops->wait_event)
    b->ops->wait_event (b, paint->stream);
  ddpm_timer_start (b);
  b->ops->to_picture (b, paint->x, paint->picture);
  ddpm_timer_lap (b, DDPM_TIMER_COPY, 0.0);
  if (paint->stream && b->ops->record_event)
    b->ops->record_event (b, paint->stream);
  else
    ddpm_backend_wait (b);
}

static DdpmPicture
complete_picture (DdpmDenoiser * d, const DdpmPicture * picture)
{
  const DdpmConfig *config = &d->model->config;
  DdpmPicture whole = *picture;

  whole.width = d->width;
  whole.height = d->elements / d->width / config->image_channels;
  whole.channels = config->image_channels;
  whole.unit = config->data_range == DDPM_DATA_RANGE_UNIT;
  return whole;
}

gboolean
ddpm_denoiser_paint (DdpmDenoiser * d, guint first,
    const DdpmPicture * picture, gpointer stream, GError ** error)
{
  DdpmPicture whole = complete_picture (d, picture);
  Paint paint = { d->backend, d->predictor->x + (gsize) first * d->elements,
    &whole, stream
  };

  g_return_val_if_fail (first <= d->batch
      && picture->n <= d->batch - first, FALSE);

  if (d->failure == NULL)
    ddpm_backend_run (d->backend, paint_samples, &paint);
  return check_result (d, error);
}

gboolean
ddpm_denoiser_paint_on_host (DdpmDenoiser * d, guint first,
    const DdpmPicture * picture, GError ** error)
{
  const gsize count = (gsize) picture->n * d->elements;
  DdpmPicture whole = complete_picture (d, picture);
  g_autofree gfloat *x = NULL;

  /* Memory of a backend without a context is the host's. */
  if (ddpm_backend_get_context (d->backend) == NULL)
    return ddpm_denoiser_paint (d, first, picture, NULL, error);
  x = g_try_new (gfloat, count);
  if (x == NULL)
    goto no_memory;
  if (d->failure == NULL)
    ddpm_backend_download (d->backend, x,
        d->predictor->x + (gsize) first * d->elements, count * sizeof (gfloat));
  if (!check_result (d, error))
    return FALSE;
  ddpm_host_to_picture (d->backend, x, &whole);
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory to paint %u samples", picture->n);
  return FALSE;
}

GBytes *
ddpm_denoiser_read_pixels (DdpmDenoiser * d, GError ** error)
{
  const guint channels = d->model->config.image_channels;
  const gsize size = (gsize) d->batch * d->elements;
  g_autofree guint8 *pixels = g_try_malloc (size);
  DdpmPicture picture = {.n = d->batch,.columns = 1,.pixel_stride = channels };

  if (pixels == NULL)
    goto no_memory;
  for (guint c = 0; c < channels; c++) {
    picture.component[c] = pixels + c;
    picture.stride[c] = (gsize) d->width * channels;
  }
  if (!ddpm_denoiser_paint_on_host (d, 0, &picture, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&pixels), size);

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the pixels of %u images", d->batch);
  return NULL;
}
