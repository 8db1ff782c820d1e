/* gst-ddpm: sampling with labels, and guidance without a classifier
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/network.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

#define N 192                   /* floats of an image of the test network */

/* Samples first .. first + n - 1; labels NULL: not set. Free with g_free () */
static gfloat *
sample (DdpmBackend * backend, DdpmModel * model, DdpmSamplerSpec spec,
    guint n, guint64 first, const gint * labels)
{
  g_autofree gfloat *x = pure_noise (first, n, N);
  g_autoptr (DdpmDenoiser) denoiser = NULL;

  spec.start = model->config.timesteps;
  denoiser =
      assert_ok (ddpm_denoiser_new (model, backend, n, 8, 8, &spec, &error));
  if (labels)
    assert_ok (ddpm_denoiser_set_labels (denoiser, labels, &error));
  ddpm_denoiser_begin (denoiser, x, SEED, first);
  while (ddpm_denoiser_step (denoiser));
  assert_ok (ddpm_denoiser_read (denoiser, x, &error));
  return g_steal_pointer (&x);
}

/* Adds noise in each step, so that seeds and indices matter. */
static DdpmSamplerSpec
noisy_steps (gdouble guidance)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 4,.eta = 1,
    .clip_x0 = TRUE,.guidance = guidance
  };

  return spec;
}

/* A step, without clipping, is linear in eps. */
static DdpmSamplerSpec
one_step (gdouble guidance)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 1,
    .guidance = guidance
  };

  return spec;
}

static DdpmModel *
labelled_model (void)
{
  guint width, height;

  return test_model_of (test_net_labelled, &width, &height);
}

/* The same without the label embedding */
static DdpmModel *
unlabelled_model (const DdpmModel * model)
{
  DdpmConfig config = model->config;
  DdpmModel *other;

  config.classes = 0;
  other = ddpm_model_new (&config, NULL);
  memcpy (other->weights, model->weights,
      other->params->trainable * sizeof (gfloat));
  memcpy (other->weights + other->params->trainable,
      model->weights + model->params->trainable,
      (other->params->total - other->params->trainable) * sizeof (gfloat));
  return other;
}

static gdouble
distance (const gfloat * a, const gfloat * b, gsize count)
{
  gdouble sum = 0;

  for (gsize i = 0; i < count; i++)
    sum += ((gdouble) a[i] - b[i]) * ((gdouble) a[i] - b[i]);
  return sqrt (sum / count);
}

TEST (a_label_changes_the_image)
{
  const gdouble weights[] = { 1, 2 };
  const gint one[] = { 1 }, two[] = { 2 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
    DdpmSamplerSpec spec = noisy_steps (weights[i]);
    g_autofree gfloat *a = sample (backend, model, spec, 1, 0, one);
    g_autofree gfloat *b = sample (backend, model, spec, 1, 0, two);

    g_assert_cmpfloat (distance (a, b, N), >, 0.01);
  }
}

TEST (without_a_label_a_model_is_what_it_is_without_classes)
{
  const gdouble weights[] = { 0, 1, 2 };
  const gint none[] = { DDPM_NO_LABEL, DDPM_NO_LABEL }, some[] = { 3, 1 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmModel) other = unlabelled_model (model);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autofree gfloat *expected =
      sample (backend, other, noisy_steps (0), 2, 5, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
    DdpmSamplerSpec spec = noisy_steps (weights[i]);
    const gint *labels[] = { NULL, none, weights[i] == 0 ? some : none };

    for (guint k = 0; k < G_N_ELEMENTS (labels); k++) {
      g_autofree gfloat *x = sample (backend, model, spec, 2, 5, labels[k]);

      g_assert_cmpmem (x, 2 * N * 4, expected, 2 * N * 4);
    }
  }
}

TEST (guidance_is_linear_in_a_step)
{
  const gdouble weights[] = { 0.5, 3, 7.5 };
  const gint labels[] = { 3, 0 };
  g_autoptr (DdpmModel) model = labelled_model ();

  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autoptr (DdpmBackend) backend = test_backend_new (kind);
    g_autofree gfloat *without =
        sample (backend, model, one_step (0), 2, 0, labels);
    g_autofree gfloat *with =
        sample (backend, model, one_step (1), 2, 0, labels);

    g_assert_cmpfloat (distance (with, without, 2 * N), >, 1e-3);
    for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
      g_autofree gfloat *x =
          sample (backend, model, one_step (weights[i]), 2, 0, labels);

      for (guint e = 0; e < 2 * N; e++)
        g_assert_cmpfloat_with_epsilon (x[e], without[e]
            + weights[i] * (with[e] - without[e]), 2e-5);
    }
  }
}

