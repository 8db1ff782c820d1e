/* gst-ddpm: the UNet against PyTorch and against itself
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <math.h>
#include <string.h>

#include "../gst-ddpm/ddpm-unet.h"
#include "test-weights.h"

/* of those that every build has, or this one */
#if HAVE_CPU_BACKEND
#define LAST_BACKEND DDPM_BACKEND_CPU
#else
#define LAST_BACKEND DDPM_BACKEND_REFERENCE
#endif

typedef void (*TestNet) (DdpmConfig * config, guint * width, guint * height);

/* A network with the weights of the oracle in backend memory */
typedef struct
{
  DdpmBackend *backend;
  DdpmConfig config;
  DdpmParams *params;
  DdpmUnet *unet;
  guint batch;
  gsize elements;               /* of one image */
  gboolean training;
  gfloat *weights, *x_t, *out, *deps, *grads;
} Net;

static void
net_take_memory (gpointer data)
{
  Net *net = data;
  const DdpmOps *ops = net->backend->ops;
  gsize size = net->batch * net->elements * sizeof (gfloat);
  g_autofree gfloat *arena = g_new (gfloat, net->params->total);

  test_weights_fill (net->params, &net->config, arena);
  net->weights = ops->alloc (net->backend, net->params->total * 4);
  net->x_t = ops->alloc (net->backend, size);
  net->out = ops->alloc (net->backend, size);
  net->deps = ops->alloc (net->backend, size);
  net->grads = ops->alloc (net->backend, net->params->trainable * 4);
  ops->upload (net->backend, net->weights, arena, net->params->total * 4);
  ddpm_unet_set_weights (net->unet, net->weights);
}

static void
net_give_memory (gpointer data)
{
  Net *net = data;
  const DdpmOps *ops = net->backend->ops;

  ops->free (net->backend, net->weights);
  ops->free (net->backend, net->x_t);
  ops->free (net->backend, net->out);
  ops->free (net->backend, net->deps);
  ops->free (net->backend, net->grads);
}

static void
net_init (Net * net, DdpmBackendKind kind, TestNet make, guint batch,
    gboolean training)
{
  GError *error = NULL;
  guint width, height;

  memset (net, 0, sizeof (*net));
  make (&net->config, &width, &height);
  net->backend = ddpm_backend_new (kind, DDPM_PRECISION_F32, 2, &error);
  g_assert_no_error (error);
  net->params = ddpm_params_new (&net->config, &error);
  g_assert_no_error (error);
  net->unet = ddpm_unet_new (&net->config, net->backend, batch, width, height,
      training, &error);
  g_assert_no_error (error);
  net->batch = batch;
  net->training = training;
  net->elements = (gsize) width *height * net->config.image_channels;
  net->backend->ops->run (net->backend, net_take_memory, net);
}

static void
net_clear (Net * net)
{
  net->backend->ops->run (net->backend, net_give_memory, net);
  ddpm_unet_free (net->unet);
  ddpm_params_free (net->params);
  ddpm_backend_unref (net->backend);
}

/* One pass on host data */
typedef struct
{
  Net *net;
  const gfloat *x_t, *eps;
  const gint *t;
  const DdpmDropout *drop;
  gfloat *out, *grads;
  gdouble loss;
} Pass;

static void
run_pass (gpointer data)
{
  Pass *p = data;
  Net *net = p->net;
  const DdpmOps *ops = net->backend->ops;
  gsize count = net->batch * net->elements, i;
  g_autofree gfloat *deps = g_new0 (gfloat, count);

  ops->upload (net->backend, net->x_t, p->x_t, count * 4);
  ddpm_unet_forward (net->unet, net->x_t, p->t, p->drop, net->out);
  ops->download (net->backend, p->out, net->out, count * 4);
  if (!net->training)
    return;
  for (i = 0; i < count; i++) {
    gdouble d = (gdouble) p->out[i] - p->eps[i];

    p->loss += d * d / count;
    deps[i] = 2 * d / count;
  }
  ops->upload (net->backend, net->deps, deps, count * 4);
  ddpm_unet_backward (net->unet, net->x_t, p->drop, net->deps, net->grads,
      FALSE);
  ops->download (net->backend, p->grads, net->grads,
      net->params->trainable * 4);
}

