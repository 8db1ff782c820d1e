/* gst-ddpm: loss by timestep and bits/dim of test networks
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"
#include "gst-ddpm/evaluate/evaluator.h"
#include "tests/support/weights.h"
#include "tests/support/test.h"

#define SEED 13                 /* of the dumps */
#define SAMPLES 3
#define TOLERANCE 1e-4

/* the last needs more than 32 bits */
static const guint64 samples[SAMPLES] = { 5, 6, 0x100000003 };

typedef struct
{
  DdpmModel *model;
  DdpmBackend *backend;
  guint width, height;
  guint64 first;                /* image i is samples[first + i] */
  gboolean listed;              /* FALSE: it is first + i */
  gint label;                   /* of all; -1: none */
} Fixture;

static Fixture
fixture_of (DdpmBackendKind kind, guint threads, TestNet make)
{
  Fixture f = {.listed = TRUE,.label = -1 };

  f.model = test_model_of (make, &f.width, &f.height);
  f.backend =
      assert_ok (ddpm_backend_new (kind, DDPM_PRECISION_F32, threads, &error));
  return f;
}

static void
fixture_clear (Fixture * f)
{
  ddpm_model_unref (f->model);
  ddpm_backend_unref (f->backend);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)
     static gboolean
         read_image (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  Fixture *f = data;
  guint elements = f->width * f->height * f->model->config.image_channels;
  g_autofree gfloat *u = g_new (gfloat, elements);

  if (f->label != -1)
    *label = f->label;
  *sample = f->listed ? samples[f->first + i] : f->first + i;
  ddpm_noise_uniform (TEST_WEIGHT_SEED, *sample, TEST_STREAM_IMAGES, 0,
      elements, u);
  for (guint e = 0; e < elements; e++)
    pixels[e] = u[e] * 256;
  return TRUE;
}

static DdpmEvaluatorSettings
settings_of (guint64 images, guint timesteps, guint batch)
{
  DdpmEvaluatorSettings settings;

  ddpm_evaluator_settings_init (&settings);
  settings.images = images;
  settings.timesteps = timesteps;
  settings.batch = batch;
  settings.seed = SEED;
  return settings;
}

static DdpmEvaluation
evaluate (Fixture * f, const DdpmEvaluatorSettings * settings)
{
  g_autoptr (DdpmEvaluator) evaluator = assert_ok (ddpm_evaluator_new (f->model,
          f->backend, f->width, f->height, settings, read_image, f, &error));
  DdpmEvaluation results;
  guint64 n;

  n = ddpm_evaluator_get_n_evaluations (evaluator);
  while (ddpm_evaluator_get_n_done (evaluator) < n)
    assert_ok (ddpm_evaluator_step (evaluator, &error));
  ddpm_evaluator_get_results (evaluator, &results);
  g_assert_cmpuint (results.images, ==, settings->images);
  g_assert_cmpuint (results.evaluations, ==, n);
  return results;
}

static void
assert_near (gdouble value, gdouble expected, gdouble tolerance)
{
  if (isnan (value) && isnan (expected))
    return;
  g_assert_cmpfloat_with_epsilon (value, expected,
      tolerance * fabs (expected) + 1e-12);
}

static void
assert_equal (const DdpmEvaluation * a, const DdpmEvaluation * b,
    gdouble tolerance)
{
  const DdpmEstimate *x = &a->loss, *y = &b->loss;

  for (guint i = 0; i < 5; i++) {
    assert_near (x[i].value, y[i].value, tolerance);
    assert_near (x[i].error, y[i].error, 10 * tolerance);
  }
  for (guint i = 0; i < a->n_bins; i++) {
    g_assert_cmpuint (a->bins[i].evaluations, ==, b->bins[i].evaluations);
    assert_near (a->bins[i].eps_mse.value, b->bins[i].eps_mse.value, tolerance);
    assert_near (a->bins[i].bits.value, b->bins[i].bits.value, tolerance);
  }
}

