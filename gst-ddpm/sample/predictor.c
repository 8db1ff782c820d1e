/* gst-ddpm: what a model predicts for a batch of states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/sample/private.h"
#include "kernels/timer.h"

static const DdpmClass no_class = { DDPM_NO_LABEL, DDPM_NO_LABEL, 0.0f };

static gsize
size_of_rows (const DdpmPredictor * p, guint rows)
{
  return (gsize) rows *p->elements * sizeof (float);
}

static gboolean
alloc_memory (DdpmPredictor * p)
{
  p->t = g_try_new0 (gint, p->rows);
  p->labels = g_try_new (gint, p->rows);
  p->classes = g_try_new (DdpmClass, p->rows);
  p->x = ddpm_backend_alloc (p->backend, size_of_rows (p, p->rows));
  p->out = ddpm_backend_alloc (p->backend, size_of_rows (p, p->rows));
  if (p->model->config.learned_variance) {
    p->variance = ddpm_backend_alloc (p->backend, size_of_rows (p, p->rows));
    p->both = ddpm_backend_alloc (p->backend, 2 * size_of_rows (p, p->rows));
    if (p->variance == NULL || p->both == NULL)
      return FALSE;
  }
  if (p->t == NULL || p->labels == NULL || p->classes == NULL || p->x == NULL
      || p->out == NULL)
    return FALSE;
  for (guint i = 0; i < p->rows; i++) {
    p->labels[i] = DDPM_NO_LABEL;
    p->classes[i] = no_class;
  }
  return TRUE;
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
  DdpmPredictor *p = g_atomic_rc_box_new0 (DdpmPredictor);

  p->model = ddpm_model_ref (model);
  p->backend = ddpm_backend_ref (backend);
  p->batch = batch;
  p->guidance = guidance;
  p->rows = !is_guided (model, guidance) ? batch
      : batch <= G_MAXUINT / 2 ? 2 * batch : G_MAXUINT;
  p->network = ddpm_network_new (model, backend, p->rows, width, height, error);
  if (p->network == NULL)
    goto failed;
  p->elements = width * height * model->config.image_channels;
  if (!alloc_memory (p))
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  return p;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for a batch of %u states", batch);
failed:
  ddpm_predictor_free (p);
  return NULL;
}

static void
clear_predictor (gpointer data)
{
  DdpmPredictor *p = data;

  ddpm_network_free (p->network);
  ddpm_backend_free_plans (p->backend, &p->graph_plan, 1);
  ddpm_backend_free (p->backend, p->x);
  ddpm_backend_free (p->backend, p->out);
  ddpm_backend_free (p->backend, p->variance);
  ddpm_backend_free (p->backend, p->both);
  g_free (p->t);
  g_free (p->labels);
  g_free (p->classes);
  ddpm_backend_unref (p->backend);
  ddpm_model_unref (p->model);
}

DDPM_DEFINE_BOXED (DdpmPredictor, ddpm_predictor, clear_predictor);

void
ddpm_predictor_set_cancel (DdpmPredictor * p, DdpmCancelFunc func,
    gpointer data)
{
  p->cancel_func = func;
  p->cancel_data = data;
}

gboolean
ddpm_predictor_set_guidance (DdpmPredictor * p, gdouble guidance)
{
  if (is_guided (p->model, guidance) != (p->rows != p->batch))
    return FALSE;
  p->guidance = guidance;
  ddpm_backend_free_plans (p->backend, &p->graph_plan, 1);
  p->graph_plan = NULL;
  return TRUE;
}

void
ddpm_predictor_mix (DdpmPredictor * p)
{
  if (p->mixes)
    return;
  p->mixes = TRUE;
  ddpm_backend_free_plans (p->backend, &p->graph_plan, 1);
  p->graph_plan = NULL;
}

/* What the network sees as the class of a row */
static DdpmClass
get_class (const DdpmPredictor * p, guint i)
{
  const DdpmClass label = { p->labels[i], DDPM_NO_LABEL, 0.0f };

  return p->guidance == 0.0 ? no_class : p->mixes ? p->classes[i] : label;
}

