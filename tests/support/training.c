/* gst-ddpm: small trainers and batches for the tests
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/training.h"

/* Constant rate, no clipping, no average, no flips */
void
test_settings_plain (DdpmTrainerSettings * settings)
{
  ddpm_trainer_settings_init (settings);
  settings->batch_size = settings->micro_batch = 8;
  settings->learning_rate = 1e-3;
  settings->warmup_steps = 0;
  settings->grad_clip = 0;
  settings->ema_decay = 0;
  settings->flip = FALSE;
  settings->seed = 11;
}

/* All of it switched on */
void
test_settings_paper (DdpmTrainerSettings * settings)
{
  test_settings_plain (settings);
  settings->warmup_steps = 5;
  settings->grad_clip = 1;
  settings->ema_decay = 0.5;
  settings->flip = TRUE;
}

TestRecipe
test_recipe (TestNet net,
    void (*init_settings) (DdpmTrainerSettings * settings))
{
  TestRecipe r;

  net (&r.config, &r.width, &r.height);
  init_settings (&r.settings);
  return r;
}

DdpmTrainer *
test_trainer_on (const TestRecipe * r, DdpmBackend * backend)
{
  return assert_ok (ddpm_trainer_new (&r->config, &r->settings, r->width,
          r->height, backend, &error));
}

DdpmTrainer *
test_trainer_of (const TestRecipe * r, DdpmBackendKind kind)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  return test_trainer_on (r, backend);
}

void
test_trainer_set_weights (DdpmTrainer * trainer, const DdpmModel * model)
{
  assert_ok (ddpm_trainer_set_weights (trainer, model, &error));
}

DdpmModel *
test_trainer_get_model (DdpmTrainer * trainer, gboolean ema)
{
  return assert_ok (ddpm_trainer_get_model (trainer, ema, &error));
}

/* Pictures of samples first .. first + n - 1, as oracle/make_train_dumps.py
 * makes them; free with g_free() */
guint8 *
test_images (guint64 first, guint n, gsize elements)
{
  guint8 *images = g_new (guint8, n * elements);
  g_autofree gfloat *u = g_new (gfloat, elements);

  for (guint i = 0; i < n; i++) {
    ddpm_noise_uniform (TEST_WEIGHT_SEED, first + i, TEST_STREAM_IMAGES, 0,
        elements, u);
    for (gsize e = 0; e < elements; e++)
      images[i * elements + e] = (guint8) (u[e] * 256.0);
  }
  return images;
}

/* One step on the n pictures that come next */
void
test_trainer_step (DdpmTrainer * trainer, guint n, gsize elements,
    DdpmTrainerStats * stats)
{
  g_autofree guint8 *images = NULL;

  ddpm_trainer_get_stats (trainer, stats);
  images = test_images (stats->samples, n, elements);
  assert_ok (ddpm_trainer_step (trainer, images, NULL, n, NULL, stats, &error));
}