static gdouble
relative_distance (const gfloat * a, const gfloat * b, gsize count)
{
  gdouble d = 0, norm = 0;
  gsize i;

  for (i = 0; i < count; i++) {
    d += ((gdouble) a[i] - b[i]) * ((gdouble) a[i] - b[i]);
    norm += (gdouble) b[i] * b[i];
  }
  return sqrt (d / norm);
}

static void
check_against_pytorch (DdpmBackendKind kind, TestNet make, const gchar * file)
{
  TestDump *dump = test_dump_open (file);
  Net net;
  Pass p = { &net };
  gsize count;
  guint i;

  net_init (&net, kind, make, 3, TRUE);
  count = net.batch * net.elements;
  p.x_t = test_dump_get_floats (dump, "x_t", count);
  p.eps = test_dump_get_floats (dump, "eps", count);
  p.t = test_dump_get (dump, "t", NULL);
  p.out = g_new (gfloat, count);
  p.grads = g_new (gfloat, net.params->trainable);
  net.backend->ops->run (net.backend, run_pass, &p);

  g_assert_cmpfloat (relative_distance (p.out, test_dump_get_floats (dump,
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

static void
reference_agrees_with_pytorch (void)
{
  check_against_pytorch (DDPM_BACKEND_REFERENCE, test_net_square,
      "unet-square.safetensors");
  check_against_pytorch (DDPM_BACKEND_REFERENCE, test_net_oblong,
      "unet-oblong.safetensors");
}

static void
cpu_agrees_with_pytorch (void)
{
  check_against_pytorch (DDPM_BACKEND_CPU, test_net_square,
      "unet-square.safetensors");
  check_against_pytorch (DDPM_BACKEND_CPU, test_net_oblong,
      "unet-oblong.safetensors");
}

static void
test_net_square_dropout (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->dropout = 0.3;
}

static void
test_net_notebook (DdpmConfig * config, guint * width, guint * height)
{
  ddpm_config_init_defaults (config);
  config->dropout = 0;
  *width = *height = 32;
}

static void
cpu_agrees_with_pytorch_on_the_notebook_s_network (void)
{
  check_against_pytorch (DDPM_BACKEND_CPU, test_net_notebook,
      "unet-notebook.safetensors");
}

static gfloat *
evaluate (DdpmBackendKind kind, guint batch, guint64 first_sample,
    gboolean training, const DdpmDropout * drop, gfloat ** grads)
{
  Net net;
  Pass p = { &net };
  g_autofree gfloat *x_t = NULL, *eps = NULL;
  g_autofree gint *t = g_new (gint, batch);
  guint i;

  net_init (&net, kind, test_net_square_dropout, batch, training);
  x_t = g_new (gfloat, batch * net.elements);
  eps = g_new (gfloat, batch * net.elements);
  for (i = 0; i < batch; i++) {
    ddpm_noise_normal (7, first_sample + i, 0, 0, net.elements,
        x_t + i * net.elements);
    ddpm_noise_normal (7, first_sample + i, 1, 0, net.elements,
        eps + i * net.elements);
    t[i] = (first_sample + i) % net.config.timesteps;
  }
  p.x_t = x_t;
  p.eps = eps;
  p.t = t;
  p.drop = drop;
  p.out = g_new (gfloat, batch * net.elements);
  if (training)
    p.grads = *grads = g_new (gfloat, net.params->trainable);
  net.backend->ops->run (net.backend, run_pass, &p);
  net_clear (&net);
  return p.out;
}

static void
an_image_does_not_depend_on_its_batch (void)
{
  gsize elements = 3 * 8 * 8;
  guint kind;

  for (kind = DDPM_BACKEND_REFERENCE; kind <= LAST_BACKEND; kind++) {
    g_autofree gfloat *alone = evaluate (kind, 1, 5, FALSE, NULL, NULL);
    g_autofree gfloat *together = evaluate (kind, 8, 0, FALSE, NULL, NULL);

    if (kind == DDPM_BACKEND_REFERENCE)
      g_assert_cmpmem (alone, elements * 4, together + 5 * elements,
          elements * 4);
    g_assert_cmpfloat (relative_distance (alone, together + 5 * elements,
            elements), <, 1e-5);
  }
}

static void
memory_plan_of_training_gives_the_same_output_as_of_sampling (void)
{
  g_autofree gfloat *grads = NULL;
  g_autofree gfloat *trained =
      evaluate (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, NULL, &grads);
  g_autofree gfloat *sampled =
      evaluate (DDPM_BACKEND_REFERENCE, 2, 0, FALSE, NULL, NULL);

  g_assert_cmpmem (trained, 2 * 192 * 4, sampled, 2 * 192 * 4);
}

static void
reference_and_cpu_agree_with_dropout (void)
{
  DdpmDropout drop = {.seed = 9,.first_sample = 100 };
  g_autofree gfloat *g_ref = NULL, *g_cpu = NULL, *g_none = NULL;
  g_autofree gfloat *ref =
      evaluate (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, &drop, &g_ref);
  g_autofree gfloat *cpu =
      evaluate (DDPM_BACKEND_CPU, 2, 0, TRUE, &drop, &g_cpu);
  g_autofree gfloat *none =
      evaluate (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, NULL, &g_none);

  g_assert_cmpfloat (relative_distance (cpu, ref, 2 * 192), <, 1e-5);
  g_assert_cmpfloat (relative_distance (g_cpu, g_ref, 100000), <, 1e-4);
  g_assert_cmpfloat (relative_distance (none, ref, 2 * 192), >, 1e-3);
}

static void
sizes_that_the_levels_do_not_divide_are_refused (void)
{
  g_autoptr (DdpmBackend) backend =
      ddpm_backend_new (DDPM_BACKEND_REFERENCE, DDPM_PRECISION_F32, 1, NULL);
  g_autoptr (GError) error = NULL;
  DdpmConfig config;
  guint width, height;

  test_net_square (&config, &width, &height);
  g_assert_null (ddpm_unet_new (&config, backend, 1, 7, 8, FALSE, &error));
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS);
}

static void
batches_beyond_all_memory_are_refused (void)
{
  static const guint batches[] = { G_MAXINT32, G_MAXUINT };
  g_autoptr (DdpmBackend) backend =
      ddpm_backend_new (DDPM_BACKEND_REFERENCE, DDPM_PRECISION_F32, 1, NULL);
  DdpmConfig config;
  guint width, height, i;

  test_net_square (&config, &width, &height);
  for (i = 0; i < G_N_ELEMENTS (batches); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (ddpm_unet_new (&config, backend, batches[i], 1024, 1024,
            FALSE, &error));
    g_assert_true (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE)
        || g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name) g_test_add_func ("/unet/" #name, name)
  TEST (reference_agrees_with_pytorch);
  if (HAVE_CPU_BACKEND) {
    TEST (cpu_agrees_with_pytorch);
    TEST (cpu_agrees_with_pytorch_on_the_notebook_s_network);
    TEST (reference_and_cpu_agree_with_dropout);
  }
  TEST (an_image_does_not_depend_on_its_batch);
  TEST (memory_plan_of_training_gives_the_same_output_as_of_sampling);
  TEST (sizes_that_the_levels_do_not_divide_are_refused);
  TEST (batches_beyond_all_memory_are_refused);
  return g_test_run ();
}
