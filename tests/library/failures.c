/* gst-ddpm: a backend whose calls fail: nobody believes its numbers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"
#include "gst-ddpm/sample/denoiser.h"
#include "gst-ddpm/evaluate/evaluator.h"
#include "tests/support/files.h"
#include "tests/support/training.h"
#include "tests/support/test.h"

#define FAILURE "the card fell out"

/* The reference, but that a call of one entry fails, which check then says:
 * as on a device, the results are those that were there before. */
typedef struct
{
  DdpmBackend *backend;
  DdpmOps ops;
  const DdpmOps *inner;
  gint calls_left;              /* until one fails; negative: none will */
  gboolean failed;
} Fixture;

static Fixture frail;

static gboolean
fails_now (void)
{
  if (frail.calls_left < 0 || frail.calls_left-- > 0)
    return FALSE;
  frail.failed = TRUE;
  return TRUE;
}

static gboolean
frail_check (DdpmBackend * b, GError ** error)
{
  const gboolean failed = frail.failed;

  g_assert_true (b == frail.backend);
  frail.failed = FALSE;
  if (failed)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, FAILURE);
  return !failed;
}

static void
frail_upload (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  if (!fails_now ())
    frail.inner->upload (b, dst, src, size);
}

static void
frail_download (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  if (!fails_now ())
    frail.inner->download (b, dst, src, size);
}

static void
frail_reverse_step (DdpmBackend * b, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev)
{
  if (!fails_now ())
    frail.inner->reverse_step (b, step, seed, first_sample, n, elements, x, eps,
        x_0_prev);
}

static void
frail_q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  if (!fails_now ())
    frail.inner->q_sample (b, n, elements, a, s, x_0, eps, x_t);
}

static void
frail_adam (DdpmBackend * b, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  if (!fails_now ())
    frail.inner->adam (b, a, count, grad, param, m, v, ema);
}

static void
setup (Fixture * f, gconstpointer unused)
{
  frail.backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  frail.inner = frail.backend->ops;
  frail.ops = *frail.inner;
  frail.ops.check = frail_check;
  frail.backend->ops = &frail.ops;
  frail.backend->host_memory = FALSE;   /* so that all is up- and downloaded */
  frail.calls_left = -1;
  frail.failed = FALSE;
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  g_clear_pointer (&frail.backend, ddpm_backend_unref);
}

/* From now on the entry fails, after some calls */
#define FAIL(entry, calls) \
  (frail.ops.entry = frail_##entry, frail.calls_left = calls)

#define assert_told(call) \
  assert_fails_saying (call, DDPM_ERROR_LIBRARY, FAILURE)

/* --- sampling ----------------------------------------------------------- */

#define STEPS 5
#define FLOATS (6 * 4 * 3)

static const gfloat noise[FLOATS];
static gfloat x[FLOATS];

static DdpmDenoiser *
denoiser_new (GError ** error)
{
  const DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = STEPS,
    .start = 10
  };
  guint width, height;
  g_autoptr (DdpmModel) model = test_model_of (test_net_tiny, &width, &height);

  g_assert_cmpuint (width * height * model->config.image_channels, ==, FLOATS);
  return ddpm_denoiser_new (model, frail.backend, 1, width, height, &spec,
      error);
}

static guint
count_steps (DdpmDenoiser * denoiser)
{
  guint steps = 0;

  while (ddpm_denoiser_step (denoiser))
    steps++;
  return steps;
}

FIXTURE_TEST (sampling_stops_at_the_step_that_fails)
{
  g_autoptr (DdpmDenoiser) denoiser = assert_ok (denoiser_new (&error));

  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  FAIL (reverse_step, 2);
  g_assert_cmpuint (count_steps (denoiser), ==, 2);
  assert_told (ddpm_denoiser_read (denoiser, x, &error));
  /* the state stays of no use */
  g_assert_false (ddpm_denoiser_step (denoiser));
  assert_told (ddpm_denoiser_read (denoiser, x, &error));
  /* and the next is a new one */
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, STEPS);
  assert_ok (ddpm_denoiser_read (denoiser, x, &error));
}

