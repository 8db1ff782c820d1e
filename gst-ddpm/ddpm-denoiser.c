/* gst-ddpm: a model, a sampler and a batch of states on their way to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "ddpm-denoiser.h"
#include "ddpm-unet.h"

struct _DdpmDenoiser
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSampler *sampler;
  DdpmUnet *unet;

  guint batch;
  guint elements;               /* floats of one image */
  float *weights;               /* NULL: those of the model are read */
  float *x, *eps;               /* (batch, elements) */
  float *x_0_prev;              /* as x; NULL: the sampler needs none */
  gint *t;                      /* [batch], of the host; the rest: backend's */

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
} Call;

static gsize
state_size (DdpmDenoiser * d)
{
  return (gsize) d->batch * d->elements * sizeof (float);
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

  d->x = ops->alloc (d->backend, state_size (d));
  d->eps = ops->alloc (d->backend, state_size (d));
  if (d->sampler->multistep)
    d->x_0_prev = ops->alloc (d->backend, state_size (d));
  call->ok = d->x && d->eps && (d->x_0_prev || !d->sampler->multistep)
      && load_weights (d);
}

DdpmDenoiser *
ddpm_denoiser_new (DdpmModel * model, DdpmBackend * backend, guint batch,
    guint width, guint height, const DdpmSamplerSpec * spec, GError ** error)
{
  DdpmDenoiser *d = g_new0 (DdpmDenoiser, 1);
  g_autoptr (DdpmSchedule) schedule = NULL;
  Call call = { d, NULL, NULL, FALSE };

  d->model = ddpm_model_ref (model);
  d->backend = ddpm_backend_ref (backend);
  d->batch = batch;
  schedule = ddpm_schedule_new (&model->config, error);
  if (schedule == NULL)
    goto failed;
  d->sampler = ddpm_sampler_new (schedule, model->config.data_range, spec,
      error);
  if (d->sampler == NULL)
    goto failed;
  d->unet = ddpm_unet_new (&model->config, backend, batch, width, height,
      FALSE, error);
  if (d->unet == NULL)
    goto failed;
  d->elements = width * height * model->config.image_channels;
  d->t = g_try_new0 (gint, batch);
  if (d->t == NULL)
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
  g_clear_error (&d->failure);
  ddpm_sampler_free (d->sampler);
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

static void
upload_state (gpointer data)
{
  Call *call = data;
  DdpmDenoiser *d = call->denoiser;

  d->backend->ops->upload (d->backend, d->x, call->in, state_size (d));
}

void
ddpm_denoiser_begin (DdpmDenoiser * d, const gfloat * x, guint64 seed,
    guint64 first_sample)
{
  Call call = { d, x, NULL, FALSE };

  d->seed = seed;
  d->first_sample = first_sample;
  d->step = 0;
  g_clear_error (&d->failure);
  d->backend->ops->run (d->backend, upload_state, &call);
}

static void
run_step (gpointer data)
{
  DdpmDenoiser *d = data;
  const DdpmSamplerStep *step = &d->sampler->steps[d->step];
  guint i;

  for (i = 0; i < d->batch; i++)
    d->t[i] = step->t;
  ddpm_unet_forward (d->unet, d->x, d->t, NULL, d->eps);
  d->backend->ops->reverse_step (d->backend, &step->coefs, d->seed,
      d->first_sample, d->batch, d->elements, d->x, d->eps, d->x_0_prev);
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

/* Only what has been read has been computed: a device may run behind. */
gboolean
ddpm_denoiser_read (DdpmDenoiser * d, gfloat * x, GError ** error)
{
  Call call = { d, NULL, x, FALSE };

  if (d->failure == NULL) {
    d->backend->ops->run (d->backend, download_state, &call);
    ddpm_backend_check (d->backend, &d->failure);
  }
  if (d->failure == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (d->failure));
  return FALSE;
}