/* One image at all timesteps against its row of the dump */
static void
check_image (const DdpmEvaluation * e, guint T, gdouble prior,
    const gfloat * mse, const gfloat * bits)
{
  gdouble all_mse = 0.0, all_bits = 0.0;

  g_assert_cmpuint (e->n_bins, ==, 10);
  for (guint i = 0; i < e->n_bins; i++) {
    const DdpmEvaluationBin *bin = &e->bins[i];
    gdouble bin_mse = 0.0, bin_bits = 0.0;

    g_assert_cmpuint (bin->first, ==, i * T / 10);
    g_assert_cmpuint (bin->last, ==, (i + 1) * T / 10 - 1);
    g_assert_cmpuint (bin->evaluations, ==, T / 10);
    for (guint t = bin->first; t <= bin->last; t++) {
      bin_mse += mse[t] / (T / 10);
      bin_bits += bits[t];
    }
    assert_near (bin->eps_mse.value, bin_mse, TOLERANCE);
    assert_near (bin->bits.value, bin_bits, TOLERANCE);
    all_mse += bin_mse / 10;
    all_bits += bin_bits;
  }
  assert_near (e->loss.value, all_mse, TOLERANCE);
  assert_near (e->prior.value, prior, TOLERANCE);
  assert_near (e->decoder.value, bits[0], TOLERANCE);
  assert_near (e->kl.value, all_bits - bits[0], TOLERANCE);
  assert_near (e->total.value, all_bits + prior, TOLERANCE);
  g_assert_true (isnan (e->total.error));
}

/* All three at once: their mean and its standard error */
static void
check_images (const DdpmEvaluation * e, guint T, const gfloat * prior,
    const gfloat * bits)
{
  gdouble totals[SAMPLES] = { 0 }, mean = 0.0, squares = 0.0;

  for (guint n = 0; n < SAMPLES; n++) {
    totals[n] = prior[n];
    for (guint t = 0; t < T; t++)
      totals[n] += bits[n * T + t];
    mean += totals[n] / SAMPLES;
  }
  for (guint n = 0; n < SAMPLES; n++)
    squares += (totals[n] - mean) * (totals[n] - mean);
  assert_near (e->total.value, mean, TOLERANCE);
  assert_near (e->total.error, sqrt (squares / (SAMPLES - 1) / SAMPLES), 1e-3);
}

static void
check_dump (Fixture * f, const gchar * name, DdpmVariance variance,
    gboolean clip)
{
  g_autoptr (TestDump) dump = test_dump_open (name);
  guint T = f->model->config.timesteps;
  const gfloat *prior = test_dump_get_floats (dump, "prior", SAMPLES);
  const gfloat *mse = test_dump_get_floats (dump, "mse", SAMPLES * T);
  const gfloat *bits = test_dump_get_floats (dump, "bits", SAMPLES * T);
  DdpmEvaluatorSettings settings = settings_of (1, 0, 8);
  DdpmEvaluation results;

  settings.variance = variance;
  settings.clip_x0 = clip;
  for (guint n = 0; n < SAMPLES; n++) {
    f->first = n;
    results = evaluate (f, &settings);
    check_image (&results, T, prior[n], mse + n * T, bits + n * T);
  }
  f->first = 0;
  settings.images = SAMPLES;
  results = evaluate (f, &settings);
  check_images (&results, T, prior, bits);
}

static void
test_net_unit (DdpmConfig * config, guint * width, guint * height)
{
  test_net_oblong (config, width, height);
  config->schedule = DDPM_SCHEDULE_COSINE;
  config->data_range = DDPM_DATA_RANGE_UNIT;
}

TEST (reference_evaluates_what_pytorch_evaluates)
{
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_square);

  check_dump (&f, "evaluator-small.safetensors", DDPM_VARIANCE_FIXED_SMALL,
      TRUE);
}

TEST (variances_ranges_and_schedules_are_those_of_pytorch)
{
  g_auto (Fixture) square = fixture_of (DDPM_BACKEND_CPU, 1, test_net_square);
  g_auto (Fixture) unit = fixture_of (DDPM_BACKEND_CPU, 1, test_net_unit);

  check_dump (&square, "evaluator-small.safetensors",
      DDPM_VARIANCE_FIXED_SMALL, TRUE);
  check_dump (&square, "evaluator-large.safetensors",
      DDPM_VARIANCE_FIXED_LARGE, FALSE);
  check_dump (&unit, "evaluator-unit.safetensors", DDPM_VARIANCE_FIXED_LARGE,
      TRUE);
}

