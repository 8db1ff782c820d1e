/* gst-ddpm: training with labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/model.h"
#include "tests/support/files.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define ELEMENTS (6 * 4 * 3)    /* of the tiny network */
#define CLASSES 4
#define BATCH 8
#define STEPS 3

/* Class 2 is never seen; one image has no label. */
static const gint labels[BATCH] = { 0, 1, 3, -1, 3, 0, 1, 3 };

static TestRecipe
recipe_of (gdouble label_dropout)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_paper);

  /* a norm takes away what a label adds, where groups have one channel */
  r.config.channel_mult[0] = 2;
  r.config.classes = CLASSES;
  r.settings.batch_size = BATCH;
  r.settings.micro_batch = 3;
  r.settings.label_dropout = label_dropout;
  return r;
}

static void
step (DdpmTrainer * trainer, const gint * step_labels)
{
  DdpmTrainerStats stats;
  g_autofree guint8 *images = NULL;

  ddpm_trainer_get_stats (trainer, &stats);
  images = test_images (stats.samples, BATCH, ELEMENTS);
  assert_ok (ddpm_trainer_step (trainer, images, step_labels, BATCH, NULL, NULL,
          &error));
}

/* After some steps with these labels; raw weights, not their average */
static DdpmModel *
train (gdouble label_dropout, const gint * step_labels)
{
  const TestRecipe r = recipe_of (label_dropout);
  g_autoptr (DdpmTrainer) trainer =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE);

  for (guint i = 0; i < STEPS; i++)
    step (trainer, step_labels);
  return test_trainer_get_model (trainer, FALSE);
}

static const gfloat *
label_rows (const DdpmModel * model)
{
  return model->weights + ddpm_params_find (model->params,
      DDPM_PARAM_LABELS)->offset;
}

static gboolean
is_zero (const gfloat * row, gsize count)
{
  for (gsize i = 0; i < count; i++)
    if (row[i] != 0)
      return FALSE;
  return TRUE;
}

/* --- learning --------------------------------------------------------------- */

TEST (labels_that_come_are_trained)
{
  g_autoptr (DdpmModel) model = train (0, labels);
  const guint dim = 4 * model->config.channels;

  for (guint class = 0; class < CLASSES; class++)
    g_assert_true (is_zero (label_rows (model) + class * dim, dim)
        == (class == 2));
}

TEST (dropout_of_1_leaves_no_label)
{
  g_autoptr (DdpmModel) dropped = train (1, labels);
  g_autoptr (DdpmModel) none = train (0, NULL);

  g_assert_true (is_zero (label_rows (dropped),
          CLASSES * 4 * dropped->config.channels));
  test_assert_same_weights (dropped, none);
}

TEST (classes_without_labels_change_nothing_else)
{
  g_autoptr (DdpmModel) with = train (0, NULL), without = NULL;
  TestRecipe r = recipe_of (0);
  g_autoptr (DdpmTrainer) trainer = NULL;

  r.config.classes = 0;
  trainer = test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
  for (guint i = 0; i < STEPS; i++)
    step (trainer, NULL);
  without = test_trainer_get_model (trainer, FALSE);
  g_assert_cmpmem (with->weights, without->params->trainable * 4,
      without->weights, without->params->trainable * 4);
}

/* Stream 2^31 + 5 says which, by the index of the sample alone. */
TEST (dropout_drops_the_labels_of_its_stream)
{
  const TestRecipe half = recipe_of (0.5), none = recipe_of (0);
  g_autoptr (DdpmTrainer) a =
      test_trainer_of (&half, DDPM_BACKEND_REFERENCE), b =
      test_trainer_of (&none, DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmModel) model_a = NULL, model_b = NULL;
  guint n_dropped = 0;

  for (guint i = 0; i < STEPS; i++) {
    gint left[BATCH];

    for (guint k = 0; k < BATCH; k++) {
      gfloat u;

      ddpm_noise_uniform (half.settings.seed, i * BATCH + k, 0x80000005u, 0, 1,
          &u);
      left[k] = u < 0.5 ? DDPM_NO_LABEL : labels[k];
      n_dropped += u < 0.5;
    }
    step (a, labels);
    step (b, left);
  }
  g_assert_cmpuint (n_dropped, >, 0);
  g_assert_cmpuint (n_dropped, <, STEPS * BATCH);
  model_a = test_trainer_get_model (a, FALSE);
  model_b = test_trainer_get_model (b, FALSE);
  test_assert_same_weights (model_a, model_b);
}