FIXTURE_TEST (a_state_that_does_not_arrive_is_an_error)
{
  g_autoptr (DdpmDenoiser) denoiser = assert_ok (denoiser_new (&error));

  FAIL (upload, 0);
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, 0);
  assert_told (ddpm_denoiser_read (denoiser, x, &error));
}

FIXTURE_TEST (a_state_that_does_not_come_back_is_an_error)
{
  g_autoptr (DdpmDenoiser) denoiser = assert_ok (denoiser_new (&error));

  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, STEPS);
  FAIL (download, 0);
  assert_told (ddpm_denoiser_read (denoiser, x, &error));
}

FIXTURE_TEST (weights_that_do_not_arrive_make_no_denoiser)
{
  FAIL (upload, 0);
  assert_told (denoiser_new (&error));
}

/* --- training ----------------------------------------------------------- */

static DdpmTrainer *
trainer_new (GError ** error)
{
  DdpmTrainerSettings settings;
  DdpmConfig config;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  test_settings_paper (&settings);
  return ddpm_trainer_new (&config, &settings, width, height, frail.backend,
      error);
}

/* ok: the step succeeds, and counts */
static void
train_a_step (DdpmTrainer * trainer, gboolean ok)
{
  g_autofree guint8 *images = test_images (0, 8, FLOATS);
  DdpmTrainerStats before, after;

  ddpm_trainer_get_stats (trainer, &before);
  if (ok)
    assert_ok (ddpm_trainer_step (trainer, images, NULL, 8, NULL, NULL,
            &error));
  else
    assert_told (ddpm_trainer_step (trainer, images, NULL, 8, NULL, NULL,
            &error));
  ddpm_trainer_get_stats (trainer, &after);
  g_assert_cmpuint (after.step, ==, before.step + (ok ? 1 : 0));
  g_assert_cmpuint (after.samples, ==, before.samples + (ok ? 8 : 0));
}

FIXTURE_TEST (a_gradient_that_fails_changes_no_weights)
{
  g_autoptr (DdpmTrainer) trainer = assert_ok (trainer_new (&error));
  g_autoptr (DdpmModel) before = NULL, after = NULL;

  train_a_step (trainer, TRUE);
  before = test_trainer_get_model (trainer, FALSE);
  FAIL (q_sample, 0);
  train_a_step (trainer, FALSE);
  after = test_trainer_get_model (trainer, FALSE);
  test_assert_same_weights (before, after);
}

FIXTURE_TEST (an_update_that_fails_does_not_count)
{
  g_autoptr (DdpmTrainer) trainer = assert_ok (trainer_new (&error));

  FAIL (adam, 1);
  train_a_step (trainer, TRUE);
  train_a_step (trainer, FALSE);
}

FIXTURE_TEST (weights_that_do_not_arrive_make_no_trainer)
{
  FAIL (upload, 0);
  assert_told (trainer_new (&error));
}

FIXTURE_TEST (what_does_not_come_back_is_not_saved)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "ckpt.bin", NULL);
  g_autoptr (DdpmTrainer) trainer = assert_ok (trainer_new (&error));

  FAIL (download, 0);
  assert_told (ddpm_trainer_save (trainer, path, NULL, 0, NULL, &error));
  FAIL (download, 0);
  assert_told (ddpm_trainer_get_model (trainer, TRUE, &error));
  g_assert_cmpuint (test_files_count (folder), ==, 0);
}

/* --- evaluating --------------------------------------------------------- */

static gboolean
read_black (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  *sample = i;
  memset (pixels, 0, FLOATS);
  return TRUE;
}

FIXTURE_TEST (a_batch_that_fails_is_not_evaluated)
{
  guint width, height;
  g_autoptr (DdpmModel) model = test_model_of (test_net_tiny, &width, &height);
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  DdpmEvaluatorSettings settings;

  ddpm_evaluator_settings_init (&settings);
  settings.images = 1;
  settings.timesteps = 4;
  settings.batch = 2;
  evaluator = assert_ok (ddpm_evaluator_new (model, frail.backend, width,
          height, &settings, read_black, NULL, &error));
  FAIL (q_sample, 1);
  assert_ok (ddpm_evaluator_step (evaluator, &error));
  assert_told (ddpm_evaluator_step (evaluator, &error));
  g_assert_cmpuint (ddpm_evaluator_get_n_done (evaluator), ==, 2);
}
