/* gst-ddpm: test networks, forward and backward, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/net.h"

/* A network with the weights of a model in backend memory; NULL: with those of
 * the oracle */
typedef struct
{
  const DdpmModel *model;
  DdpmBackend *backend;
  DdpmConfig config;
  DdpmParams *params;
  DdpmUnet *unet;
  guint batch;
  gsize elements, out_elements; /* of one image, and of its output */
  gboolean training;
  gfloat *weights, *x_t, *out, *deps, *grads;
} Net;

/* One pass on host data */
typedef struct
{
  Net *net;
  const gfloat *x_t, *eps;
  const gint *t, *labels;
  const DdpmDropout *drop;
  gfloat *out, *grads;
  gdouble loss;
} Pass;

static void
net_alloc (gpointer data)
{
  Net *net = data;
  const DdpmOps *ops = net->backend->ops;
  gsize size = net->batch * net->elements * sizeof (gfloat);
  gsize out_size = net->batch * net->out_elements * sizeof (gfloat);
  g_autofree gfloat *arena = g_new (gfloat, net->params->total);

  if (net->model)
    memcpy (arena, net->model->weights, net->params->total * 4);
  else
    test_weights_fill (net->params, &net->config, arena);
  net->weights = ops->alloc (net->backend, net->params->total * 4);
  net->x_t = ops->alloc (net->backend, size);
  net->out = ops->alloc (net->backend, out_size);
  net->deps = ops->alloc (net->backend, out_size);
  net->grads = ops->alloc (net->backend, net->params->trainable * 4);
  ops->upload (net->backend, net->weights, arena, net->params->total * 4);
  ddpm_unet_set_weights (net->unet, net->weights);
}

static void
net_free (gpointer data)
{
  Net *net = data;
  const DdpmOps *ops = net->backend->ops;

  ops->free (net->backend, net->weights);
  ops->free (net->backend, net->x_t);
  ops->free (net->backend, net->out);
  ops->free (net->backend, net->deps);
  ops->free (net->backend, net->grads);
}

/* config and model are set. */
static void
net_init_sized (Net * net, DdpmBackend * backend, guint batch, guint width,
    guint height, gboolean training)
{
  net->backend = ddpm_backend_ref (backend);
  net->params = assert_ok (ddpm_params_new (&net->config, &error));
  net->unet = assert_ok (ddpm_unet_new (&net->config, net->backend, batch,
          width, height, training, 0, &error));
  net->batch = batch;
  net->training = training;
  net->elements = (gsize) width *height * net->config.image_channels;
  net->out_elements =
      (gsize) width *height * ddpm_config_get_out_channels (&net->config);
  net->backend->ops->run (net->backend, net_alloc, net);
}

static void
net_init (Net * net, DdpmBackend * backend, TestNet make, guint batch,
    gboolean training)
{
  guint width, height;

  memset (net, 0, sizeof (*net));
  make (&net->config, &width, &height);
  net_init_sized (net, backend, batch, width, height, training);
}

static void
net_clear (Net * net)
{
  net->backend->ops->run (net->backend, net_free, net);
  ddpm_unet_free (net->unet);
  ddpm_params_free (net->params);
  ddpm_backend_unref (net->backend);
}

static void
run_pass (gpointer data)
{
  Pass *p = data;
  Net *net = p->net;
  const DdpmOps *ops = net->backend->ops;
  gsize count = net->batch * net->out_elements, i;
  g_autofree gfloat *deps = g_new0 (gfloat, count);

  ops->upload (net->backend, net->x_t, p->x_t, net->batch * net->elements * 4);
  ddpm_unet_forward (net->unet, net->x_t, p->t, p->labels, p->drop, net->out);
  ops->download (net->backend, p->out, net->out, count * 4);
  if (!net->training)
    return;
  for (i = 0; i < count; i++) {
    gdouble d = (gdouble) p->out[i] - p->eps[i];

    p->loss += d * d / count;
    deps[i] = 2 * d / count;
  }
  ops->upload (net->backend, net->deps, deps, count * 4);
  ddpm_unet_backward (net->unet, net->x_t, p->labels, p->drop, net->deps,
      net->grads, FALSE);
  ops->download (net->backend, p->grads, net->grads,
      net->params->trainable * 4);
}