TEST (a_labelled_sample_does_not_depend_on_its_batch)
{
  const gdouble weights[] = { 1, 2 };
  const gint labels[] = { 4, DDPM_NO_LABEL, 2 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
    DdpmSamplerSpec spec = noisy_steps (weights[i]);
    g_autofree gfloat *all = sample (backend, model, spec, 3, 7, labels);

    for (guint k = 0; k < 3; k++) {
      g_autofree gfloat *one =
          sample (backend, model, spec, 1, 7 + k, labels + k);

      g_assert_cmpmem (one, N * 4, all + k * N, N * 4);
    }
  }
}

TEST (every_solver_can_be_guided)
{
  const gint labels[] = { 1, 4 };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) reference = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);

  for (guint kind = 0; ddpm_sampler_get_info (kind); kind++) {
    DdpmSamplerSpec spec = noisy_steps (2);
    g_autofree gfloat *a = NULL, *b = NULL;

    spec.kind = kind;
    a = sample (reference, model, spec, 2, 0, labels);
    b = sample (backend, model, spec, 2, 0, labels);
    assert_same_state (b, a, 2 * N);
  }
}

TEST (labels_that_are_no_classes_are_refused)
{
  const gint wrong[][2] = { {0, 5}, {-2, 0}, {G_MAXINT, 0}, {G_MININT, 0} };
  const gint right[] = { 4, 4 }, none[] = { DDPM_NO_LABEL, DDPM_NO_LABEL };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmModel) other = unlabelled_model (model);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  DdpmSamplerSpec spec = one_step (1);
  g_autoptr (DdpmDenoiser) denoiser = NULL, without = NULL;
  g_autofree gfloat *x = pure_noise (0, 2, N);
  g_autofree gfloat *expected =
      sample (backend, model, one_step (1), 2, 0, right);

  spec.start = model->config.timesteps;
  denoiser = ddpm_denoiser_new (model, backend, 2, 8, 8, &spec, NULL);
  without = ddpm_denoiser_new (other, backend, 2, 8, 8, &spec, NULL);
  g_assert_true (ddpm_denoiser_set_labels (denoiser, right, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_fails (ddpm_denoiser_set_labels (denoiser, wrong[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
  assert_fails (ddpm_denoiser_set_labels (without, right, &error),
      DDPM_ERROR_SETTINGS, NULL);
  g_assert_true (ddpm_denoiser_set_labels (without, none, NULL));

  /* the right ones have stayed */
  ddpm_denoiser_begin (denoiser, x, SEED, 0);
  while (ddpm_denoiser_step (denoiser));
  g_assert_true (ddpm_denoiser_read (denoiser, x, NULL));
  g_assert_cmpmem (x, 2 * N * 4, expected, 2 * N * 4);
}

TEST (guidance_out_of_range_is_refused)
{
  const gdouble wrong[] = { -0.1, DDPM_MAX_GUIDANCE + 1, NAN, INFINITY };
  g_autoptr (DdpmModel) model = labelled_model ();
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    DdpmSamplerSpec spec = noisy_steps (wrong[i]);

    spec.start = 20;
    assert_fails (ddpm_denoiser_new (model, backend, 1, 8, 8, &spec, &error),
        DDPM_ERROR_SETTINGS, NULL);
  }
}

/* Ten rows, five with labels and five without, in three passes of four */
TABLE_TEST (a_large_batch_takes_several_passes, test_backends)
{
  static const gint labels[] = { 0, 1, 2, 3, 4 };
  const DdpmSamplerSpec spec = {.steps = 2,.start = 20,.guidance = 2.0 };
  const gdouble flops = ddpm_network_pass_flops;
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_labelled, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autofree gfloat *x = pure_noise (0, 5, 192);
  gfloat found[2][5 * 192];

  for (guint i = 0; i < 2; i++) {
    g_autoptr (DdpmDenoiser) denoiser = NULL;

    if (i == 1)
      ddpm_network_pass_flops =
          3.5 * ddpm_unet_count_flops (&model->config, width, height);
    denoiser = assert_ok (ddpm_denoiser_new (model, backend, 5, width, height,
            &spec, &error));
    ddpm_denoiser_set_labels (denoiser, labels, NULL);
    ddpm_denoiser_begin (denoiser, x, SEED, 0);
    while (ddpm_denoiser_step (denoiser));
    assert_ok (ddpm_denoiser_read (denoiser, found[i], &error));
  }
  ddpm_network_pass_flops = flops;
  g_assert_cmpmem (found[1], sizeof found[1], found[0], sizeof found[0]);
}
