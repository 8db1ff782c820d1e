/* gst-ddpm: networks that predict x_0, their variance, or v of pure noise
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/evaluate/evaluator.h"
#include "tests/support/sampling.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define ELEMENTS (6 * 4 * 3)

static DdpmConfig
tiny (DdpmPrediction prediction)
{
  DdpmConfig config;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  g_assert_cmpuint (width * height * config.image_channels, ==, ELEMENTS);
  config.prediction = prediction;
  return config;
}

/* A network whose output layer has no weights, and these biases: of what is
 * predicted, and of the variance, if it is */
static DdpmModel *
constant_model (const DdpmConfig * config, gfloat value, gfloat variance)
{
  DdpmModel *model = test_model_new (config);
  const DdpmParam *weight = ddpm_params_find (model->params, "tail.2.weight");
  const DdpmParam *bias = ddpm_params_find (model->params, "tail.2.bias");

  g_assert_true (weight && bias);
  for (gsize i = 0; i < weight->count; i++)
    model->weights[weight->offset + i] = 0;
  for (gsize i = 0; i < bias->count; i++)
    model->weights[bias->offset + i] =
        i < config->image_channels ? value : variance;
  return model;
}

static gfloat *
sample (DdpmModel * model, DdpmSamplerSpec spec)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *x = pure_noise (0, BATCH, ELEMENTS);

  return sample_on (backend, model, BATCH, 6, 4, spec, x, 0);
}

/* --- x_0 ------------------------------------------------------------------ */

TEST (sampling_ends_at_the_x_0_that_is_predicted)
{
  const DdpmConfig config = tiny (DDPM_PREDICTION_SAMPLE);
  g_autoptr (DdpmModel) model = constant_model (&config, 0.25, 0);

  for (guint kind = 0; ddpm_sampler_get_info (kind); kind++) {
    DdpmSamplerSpec spec = {.kind = kind,.steps = 3,.eta = 0.5 };
    g_autofree gfloat *x_0 = sample (model, spec);

    for (guint i = 0; i < BATCH * ELEMENTS; i++)
      g_assert_cmpfloat (x_0[i], ==, 0.25f);
  }
}

/* Ho et al. 2020, eq. 4: x_T and x_0 determine eps. With eta 0, ddim keeps it. */
TEST (ddim_keeps_the_eps_of_the_x_0_that_is_predicted)
{
  const DdpmConfig config = tiny (DDPM_PREDICTION_SAMPLE);
  const DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.stop = 4 };
  g_autoptr (DdpmModel) model = constant_model (&config, 0.25, 0);
  g_autoptr (DdpmSchedule) s = ddpm_schedule_new (&config, NULL);
  g_autofree gfloat *x = pure_noise (0, BATCH, ELEMENTS);
  g_autofree gfloat *x_4 = sample (model, spec);
  const guint last = config.timesteps - 1;

  for (guint i = 0; i < BATCH * ELEMENTS; i++) {
    gdouble eps = (x[i] - s->sqrt_alphas_bar[last] * 0.25)
        / s->sqrt_one_minus_alphas_bar[last];

    g_assert_cmpfloat_with_epsilon (x_4[i], s->sqrt_alphas_bar[3] * 0.25
        + s->sqrt_one_minus_alphas_bar[3] * eps, 1e-5);
  }
}

/* The loss of a constant is its distance from x_0, whatever eps and t are. */
TEST (training_learns_x_0)
{
  static const gint t[] = { 1, 8 };
  const DdpmConfig config = tiny (DDPM_PREDICTION_SAMPLE);
  g_autoptr (DdpmModel) model = constant_model (&config, 0.25, 0);
  g_autoptr (DdpmTrainer) trainer = NULL;
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  gfloat x_0[2 * ELEMENTS], eps[2 * ELEMENTS];
  g_autofree gfloat *grads = g_new (gfloat, model->params->trainable);
  gdouble loss, expected = 0;

  ddpm_noise_normal (5, 0, 0, 0, G_N_ELEMENTS (x_0), x_0);
  ddpm_noise_normal (5, 1, 0, 0, G_N_ELEMENTS (eps), eps);
  for (guint i = 0; i < G_N_ELEMENTS (x_0); i++)
    expected += pow (x_0[i] - 0.25, 2) / G_N_ELEMENTS (x_0);
  r.config.prediction = config.prediction;
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  test_trainer_set_weights (trainer, model);
  assert_ok (ddpm_trainer_gradient (trainer, x_0, t, NULL, eps, 2, &loss,
          grads, &error));
  g_assert_cmpfloat_with_epsilon (loss, expected, 1e-5 * expected);
}

static gboolean
read_white (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  *sample = i;
  memset (pixels, 255, ELEMENTS);
  return TRUE;
}

static DdpmEvaluator *
evaluator_of (DdpmModel * model, DdpmBackend * backend, GError ** error)
{
  DdpmEvaluatorSettings settings;

  ddpm_evaluator_settings_init (&settings);
  settings.images = 4;
  settings.timesteps = 0;
  return ddpm_evaluator_new (model, backend, 6, 4, &settings, read_white, NULL,
      error);
}

