/* gst-ddpm: networks that predict v instead of eps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/evaluate/evaluator.h"
#include "gst-ddpm/files/param-tensors.h"
#include "tests/support/files.h"
#include "tests/support/sampling.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define ELEMENTS (6 * 4 * 3)
#define T 10
#define IMAGES 3

static DdpmModel *
tiny_model (DdpmPrediction prediction)
{
  DdpmConfig config;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  config.prediction = prediction;
  return test_model_new (&config);
}

/* Its output layer has no weights and this bias. */
static DdpmModel *
constant_model (DdpmPrediction prediction, gfloat value)
{
  DdpmModel *model = tiny_model (prediction);
  const DdpmParam *weight = ddpm_params_find (model->params, "tail.2.weight");
  const DdpmParam *bias = ddpm_params_find (model->params, "tail.2.bias");

  g_assert_true (weight && bias);
  for (gsize i = 0; i < weight->count; i++)
    model->weights[weight->offset + i] = 0;
  for (gsize i = 0; i < bias->count; i++)
    model->weights[bias->offset + i] = value;
  return model;
}

static gfloat *
gradient (DdpmPrediction prediction, const gfloat * x_0, const gint * t,
    const gfloat * eps, gsize * count, gdouble * loss)
{
  g_autoptr (DdpmModel) model = tiny_model (prediction);
  g_autoptr (DdpmTrainer) trainer = NULL;
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  gfloat *grads;

  r.config.prediction = prediction;
  r.settings.micro_batch = 2;
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  test_trainer_set_weights (trainer, model);
  *count = model->params->trainable;
  grads = g_new (gfloat, *count);
  assert_ok (ddpm_trainer_gradient (trainer, x_0, t, NULL, eps, IMAGES, loss,
          grads, &error));
  return grads;
}

/* The network sees x_t and is told a target. Which x_0 has that x_t, if the
 * target v is taken for its eps? Learning eps of that one is the same. */
TEST (learning_v_is_learning_the_eps_of_another_image)
{
  static const gint t[IMAGES] = { 1, 5, 8 };
  g_autoptr (DdpmModel) model = tiny_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (&model->config, NULL);
  gfloat x_0[IMAGES * ELEMENTS], eps[IMAGES * ELEMENTS];
  gfloat other[IMAGES * ELEMENTS], v[IMAGES * ELEMENTS];
  g_autofree gfloat *of_v = NULL, *of_eps = NULL;
  gdouble loss_of_v, loss_of_eps;
  gsize count;

  ddpm_noise_normal (5, 0, 0, 0, G_N_ELEMENTS (x_0), x_0);
  ddpm_noise_normal (5, 1, 0, 0, G_N_ELEMENTS (eps), eps);
  for (guint i = 0; i < G_N_ELEMENTS (x_0); i++) {
    gdouble signal = schedule->sqrt_alphas_bar[t[i / ELEMENTS]];
    gdouble noise = schedule->sqrt_one_minus_alphas_bar[t[i / ELEMENTS]];
    gdouble x_t = signal * x_0[i] + noise * eps[i];

    v[i] = signal * eps[i] - noise * x_0[i];
    other[i] = (x_t - noise * v[i]) / signal;
  }
  of_v = gradient (DDPM_PREDICTION_V, x_0, t, eps, &count, &loss_of_v);
  of_eps = gradient (DDPM_PREDICTION_EPSILON, other, t, v, &count,
      &loss_of_eps);
  g_assert_cmpfloat_with_epsilon (loss_of_v, loss_of_eps, 1e-5 * loss_of_eps);
  g_assert_cmpfloat (test_relative_distance (of_v, of_eps, count), <, 1e-5);
}

/* From pure noise to x_0 in one step: signal x_T - noise v */
TEST (sampling_finds_the_image_in_v)
{
  const gfloat v = 0.25;
  g_autoptr (DdpmModel) model = constant_model (DDPM_PREDICTION_V, v);
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (&model->config, NULL);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 1 };
  g_autofree gfloat *x = pure_noise (0, BATCH, ELEMENTS);
  g_autofree gfloat *x_0 = sample_on (backend, model, BATCH, 6, 4, spec, x, 0);
  const guint t = model->config.timesteps - 1;

  for (guint i = 0; i < BATCH * ELEMENTS; i++)
    g_assert_cmpfloat_with_epsilon (x_0[i], schedule->sqrt_alphas_bar[t] * x[i]
        - schedule->sqrt_one_minus_alphas_bar[t] * v, 1e-5);
}

static void
fill_with_waves (DdpmModel * model, const gchar * name)
{
  const DdpmParam *param = ddpm_params_find (model->params, name);

  for (gsize k = 0; k < param->count; k++)
    model->weights[param->offset + k] = 0.1 * cosf (k);
}

