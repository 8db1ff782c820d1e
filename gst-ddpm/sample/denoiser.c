/* gst-ddpm: a model, a sampler and a batch of states on their way to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/denoiser.h"
#include "gst-ddpm/model/labels.h"
#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/sample/predictor.h"

struct _DdpmDenoiser
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSchedule *schedule;
  DdpmSampler *sampler;
  DdpmPredictor *predictor;     /* whose x are the samples */
  DdpmPlan *sequence;           /* of a step; NULL: there are none */

  guint batch;
  guint width;                  /* of an image, in pixels */
  guint elements;               /* floats of one image */
  float *x_0_prev;              /* (batch, elements); NULL: not needed */
  /* [batch], of the host: x_t = signal x_0 + noise eps */
  gfloat *signal, *noise;

  guint64 seed, first_sample;
  guint step;
  GError *failure;              /* of the backend, since begin; or NULL */
};

/* Arguments of the functions that run where the backend computes */
typedef struct
{
  DdpmDenoiser *denoiser;
  const gfloat *in;
  gfloat *out;
  gboolean ok;
  const DdpmPicture *picture;
  gpointer stream;              /* that the picture is in the order of */
} Call;

static gsize
state_size (DdpmDenoiser * d)
{
  return (gsize) d->batch * d->elements * sizeof (float);
}

static void
take_memory (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  if (d->sampler->multistep)
    d->x_0_prev = d->backend->ops->alloc (d->backend, state_size (d));
  d->sequence = ddpm_graph_plan_new (d->backend);
  call->ok = d->x_0_prev || !d->sampler->multistep;
}

DdpmDenoiser *
ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend, guint batch,
    guint width, guint height, const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmDenoiser *d = g_new0 (DdpmDenoiser, 1);
  Call call = { d, NULL, NULL, FALSE };

  d->model = ddpm_model_ref (model);
  d->backend = ddpm_backend_ref (backend);
  d->batch = batch;
  d->schedule = ddpm_schedule_new (&model->config, error);
  if (d->schedule == NULL)
    goto failed;
  d->sampler = ddpm_sampler_new (d->schedule, model->config.data_range, spec,
      error);
  if (d->sampler == NULL)
    goto failed;
  d->predictor = ddpm_predictor_new (model, backend, batch, width, height,
      spec->guidance, error);
  if (d->predictor == NULL)
    goto failed;
  d->width = width;
  d->elements = d->predictor->elements;
  d->signal = g_try_new (gfloat, batch);
  d->noise = g_try_new (gfloat, batch);
  if (d->signal == NULL || d->noise == NULL)
    goto no_memory;
  backend->ops->run (backend, take_memory, &call);
  if (!call.ok)
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  d->step = d->sampler->n_steps;
  return d;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for a batch of %u", batch);
failed:
  ddpm_denoiser_free (d);
  return NULL;
}

static void
free_memory (gpointer data)
{
  DdpmDenoiser *d = data;

  d->backend->ops->plan_free (d->sequence);
  d->backend->ops->free (d->backend, d->x_0_prev);
}

void
ddpm_denoiser_free (DdpmDenoiser * d)
{
  if (d == NULL)
    return;
  d->backend->ops->run (d->backend, free_memory, d);
  ddpm_predictor_free (d->predictor);
  g_free (d->signal);
  g_free (d->noise);
  g_clear_error (&d->failure);
  ddpm_sampler_free (d->sampler);
  ddpm_schedule_free (d->schedule);
  ddpm_backend_unref (d->backend);
  ddpm_model_unref (d->model);
  g_free (d);
}

guint
ddpm_denoiser_get_n_steps (DdpmDenoiser * d)
{
  return d->sampler->n_steps;
}

guint
ddpm_denoiser_get_state (DdpmDenoiser * d)
{
  return d->step < d->sampler->n_steps ? d->sampler->steps[d->step].state :
      d->sampler->spec.stop;
}

gboolean
ddpm_denoiser_set_labels (DdpmDenoiser * d, const gint * labels,
    GError ** error)
{
  guint i;

  for (i = 0; labels && i < d->batch; i++)
    if (labels[i] < DDPM_NO_LABEL
        || labels[i] >= (gint) d->model->config.classes)
      goto no_class;
  for (i = 0; i < d->batch; i++)
    d->predictor->labels[i] = labels ? labels[i] : DDPM_NO_LABEL;
  return TRUE;

no_class:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s has %u classes, and no label %d", d->model->location ?
      d->model->location : "the model", d->model->config.classes, labels[i]);
  return FALSE;
}

static void
upload_state (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->upload (d->backend, d->predictor->x, call->in,
      state_size (d));
}

static void
wait (DdpmDenoiser * d)
{
  if (d->backend->ops->wait)
    d->backend->ops->wait (d->backend);
}

