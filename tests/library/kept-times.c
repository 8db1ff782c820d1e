/* gst-ddpm: what depends on timestep and label alone is computed once
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/unet/unet.h"
#include "kernels/timer.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

#define N 192                   /* floats of an image of the test network */
#define IMAGES 4

typedef struct
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmUnet *unet;
  DdpmTimer *timer;
  gfloat *x;
  gint t[IMAGES], labels[IMAGES];
  DdpmClass classes[IMAGES];
  gfloat eps[IMAGES * N];
} Network;

static DdpmModel *
labelled_model (void)
{
  guint width, height;

  return test_model_of (test_net_labelled, &width, &height);
}

static void
network_init (Network * net, DdpmBackendKind kind)
{
  net->model = labelled_model ();
  net->backend = test_backend_new (kind);
  net->unet = assert_ok (ddpm_unet_new (&net->model->config, net->backend,
          IMAGES, 8, 8, FALSE, 0, &error));
  ddpm_unet_load_weights (net->unet, net->model->weights);
  net->x = pure_noise (0, IMAGES, N);
  net->timer = ddpm_timer_new (CLOCK_MONOTONIC);
  ddpm_timer_attach (net->timer, net->backend);
}

static void
network_clear (Network * net)
{
  ddpm_unet_free (net->unet);
  ddpm_timer_attach (NULL, net->backend);
  ddpm_timer_free (net->timer);
  ddpm_backend_unref (net->backend);
  ddpm_model_unref (net->model);
  g_free (net->x);
}

static void
forward (gpointer data)
{
  Network *net = data;

  g_assert_true (ddpm_unet_forward (net->unet, net->x, net->t, net->labels,
          NULL, net->eps));
}

/* Returns: how many linear layers the pass computed */
static guint
run_forward (Network * net)
{
  ddpm_timer_reset (net->timer);
  ddpm_backend_run (net->backend, forward, net);
  return net->timer->entries[DDPM_TIMER_LINEAR_FORWARD].calls;
}

static void
keep (gpointer data)
{
  Network *net = data;

  for (guint i = 0; i < IMAGES; i++)
    ddpm_unet_keep_time (net->unet, net->t[i], (DdpmClass) {
        net->labels[i], -1, 0.0f}
  );
  ddpm_unet_compute_times (net->unet);
}

static void
set_images (Network * net, guint n)
{
  for (guint i = 0; i < IMAGES; i++) {
    net->t[i] = (7 * n + 3 * i * (n % 2)) % net->model->config.timesteps;
    net->labels[i] = (gint) ((i + n) % 3) - 1;
  }
}

/* Images with one timestep and with several, and with and without labels */
TABLE_TEST (kept_times_have_the_bits_of_a_pass_that_computes_them,
    test_backends)
{
  Network net;
  gfloat expected[IMAGES * N];

  network_init (&net, row->kind);
  for (guint n = 0; n < 6; n++) {
    set_images (&net, n);
    g_assert_cmpuint (run_forward (&net), ==, 3);
    memcpy (expected, net.eps, sizeof expected);
    memset (net.eps, 0xff, sizeof net.eps);
    ddpm_backend_run (net.backend, keep, &net);
    g_assert_cmpuint (run_forward (&net), ==, 0);
    g_assert_cmpmem (net.eps, sizeof expected, expected, sizeof expected);
  }
  network_clear (&net);
}

static void
keep_classes (gpointer data)
{
  Network *net = data;

  for (guint i = 0; i < IMAGES; i++)
    ddpm_unet_keep_time (net->unet, net->t[i], net->classes[i]);
  ddpm_unet_compute_times (net->unet);
}

/* As those of one class, and those that a pass computes itself */
TABLE_TEST (kept_times_of_mixed_classes_have_the_bits_of_a_pass, test_backends)
{
  Network net;
  gfloat expected[IMAGES * N], plain[IMAGES * N];

  network_init (&net, row->kind);
  set_images (&net, 1);
  run_forward (&net);
  memcpy (plain, net.eps, sizeof plain);
  for (guint i = 0; i < IMAGES; i++)
    net.classes[i] = (DdpmClass) {
    net.labels[i], 0, 0.25f * (i % 4)};
  ddpm_unet_set_classes (net.unet, net.classes);
  g_assert_cmpuint (run_forward (&net), ==, 3);
  memcpy (expected, net.eps, sizeof expected);
  for (guint i = 0; i < IMAGES; i++) {
    const gboolean same = net.classes[i].weight == 0.0f || net.labels[i] == 0;

    g_assert_cmpint (memcmp (plain + i * N, expected + i * N, N * 4) == 0, ==,
        same);
  }
  ddpm_backend_run (net.backend, keep_classes, &net);
  g_assert_cmpuint (run_forward (&net), ==, 0);
  g_assert_cmpmem (net.eps, sizeof expected, expected, sizeof expected);
  network_clear (&net);
}

/* 3/4 of the one and 1/4 of the other is what a class of that embedding is. */
TABLE_TEST (mixed_class_has_an_embedding_between_two, test_backends)
{
  Network net;
  gfloat *table, mixed[IMAGES * N];
  guint dim;

  network_init (&net, row->kind);
  set_images (&net, 1);
  for (guint i = 0; i < IMAGES; i++) {
    net.classes[i] = (DdpmClass) {
    0, 1, 0.25f};
    net.labels[i] = 0;
  }
  ddpm_unet_set_classes (net.unet, net.classes);
  run_forward (&net);
  memcpy (mixed, net.eps, sizeof mixed);
  ddpm_unet_set_classes (net.unet, NULL);
  dim = ddpm_config_get_time_dim (&net.model->config);
  table = net.model->weights
      + ddpm_params_find (net.model->params, DDPM_PARAM_LABELS)->offset;
  for (guint i = 0; i < dim; i++)
    table[i] = 0.75f * table[i] + 0.25f * table[dim + i];
  ddpm_unet_load_weights (net.unet, net.model->weights);
  run_forward (&net);
  for (guint i = 0; i < IMAGES * N; i++)
    g_assert_cmpfloat_with_epsilon (mixed[i], net.eps[i],
        1e-5 * (1.0 + ABS (net.eps[i])));
  network_clear (&net);
}