/* A white image is 1. Whoever knows x_0 knows eps. */
TEST (evaluation_finds_the_eps_of_a_right_x_0)
{
  const DdpmConfig config = tiny (DDPM_PREDICTION_SAMPLE);
  g_autoptr (DdpmModel) model = constant_model (&config, 1, 0);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autoptr (DdpmEvaluator) evaluator =
      assert_ok (evaluator_of (model, backend, &error));
  DdpmEvaluation results;

  while (ddpm_evaluator_get_n_done (evaluator)
      < ddpm_evaluator_get_n_evaluations (evaluator))
    assert_ok (ddpm_evaluator_step (evaluator, &error));
  ddpm_evaluator_get_results (evaluator, &results);
  for (guint t = 0; t < results.n_bins; t++)
    g_assert_cmpfloat (results.bins[t].eps_mse.value, <, 1e-8);
}

/* --- zero SNR ------------------------------------------------------------- */

static DdpmConfig
zero_snr (void)
{
  DdpmConfig config = tiny (DDPM_PREDICTION_V);

  config.zero_snr = TRUE;
  return config;
}

/* In pure noise, v is -x_0, and the last timestep counts in every sampler. */
TEST (pure_noise_gives_the_image_in_v)
{
  const DdpmConfig config = zero_snr ();
  g_autoptr (DdpmModel) model = constant_model (&config, -0.25, 0);

  for (guint kind = 0; ddpm_sampler_get_info (kind); kind++) {
    const DdpmSamplerSpec one = {.kind = kind,.steps = 1,
      .spacing = DDPM_SPACING_TRAILING
    };
    const DdpmSamplerSpec many = {.kind = kind,.steps = 5,.eta = 1.0 };
    g_autofree gfloat *x_0 = sample (model, one);
    g_autofree gfloat *x = sample (model, many);

    for (guint i = 0; i < BATCH * ELEMENTS; i++) {
      g_assert_true (isfinite (x[i]));
      /* DPM-Solver++ takes 2^-24 for alpha-bar 0 */
      g_assert_cmpfloat_with_epsilon (x_0[i], 0.25,
          kind == DDPM_SAMPLER_DPMPP_2M ? 0x1p-9 : 1e-7);
    }
  }
}

TEST (training_sees_pure_noise)
{
  static const gint t[] = { 9, 9 };
  const DdpmConfig config = zero_snr ();
  g_autoptr (DdpmModel) model = constant_model (&config, 0, 0);
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  g_autoptr (DdpmTrainer) trainer = NULL;
  gfloat x_0[2 * ELEMENTS], eps[2 * ELEMENTS];
  g_autofree gfloat *grads = NULL;
  gdouble loss;

  r.config = config;
  g_assert_cmpuint (r.config.timesteps, ==, 10);
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  ddpm_noise_normal (5, 0, 0, 0, G_N_ELEMENTS (x_0), x_0);
  ddpm_noise_normal (5, 1, 0, 0, G_N_ELEMENTS (eps), eps);
  grads = g_new (gfloat, model->params->trainable);
  assert_ok (ddpm_trainer_gradient (trainer, x_0, t, NULL, eps, 2, &loss,
          grads, &error));
  g_assert_true (isfinite (loss));
}

TEST (a_bound_of_zero_snr_is_refused)
{
  const DdpmConfig config = zero_snr ();
  g_autoptr (DdpmModel) model = constant_model (&config, 0, 0);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);

  assert_fails (evaluator_of (model, backend, &error), DDPM_ERROR_SETTINGS,
      "zero SNR");
}

/* --- learned variance ----------------------------------------------------- */

static void
assert_samples_like (DdpmModel * model, DdpmVariance fixed)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDPM,.steps = 5,
    .variance = DDPM_VARIANCE_LEARNED_RANGE,.clip_x0 = TRUE
  };
  g_autofree gfloat *of_learned = sample (model, spec), *of_fixed = NULL;

  spec.variance = fixed;
  of_fixed = sample (model, spec);
  g_assert_cmpfloat (test_relative_distance (of_learned, of_fixed,
          BATCH * ELEMENTS), <, 1e-5);
}

/* Nichol & Dhariwal 2021, eq. 15, for v -1 and 1 */
TEST (a_learned_variance_is_between_the_fixed_ones)
{
  DdpmConfig config = tiny (DDPM_PREDICTION_EPSILON);
  g_autoptr (DdpmModel) small = NULL, large = NULL;

  config.learned_variance = TRUE;
  small = constant_model (&config, 0.25, -1);
  large = constant_model (&config, 0.25, 1);
  assert_samples_like (small, DDPM_VARIANCE_FIXED_SMALL);
  assert_samples_like (large, DDPM_VARIANCE_FIXED_LARGE);
}

TEST (a_network_that_predicts_its_variance_uses_it)
{
  DdpmConfig config = tiny (DDPM_PREDICTION_EPSILON);
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &config);
  g_assert_cmpint (spec.variance, ==, DDPM_VARIANCE_FIXED_SMALL);
  config.learned_variance = TRUE;
  ddpm_sampler_spec_init (&spec, &config);
  g_assert_cmpint (spec.variance, ==, DDPM_VARIANCE_LEARNED_RANGE);
  config.sampling.variance = DDPM_VARIANCE_FIXED_LARGE;
  ddpm_sampler_spec_init (&spec, &config);
  g_assert_cmpint (spec.variance, ==, DDPM_VARIANCE_FIXED_LARGE);
}

TEST (a_network_without_variance_has_none_to_use)
{
  const DdpmConfig config = tiny (DDPM_PREDICTION_EPSILON);
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &config);
  spec.kind = DDPM_SAMPLER_DDPM;
  spec.variance = DDPM_VARIANCE_LEARNED_RANGE;
  assert_fails (ddpm_sampler_spec_check (&spec, &config, &error),
      DDPM_ERROR_SETTINGS, "predicts no variance");
}
