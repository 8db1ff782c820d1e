/* gst-ddpm: runs of the trainer: the same again, interrupted, gone wrong
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"
#include "gst-ddpm/train/private.h"
#include "tests/support/files.h"
#include "tests/support/test.h"
#include "tests/support/training.h"

#define ELEMENTS (6 * 4 * 3)    /* of the tiny network */

static DdpmTrainer *
tiny_trainer_on (DdpmBackend * backend)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_paper);

  r.settings.micro_batch = 3;
  return test_trainer_on (&r, backend);
}

static DdpmTrainer *
tiny_trainer (DdpmBackendKind kind)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  return tiny_trainer_on (backend);
}

static void
train (DdpmTrainer * trainer, guint steps)
{
  DdpmTrainerStats stats;

  for (guint i = 0; i < steps; i++)
    test_trainer_step (trainer, 8, ELEMENTS, &stats);
}

static void
cancel_step (DdpmTrainer * trainer)
{
  g_autofree guint8 *images = test_images (0, 8, ELEMENTS);
  gint cancel = 1;

  assert_fails (ddpm_trainer_step (trainer, images, NULL, 8, &cancel, NULL,
          &error), DDPM_ERROR_CANCELLED, NULL);
}

/* Bit by bit */
static void
assert_same_weights (DdpmTrainer * a, DdpmTrainer * b)
{
  for (guint ema = 0; ema < 2; ema++) {
    g_autoptr (DdpmModel) model_a = test_trainer_get_model (a, ema);
    g_autoptr (DdpmModel) model_b = test_trainer_get_model (b, ema);

    test_assert_same_weights (model_a, model_b);
    g_assert_cmpuint (model_a->step, ==, model_b->step);
  }
}

TABLE_TEST (two_runs_agree_in_bits, test_backends)
{
  g_autoptr (DdpmTrainer) a = tiny_trainer (row->kind), b =
      tiny_trainer (row->kind);

  assert_same_weights (a, b);
  train (a, 3);
  train (b, 3);
  assert_same_weights (a, b);
}

TABLE_TEST (another_seed_is_another_run, test_backends)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_paper);
  g_autoptr (DdpmTrainer) a = test_trainer_of (&r, row->kind), b = NULL;
  g_autoptr (DdpmModel) model_a = NULL, model_b = NULL;

  r.settings.seed++;
  b = test_trainer_of (&r, row->kind);
  model_a = test_trainer_get_model (a, FALSE);
  model_b = test_trainer_get_model (b, FALSE);
  g_assert_cmpfloat (test_relative_distance (model_a->weights,
          model_b->weights, a->params->trainable), >, 0.1);
}

typedef struct
{
  TestFolder *folder;
  gchar *checkpoint, *state;
} Files;

static void
files_init (Files * files)
{
  files->folder = test_files_make_folder ();
  files->checkpoint = g_build_filename (files->folder, "ckpt.bin", NULL);
  files->state = ddpm_train_state_path (files->checkpoint);
}

static void
files_clear (Files * files)
{
  test_files_remove_folder (files->folder);
  g_free (files->checkpoint);
  g_free (files->state);
}

static void
save (DdpmTrainer * trainer, Files * files)
{
  assert_ok (ddpm_trainer_save (trainer, files->checkpoint, NULL, 7, NULL,
          &error));
}

static DdpmTrainState *
load_state (Files * files)
{
  return assert_ok (ddpm_train_state_load (files->state, &error));
}

TABLE_TEST (a_resumed_run_agrees_in_bits, test_backends)
{
  g_autoptr (DdpmTrainer) whole = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainer) second = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainState) state = NULL;
  DdpmTrainerStats stats, expected;
  Files files;

  files_init (&files);
  train (whole, 3);
  save (whole, &files);
  train (whole, 3);

  state = load_state (&files);
  g_assert_cmpuint (state->epoch, ==, 7);
  train (second, 1);            /* leaves traces that restoring must remove */
  assert_ok (ddpm_trainer_restore (second, state, &error));
  cancel_step (second);
  train (second, 3);

  assert_same_weights (whole, second);
  ddpm_trainer_get_stats (whole, &expected);
  ddpm_trainer_get_stats (second, &stats);
  g_assert_cmpmem (&stats, sizeof stats, &expected, sizeof expected);
  files_clear (&files);
}

