/* gst-ddpm: learning the steps of a teacher
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/sample/private.h"
#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/sampling.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define SIZE 8
#define ELEMENTS (SIZE * SIZE * 3)
#define STEPS 2                 /* of the student, through 20 timesteps */

static DdpmModel *
labelled_model (DdpmPrediction prediction)
{
  DdpmConfig config;
  guint width, height;

  test_net_labelled (&config, &width, &height);
  config.prediction = prediction;
  return test_model_new (&config);
}

/* With the weights of the model, and steps to learn */
static DdpmTrainer *
student_of (DdpmModel * model, guint steps, guint ratio)
{
  TestRecipe r = test_recipe (test_net_labelled, test_settings_plain);
  DdpmTrainer *trainer;

  r.config = model->config;
  r.config.steps = steps;
  r.settings.micro_batch = 2;
  r.settings.teacher_steps = ratio;
  trainer = test_trainer_of (&r, DDPM_BACKEND_CPU);
  test_trainer_set_weights (trainer, model);
  return trainer;
}

static DdpmSamplerSpec
ddim_steps (guint steps)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = steps,
    .spacing = DDPM_SPACING_QUADRATIC,.clip_x0 = TRUE,.guidance = 1
  };

  return spec;
}

static gboolean
loss_of (DdpmTrainer * trainer, const gfloat * x_0, const gfloat * eps,
    const gint * t, guint n, gdouble * loss, GError ** error)
{
  static const gint labels[] = { 0, 1, 2 };
  g_autoptr (DdpmModel) model = test_trainer_get_model (trainer, FALSE);
  g_autofree gfloat *grads = g_new (gfloat, model->params->trainable);

  return ddpm_trainer_gradient (trainer, x_0, t, labels, eps, n, loss, grads,
      error);
}

/* So little that no predicted x_0 is clipped */
static void
draw (gfloat * x_0, gfloat * eps, guint n)
{
  ddpm_noise_normal (5, 0, 0, 0, n * ELEMENTS, x_0);
  ddpm_noise_normal (5, 1, 0, 0, n * ELEMENTS, eps);
  for (guint i = 0; i < n * ELEMENTS; i++) {
    x_0[i] *= 0.1f;
    eps[i] *= 0.1f;
  }
}

/* Mean square of the way between where one step of the model leads from x_t and
 * where several lead */
static gdouble
distance (DdpmModel * model, const DdpmSamplerStep * step, guint ratio,
    const gfloat * x_t)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  gfloat *reached[2];
  gdouble sum = 0;

  for (guint i = 0; i < 2; i++) {
    DdpmSamplerSpec spec = ddim_steps (STEPS * (i == 0 ? 1 : ratio));
    g_autoptr (DdpmDenoiser) denoiser = NULL;
    const gint label = 1;

    spec.start = step->state;
    spec.stop = step->next_state;
    denoiser = ddpm_denoiser_new (model, backend, 1, SIZE, SIZE, &spec, NULL);
    g_assert_cmpuint (ddpm_denoiser_get_n_steps (denoiser), ==,
        i == 0 ? 1 : ratio);
    ddpm_denoiser_set_labels (denoiser, &label, NULL);
    ddpm_denoiser_begin (denoiser, x_t, 0, 0);
    while (ddpm_denoiser_step (denoiser));
    reached[i] = g_new (gfloat, ELEMENTS);
    g_assert_true (ddpm_denoiser_read (denoiser, reached[i], NULL));
  }
  for (guint i = 0; i < ELEMENTS; i++)
    sum += pow ((gdouble) reached[0][i] - reached[1][i], 2);
  g_free (reached[0]);
  g_free (reached[1]);
  return sum / ELEMENTS;
}

/* x' = c_x x + c_x0 x_0, and x_0 = signal x - noise v or (x - noise eps) /
 * signal: so far apart as predictions are, times these */
static void
check_loss (DdpmPrediction prediction, guint which, guint ratio)
{
  g_autoptr (DdpmModel) model = labelled_model (prediction);
  g_autoptr (DdpmTrainer) trainer = student_of (model, STEPS, ratio);
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (&model->config, NULL);
  DdpmSamplerSpec spec = ddim_steps (STEPS);
  g_autoptr (DdpmSampler) sampler = NULL;
  gfloat x_0[2 * ELEMENTS], eps[2 * ELEMENTS], x_t[ELEMENTS];
  gdouble signal, noise, scale, loss, expected;
  gint t[2];

  spec.start = model->config.timesteps;
  sampler = ddpm_sampler_new (schedule, &model->config, &spec, NULL);
  /* the other one learns the other step */
  t[1] = sampler->steps[which].t;
  t[0] = sampler->steps[1 - which].t;
  signal = schedule->sqrt_alphas_bar[t[1]];
  noise = schedule->sqrt_one_minus_alphas_bar[t[1]];
  draw (x_0, eps, 2);
  for (guint i = 0; i < ELEMENTS; i++)
    x_t[i] = signal * x_0[ELEMENTS + i] + noise * eps[ELEMENTS + i];
  assert_ok (ddpm_trainer_set_teacher (trainer, model, &error));
  assert_ok (loss_of (trainer, x_0, eps, t, 2, &loss, &error));
  loss *= 2;
  assert_ok (loss_of (trainer, x_0, eps, t, 1, &expected, &error));
  loss -= expected;             /* that of the second alone */

  scale = sampler->steps[which].coefs.c_x0 * noise
      / (prediction == DDPM_PREDICTION_V ? 1 : signal);
  expected = distance (model, &sampler->steps[which], ratio, x_t)
      / (scale * scale);
  g_assert_cmpfloat (expected, >, 1e-8);
  g_assert_cmpfloat_with_epsilon (loss, expected, 1e-3 * expected);
}

