/* gst-ddpm: the networks of predictors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/network.h"

#include <math.h>

#include "gst-ddpm/model/shared.h"

/* Arguments of make_weights () and make_network () */
typedef struct
{
  const gchar *key;
  DdpmModel *model;
  DdpmBackend *backend;
  guint rows, width, height;
  guint images;                 /* of one pass */
} Arguments;

/* 32 images of the notebook's network. With more, its operations take no less
 * time for each image, but need more memory, and take longer to cancel. */
gdouble ddpm_network_pass_flops = 4e11;

/* --- weights on a device -------------------------------------------------- */

static void
free_weights (DdpmDeviceWeights * weights)
{
  ddpm_backend_free (weights->backend, weights->data);
  ddpm_backend_unref (weights->backend);
  ddpm_model_unref (weights->model);
  g_free (weights->key);
  g_free (weights);
}

/* Waits, because the streams of other backends may read the weights next. */
static gpointer
make_weights (gpointer data, GError ** error)
{
  const Arguments *a = data;
  const gsize size = a->model->params->total * sizeof (float);
  DdpmDeviceWeights *weights = g_new0 (DdpmDeviceWeights, 1);

  g_atomic_ref_count_init (&weights->refcount);
  weights->key = g_strdup (a->key);
  weights->model = ddpm_model_ref (a->model);
  weights->backend = ddpm_backend_ref (a->backend);
  weights->data = ddpm_backend_alloc (a->backend, size);
  if (weights->data == NULL)
    goto no_memory;
  ddpm_backend_upload (a->backend, weights->data, a->model->weights, size);
  ddpm_backend_wait (a->backend);
  if (ddpm_backend_check (a->backend, error))
    return weights;
  free_weights (weights);
  return NULL;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of %s", a->model->location ?
      a->model->location : "the model");
  free_weights (weights);
  return NULL;
}

static DdpmDeviceWeights *
weights_new (Arguments a, GError ** error)
{
  const gpointer context = ddpm_backend_get_context (a.backend);
  g_autofree gchar *key = context ?
      g_strdup_printf ("weights of %p in context %p", a.model, context) : NULL;

  a.key = key;
  return key ? ddpm_shared_get (key, make_weights, &a, error)
      : make_weights (&a, error);
}

/* --- networks ------------------------------------------------------------- */

/* A backend that computes in host memory reads the model's own weights. */
static gboolean
load_weights (DdpmNetwork * network, const Arguments * a, GError ** error)
{
  if (!network->backend->host_memory) {
    network->weights = weights_new (*a, error);
    if (network->weights == NULL)
      return FALSE;
  }
  ddpm_unet_load_weights (network->unet, network->weights ?
      network->weights->data : network->model->weights);
  return TRUE;
}

static void
free_network (DdpmNetwork * network)
{
  DdpmDeviceWeights *weights = network->weights;

  ddpm_unet_free (network->unet);
  /* which the device may still read */
  if (weights)
    ddpm_backend_wait (network->backend);
  if (weights && (weights->key == NULL
          || ddpm_shared_drop (weights->key, weights)))
    free_weights (weights);
  ddpm_backend_unref (network->backend);
  ddpm_model_unref (network->model);
  g_free (network->key);
  g_free (network);
}

/* x and out of a predictor, and a state more for its caller; and what a learned
 * variance takes */
static gsize
size_of_states (const Arguments * a)
{
  const gsize states = a->model->config.learned_variance ? 6 : 3;

  return states * sizeof (float) * a->rows * a->width * a->height
      * a->model->config.image_channels;
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
  network->images = a->images;
  network->unet = ddpm_unet_new (&a->model->config, a->backend, a->images,
      a->width, a->height, FALSE, size_of_states (a), error);
  if (network->unet && load_weights (network, a, error))
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
      ddpm_backend_get_precision_name (a->backend), b->device, a->images,
      a->width, a->height);
}

/* A device is fast only when it has much to do at once. What the network must
 * refuse, it gets. */
static guint
choose_images (const Arguments * a)
{
  const DdpmConfig *config = &a->model->config;
  gdouble most;
  guint passes;

  if (!a->backend->host_memory || a->rows > 2 * DDPM_MAX_BATCH
      || !ddpm_config_check_size (config, a->width, a->height, NULL))
    return a->rows;
  most = ddpm_network_pass_flops
      / ddpm_unet_count_flops (config, a->width, a->height);
  most = MAX (most, 1.0);
  passes = ceil (a->rows / most);
  return passes <= 1 ? a->rows : (a->rows - 1) / passes + 1;
}

DdpmNetwork *
ddpm_network_new (DdpmModel * model, DdpmBackend * backend, guint rows,
    guint width, guint height, GError ** error)
{
  Arguments a = { NULL, model, backend, rows, width, height, 0 };
  g_autofree gchar *key = NULL;

  a.images = choose_images (&a);
  a.key = key = make_key (&a);
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