TABLE_TEST (the_checkpoint_holds_the_average, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autoptr (DdpmModel) saved = NULL, average = NULL, raw = NULL;
  Files files;

  files_init (&files);
  train (trainer, 2);
  save (trainer, &files);
  saved = assert_ok (ddpm_checkpoint_load (files.checkpoint, &error));
  average = test_trainer_get_model (trainer, TRUE);
  raw = test_trainer_get_model (trainer, FALSE);
  test_assert_same_weights (saved, average);
  g_assert_cmpfloat (test_relative_distance (raw->weights, average->weights,
          trainer->params->trainable), >, 0);
  g_assert_cmpuint (saved->step, ==, 2);
  g_assert_cmpuint (saved->width, ==, 6);
  g_assert_cmpuint (saved->height, ==, 4);
  files_clear (&files);
}

TABLE_TEST (refuses_the_state_of_another_run, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainer) untouched = tiny_trainer (row->kind);
  g_autofree gfloat *zeros = g_new0 (gfloat, trainer->params->trainable);
  DdpmTrainState same = {.config = trainer->config,.width = 6,.height = 4,
    .weights = zeros,.adam_m = zeros,.adam_v = zeros,.seed = 11
  };
  DdpmTrainState others[] = { same, same, same };

  others[0].config.dropout = 0.2;
  others[1].width = 8;
  others[2].seed = 12;
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    assert_fails (ddpm_trainer_restore (trainer, &others[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
  assert_same_weights (trainer, untouched);
}

TABLE_TEST (refuses_the_weights_of_another_network, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autoptr (DdpmModel) model = NULL;
  DdpmConfig config = trainer->config;

  config.channels = 64;
  model = test_model_new (&config);
  assert_fails (ddpm_trainer_set_weights (trainer, model, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

/* --- steps that do not come to their end ------------------------------ */

/* Counts the calls of the operations of a backend, which it wraps. */
static struct
{
  DdpmOps ops;
  const DdpmOps *real;
  gint *cancel;                 /* set when operation number cancel_at begins */
  guint cancel_at;
  guint operations, late;       /* of nodes and losses; those after *cancel */
  guint losses, allocs;
} spy;

static void
count_operation (void)
{
  if (spy.cancel && g_atomic_int_get (spy.cancel))
    spy.late++;
  if (spy.cancel && spy.operations == spy.cancel_at)
    g_atomic_int_set (spy.cancel, 1);
  spy.operations++;
}

#define SPY_ON(name, parameters, arguments) \
  static void G_PASTE (spy_on_, name) parameters \
  { \
    count_operation (); \
    spy.real->name arguments; \
  }

SPY_ON (conv_forward, (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
        gconstpointer r, gpointer y, gpointer scratch),
    (p, x0, x1, r, y, scratch));
SPY_ON (conv_backward_data, (DdpmPlan * p, gconstpointer dy, gpointer dx0,
        gboolean add0, gpointer dx1, gboolean add1, gpointer scratch),
    (p, dy, dx0, add0, dx1, add1, scratch));
SPY_ON (conv_backward_weights, (DdpmPlan * p, gconstpointer x0,
        gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
        gboolean add, gpointer scratch),
    (p, x0, x1, dy, dweight, dbias, add, scratch));
SPY_ON (attention_forward, (DdpmPlan * p, gconstpointer qkv, gpointer y,
        gpointer kept, gpointer scratch), (p, qkv, y, kept, scratch));
SPY_ON (attention_backward, (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
        gconstpointer kept, gpointer dqkv, gpointer scratch),
    (p, dy, qkv, kept, dqkv, scratch));
SPY_ON (upsample_forward, (DdpmBackend * b, guint n, guint h, guint w, guint c,
        gconstpointer x, gpointer y), (b, n, h, w, c, x, y));

static void
spy_on_mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  count_operation ();
  spy.losses++;
  spy.real->mse (b, n, n_valid, elements, scale, pred, target, dpred, loss);
}

static gpointer
spy_on_alloc (DdpmBackend * b, gsize size)
{
  spy.allocs++;
  return spy.real->alloc (b, size);
}

static void
spy_begin (DdpmBackend * backend, gint * cancel, guint cancel_at)
{
  spy.real = backend->ops;
  spy.ops = *backend->ops;
  spy.ops.conv_forward = spy_on_conv_forward;
  spy.ops.conv_backward_data = spy_on_conv_backward_data;
  spy.ops.conv_backward_weights = spy_on_conv_backward_weights;
  spy.ops.attention_forward = spy_on_attention_forward;
  spy.ops.attention_backward = spy_on_attention_backward;
  spy.ops.upsample_forward = spy_on_upsample_forward;
  spy.ops.mse = spy_on_mse;
  spy.ops.alloc = spy_on_alloc;
  spy.cancel = cancel;
  spy.cancel_at = cancel_at;
  spy.operations = spy.late = spy.losses = spy.allocs = 0;
  backend->ops = &spy.ops;
}

static void
spy_end (DdpmBackend * backend)
{
  backend->ops = spy.real;
}

static guint
count_operations_of_a_step (DdpmBackendKind kind)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);
  g_autoptr (DdpmTrainer) trainer = tiny_trainer_on (backend);

  spy_begin (backend, NULL, 0);
  train (trainer, 1);
  spy_end (backend);
  return spy.operations;
}

/* The step is cancelled in one operation after another, and at last made. */
TABLE_TEST (a_cancelled_step_ends_at_once_and_changes_nothing, test_backends)
{
  const guint n = count_operations_of_a_step (row->kind);
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmTrainer) trainer = tiny_trainer_on (backend);
  g_autoptr (DdpmTrainer) undisturbed = tiny_trainer (row->kind);
  g_autofree guint8 *images = test_images (0, 8, ELEMENTS);
  DdpmTrainerStats stats;

  for (guint i = 0; i < n; i += 7) {
    g_autoptr (GError) error = NULL;
    gint cancel = 0;

    spy_begin (backend, &cancel, i);
    g_assert_false (ddpm_trainer_step (trainer, images, NULL, 8, &cancel, NULL,
            &error));
    spy_end (backend);
    g_assert_error (error, DDPM_ERROR, DDPM_ERROR_CANCELLED);
    g_assert_cmpuint (spy.operations, ==, i + 1);
    g_assert_cmpuint (spy.late, ==, 0);
    ddpm_trainer_get_stats (trainer, &stats);
    g_assert_cmpuint (stats.step, ==, 0);
    g_assert_cmpuint (stats.samples, ==, 0);
  }
  assert_same_weights (trainer, undisturbed);

  train (trainer, 2);
  train (undisturbed, 2);
  assert_same_weights (trainer, undisturbed);
}

/* The weights that training begins with are drawn in the first step. */
TABLE_TEST (a_first_step_that_is_cancelled_changes_nothing, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainer) undisturbed = tiny_trainer (row->kind);
  cancel_step (trainer);
  assert_same_weights (trainer, undisturbed);
  train (trainer, 1);
  train (undisturbed, 1);
  assert_same_weights (trainer, undisturbed);
}

