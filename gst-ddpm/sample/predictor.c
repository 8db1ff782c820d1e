/* gst-ddpm: what a model says of a batch of states, guided
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/predictor.h"

#include <string.h>

#include "gst-ddpm/model/labels.h"

typedef struct
{
  DdpmPredictor *predictor;
  gboolean ok;
} TakeMemory;

static gsize
size_of_rows (const DdpmPredictor * p, guint rows)
{
  return (gsize) rows *p->elements * sizeof (float);
}

/* A backend that computes in host memory reads the model's own weights. */
static gboolean
load_weights (DdpmPredictor * p)
{
  const DdpmOps *ops = p->backend->ops;
  gsize size = p->model->params->total * sizeof (float);

  if (p->backend->host_memory) {
    ddpm_unet_set_weights (p->unet, p->model->weights);
    return TRUE;
  }
  p->weights = ops->alloc (p->backend, size);
  if (p->weights == NULL)
    return FALSE;
  ops->upload (p->backend, p->weights, p->model->weights, size);
  ddpm_unet_set_weights (p->unet, p->weights);
  return TRUE;
}

static void
take_memory (gpointer data)
{
  TakeMemory *take = data;
  DdpmPredictor *p = take->predictor;

  p->x = p->backend->ops->alloc (p->backend, size_of_rows (p, p->rows));
  p->out = p->backend->ops->alloc (p->backend, size_of_rows (p, p->rows));
  take->ok = p->x && p->out && load_weights (p);
}

static gboolean
is_guided (const DdpmModel * model, gdouble guidance)
{
  return model->config.classes > 0 && guidance != 0.0 && guidance != 1.0;
}

DdpmPredictor *
ddpm_predictor_new (DdpmModel * model, DdpmBackend * backend, guint batch,
    guint width, guint height, gdouble guidance, GError ** error)
{
  DdpmPredictor *p = g_new0 (DdpmPredictor, 1);
  TakeMemory take = { p, FALSE };

  p->model = ddpm_model_ref (model);
  p->backend = ddpm_backend_ref (backend);
  p->batch = batch;
  p->guidance = guidance;
  p->rows = !is_guided (model, guidance) ? batch
      : batch <= G_MAXUINT / 2 ? 2 * batch : G_MAXUINT;
  p->unet = ddpm_unet_new (&model->config, backend, p->rows, width, height,
      FALSE, error);
  if (p->unet == NULL)
    goto failed;
  p->elements = width * height * model->config.image_channels;
  p->t = g_try_new0 (gint, p->rows);
  p->labels = g_try_new (gint, p->rows);
  if (p->t == NULL || p->labels == NULL)
    goto no_memory;
  for (guint i = 0; i < p->rows; i++)
    p->labels[i] = DDPM_NO_LABEL;
  backend->ops->run (backend, take_memory, &take);
  if (!take.ok)
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  return p;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of %s and a batch of %u", model->location ?
      model->location : "the model", batch);
failed:
  ddpm_predictor_free (p);
  return NULL;
}

static void
free_memory (gpointer data)
{
  DdpmPredictor *p = data;
  const DdpmOps *ops = p->backend->ops;

  ops->free (p->backend, p->x);
  ops->free (p->backend, p->out);
  ops->free (p->backend, p->weights);
}

void
ddpm_predictor_free (DdpmPredictor * p)
{
  if (p == NULL)
    return;
  ddpm_unet_free (p->unet);
  p->backend->ops->run (p->backend, free_memory, p);
  g_free (p->t);
  g_free (p->labels);
  ddpm_backend_unref (p->backend);
  ddpm_model_unref (p->model);
  g_free (p);
}

/* Both predictions that guidance is made of come from one pass. They belong to
 * one x_t, and so what guides eps guides v. */
void
ddpm_predictor_run (DdpmPredictor * p)
{
  const DdpmOps *ops = p->backend->ops;
  const gsize count = (gsize) p->batch * p->elements;
  const gboolean guided = p->rows != p->batch;

  if (guided) {
    memcpy (p->t + p->batch, p->t, p->batch * sizeof (gint));
    ops->copy (p->backend, p->x + count, p->x, size_of_rows (p, p->batch));
  }
  ddpm_unet_forward (p->unet, p->x, p->t,
      p->guidance == 0.0 ? NULL : p->labels, NULL, p->out);
  if (guided)
    ops->guide (p->backend, count, p->guidance, p->out + count, p->out);
}