static void
take_state (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->copy (d->backend, d->predictor->x, call->in, state_size (d));
  wait (d);
}

static void
begin (DdpmDenoiser * d, void (*load) (gpointer data), const gfloat * x,
    guint64 seed, guint64 first_sample)
{
  Call call = { d, x, NULL, FALSE };

  d->seed = seed;
  d->first_sample = first_sample;
  d->step = 0;
  g_clear_error (&d->failure);
  d->backend->ops->run (d->backend, load, &call);
}

void
ddpm_denoiser_begin (DdpmDenoiser * d, const gfloat * x, guint64 seed,
    guint64 first_sample)
{
  begin (d, upload_state, x, seed, first_sample);
}

void
ddpm_denoiser_begin_from (DdpmDenoiser * d, const gfloat * x, guint64 seed,
    guint64 first_sample)
{
  begin (d, take_state, x, seed, first_sample);
}

/* The same calls in each step: what changes is in the host's memory. */
static void
make_step (gpointer data)
{
  DdpmDenoiser *d = data;
  DdpmPredictor *p = d->predictor;
  const DdpmSamplerStep *step = &d->sampler->steps[d->step];
  guint i;

  for (i = 0; i < d->batch; i++) {
    p->t[i] = step->t;
    d->signal[i] = d->schedule->sqrt_alphas_bar[step->t];
    d->noise[i] = d->schedule->sqrt_one_minus_alphas_bar[step->t];
  }
  ddpm_predictor_run (p);
  ddpm_prediction_to_eps (d->model->config.prediction, d->backend, d->batch,
      d->elements, d->signal, d->noise, p->x, p->out);
  d->backend->ops->reverse_step (d->backend, &step->coefs, d->seed,
      d->first_sample, d->batch, d->elements, p->x, p->out, d->x_0_prev);
}

static void
run_step (gpointer data)
{
  DdpmDenoiser *d = data;

  ddpm_graph_plan_run (d->sequence, make_step, d);
}

gboolean
ddpm_denoiser_step (DdpmDenoiser * d)
{
  if (d->failure || d->step >= d->sampler->n_steps)
    return FALSE;
  d->backend->ops->run (d->backend, run_step, d);
  if (!ddpm_backend_check (d->backend, &d->failure))
    return FALSE;
  d->step++;
  return TRUE;
}

static void
download_state (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->download (d->backend, call->out, d->predictor->x,
      state_size (d));
}

static void
wait_for_state (gpointer data)
{
  wait (((Call *) data)->denoiser);
}

static void
copy_state (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->copy (d->backend, call->out, d->predictor->x,
      state_size (d));
  wait (d);
}

static void
paint_samples (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;
  const DdpmOps *ops = d->backend->ops;

  if (ops->wait_event)
    ops->wait_event (d->backend, call->stream);
  ops->to_picture (d->backend, call->in, call->picture);
  if (call->stream && ops->record_event)
    ops->record_event (d->backend, call->stream);
  else
    wait (d);
}

/* Only what has been waited for has been computed: a device may run behind. */
static gboolean
finish (Call * call, void (*func) (gpointer data), GError ** error)
{
  DdpmDenoiser *d = call->denoiser;

  if (d->failure == NULL) {
    d->backend->ops->run (d->backend, func, call);
    ddpm_backend_check (d->backend, &d->failure);
  }
  if (d->failure == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (d->failure));
  return FALSE;
}

gboolean
ddpm_denoiser_read (DdpmDenoiser * d, gfloat * x, GError ** error)
{
  Call call = { d, NULL, x, FALSE };

  return finish (&call, download_state, error);
}

gboolean
ddpm_denoiser_wait (DdpmDenoiser * d, GError ** error)
{
  Call call = { d, NULL, NULL, FALSE };

  return finish (&call, wait_for_state, error);
}

gboolean
ddpm_denoiser_copy (DdpmDenoiser * d, gfloat * x, GError ** error)
{
  Call call = { d, NULL, x, FALSE };

  return finish (&call, copy_state, error);
}

gboolean
ddpm_denoiser_paint (DdpmDenoiser * d, guint first,
    const DdpmPicture * picture, gpointer stream, GError ** error)
{
  const DdpmConfig *config = &d->model->config;
  DdpmPicture whole = *picture;
  Call call = { d, d->predictor->x + (gsize) first * d->elements, NULL, FALSE,
    &whole, stream
  };

  g_return_val_if_fail (first <= d->batch
      && picture->n <= d->batch - first, FALSE);

  whole.width = d->width;
  whole.height = d->elements / d->width / config->image_channels;
  whole.channels = config->image_channels;
  whole.unit = config->data_range == DDPM_DATA_RANGE_UNIT;
  return finish (&call, paint_samples, error);
}
