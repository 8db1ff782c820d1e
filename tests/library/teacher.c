/* gst-ddpm: learning from a teacher, and guidance from it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/sample/sampler.h"
#include "tests/support/files.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define N 3
#define ELEMENTS (8 * 8 * 3)

static DdpmModel *
labelled_model (DdpmPrediction prediction, gdouble guidance)
{
  DdpmConfig config;
  guint width, height;

  test_net_labelled (&config, &width, &height);
  config.prediction = prediction;
  config.guidance = guidance;
  return test_model_new (&config);
}

/* A trainer of such a network, with the weights of the model */
static DdpmTrainer *
student_of (DdpmModel * model, gdouble guidance)
{
  TestRecipe r = test_recipe (test_net_labelled, test_settings_plain);
  DdpmTrainer *trainer;

  r.config = model->config;
  r.config.guidance = guidance;
  r.settings.micro_batch = 2;
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  test_trainer_set_weights (trainer, model);
  return trainer;
}

static gboolean
compute_gradient (DdpmTrainer * trainer, const gint * labels, gdouble * loss,
    gdouble * norm, GError ** error)
{
  static const gint t[N] = { 3, 11, 19 };
  g_autoptr (DdpmModel) model = test_trainer_get_model (trainer, FALSE);
  g_autofree gfloat *grads = g_new (gfloat, model->params->trainable);
  gfloat x_0[N * ELEMENTS], eps[N * ELEMENTS];

  ddpm_noise_normal (5, 0, 0, 0, G_N_ELEMENTS (x_0), x_0);
  ddpm_noise_normal (5, 1, 0, 0, G_N_ELEMENTS (eps), eps);
  if (!ddpm_trainer_gradient (trainer, x_0, t, labels, eps, N, loss, grads,
          error))
    return FALSE;
  *norm = 0;
  for (gsize i = 0; i < model->params->trainable; i++)
    *norm += (gdouble) grads[i] * grads[i];
  return TRUE;
}

static gdouble
distance_from_teacher (DdpmPrediction prediction, gdouble guidance,
    const gint * labels)
{
  g_autoptr (DdpmModel) model = labelled_model (prediction, 1);
  g_autoptr (DdpmTrainer) trainer = student_of (model, guidance);
  gdouble loss, norm;

  assert_ok (ddpm_trainer_set_teacher (trainer, model, &error));
  assert_ok (compute_gradient (trainer, labels, &loss, &norm, &error));
  g_assert_cmpint (norm > 1e-15, ==, loss > 1e-12);
  return loss;
}

/* (w - 1)^2 times the square of what the label changes */
TEST (the_target_is_the_guided_prediction)
{
  static const DdpmPrediction kinds[] =
      { DDPM_PREDICTION_EPSILON, DDPM_PREDICTION_V };
  static const gint labels[N] = { 0, 1, 2 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gdouble once = distance_from_teacher (kinds[i], 2, labels);
    gdouble thrice = distance_from_teacher (kinds[i], 4, labels);

    g_assert_cmpfloat (once, >, 1e-9);
    g_assert_cmpfloat_with_epsilon (thrice, 9 * once, 1e-3 * thrice);
    g_assert_cmpfloat (distance_from_teacher (kinds[i], 0, labels), >, 1e-9);
  }
}

TEST (a_student_that_is_its_teacher_has_no_loss)
{
  static const gint labels[N] = { 0, 1, 2 }, none[N] = { -1, -1, -1 };

  g_assert_cmpfloat (distance_from_teacher (DDPM_PREDICTION_V, 1, labels), <,
      1e-12);
  g_assert_cmpfloat (distance_from_teacher (DDPM_PREDICTION_V, 3, none), <,
      1e-12);
}

TEST (a_teacher_may_be_another_network)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V, 1);
  g_autoptr (DdpmModel) large = NULL;
  g_autoptr (DdpmTrainer) trainer = student_of (model, 3);
  DdpmConfig config = model->config;
  DdpmTrainerStats stats;

  config.channels = 64;
  large = test_model_new (&config);
  assert_ok (ddpm_trainer_set_teacher (trainer, large, &error));
  test_trainer_step (trainer, 5, ELEMENTS, &stats);
  g_assert_cmpuint (stats.step, ==, 1);
}

TEST (what_cannot_teach_is_refused)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V, 1);
  g_autoptr (DdpmTrainer) trainer = student_of (model, 3);
  DdpmConfig wrong[6];

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    wrong[i] = model->config;
  wrong[0].prediction = DDPM_PREDICTION_EPSILON;
  wrong[1].classes++;
  wrong[2].timesteps++;
  wrong[3].image_channels = 1;
  wrong[4].data_range = DDPM_DATA_RANGE_UNIT;
  wrong[5].guidance = 2;
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (DdpmModel) other = test_model_new (&wrong[i]);

    assert_fails (ddpm_trainer_set_teacher (trainer, other, &error),
        DDPM_ERROR_SETTINGS, NULL);
  }
}

TEST (guidance_is_not_trained_without_a_teacher)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V, 1);
  g_autoptr (DdpmTrainer) trainer = student_of (model, 3);
  gdouble loss, norm;

  assert_fails (compute_gradient (trainer, NULL, &loss, &norm, &error),
      DDPM_ERROR_SETTINGS, "teacher");
}

TEST (a_checkpoint_says_what_guidance_was_trained)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "student.bin", NULL);
  static const gdouble guidance[] = { 1, 2.5 };

  for (guint i = 0; i < G_N_ELEMENTS (guidance); i++) {
    g_autoptr (DdpmModel) saved = labelled_model (DDPM_PREDICTION_V,
        guidance[i]);
    g_autoptr (DdpmModel) loaded = NULL;

    assert_ok (ddpm_checkpoint_save (saved, DDPM_TYPE_F32, path, &error));
    loaded = assert_ok (ddpm_checkpoint_load (path, &error));
    g_assert_cmpfloat (loaded->config.guidance, ==, guidance[i]);
  }
}

TEST (what_is_usual_depends_on_the_model)
{
  g_autoptr (DdpmModel) plain = labelled_model (DDPM_PREDICTION_EPSILON, 1);
  g_autoptr (DdpmModel) student = labelled_model (DDPM_PREDICTION_V, 3);
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &plain->config);
  g_assert_cmpint (spec.kind, ==, DDPM_SAMPLER_DDIM);
  g_assert_cmpfloat (spec.guidance, >, 1);
  g_assert_cmpuint (spec.start, ==, 20);
  g_assert_cmpuint (spec.steps, ==, 20);
  ddpm_sampler_spec_init (&spec, &student->config);
  g_assert_cmpint (spec.kind, ==, DDPM_SAMPLER_DPMPP_2M);
  g_assert_cmpfloat (spec.guidance, ==, 1);
  g_assert_cmpuint (ddpm_sampler_get_default_steps (DDPM_SAMPLER_DDPM,
          &student->config), ==, 20);
}
