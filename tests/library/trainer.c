/* gst-ddpm: the trainer against PyTorch, and batches cut in different ways
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/schedule.h"
#include "tests/support/test.h"
#include "tests/support/training.h"

/* What a gradient is taken of; the dump has x_t, the trainer takes x_0 */
typedef struct
{
  guint n;
  gsize elements;
  const gint *t, *labels;
  const gfloat *eps;
  gfloat *x_0;
} Example;

static void
example_init (Example * e, const TestRecipe * r, TestDump * dump)
{
  const DdpmConfig *config = &r->config;
  g_autoptr (DdpmSchedule) schedule = ddpm_schedule_new (config, NULL);
  const gfloat *x_t;
  gsize n;

  e->t = test_dump_get (dump, "t", &n);
  e->labels = config->classes ? test_dump_get (dump, "labels", NULL) : NULL;
  e->n = n;
  e->elements = (gsize) r->width * r->height * config->image_channels;
  e->eps = test_dump_get_floats (dump, "eps", n * e->elements);
  x_t = test_dump_get_floats (dump, "x_t", n * e->elements);
  e->x_0 = g_new (gfloat, n * e->elements);
  for (gsize i = 0; i < n * e->elements; i++) {
    gint t = e->t[i / e->elements];

    e->x_0[i] = (x_t[i] - schedule->sqrt_one_minus_alphas_bar[t] * e->eps[i])
        / schedule->sqrt_alphas_bar[t];
  }
}

/* Gradient of the example with the oracle's weights; free with g_free() */
static gfloat *
gradient_of (DdpmTrainer * trainer, const DdpmModel * model,
    const Example * e, gdouble * loss)
{
  gfloat *grads = g_new (gfloat, model->params->trainable);

  test_trainer_set_weights (trainer, model);
  assert_ok (ddpm_trainer_gradient (trainer, e->x_0, e->t, e->labels, e->eps,
          e->n, loss, grads, &error));
  return grads;
}

static void
check_gradient (DdpmBackendKind kind, TestNet net, const gchar * file)
{
  g_autoptr (TestDump) dump = test_dump_open (file);
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) model = NULL;
  g_autofree gfloat *grads = NULL;
  TestRecipe r = test_recipe (net, test_settings_plain);
  Example example;
  gdouble loss, expected = test_dump_get_floats (dump, "loss", 1)[0];

  r.settings.micro_batch = 2;
  trainer = test_trainer_of (&r, kind);
  model = test_model_new (&r.config);
  example_init (&example, &r, dump);
  grads = gradient_of (trainer, model, &example, &loss);

  g_assert_cmpfloat_with_epsilon (loss, expected, 1e-5 * expected);
  for (guint i = 0; i < model->params->n_params; i++) {
    const DdpmParam *p = &model->params->params[i];

    if (p->offset < model->params->trainable)
      test_summary_check (dump, "g.", p, grads + p->offset, 1e-4);
  }
  g_free (example.x_0);
}

TABLE_TEST (gradient_is_that_of_pytorch, test_backends)
{
  check_gradient (row->kind, test_net_square, "unet-square.safetensors");
  check_gradient (row->kind, test_net_oblong, "unet-oblong.safetensors");
  check_gradient (row->kind, test_net_labelled, "unet-labelled.safetensors");
}

/* Adam moves a weight by the sign of its first gradient; where that is 0 but
 * for rounding, so is the sign of the step but for chance. */
static gboolean
has_gradient (TestDump * gradients, const DdpmParam * p)
{
  g_autofree gchar *key = g_strconcat ("g.", p->name, NULL);

  return test_dump_get_floats (gradients, key, TEST_SUMMARY)[0]
      > TEST_ZERO_NORM;
}

/* Holds weights less the oracle's to the dump's tensors prefix + name. Adam
 * divides by sqrt (v), so that the rounding of a small gradient comes out
 * magnified: float in PyTorch strays as far from its own double. */
