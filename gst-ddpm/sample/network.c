/* gst-ddpm: the networks of predictors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/network.h"
#include "gst-ddpm/model/shared.h"

/* Arguments of make_network () */
typedef struct
{
  const gchar *key;
  DdpmModel *model;
  DdpmBackend *backend;
  guint rows, width, height;
} Arguments;

/* A backend that computes in host memory reads the model's own weights. */
static gboolean
load_weights (DdpmNetwork * network, GError ** error)
{
  const DdpmModel *model = network->model;
  const gsize size = model->params->total * sizeof (float);

  if (network->backend->host_memory) {
    ddpm_unet_load_weights (network->unet, model->weights);
    return TRUE;
  }
  network->weights = ddpm_backend_alloc (network->backend, size);
  if (network->weights == NULL)
    goto no_memory;
  ddpm_backend_upload (network->backend, network->weights, model->weights,
      size);
  ddpm_unet_load_weights (network->unet, network->weights);
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of %s", model->location ?
      model->location : "the model");
  return FALSE;
}

static void
free_network (DdpmNetwork * network)
{
  ddpm_unet_free (network->unet);
  ddpm_backend_free (network->backend, network->weights);
  ddpm_backend_unref (network->backend);
  ddpm_model_unref (network->model);
  g_free (network->key);
  g_free (network);
}

static gpointer
make_network (gpointer data, GError ** error)
{
  const Arguments *a = data;
  DdpmNetwork *network = g_new0 (DdpmNetwork, 1);

  g_atomic_ref_count_init (&network->refcount);
  network->key = g_strdup (a->key);
  network->model = ddpm_model_ref (a->model);
  network->backend = ddpm_backend_ref (a->backend);
  network->unet = ddpm_unet_new (&a->model->config, a->backend, a->rows,
      a->width, a->height, FALSE, error);
  if (network->unet && load_weights (network, error))
    return network;
  free_network (network);
  return NULL;
}

/* The backends of one device text are alike. Measurements are of one backend. */
static gchar *
make_key (const Arguments * a)
{
  const DdpmBackend *b = a->backend;

  if (!b->one_thread || b->timer)
    return NULL;
  return g_strdup_printf ("network of %p in %s on %s: %u of %ux%u", a->model,
      ddpm_backend_get_precision_name (a->backend), b->device, a->rows,
      a->width, a->height);
}

DdpmNetwork *
ddpm_network_new (DdpmModel * model, DdpmBackend * backend, guint rows,
    guint width, guint height, GError ** error)
{
  Arguments a = { NULL, model, backend, rows, width, height };
  g_autofree gchar *key = make_key (&a);

  a.key = key;
  return key ? ddpm_shared_get (key, make_network, &a, error)
      : make_network (&a, error);
}

void
ddpm_network_free (DdpmNetwork * network)
{
  if (network && (network->key == NULL
          || ddpm_shared_drop (network->key, network)))
    free_network (network);
}