TEST (wrong_labels_and_dropouts_are_refused)
{
  const gint wrong_labels[] = { CLASSES, -2, G_MAXINT };
  const gdouble wrong_dropouts[] = { -0.1, 1.1, NAN };
  const TestRecipe r = recipe_of (0);
  g_autoptr (DdpmTrainer) trainer =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
  g_autofree guint8 *images = test_images (0, BATCH, ELEMENTS);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);

  for (guint i = 0; i < G_N_ELEMENTS (wrong_labels); i++) {
    gint some[BATCH] = { 0, };

    some[BATCH - 1] = wrong_labels[i];
    assert_fails (ddpm_trainer_step (trainer, images, some, BATCH, NULL, NULL,
            &error), DDPM_ERROR_SETTINGS, NULL);
  }
  for (guint i = 0; i < G_N_ELEMENTS (wrong_dropouts); i++) {
    const TestRecipe wrong = recipe_of (wrong_dropouts[i]);

    assert_fails (ddpm_trainer_new (&wrong.config, &wrong.settings, 6, 4,
            backend, &error), DDPM_ERROR_SETTINGS, NULL);
  }
}

/* --- going on ---------------------------------------------------------------- */

TEST (a_resumed_run_agrees_in_bits)
{
  g_auto (GStrv) names = g_strsplit ("cat,dog,horse,ship", ",", -1);
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "ckpt.bin", NULL);
  g_autofree gchar *state_path = ddpm_train_state_path (path);
  const TestRecipe r = recipe_of (0.3);
  g_autoptr (DdpmTrainer) whole =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE), second =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmTrainState) state = NULL;
  g_autoptr (DdpmModel) a = NULL, b = NULL, saved = NULL;

  ddpm_trainer_set_class_names (whole, names);
  step (whole, labels);
  assert_ok (ddpm_trainer_save (whole, path, NULL, 0, NULL, &error));
  step (whole, labels);

  state = assert_ok (ddpm_train_state_load (state_path, &error));
  assert_ok (ddpm_trainer_restore (second, state, &error));
  step (second, labels);
  a = test_trainer_get_model (whole, TRUE);
  b = test_trainer_get_model (second, TRUE);
  test_assert_same_weights (a, b);

  saved = assert_ok (ddpm_checkpoint_load (path, &error));
  for (guint i = 0; i < CLASSES; i++) {
    g_assert_cmpstr (b->class_names[i], ==, names[i]);
    g_assert_cmpstr (saved->class_names[i], ==, names[i]);
  }
}

TEST (a_state_of_other_classes_is_refused)
{
  const TestRecipe r = recipe_of (0);
  g_autoptr (DdpmTrainer) trainer =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmModel) model = test_trainer_get_model (trainer, FALSE);
  DdpmTrainState state = {.config = r.config,.width = 6,.height = 4,
    .weights = model->weights,.adam_m = model->weights,
    .adam_v = model->weights,.seed = r.settings.seed
  };

  state.config.classes = 0;
  assert_fails (ddpm_trainer_restore (trainer, &state, &error),
      DDPM_ERROR_SETTINGS, "4 classes");
}

TEST (a_model_without_classes_is_a_beginning)
{
  const TestRecipe r = recipe_of (0);
  g_autoptr (DdpmTrainer) trainer =
      test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmModel) without = NULL, model = NULL;
  DdpmConfig config = r.config;

  config.classes = 0;
  without = test_model_new (&config);
  step (trainer, labels);
  test_trainer_set_weights (trainer, without);
  model = test_trainer_get_model (trainer, TRUE);
  g_assert_cmpmem (model->weights, without->params->trainable * 4,
      without->weights, without->params->trainable * 4);
  g_assert_true (is_zero (label_rows (model), CLASSES * 4 * config.channels));
  g_assert_cmpuint (model->step, ==, 0);
}

TEST (a_model_of_other_classes_is_none)
{
  const guint classes[] = { CLASSES - 1, CLASSES + 1, CLASSES };
  TestRecipe r = recipe_of (0);

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++) {
    g_autoptr (DdpmTrainer) trainer = NULL;
    g_autoptr (DdpmModel) other = NULL;
    DdpmConfig config = r.config;

    config.classes = classes[i];
    other = test_model_new (&config);
    r.config.classes = classes[i] == CLASSES ? 0 : CLASSES;
    trainer = test_trainer_of (&r, DDPM_BACKEND_REFERENCE);
    assert_fails (ddpm_trainer_set_weights (trainer, other, &error),
        DDPM_ERROR_SETTINGS, NULL);
  }
}