/* x_0 is linear in eps, and eps in v. */
TEST (guidance_guides_v)
{
  DdpmConfig config;
  guint width, height;
  gsize elements;
  g_autoptr (DdpmModel) model = NULL;
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *x = NULL;
  gfloat *states[3];
  static const gdouble guidance[3] = { 0, 1, 3 };

  test_net_labelled (&config, &width, &height);
  config.prediction = DDPM_PREDICTION_V;
  model = test_model_new (&config);
  fill_with_waves (model, "tail.2.weight");
  elements = (gsize) width *height * config.image_channels;
  x = pure_noise (0, 1, elements);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (DdpmDenoiser) denoiser = NULL;
    DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 1,
      .start = config.timesteps,.guidance = guidance[i]
    };
    const gint label = 1;

    states[i] = g_new (gfloat, elements);
    denoiser =
        assert_ok (ddpm_denoiser_new (model, backend, 1, width, height, &spec,
            &error));
    assert_ok (ddpm_denoiser_set_labels (denoiser, &label, &error));
    ddpm_denoiser_begin (denoiser, x, SEED, 0);
    g_assert_true (ddpm_denoiser_step (denoiser));
    assert_ok (ddpm_denoiser_read (denoiser, states[i], &error));
  }
  g_assert_cmpfloat (test_relative_distance (states[0], states[1], elements),
      >, 1e-3);
  for (gsize i = 0; i < elements; i++)
    g_assert_cmpfloat_with_epsilon (states[2][i],
        states[0][i] + 3 * (states[1][i] - states[0][i]), 1e-4);
  for (guint i = 0; i < 3; i++)
    g_free (states[i]);
}

static gboolean
read_grey (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  *sample = i;
  memset (pixels, 255, ELEMENTS);
  return TRUE;
}

static DdpmEvaluation
evaluate (DdpmModel * model)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  DdpmEvaluatorSettings settings;
  DdpmEvaluation results;

  ddpm_evaluator_settings_init (&settings);
  settings.images = 64;
  settings.timesteps = 0;
  evaluator =
      assert_ok (ddpm_evaluator_new (model, backend, 6, 4, &settings, read_grey,
          NULL, &error));
  while (ddpm_evaluator_get_n_done (evaluator)
      < ddpm_evaluator_get_n_evaluations (evaluator))
    assert_ok (ddpm_evaluator_step (evaluator, &error));
  ddpm_evaluator_get_results (evaluator, &results);
  return results;
}

/* If v is 0 for all x_t, eps is noise x_t, which for x_0 = 1 differs from the
 * true one by signal noise - signal^2 eps. */
TEST (evaluation_measures_eps)
{
  g_autoptr (DdpmModel) model = constant_model (DDPM_PREDICTION_V, 0);
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (&model->config, NULL);
  DdpmEvaluation results = evaluate (model);

  g_assert_cmpuint (results.n_bins, ==, T);
  for (guint t = 0; t < T; t++) {
    const gdouble a = schedule->alphas_bar[t];

    g_assert_cmpfloat_with_epsilon (results.bins[t].eps_mse.value,
        a * (1 - a) + a * a, 0.05);
  }
}

/* --- files and settings ------------------------------------------------ */

TEST (a_checkpoint_keeps_it)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "v.bin", NULL);
  static const DdpmPrediction kinds[] =
      { DDPM_PREDICTION_EPSILON, DDPM_PREDICTION_V, DDPM_PREDICTION_SAMPLE };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (DdpmModel) saved = tiny_model (kinds[i]);
    g_autoptr (DdpmModel) loaded = NULL;
    g_autofree gchar *text = ddpm_config_to_string (&saved->config);

    g_assert_cmpint (strstr (text, "predicts v") != NULL, ==,
        kinds[i] == DDPM_PREDICTION_V);
    g_assert_cmpint (strstr (text, "predicts x_0") != NULL, ==,
        kinds[i] == DDPM_PREDICTION_SAMPLE);
    assert_ok (ddpm_checkpoint_save (saved, DDPM_TYPE_F32, path, &error));
    loaded = assert_ok (ddpm_checkpoint_load (path, &error));
    g_assert_cmpint (loaded->config.prediction, ==, kinds[i]);
  }
}

TEST (another_prediction_than_these_is_refused)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "v.bin", NULL);
  g_autoptr (DdpmModel) model = tiny_model (DDPM_PREDICTION_EPSILON);
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();

  ddpm_safetensors_writer_add_metadata (writer, "ddpm.prediction_type",
      "score");
  ddpm_param_tensors_add (writer, "", model->params, DDPM_TYPE_F32,
      model->weights);
  g_assert_true (ddpm_safetensors_writer_write (writer, path, 0, NULL));
  assert_fails (ddpm_checkpoint_load (path, &error), DDPM_ERROR_FORMAT,
      "epsilon or v_prediction or sample");

  model->config.prediction = 3;
  assert_fails (ddpm_config_check (&model->config, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

TEST (its_loss_takes_no_other_weight)
{
  static const DdpmPrediction kinds[] =
      { DDPM_PREDICTION_V, DDPM_PREDICTION_SAMPLE };
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  DdpmTrainerSettings settings;

  test_settings_plain (&settings);
  settings.max_loss_weight = 2;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (DdpmModel) model = tiny_model (kinds[i]);

    assert_fails (ddpm_trainer_new (&model->config, &settings, 6, 4, backend,
            &error), DDPM_ERROR_SETTINGS, "max-loss-weight");
  }
}

TEST (weights_of_eps_are_a_beginning)
{
  g_autoptr (DdpmModel) of_eps = tiny_model (DDPM_PREDICTION_EPSILON);
  g_autoptr (DdpmModel) of_v = NULL;
  g_autoptr (DdpmTrainer) trainer = NULL;
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);

  r.config.prediction = DDPM_PREDICTION_V;
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  test_trainer_set_weights (trainer, of_eps);
  of_v = test_trainer_get_model (trainer, FALSE);
  g_assert_cmpint (of_v->config.prediction, ==, DDPM_PREDICTION_V);
  test_assert_same_weights (of_v, of_eps);
}