TABLE_TEST (a_step_allocates_nothing, test_backends)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmTrainer) trainer = tiny_trainer_on (backend);

  spy_begin (backend, NULL, 0);
  train (trainer, 2);
  spy_end (backend);
  g_assert_cmpuint (spy.losses, ==, 2 * 3);
  g_assert_cmpuint (spy.allocs, ==, 0);
}

static gsize room, needed;

static gboolean
spy_on_room (DdpmBackend * b, gsize size, const gchar * purpose,
    GError ** error)
{
  needed = size;
  if (size > room)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE, "no room");
  return size <= room;
}

/* Returns: the trainer of a batch of 12 with this room, or NULL */
static DdpmTrainer *
trainer_in_room (DdpmBackendKind kind, gsize size, GError ** error)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  DdpmTrainer *trainer;

  room = size;
  r.settings.batch_size = 12;
  r.settings.micro_batch = 0;
  spy_begin (backend, NULL, 0);
  spy.ops.check_room = spy_on_room;
  trainer = ddpm_trainer_new (&r.config, &r.settings, r.width, r.height,
      backend, error);
  spy_end (backend);
  return trainer;
}

/* The micro-batch is the largest that fits, of those that divide the batch. */
TABLE_TEST (the_need_for_memory_chooses_the_micro_batch, test_backends)
{
  static const guint sizes[] = { 12, 6, 4, 3, 2, 1 };
  gsize size = G_MAXSIZE;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (DdpmTrainer) trainer =
        assert_ok (trainer_in_room (row->kind, size, &error));
    g_autoptr (DdpmTrainer) exact = NULL;

    g_assert_cmpuint (ddpm_trainer_get_micro_batch (trainer), ==, sizes[i]);
    exact = assert_ok (trainer_in_room (row->kind, needed, &error));
    g_assert_cmpuint (ddpm_trainer_get_micro_batch (exact), ==, sizes[i]);
    size = needed - 1;
  }
  assert_fails (trainer_in_room (row->kind, size, &error), DDPM_ERROR_NO_SPACE,
      "no room");
}