static void
check_moves (TestDump * dump, TestDump * gradients, const gchar * prefix,
    const DdpmModel * before, const DdpmModel * after)
{
  const DdpmParams *params = before->params;
  g_autofree gfloat *moves = g_new (gfloat, params->trainable);

  for (gsize i = 0; i < params->trainable; i++)
    moves[i] = after->weights[i] - before->weights[i];
  for (guint i = 0; i < params->n_params; i++) {
    const DdpmParam *p = &params->params[i];

    if (p->offset < params->trainable && has_gradient (gradients, p))
      test_summary_check (dump, prefix, p, moves + p->offset, 5e-3);
  }
}

static void
check_ten_steps (DdpmBackendKind kind, const TestRecipe * r, guint last,
    const gchar * file)
{
  g_autoptr (TestDump) dump = test_dump_open (file);
  g_autoptr (TestDump) gradients = test_dump_open ("unet-square.safetensors");
  const gfloat *loss = test_dump_get_floats (dump, "loss", 10);
  const gfloat *norm = test_dump_get_floats (dump, "grad_norm", 10);
  const gfloat *rate = test_dump_get_floats (dump, "rate", 10);
  g_autoptr (DdpmTrainer) trainer = test_trainer_of (r, kind);
  g_autoptr (DdpmModel) before = test_model_new (&r->config);
  g_autoptr (DdpmModel) raw = NULL, average = NULL;
  DdpmTrainerStats stats;

  test_trainer_set_weights (trainer, before);
  for (guint i = 0; i < 10; i++) {
    test_trainer_step (trainer, i == 9 ? last : 8, 8 * 8 * 3, &stats);
    g_assert_cmpfloat_with_epsilon (stats.loss, loss[i], 1e-4 * loss[i]);
    g_assert_cmpfloat_with_epsilon (stats.grad_norm, norm[i], 1e-4 * norm[i]);
    g_assert_cmpfloat_with_epsilon (stats.learning_rate, rate[i],
        1e-6 * rate[i]);
  }
  g_assert_cmpuint (stats.step, ==, 10);
  g_assert_cmpuint (stats.samples, ==, 72 + last);

  raw = test_trainer_get_model (trainer, FALSE);
  check_moves (dump, gradients, "d.", before, raw);
  average = test_trainer_get_model (trainer, TRUE);
  if (r->settings.ema_decay > 0)
    check_moves (dump, gradients, "e.", before, average);
  else
    test_assert_same_weights (average, raw);
}

TABLE_TEST (ten_plain_steps_are_those_of_pytorch, test_backends)
{
  TestRecipe r = test_recipe (test_net_square, test_settings_plain);

  r.config.data_range = DDPM_DATA_RANGE_UNIT;
  check_ten_steps (row->kind, &r, 8, "train-plain.safetensors");
}

/* Dropout, flips, warm-up, clipping, averaging, a batch that is not full and
 * micro-batches that do not divide it */
TABLE_TEST (ten_steps_of_the_paper_are_those_of_pytorch, test_backends)
{
  TestRecipe r = test_recipe (test_net_square, test_settings_paper);

  r.config.dropout = 0.1;
  r.settings.micro_batch = 3;
  check_ten_steps (row->kind, &r, 5, "train-paper.safetensors");
}

/* Rounded activations, float weights: the losses stay near PyTorch's. */
TABLE_TEST (steps_in_bf16_follow_pytorch, test_backends)
{
  g_autoptr (TestDump) dump = test_dump_open ("train-plain.safetensors");
  const gfloat *loss = test_dump_get_floats (dump, "loss", 10);
  TestRecipe r = test_recipe (test_net_square, test_settings_plain);
  g_autoptr (DdpmBackend) backend = assert_ok (ddpm_backend_new (row->kind,
          DDPM_PRECISION_BF16_EMULATED, 2, &error));
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) model = NULL;
  DdpmTrainerStats stats;

  r.config.data_range = DDPM_DATA_RANGE_UNIT;
  trainer = test_trainer_on (&r, backend);
  model = test_model_new (&r.config);
  test_trainer_set_weights (trainer, model);
  for (guint i = 0; i < 10; i++) {
    test_trainer_step (trainer, 8, 8 * 8 * 3, &stats);
    g_assert_cmpfloat_with_epsilon (stats.loss, loss[i], 0.01 * loss[i]);
  }
}

