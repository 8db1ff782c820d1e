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

/* The reference, but that a call of one entry fails, which check then says:
 * as on a device, the results are those that were there before. */
typedef struct
{
  DdpmBackend *backend;
  DdpmOps ops;
  const DdpmOps *inner;
  gint calls_left;              /* until one fails; negative: none will */
  gboolean failed;
} Frail;

static Frail frail;

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
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, "the card fell out");
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
frail_open (void)
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
frail_close (void)
{
  g_clear_pointer (&frail.backend, ddpm_backend_unref);
}

static void
assert_failed (GError * error)
{
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY);
  g_assert_cmpstr (error->message, ==, "the card fell out");
  g_error_free (error);
}

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
  g_autoptr (DdpmModel) model = NULL;
  DdpmConfig config;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  g_assert_cmpuint (width * height * config.image_channels, ==, FLOATS);
  model = test_model_new (&config);
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

TEST (sampling_stops_at_the_step_that_fails)
{
  DdpmDenoiser *denoiser;
  GError *error = NULL;

  frail_open ();
  denoiser = denoiser_new (&error);
  g_assert_no_error (error);
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  frail.ops.reverse_step = frail_reverse_step;
  frail.calls_left = 2;
  g_assert_cmpuint (count_steps (denoiser), ==, 2);
  g_assert_false (ddpm_denoiser_read (denoiser, x, &error));
  assert_failed (g_steal_pointer (&error));
  /* the state stays of no use */
  g_assert_false (ddpm_denoiser_step (denoiser));
  g_assert_false (ddpm_denoiser_read (denoiser, x, &error));
  assert_failed (g_steal_pointer (&error));
  /* and the next is a new one */
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, STEPS);
  g_assert_true (ddpm_denoiser_read (denoiser, x, &error));
  g_assert_no_error (error);
  ddpm_denoiser_free (denoiser);
  frail_close ();
}

TEST (a_state_that_does_not_arrive_is_an_error)
{
  DdpmDenoiser *denoiser;
  GError *error = NULL;

  frail_open ();
  denoiser = denoiser_new (&error);
  g_assert_no_error (error);
  frail.ops.upload = frail_upload;
  frail.calls_left = 0;
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, 0);
  g_assert_false (ddpm_denoiser_read (denoiser, x, &error));
  assert_failed (g_steal_pointer (&error));
  ddpm_denoiser_free (denoiser);
  frail_close ();
}

TEST (a_state_that_does_not_come_back_is_an_error)
{
  DdpmDenoiser *denoiser;
  GError *error = NULL;

  frail_open ();
  denoiser = denoiser_new (&error);
  g_assert_no_error (error);
  ddpm_denoiser_begin (denoiser, noise, 0, 0);
  g_assert_cmpuint (count_steps (denoiser), ==, STEPS);
  frail.ops.download = frail_download;
  frail.calls_left = 0;
  g_assert_false (ddpm_denoiser_read (denoiser, x, &error));
  assert_failed (g_steal_pointer (&error));
  ddpm_denoiser_free (denoiser);
  frail_close ();
}

TEST (weights_that_do_not_arrive_make_no_denoiser)
{
  GError *error = NULL;

  frail_open ();
  frail.ops.upload = frail_upload;
  frail.calls_left = 0;
  g_assert_null (denoiser_new (&error));
  assert_failed (g_steal_pointer (&error));
  frail_close ();
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

/* FALSE: the step failed, as it should, and does not count. */
static gboolean
train_a_step (DdpmTrainer * trainer)
{
  g_autofree guint8 *images = test_images (0, 8, FLOATS);
  DdpmTrainerStats before, after;
  GError *error = NULL;
  gboolean ok;

  ddpm_trainer_get_stats (trainer, &before);
  ok = ddpm_trainer_step (trainer, images, NULL, 8, NULL, NULL, &error);
  ddpm_trainer_get_stats (trainer, &after);
  g_assert_cmpuint (after.step, ==, before.step + (ok ? 1 : 0));
  g_assert_cmpuint (after.samples, ==, before.samples + (ok ? 8 : 0));
  if (ok)
    g_assert_no_error (error);
  else
    assert_failed (error);
  return ok;
}

TEST (a_gradient_that_fails_changes_no_weights)
{
  g_autoptr (DdpmModel) before = NULL, after = NULL;
  DdpmTrainer *trainer;
  GError *error = NULL;

  frail_open ();
  trainer = trainer_new (&error);
  g_assert_no_error (error);
  g_assert_true (train_a_step (trainer));
  before = test_trainer_get_model (trainer, FALSE);
  frail.ops.q_sample = frail_q_sample;
  frail.calls_left = 0;
  g_assert_false (train_a_step (trainer));
  after = test_trainer_get_model (trainer, FALSE);
  g_assert_cmpmem (before->weights, before->params->total * sizeof (gfloat),
      after->weights, after->params->total * sizeof (gfloat));
  ddpm_trainer_free (trainer);
  frail_close ();
}

TEST (an_update_that_fails_does_not_count)
{
  DdpmTrainer *trainer;
  GError *error = NULL;

  frail_open ();
  trainer = trainer_new (&error);
  g_assert_no_error (error);
  frail.ops.adam = frail_adam;
  frail.calls_left = 1;
  g_assert_true (train_a_step (trainer));
  g_assert_false (train_a_step (trainer));
  ddpm_trainer_free (trainer);
  frail_close ();
}

TEST (weights_that_do_not_arrive_make_no_trainer)
{
  GError *error = NULL;

  frail_open ();
  frail.ops.upload = frail_upload;
  frail.calls_left = 0;
  g_assert_null (trainer_new (&error));
  assert_failed (g_steal_pointer (&error));
  frail_close ();
}

TEST (what_does_not_come_back_is_not_saved)
{
  gchar *folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "ckpt.bin", NULL);
  DdpmTrainer *trainer;
  GError *error = NULL;

  frail_open ();
  trainer = trainer_new (&error);
  g_assert_no_error (error);
  frail.ops.download = frail_download;
  frail.calls_left = 0;
  g_assert_false (ddpm_trainer_save (trainer, path, 0, NULL, &error));
  assert_failed (g_steal_pointer (&error));
  frail.calls_left = 0;
  g_assert_null (ddpm_trainer_get_model (trainer, TRUE, &error));
  assert_failed (g_steal_pointer (&error));
  ddpm_trainer_free (trainer);
  g_assert_cmpuint (test_files_count (folder), ==, 0);
  test_files_remove_folder (folder);
  frail_close ();
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

TEST (a_batch_that_fails_is_not_evaluated)
{
  DdpmEvaluatorSettings settings;
  DdpmEvaluator *evaluator;
  g_autoptr (DdpmModel) model = NULL;
  DdpmConfig config;
  GError *error = NULL;
  guint width, height;

  frail_open ();
  test_net_tiny (&config, &width, &height);
  model = test_model_new (&config);
  ddpm_evaluator_settings_init (&settings);
  settings.images = 1;
  settings.timesteps = 4;
  settings.batch = 2;
  evaluator = ddpm_evaluator_new (model, frail.backend, width, height,
      &settings, read_black, NULL, &error);
  g_assert_no_error (error);
  frail.ops.q_sample = frail_q_sample;
  frail.calls_left = 1;
  g_assert_true (ddpm_evaluator_step (evaluator, &error));
  g_assert_false (ddpm_evaluator_step (evaluator, &error));
  assert_failed (g_steal_pointer (&error));
  g_assert_cmpuint (ddpm_evaluator_get_n_done (evaluator), ==, 2);
  ddpm_evaluator_free (evaluator);
  frail_close ();
}