static void
net_run (Net * net, Pass * p)
{
  net->backend->ops->run (net->backend, run_pass, p);
  assert_ok (ddpm_backend_check (net->backend, &error));
}

void
check_against_pytorch (DdpmBackend * backend, TestNet make, const gchar * file)
{
  TestDump *dump = test_dump_open (file);
  Net net;
  Pass p = { &net };
  gsize count;
  guint i;

  net_init (&net, backend, make, 3, TRUE);
  count = net.batch * net.out_elements;
  p.x_t = test_dump_get_floats (dump, "x_t", net.batch * net.elements);
  p.eps = test_dump_get_floats (dump, "eps", count);
  p.t = test_dump_get (dump, "t", NULL);
  if (net.config.classes > 0)
    p.labels = test_dump_get (dump, "labels", NULL);
  p.out = g_new (gfloat, count);
  p.grads = g_new (gfloat, net.params->trainable);
  net_run (&net, &p);

  g_assert_cmpfloat (test_relative_distance (p.out, test_dump_get_floats (dump,
              "out", count), count), <, 1e-5);
  g_assert_cmpfloat_with_epsilon (p.loss, test_dump_get_floats (dump, "loss",
          1)[0], 1e-5 * p.loss);
  for (i = 0; i + 1 < net.params->n_params; i++)
    test_summary_check (dump, "g.", &net.params->params[i],
        p.grads + net.params->params[i].offset, 1e-4);

  g_free (p.out);
  g_free (p.grads);
  net_clear (&net);
  test_dump_free (dump);
}

gdouble
compare_model_with_dump (DdpmBackend * backend, const DdpmModel * model,
    guint batch, guint width, guint height, const gchar * file)
{
  g_autoptr (TestDump) dump = test_dump_open (file);
  Net net = {.model = model,.config = model->config };
  Pass p = { &net };
  gdouble distance;
  gsize count;

  net_init_sized (&net, backend, batch, width, height, FALSE);
  count = net.batch * net.out_elements;
  p.x_t = test_dump_get_floats (dump, "x_t", net.batch * net.elements);
  p.t = test_dump_get (dump, "t", NULL);
  if (net.config.classes > 0)
    p.labels = test_dump_get (dump, "labels", NULL);
  p.out = g_new (gfloat, count);
  net_run (&net, &p);
  distance = test_relative_distance (p.out, test_dump_get_floats (dump, "out",
          count), count);
  g_free (p.out);
  net_clear (&net);
  return distance;
}

gfloat *
evaluate_net (DdpmBackend * backend, TestNet make, guint batch,
    guint64 first_sample, gboolean training, const DdpmDropout * drop,
    gfloat ** grads)
{
  Net net;
  Pass p = { &net };
  g_autofree gfloat *x_t = NULL, *eps = NULL;
  g_autofree gint *t = g_new (gint, batch), *labels = g_new (gint, batch);
  guint i;

  net_init (&net, backend, make, batch, training);
  x_t = g_new (gfloat, batch * net.elements);
  eps = g_new (gfloat, batch * net.out_elements);
  for (i = 0; i < batch; i++) {
    ddpm_noise_normal (7, first_sample + i, 0, 0, net.elements,
        x_t + i * net.elements);
    ddpm_noise_normal (7, first_sample + i, 1, 0, net.out_elements,
        eps + i * net.out_elements);
    t[i] = (first_sample + i) % net.config.timesteps;
    labels[i] = (first_sample + i) % MAX (net.config.classes, 1);
  }
  p.x_t = x_t;
  p.eps = eps;
  p.t = t;
  p.labels = net.config.classes > 0 ? labels : NULL;
  p.drop = drop;
  p.out = g_new (gfloat, batch * net.out_elements);
  if (training)
    p.grads = *grads = g_new (gfloat, net.params->trainable);
  net_run (&net, &p);
  net_clear (&net);
  return p.out;
}

gfloat *
evaluate (DdpmBackend * backend, guint batch, guint64 first_sample,
    gboolean training, const DdpmDropout * drop, gfloat ** grads)
{
  return evaluate_net (backend, test_net_square_dropout, batch, first_sample,
      training, drop, grads);
}