static gfloat *
gradient_in_parts (DdpmBackendKind kind, const Example * example,
    guint micro_batch, gsize * count, gdouble * loss)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) model = test_model_new (&r.config);

  r.settings.micro_batch = micro_batch;
  trainer = test_trainer_of (&r, kind);
  *count = model->params->trainable;
  return gradient_of (trainer, model, example, loss);
}

TABLE_TEST (a_batch_may_be_cut_anywhere, test_backends)
{
  static const gint t[8] = { 0, 9, 1, 8, 2, 7, 3, 6 };
  gfloat x_0[8 * 72], eps[8 * 72];
  Example example = {.n = 8,.elements = 72,.t = t,.eps = eps,.x_0 = x_0 };
  g_autofree gfloat *whole = NULL;
  gdouble loss, loss_in_parts;
  gsize count;

  ddpm_noise_normal (5, 0, 0, 0, G_N_ELEMENTS (x_0), x_0);
  ddpm_noise_normal (5, 1, 0, 0, G_N_ELEMENTS (eps), eps);
  whole = gradient_in_parts (row->kind, &example, 8, &count, &loss);
  for (guint micro_batch = 1; micro_batch < 8; micro_batch++) {
    g_autofree gfloat *parts = gradient_in_parts (row->kind,
        &example, micro_batch, &count, &loss_in_parts);

    g_assert_cmpfloat (test_relative_distance (parts, whole, count), <, 1e-6);
    g_assert_cmpfloat_with_epsilon (loss_in_parts, loss, 1e-6 * loss);
  }
}

/* Gradient of one image at timestep t and its loss; free with g_free() */
static gfloat *
weighted_gradient (DdpmBackendKind kind, gdouble max_loss_weight, gint t,
    gsize * count, gdouble * loss)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_plain);
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) model = NULL;
  gfloat x_0[6 * 4 * 3], eps[6 * 4 * 3], *grads;

  r.config.beta_end = 0.9;
  r.settings.max_loss_weight = max_loss_weight;
  trainer = test_trainer_of (&r, kind);
  model = test_trainer_get_model (trainer, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (x_0); i++) {
    x_0[i] = cosf (i);
    eps[i] = sinf (3 * i);
  }
  *count = model->params->trainable;
  grads = g_new (gfloat, *count);
  assert_ok (ddpm_trainer_gradient (trainer, x_0, &t, NULL, eps, 1, loss, grads,
          &error));
  return grads;
}

/* max (1, 1 / SNR) with limit 3: 1 / SNR is 1e-4 at timestep 0, and above 1000
 * at the last. */
TABLE_TEST (weighs_the_gradient_not_the_loss, test_backends)
{
  static const gint t[] = { 0, 9 };
  static const gfloat weight[] = { 1, 3 };

  for (guint k = 0; k < G_N_ELEMENTS (t); k++) {
    gdouble loss, weighted_loss;
    gsize count;
    g_autofree gfloat *grads = weighted_gradient (row->kind, 1,
        t[k], &count, &loss);
    g_autofree gfloat *weighted = weighted_gradient (row->kind, 3,
        t[k], &count, &weighted_loss);

    g_assert_cmpfloat (loss, ==, weighted_loss);
    for (gsize i = 0; i < count; i++)
      g_assert_cmpfloat_with_epsilon (weighted[i], weight[k] * grads[i],
          1e-4 * fabsf (weighted[i]) + 1e-7);
  }
}