TABLE_TEST (weighted_losses_make_one_call_per_micro_batch, test_backends)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmTrainer) trainer = tiny_trainer_on (backend);

  trainer->settings.max_loss_weight = 5.0;
  spy_begin (backend, NULL, 0);
  train (trainer, 1);
  spy_end (backend);
  g_assert_cmpuint (spy.losses, ==, 3);
}

/* ddpm_trainer_step_from () gives the same weights as ddpm_trainer_step (). If the
 * backend has host memory, both read the same kind of memory. */
TABLE_TEST (images_of_the_device_are_trained_alike, test_backends)
{
  g_autoptr (DdpmTrainer) host = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainer) device = tiny_trainer (row->kind);

  for (guint i = 0; i < 3; i++) {
    g_autofree guint8 *images = test_images (8 * i, 8, ELEMENTS);
    const guint n = i == 1 ? 5 : 8;

    assert_ok (ddpm_trainer_step (host, images, NULL, n, NULL, NULL, &error));
    assert_ok (ddpm_trainer_step_from (device, images, NULL, n, NULL, NULL,
            &error));
  }
  assert_same_weights (host, device);
}

/* Multiplies the weights of the last layer by factor, and so all gradients */
static void
check_divergence (DdpmBackendKind kind, gfloat factor)
{
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) model = NULL, after = NULL;
  g_autofree guint8 *images = test_images (0, 8, ELEMENTS);
  const TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  const DdpmParam *tail;
  DdpmTrainerStats stats;

  trainer = test_trainer_of (&r, kind);
  model = test_model_new (&r.config);
  tail = ddpm_params_find (model->params, "tail.2.weight");
  for (gsize i = 0; i < tail->count; i++)
    model->weights[tail->offset + i] *= factor;
  test_trainer_set_weights (trainer, model);

  assert_fails (ddpm_trainer_step (trainer, images, NULL, 8, NULL, &stats,
          &error), DDPM_ERROR_DIVERGED, NULL);
  after = test_trainer_get_model (trainer, FALSE);
  test_assert_same_weights (after, model);
  ddpm_trainer_get_stats (trainer, &stats);
  g_assert_cmpuint (stats.step, ==, 0);
}

TABLE_TEST (a_diverged_step_leaves_the_weights, test_backends)
{
  check_divergence (row->kind, 1e30f);
}

/* Finite gradients with infinite squares */
TABLE_TEST (a_gradient_beyond_adam_is_divergence, test_backends)
{
  check_divergence (row->kind, 1e12f);
}

TABLE_TEST (nan_is_reported_and_leaves_no_trace, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autoptr (DdpmTrainer) undisturbed = tiny_trainer (row->kind);
  g_autofree gfloat *grads = g_new (gfloat, trainer->params->trainable);
  gfloat x_0[8 * ELEMENTS] = { 0, }, eps[8 * ELEMENTS] = { 0, };
  gint t[8] = { 0, };
  gdouble loss;

  x_0[7 * ELEMENTS] = NAN;
  assert_fails (ddpm_trainer_gradient (trainer, x_0, t, NULL, eps, 8, &loss,
          grads, &error), DDPM_ERROR_DIVERGED, NULL);
  train (trainer, 1);
  train (undisturbed, 1);
  assert_same_weights (trainer, undisturbed);
}

/* --- batches and settings --------------------------------------------- */

TABLE_TEST (refuses_batches_that_do_not_fit, test_backends)
{
  static const guint sizes[] = { 0, 9 };
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  g_autofree guint8 *images = test_images (0, 9, ELEMENTS);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    assert_fails (ddpm_trainer_step (trainer, images, NULL, sizes[i], NULL,
            NULL, &error), DDPM_ERROR_SETTINGS, NULL);
}

