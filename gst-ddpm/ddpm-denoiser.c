/* gst-ddpm: a model, a sampler and a batch of states on their way to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "ddpm-denoiser.h"
#include "ddpm-labels.h"
#include "ddpm-prediction.h"
#include "ddpm-unet.h"

struct _DdpmDenoiser
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSchedule *schedule;
  DdpmSampler *sampler;
  DdpmUnet *unet;
  DdpmPlan *sequence;           /* of a step; NULL: there are none */

  guint batch;
  guint rows;                   /* of the network; with guidance, 2 batch */
  guint width;                  /* of an image, in pixels */
  guint elements;               /* floats of one image */
  float *weights;               /* NULL: those of the model are read */
  /* (rows, elements): first the samples, with labels; then, where they are
   * guided, the same without */
  float *x, *eps;
  float *x_0_prev;              /* (batch, elements); NULL: not needed */
  gint *t, *labels;             /* [rows], of the host; the rest: backend's */
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
} Call;

static gsize
state_size (DdpmDenoiser * d)
{
  return (gsize) d->batch * d->elements * sizeof (float);
}

static gsize
network_size (DdpmDenoiser * d)
{
  return (gsize) d->rows * d->elements * sizeof (float);
}

/* A backend that computes in host memory reads the model's own weights. */
static gboolean
load_weights (DdpmDenoiser * d)
{
  const DdpmOps *ops = d->backend->ops;
  gsize size = d->model->params->total * sizeof (float);

  if (d->backend->host_memory) {
    ddpm_unet_set_weights (d->unet, d->model->weights);
    return TRUE;
  }
  d->weights = ops->alloc (d->backend, size);
  if (d->weights == NULL)
    return FALSE;
  ops->upload (d->backend, d->weights, d->model->weights, size);
  ddpm_unet_set_weights (d->unet, d->weights);
  return TRUE;
}

static void
take_memory (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;
  const DdpmOps *ops = d->backend->ops;

  d->x = ops->alloc (d->backend, network_size (d));
  d->eps = ops->alloc (d->backend, network_size (d));
  if (d->sampler->multistep)
    d->x_0_prev = ops->alloc (d->backend, state_size (d));
  d->sequence = ddpm_sequence_new (d->backend);
  call->ok = d->x && d->eps && (d->x_0_prev || !d->sampler->multistep)
      && load_weights (d);
}

static gboolean
is_guided (const DdpmModel * model, const DdpmSamplerSpec * spec)
{
  return model->config.classes > 0 && spec->guidance != 0.0
      && spec->guidance != 1.0;
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
  d->rows = !is_guided (model, spec) ? batch
      : batch <= G_MAXUINT / 2 ? 2 * batch : G_MAXUINT;
  d->unet = ddpm_unet_new (&model->config, backend, d->rows, width, height,
      FALSE, error);
  if (d->unet == NULL)
    goto failed;
  d->width = width;
  d->elements = width * height * model->config.image_channels;
  d->t = g_try_new (gint, d->rows);
  d->labels = g_try_new (gint, d->rows);
  d->signal = g_try_new (gfloat, d->batch);
  d->noise = g_try_new (gfloat, d->batch);
  if (!d->t || !d->labels || !d->signal || !d->noise)
    goto no_memory;
  for (guint i = 0; i < d->rows; i++)
    d->labels[i] = DDPM_NO_LABEL;
  backend->ops->run (backend, take_memory, &call);
  if (!call.ok)
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  d->step = d->sampler->n_steps;
  return d;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of %s and a batch of %u", model->location ?
      model->location : "the model", batch);
failed:
  ddpm_denoiser_free (d);
  return NULL;
}

static void
free_memory (gpointer data)
{
  DdpmDenoiser *d = data;
  const DdpmOps *ops = d->backend->ops;

  ops->plan_free (d->sequence);
  ops->free (d->backend, d->x);
  ops->free (d->backend, d->eps);
  ops->free (d->backend, d->x_0_prev);
  ops->free (d->backend, d->weights);
}

void
ddpm_denoiser_free (DdpmDenoiser * d)
{
  if (d == NULL)
    return;
  ddpm_unet_free (d->unet);
  d->backend->ops->run (d->backend, free_memory, d);
  g_free (d->t);
  g_free (d->labels);
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
    d->labels[i] = labels && d->sampler->spec.guidance != 0.0 ? labels[i]
        : DDPM_NO_LABEL;
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

  d->backend->ops->upload (d->backend, d->x, call->in, state_size (d));
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

  d->backend->ops->copy (d->backend, d->x, call->in, state_size (d));
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

/* Both predictions that guidance is made of come from one pass. They belong to
 * one x_t, and so what guides eps guides v. */
static void
predict (DdpmDenoiser * d)
{
  const DdpmOps *ops = d->backend->ops;
  const gsize count = (gsize) d->batch * d->elements;
  const gboolean guided = d->rows != d->batch;

  if (guided)
    ops->copy (d->backend, d->x + count, d->x, state_size (d));
  ddpm_unet_forward (d->unet, d->x, d->t, d->labels, NULL, d->eps);
  if (guided)
    ops->guide (d->backend, count, d->sampler->spec.guidance, d->eps + count,
        d->eps);
  ddpm_prediction_to_eps (d->model->config.prediction, d->backend, d->batch,
      d->elements, d->signal, d->noise, d->x, d->eps);
}

/* The same calls in each step: what changes is in the host's memory. */
static void
make_step (gpointer data)
{
  DdpmDenoiser *d = data;
  const DdpmSamplerStep *step = &d->sampler->steps[d->step];
  guint i;

  for (i = 0; i < d->rows; i++)
    d->t[i] = step->t;
  for (i = 0; i < d->batch; i++) {
    d->signal[i] = d->schedule->sqrt_alphas_bar[step->t];
    d->noise[i] = d->schedule->sqrt_one_minus_alphas_bar[step->t];
  }
  predict (d);
  d->backend->ops->reverse_step (d->backend, &step->coefs, d->seed,
      d->first_sample, d->batch, d->elements, d->x, d->eps, d->x_0_prev);
}

static void
run_step (gpointer data)
{
  DdpmDenoiser *d = data;

  ddpm_sequence_run (d->sequence, make_step, d);
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

  d->backend->ops->download (d->backend, call->out, d->x, state_size (d));
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

  d->backend->ops->copy (d->backend, call->out, d->x, state_size (d));
  wait (d);
}

static void
paint_samples (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->to_picture (d->backend, call->in, call->picture);
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
    const DdpmPicture * picture, GError ** error)
{
  const DdpmConfig *config = &d->model->config;
  DdpmPicture whole = *picture;
  Call call = { d, d->x + (gsize) first * d->elements, NULL, FALSE, &whole };

  g_return_val_if_fail (first <= d->batch
      && picture->n <= d->batch - first, FALSE);

  whole.width = d->width;
  whole.height = d->elements / d->width / config->image_channels;
  whole.channels = config->image_channels;
  whole.unit = config->data_range == DDPM_DATA_RANGE_UNIT;
  return finish (&call, paint_samples, error);
}