TEST (figures_do_not_depend_on_batch_and_threads)
{
  const guint batches[] = { 1, 4, 7, 64 };
  DdpmEvaluatorSettings settings = settings_of (9, 5, 3);
  DdpmEvaluation one, other;
  g_auto (Fixture) a = fixture_of (DDPM_BACKEND_CPU, 1, test_net_square);
  g_auto (Fixture) b = fixture_of (DDPM_BACKEND_CPU, 2, test_net_square);

  a.listed = b.listed = FALSE;
  one = evaluate (&a, &settings);
  for (guint i = 0; i < G_N_ELEMENTS (batches); i++) {
    settings.batch = batches[i];
    other = evaluate (&b, &settings);
    assert_equal (&one, &other, 1e-5);
  }
}

TEST (a_backend_with_memory_of_its_own_gets_the_weights)
{
  DdpmEvaluatorSettings settings = settings_of (2, 4, 3);
  DdpmEvaluation shared, uploaded;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_square);

  g_assert_true (f.backend->host_memory);
  shared = evaluate (&f, &settings);
  f.backend->host_memory = FALSE;
  uploaded = evaluate (&f, &settings);
  assert_equal (&shared, &uploaded, 0.0);
}

/* A network that says nothing has eps for an error, whose terms are those of
 * the timestep alone but for a little noise. */
TEST (few_timesteps_tell_what_all_do)
{
  const guint few[] = { 2, 9 };
  DdpmEvaluatorSettings settings = settings_of (4, 0, 64);
  DdpmEvaluation all, some;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_CPU, 1, test_net_square);

  f.listed = FALSE;
  memset (f.model->weights, 0, f.model->params->trainable * sizeof (gfloat));
  settings.clip_x0 = FALSE;
  all = evaluate (&f, &settings);
  settings.images = 150;
  for (guint i = 0; i < G_N_ELEMENTS (few); i++) {
    settings.timesteps = few[i];
    some = evaluate (&f, &settings);
    g_assert_cmpfloat_with_epsilon (some.loss.value, 1.0, 0.03);
    g_assert_cmpfloat_with_epsilon (some.kl.value, all.kl.value,
        4 * (some.kl.error + all.kl.error));
    /* and so close that a part of the timesteps cannot be missing */
    g_assert_cmpfloat (some.kl.error, <, 0.25 * all.kl.value);
    for (guint b = 0; b < some.n_bins; b++)
      if (some.bins[b].evaluations > 0)
        g_assert_cmpfloat_with_epsilon (some.bins[b].eps_mse.value, 1.0, 0.1);
  }
}

/* Parts as wide as a timestep have one each; wide parts may have any. */
TEST (every_timestep_can_be_drawn)
{
  DdpmEvaluatorSettings settings = settings_of (400, 2, 64);
  DdpmEvaluation results;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_CPU, 1, test_net_square);

  f.listed = FALSE;
  results = evaluate (&f, &settings);
  for (guint b = 0; b < results.n_bins; b++) {
    /* 400 of timestep 0, and each of 19 others about 21 times */
    guint64 others = results.bins[b].evaluations - (b == 0 ? 400 : 0);

    g_assert_cmpuint (others, >=, b == 0 ? 5 : 15);
    g_assert_cmpuint (others, <=, b == 0 ? 45 : 75);
  }
}

static void
one_step (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->timesteps = 1;
}

TEST (a_model_of_one_timestep_has_no_steps_between)
{
  DdpmEvaluatorSettings settings = settings_of (3, 1, 2);
  DdpmEvaluation results;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, one_step);

  results = evaluate (&f, &settings);
  g_assert_cmpuint (results.n_bins, ==, 1);
  g_assert_cmpuint (results.bins[0].evaluations, ==, 3);
  g_assert_cmpfloat (results.kl.value, ==, 0.0);
  assert_near (results.total.value, results.prior.value
      + results.decoder.value, 1e-12);
}