TABLE_TEST (sample_numbers_continue_after_a_smaller_batch, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  DdpmTrainerStats stats;

  test_trainer_step (trainer, 5, ELEMENTS, &stats);
  g_assert_cmpuint (stats.samples, ==, 5);
  test_trainer_step (trainer, 8, ELEMENTS, &stats);
  g_assert_cmpuint (stats.samples, ==, 13);
  g_assert_cmpuint (stats.step, ==, 2);
}

TABLE_TEST (the_smoothed_loss_begins_as_a_mean, test_backends)
{
  g_autoptr (DdpmTrainer) trainer = tiny_trainer (row->kind);
  DdpmTrainerStats stats;
  gdouble sum = 0;

  for (guint i = 1; i <= 4; i++) {
    test_trainer_step (trainer, 8, ELEMENTS, &stats);
    sum += stats.loss;
    g_assert_cmpfloat_with_epsilon (stats.loss_smoothed, sum / i, 1e-12);
  }
}

TABLE_TEST (refuses_settings_out_of_range, test_backends)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  const TestRecipe right = test_recipe (test_net_tiny, test_settings_paper);
  DdpmTrainerSettings wrong[9];

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    wrong[i] = right.settings;
  wrong[0].batch_size = 0;
  wrong[1].batch_size = G_MAXUINT;
  wrong[2].learning_rate = 0;
  wrong[3].learning_rate = NAN;
  wrong[4].grad_clip = -1;
  wrong[5].ema_decay = 1;
  wrong[6].grad_clip = INFINITY;
  wrong[7].max_loss_weight = 0.5;
  wrong[8].max_loss_weight = NAN;
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_fails (ddpm_trainer_new (&right.config, &wrong[i], 6, 4, backend,
            &error), DDPM_ERROR_SETTINGS, NULL);
}

/* The network of the notebook takes some 40 MiB an image in float. */
TABLE_TEST (a_chosen_micro_batch_divides_the_batch, test_backends)
{
  static const guint batches[] = { 1, 2, 32, 100, 128, 512 };
  DdpmTrainer trainer = {.width = 32,.height = 32 };
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);

  ddpm_config_init_defaults (&trainer.config);
  trainer.params = ddpm_params_new (&trainer.config, NULL);
  trainer.backend = backend;
  for (guint i = 0; i < G_N_ELEMENTS (batches); i++) {
    guint chosen;

    trainer.settings.batch_size = batches[i];
    chosen = ddpm_trainer_choose_micro_batch (&trainer, G_MAXUINT);
    g_assert_cmpuint (batches[i] % chosen, ==, 0);
    g_assert_cmpuint (chosen, >=, MIN (batches[i], 8));
    g_assert_cmpuint (chosen, <=, 128);
  }
  trainer.settings.micro_batch = 24;
  g_assert_cmpuint (ddpm_trainer_choose_micro_batch (&trainer, G_MAXUINT), ==,
      24);
  ddpm_params_free (trainer.params);
}

/* Two pictures, seen again and again: black and white halves */
TABLE_TEST (the_loss_falls, test_backends)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  g_autoptr (DdpmTrainer) trainer = NULL;
  DdpmTrainerStats stats;
  guint8 images[4 * ELEMENTS];
  gdouble early = 0, late = 0;

  r.config.dropout = 0;
  r.config.beta_end = 0.5;      /* so that noise can be told from picture */
  r.settings.batch_size = 4;
  r.settings.learning_rate = 4e-3;
  trainer = test_trainer_of (&r, row->kind);
  for (guint e = 0; e < G_N_ELEMENTS (images); e++)
    images[e] = (e / ELEMENTS % 2) ^ (e % ELEMENTS < ELEMENTS / 2) ? 255 : 0;
  for (guint i = 0; i < 50; i++) {
    assert_ok (ddpm_trainer_step (trainer, images, NULL, 4, NULL, &stats,
            &error));
    *(i < 10 ? &early : &late) += i < 10 || i >= 40 ? stats.loss / 10 : 0;
  }
  g_assert_cmpfloat (early, >, 0.5);
  g_assert_cmpfloat (late, <, 0.7 * early);
}