TABLE_TEST (new_weights_have_times_of_their_own, test_backends)
{
  Network net;
  gfloat old[IMAGES * N];

  network_init (&net, row->kind);
  set_images (&net, 1);
  ddpm_backend_run (net.backend, keep, &net);
  g_assert_cmpuint (run_forward (&net), ==, 0);
  memcpy (old, net.eps, sizeof old);
  for (gsize i = 0; i < net.model->params->trainable; i++)
    net.model->weights[i] *= 1.25f;
  ddpm_unet_load_weights (net.unet, net.model->weights);
  g_assert_cmpuint (run_forward (&net), ==, 3);
  g_assert_cmpint (memcmp (old, net.eps, sizeof old), !=, 0);
  network_clear (&net);
}

static void
keep_all (gpointer data)
{
  Network *net = data;

  for (guint t = 0; t < net->model->config.timesteps; t++)
    for (gint label = -1; label < 2; label++)
      ddpm_unet_keep_time (net->unet, t, (DdpmClass) {
          label, -1, 0.0f}
  );
  ddpm_unet_compute_times (net->unet);
}

/* There is room for 32 of them, which all are of other timesteps. */
TABLE_TEST (times_that_were_not_asked_for_longest_are_forgotten, test_backends)
{
  const gsize size = ddpm_kept_times_size;
  gfloat expected[IMAGES * N];
  Network net;

  ddpm_kept_times_size = 0;
  network_init (&net, row->kind);
  ddpm_kept_times_size = size;
  set_images (&net, 0);
  ddpm_backend_run (net.backend, keep, &net);
  g_assert_cmpuint (run_forward (&net), ==, 0);
  memcpy (expected, net.eps, sizeof expected);
  ddpm_backend_run (net.backend, keep_all, &net);
  g_assert_cmpuint (run_forward (&net), ==, 3);
  g_assert_cmpmem (net.eps, sizeof expected, expected, sizeof expected);
  ddpm_backend_run (net.backend, keep, &net);
  g_assert_cmpuint (run_forward (&net), ==, 0);
  g_assert_cmpmem (net.eps, sizeof expected, expected, sizeof expected);
  network_clear (&net);
}

/* --- samplers ------------------------------------------------------------- */

static DdpmDenoiser *
new_denoiser (DdpmModel * model, DdpmBackend * backend, guint steps)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = steps,
    .start = model->config.timesteps,.guidance = 2.0
  };

  return assert_ok (ddpm_denoiser_new (model, backend, BATCH, 8, 8, &spec,
          &error));
}

static void
sample (DdpmDenoiser * denoiser, const gint * labels, gfloat * out)
{
  g_autofree gfloat *x = pure_noise (0, BATCH, N);

  g_assert_true (ddpm_denoiser_set_labels (denoiser, labels, NULL));
  ddpm_denoiser_begin (denoiser, x, SEED, 0);
  while (ddpm_denoiser_step (denoiser));
  assert_ok (ddpm_denoiser_read (denoiser, out, &error));
}

/* 20 timesteps with three labels are more than are computed at once. */
TABLE_TEST (a_second_batch_computes_no_linear_layer, test_backends)
{
  static const gint labels[BATCH] = { 0, 1 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  DdpmTimer *timer = ddpm_timer_new (CLOCK_MONOTONIC);
  const DdpmTimerEntry *linear = &timer->entries[DDPM_TIMER_LINEAR_FORWARD];
  const guint steps = model->config.timesteps;
  const guint together = (3 * steps - 1) / DDPM_TIMES_AT_ONCE + 1;
  gfloat first[BATCH * N], second[BATCH * N];

  ddpm_timer_attach (timer, backend);
  denoiser = new_denoiser (model, backend, steps);
  sample (denoiser, labels, first);
  g_assert_cmpuint (linear->calls, ==, 3 * together);
  sample (denoiser, labels, second);
  g_assert_cmpuint (linear->calls, ==, 3 * together);
  g_assert_cmpmem (second, sizeof second, first, sizeof first);
  ddpm_timer_attach (NULL, backend);
  g_clear_pointer (&denoiser, ddpm_denoiser_free);
  ddpm_timer_free (timer);
}

/* Samplers of one model share what is kept. With labels and steps that others
 * have just used, the samples are those of a model that nobody has used. */
TABLE_TEST (other_labels_and_steps_in_between_change_nothing, test_backends)
{
  static const gint labels[][BATCH] = { {0, 1}, {1, 1}, {-1, 0} };
  static const guint steps[] = { 3, 4, 7 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  DdpmDenoiser *used[3];

  for (guint i = 0; i < 3; i++)
    used[i] = new_denoiser (model, backend, steps[i]);
  for (guint i = 0; i < 9; i++) {
    g_autoptr (DdpmModel) unused = labelled_model ();
    g_autoptr (DdpmDenoiser) fresh =
        new_denoiser (unused, backend, steps[i % 3]);
    gfloat expected[BATCH * N], found[BATCH * N];

    sample (fresh, labels[i / 3], expected);
    sample (used[i % 3], labels[i / 3], found);
    g_assert_cmpmem (found, sizeof found, expected, sizeof expected);
  }
  for (guint i = 0; i < 3; i++)
    ddpm_denoiser_free (used[i]);
}