TEST (figures_of_a_part_are_those_of_its_images)
{
  DdpmEvaluatorSettings settings = settings_of (1000, 4, 10);
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  DdpmEvaluation part, whole;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_square);

  f.listed = FALSE;
  evaluator = ddpm_evaluator_new (f.model, f.backend, f.width, f.height,
      &settings, read_image, &f, NULL);
  ddpm_evaluator_get_results (evaluator, &part);
  g_assert_cmpuint (part.images, ==, 0);
  g_assert_true (isnan (part.total.value));
  g_assert_true (ddpm_evaluator_step (evaluator, NULL));
  g_assert_cmpuint (ddpm_evaluator_get_n_done (evaluator), ==, 10);
  ddpm_evaluator_get_results (evaluator, &part);
  g_assert_cmpuint (part.images, ==, 2);
  settings.images = 2;
  whole = evaluate (&f, &settings);
  assert_equal (&part, &whole, 1e-6);
}

TEST (a_label_is_told_to_a_model_of_classes)
{
  DdpmEvaluatorSettings settings = settings_of (2, 5, 3);
  DdpmEvaluation none, some, other;
  g_auto (Fixture) f =
      fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_labelled);

  none = evaluate (&f, &settings);
  f.label = 4;
  some = evaluate (&f, &settings);
  f.label = 2;
  other = evaluate (&f, &settings);
  g_assert_cmpfloat (some.loss.value, !=, none.loss.value);
  g_assert_cmpfloat (some.loss.value, !=, other.loss.value);
}

TEST (a_label_that_is_no_class_is_an_error)
{
  DdpmEvaluatorSettings settings = settings_of (1, 5, 2);
  const gint labels[] = { 5, -2, G_MAXINT };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    g_autoptr (DdpmEvaluator) evaluator = NULL;
    g_auto (Fixture) f =
        fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_labelled);

    f.label = labels[i];
    evaluator = ddpm_evaluator_new (f.model, f.backend, f.width, f.height,
        &settings, read_image, &f, NULL);
    assert_fails (ddpm_evaluator_step (evaluator, &error), DDPM_ERROR_SETTINGS,
        NULL);
  }
}

TEST (settings_that_cannot_be_are_refused)
{
  const struct
  {
    guint64 images;
    guint timesteps, batch, width;
    gint code;
  } wrong[] = {
    {0, 5, 1, 8, DDPM_ERROR_SETTINGS},
    {G_MAXUINT64, 5, 1, 8, DDPM_ERROR_SETTINGS},
    {1, 1, 1, 8, DDPM_ERROR_SETTINGS},
    {1, 21, 1, 8, DDPM_ERROR_SETTINGS},
    {1, 5, 0, 8, DDPM_ERROR_SETTINGS},
    {1, 5, 1, 7, DDPM_ERROR_SETTINGS},
    {1, 5, G_MAXUINT, 8, DDPM_ERROR_SETTINGS},
  };
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_CPU, 1, test_net_square);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    DdpmEvaluatorSettings settings = settings_of (wrong[i].images,
        wrong[i].timesteps, wrong[i].batch);

    assert_fails (ddpm_evaluator_new (f.model, f.backend, wrong[i].width,
            f.height, &settings, read_image, &f, &error), wrong[i].code, NULL);
  }
}

static gboolean
read_nothing (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  g_set_error_literal (error, DDPM_ERROR, DDPM_ERROR_READ, "no image");
  return FALSE;
}

TEST (an_image_that_cannot_be_read_is_an_error)
{
  DdpmEvaluatorSettings settings = settings_of (1, 5, 2);
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_square);

  evaluator = ddpm_evaluator_new (f.model, f.backend, f.width, f.height,
      &settings, read_nothing, NULL, NULL);
  assert_fails (ddpm_evaluator_step (evaluator, &error), DDPM_ERROR_READ, NULL);
}

TEST (an_output_that_is_not_finite_is_an_error)
{
  DdpmEvaluatorSettings settings = settings_of (1, 5, 2);
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  g_auto (Fixture) f = fixture_of (DDPM_BACKEND_REFERENCE, 1, test_net_square);

  for (gsize i = 0; i < f.model->params->trainable; i++)
    f.model->weights[i] = 3e38f;
  evaluator = ddpm_evaluator_new (f.model, f.backend, f.width, f.height,
      &settings, read_image, &f, NULL);
  assert_fails (ddpm_evaluator_step (evaluator, &error), DDPM_ERROR_DIVERGED,
      NULL);
}