TEST (the_target_is_where_several_steps_lead)
{
  for (guint which = 0; which < STEPS; which++) {
    check_loss (DDPM_PREDICTION_V, which, 2);
    check_loss (DDPM_PREDICTION_V, which, 3);
    check_loss (DDPM_PREDICTION_EPSILON, which, 2);
  }
}

TEST (one_step_of_its_own_is_no_news)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) trainer = student_of (model, 4, 1);
  static const gint t[] = { 19, 4, 0 }; /* of states 20, 11, 5 and 1 */
  gfloat x_0[3 * ELEMENTS], eps[3 * ELEMENTS];
  gdouble loss;

  draw (x_0, eps, 3);
  assert_ok (ddpm_trainer_set_teacher (trainer, model, &error));
  assert_ok (loss_of (trainer, x_0, eps, t, 3, &loss, &error));
  g_assert_cmpfloat (loss, <, 1e-8);
}

/* Training is only at timesteps where steps begin. */
TEST (other_timesteps_are_refused)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) trainer = student_of (model, STEPS, 2);
  gfloat x_0[ELEMENTS] = { 0 };
  const gint t = 7;
  gdouble loss;

  g_assert_true (ddpm_trainer_set_teacher (trainer, model, NULL));
  assert_fails (loss_of (trainer, x_0, x_0, &t, 1, &loss, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

/* From other weights than the teacher's */
TEST (training_comes_closer_to_the_teacher)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmModel) other = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) trainer = student_of (model, STEPS, 2);
  DdpmTrainerStats stats;
  gdouble sums[2] = { 0, 0 };

  for (gsize i = 0; i < other->params->trainable; i++)
    other->weights[i] *= 0.5f;
  test_trainer_set_weights (trainer, other);
  g_assert_true (ddpm_trainer_set_teacher (trainer, model, NULL));
  for (guint i = 0; i < 48; i++) {
    test_trainer_step (trainer, 8, ELEMENTS, &stats);
    if (i < 8 || i >= 40)
      sums[i >= 40] += stats.loss;
  }
  g_assert_cmpfloat (sums[1], <, 0.9 * sums[0]);
}

static void
check_refused (DdpmModel * teacher, DdpmTrainer * student)
{
  assert_fails (ddpm_trainer_set_teacher (student, teacher, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

/* Salimans & Ho halve the steps again and again: a student becomes a teacher. */
TEST (only_one_of_as_many_steps_can_teach)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) trainer = student_of (model, STEPS, 2);

  model->config.steps = 3;
  check_refused (model, trainer);
  model->config.steps = 2 * STEPS;
  g_assert_true (ddpm_trainer_set_teacher (trainer, model, NULL));
}

TEST (a_teacher_may_know_guidance_already)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) same = NULL, other = NULL;

  model->config.guidance = 3;
  same = student_of (model, STEPS, 2);
  model->config.guidance = 2;
  other = student_of (model, STEPS, 2);
  check_refused (model, same);
  g_assert_true (ddpm_trainer_set_teacher (other, model, NULL));
}

/* 20 timesteps are not room for 14 steps of two each, nor any for none. */
TEST (steps_that_cannot_be_cut_are_refused)
{
  static const guint wrong[][2] =
      { {14, 2}, {2, 11}, {2, 0}, {2, G_MAXUINT}, {20, 2} };
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (DdpmTrainer) trainer =
        student_of (model, wrong[i][0], wrong[i][1]);

    check_refused (model, trainer);
  }
}

TEST (steps_are_not_trained_without_a_teacher)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  g_autoptr (DdpmTrainer) trainer = student_of (model, STEPS, 2);
  gfloat x_0[ELEMENTS] = { 0 };
  const gint t = 19;
  gdouble loss;

  assert_fails (loss_of (trainer, x_0, x_0, &t, 1, &loss, &error),
      DDPM_ERROR_SETTINGS, "teacher");
}

TEST (a_checkpoint_says_what_steps_were_trained)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "student.bin", NULL);

  for (guint steps = 0; steps <= 5; steps += 5) {
    g_autoptr (DdpmModel) saved = labelled_model (DDPM_PREDICTION_V);
    g_autoptr (DdpmModel) loaded = NULL;

    saved->config.steps = steps;
    assert_ok (ddpm_checkpoint_save (saved, DDPM_TYPE_F32, path, &error));
    loaded = assert_ok (ddpm_checkpoint_load (path, &error));
    g_assert_cmpuint (loaded->config.steps, ==, steps);
  }
}

TEST (trained_steps_are_the_default)
{
  g_autoptr (DdpmModel) model = labelled_model (DDPM_PREDICTION_V);
  DdpmSamplerSpec spec;

  model->config.steps = 3;
  ddpm_sampler_spec_init (&spec, &model->config);
  g_assert_cmpint (spec.kind, ==, DDPM_SAMPLER_DDIM);
  g_assert_cmpint (spec.spacing, ==, DDPM_SPACING_QUADRATIC);
  g_assert_cmpuint (spec.steps, ==, 3);
  g_assert_cmpfloat (spec.eta, ==, 0);
}
