/* gst-ddpm: images to noisy states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/diffuser.h"

#include <math.h>

#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/pixels.h"
#include "gst-ddpm/model/require.h"
#include "gst-ddpm/sample/private.h"
#include "kernels/ops.h"

struct _DdpmDiffuser
{
  DdpmModel *model;
  DdpmBackend *backend;
  guint batch, elements;        /* elements: floats of one image */
  guint interval;               /* from keyframe to keyframe; 0: there are none */
  gfloat *signal, *noise;       /* [batch]: the same factors for each image */
  gfloat *host_x_0;             /* (batch, elements) */
  float *x_0, *x;               /* (batch, elements) of the backend */
};

static gsize
state_size (const DdpmDiffuser * d)
{
  return (gsize) d->batch * d->elements * sizeof (float);
}

static gboolean
check (const DdpmConfig * config, guint batch, guint width, guint height,
    guint state, GError ** error)
{
  return ddpm_require (batch >= 1 && batch <= DDPM_MAX_BATCH, error,
      "a batch has 1 to %u images, not %u", DDPM_MAX_BATCH, batch)
      && ddpm_require (width >= 1 && width <= DDPM_MAX_IMAGE_SIZE
      && height >= 1 && height <= DDPM_MAX_IMAGE_SIZE, error,
      "an image has 1x1 to %ux%u pixels, not %ux%u", DDPM_MAX_IMAGE_SIZE,
      DDPM_MAX_IMAGE_SIZE, width, height)
      && ddpm_require (state <= config->timesteps, error,
      "a model of %u timesteps has no state %u", config->timesteps, state);
}

/* The same for every image: x_s = signal x_0 + noise eps */
static gboolean
set_level (DdpmDiffuser * d, guint state, GError ** error)
{
  g_autoptr (DdpmSchedule) schedule =
      ddpm_schedule_new (&d->model->config, error);

  if (schedule == NULL)
    return FALSE;
  for (guint i = 0; i < d->batch; i++) {
    d->signal[i] = state > 0 ? schedule->sqrt_alphas_bar[state - 1] : 1.0;
    d->noise[i] =
        state > 0 ? schedule->sqrt_one_minus_alphas_bar[state - 1] : 0.0;
  }
  return TRUE;
}

static gboolean
alloc_memory (DdpmDiffuser * d, GError ** error)
{
  d->signal = g_try_new (gfloat, d->batch);
  d->noise = g_try_new (gfloat, d->batch);
  d->host_x_0 = g_try_malloc (state_size (d));
  if (d->signal && d->noise && d->host_x_0) {
    d->x_0 = ddpm_backend_alloc (d->backend, state_size (d));
    d->x = ddpm_backend_alloc (d->backend, state_size (d));
  }
  if (d->x_0 && d->x)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for a batch of %u images of %u numbers", d->batch,
      d->elements);
  return FALSE;
}

DdpmDiffuser *
ddpm_diffuser_new (DdpmModel * model, DdpmBackend * backend, guint batch,
    guint width, guint height, guint state, GError ** error)
{
  g_autoptr (DdpmDiffuser) d = NULL;

  if (!check (&model->config, batch, width, height, state, error))
    return NULL;
  d = g_atomic_rc_box_new0 (DdpmDiffuser);
  d->model = ddpm_model_ref (model);
  d->backend = ddpm_backend_ref (backend);
  d->batch = batch;
  d->elements = width * height * model->config.image_channels;
  if (!alloc_memory (d, error) || !set_level (d, state, error)
      || !ddpm_backend_check (backend, error))
    return NULL;
  return g_steal_pointer (&d);
}

static void
clear_diffuser (gpointer data)
{
  DdpmDiffuser *d = data;

  ddpm_backend_free (d->backend, d->x_0);
  ddpm_backend_free (d->backend, d->x);
  g_free (d->host_x_0);
  g_free (d->signal);
  g_free (d->noise);
  ddpm_backend_unref (d->backend);
  ddpm_model_unref (d->model);
}

DDPM_DEFINE_BOXED (DdpmDiffuser, ddpm_diffuser, clear_diffuser);

void
ddpm_diffuser_set_keyframes (DdpmDiffuser * d, guint interval)
{
  d->interval = interval;
}

/* Arguments of diffuse () */
typedef struct
{
  DdpmDiffuser *d;
  guint64 seed, first_sample;
} Diffuse;

static void
diffuse (gpointer data)
{
  const Diffuse *a = data;
  const DdpmDiffuser *d = a->d;
  const DdpmOps *ops = d->backend->ops;

  ops->noise (d->backend, a->seed, a->first_sample, DDPM_STREAM_X_T,
      d->interval, d->batch, d->elements, d->x);
  ops->q_sample (d->backend, d->batch, d->elements, d->signal, d->noise,
      d->x_0, d->x, d->x);
}

gboolean
ddpm_diffuser_run (DdpmDiffuser * d, const guint8 * pixels, guint64 seed,
    guint64 first_sample, gfloat * x, GError ** error)
{
  Diffuse arguments = { d, seed, first_sample };

  ddpm_pixels_to_float (d->model->config.data_range, pixels,
      (gsize) d->batch * d->elements, d->host_x_0);
  ddpm_backend_upload (d->backend, d->x_0, d->host_x_0, state_size (d));
  ddpm_backend_run (d->backend, diffuse, &arguments);
  ddpm_backend_download (d->backend, x, d->x, state_size (d));
  return ddpm_backend_check (d->backend, error);
}

/* The state of sampler, from the noisiest on, that is nearest to state */
static guint
get_nearest (const DdpmSampler * sampler, guint state)
{
  guint nearest = sampler->steps[0].state;

  for (guint i = 1; i < sampler->n_steps; i++) {
    const guint other = sampler->steps[i].state;

    if (ABS ((gint) other - (gint) state) < ABS ((gint) nearest - (gint) state))
      nearest = other;
  }
  return nearest;
}

guint
ddpm_diffuser_choose_state (const DdpmConfig * config, guint state)
{
  g_autoptr (DdpmSchedule) schedule = NULL;
  g_autoptr (DdpmSampler) sampler = NULL;
  DdpmSamplerSpec spec;

  if (config->steps == 0)
    return state;
  schedule = ddpm_schedule_new (config, NULL);
  if (schedule == NULL)
    return state;
  ddpm_sampler_spec_init (&spec, config);
  sampler = ddpm_sampler_new (schedule, config, &spec, NULL);
  return sampler ? get_nearest (sampler, state) : state;
}