void
ddpm_predictor_prepare (DdpmPredictor * p, guint n, const gint * next)
{
  DdpmUnet *unet = p->network->unet;
  gboolean waiting = FALSE;

  for (guint i = 0; i < p->rows; i++)
    waiting = ddpm_unet_keep_time (unet, p->t[i % p->batch], get_class (p, i));
  for (guint k = 0; k < n && waiting; k++) {
    for (guint i = 0; i < p->rows && waiting; i++)
      waiting = ddpm_unet_keep_time (unet, next[k], get_class (p, i));
  }
  ddpm_unet_compute_times (unet);
}

/* Predicts out for all rows. The last pass has as many images as the others, some
 * of them once more. */
static gboolean
run_passes (DdpmPredictor * p)
{
  const guint images = p->network->images;
  const gint *labels = p->guidance == 0.0 ? NULL : p->labels;
  const guint c = p->model->config.image_channels;
  float *out = p->both ? p->both : p->out;
  const gsize elements = p->both ? 2 * (gsize) p->elements : p->elements;

  for (guint row = 0; row < p->rows; row += images) {
    const guint first = MIN (row, p->rows - images);

    ddpm_unet_set_classes (p->network->unet,
        labels && p->mixes ? p->classes + first : NULL);
    if (!ddpm_unet_forward (p->network->unet,
            p->x + (gsize) first * p->elements, p->t + first,
            labels ? labels + first : NULL, NULL, out + first * elements))
      return FALSE;
  }
  if (p->both)
    p->backend->ops->split_channels (p->backend,
        (gsize) p->rows * p->elements / c, c, p->both, p->out, p->variance);
  return TRUE;
}

/* Both predictions that guidance is made of come from one pass. They belong to
 * one x_t, and so what guides eps guides v and x_0. The variance is that of the
 * prediction with a label. */
gboolean
ddpm_predictor_run (DdpmPredictor * p)
{
  const gsize count = (gsize) p->batch * p->elements;
  const gboolean guided = p->rows != p->batch;

  if (guided) {
    memcpy (p->t + p->batch, p->t, p->batch * sizeof (gint));
    ddpm_backend_copy (p->backend, p->x + count, p->x, size_of_rows (p,
            p->batch));
  }
  ddpm_unet_set_cancel (p->network->unet, p->cancel_func, p->cancel_data);
  if (!run_passes (p))
    return FALSE;
  if (guided) {
    ddpm_timer_start (p->backend);
    p->backend->ops->guide (p->backend, count, p->guidance, p->out + count,
        p->out);
    ddpm_timer_lap (p->backend, DDPM_TIMER_DIFFUSION, 0.0);
  }
  return TRUE;
}

static void
run (gpointer data)
{
  ddpm_predictor_run (data);
}

static void
run_in_graph (gpointer data)
{
  DdpmPredictor *p = data;

  ddpm_predictor_prepare (p, 0, NULL);
  if (p->graph_plan == NULL)
    p->graph_plan = ddpm_graph_plan_new (p->backend);
  ddpm_graph_plan_run (p->graph_plan, run, p);
}

gboolean
ddpm_predictor_predict (DdpmPredictor * p, const gfloat * x_t, const gint * t,
    const gint * labels, gfloat * out, GError ** error)
{
  const gsize size = size_of_rows (p, p->batch);

  memcpy (p->t, t, p->batch * sizeof (gint));
  for (guint i = 0; i < p->batch; i++) {
    p->labels[i] = labels ? labels[i] : DDPM_NO_LABEL;
    p->classes[i] = no_class;
    p->classes[i].label = p->labels[i];
  }
  if (x_t)
    ddpm_backend_upload (p->backend, p->x, x_t, size);
  ddpm_backend_run (p->backend, run_in_graph, p);
  if (out)
    ddpm_backend_download (p->backend, out, p->out, size);
  else
    ddpm_backend_wait (p->backend);
  return ddpm_backend_check (p->backend, error);
}

gdouble
ddpm_predictor_count_flops (const DdpmConfig * config, guint width,
    guint height)
{
  return ddpm_unet_count_flops (config, width, height);
}
