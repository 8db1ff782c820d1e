/* gst-ddpm: tests of ddpmtrainsink: models to start from
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"
#include "tests/support/train-test.h"

/* Trains name with what the model at this path says, and nothing else of the
 * network */
static void
train_from (const gchar * path, const gchar * name, const gchar * properties)
{
  run_to_eos (launch ("videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1 ! "
          "video/x-raw,framerate=30/1,width=16,height=16 ! videoconvert ! "
          "videoscale ! ddpmtrainsink location=%s/%s initial-model=%s "
          "batch-size=4 backend=reference %s", folder, name, path, properties));
}

/* ... as another one in the folder says */
static void
train_further (const gchar * name, const gchar * initial,
    const gchar * properties)
{
  gchar *path = in_folder (initial);

  train_from (path, name, properties);
  g_free (path);
}

TEST (the_network_is_that_of_the_initial_model)
{
  DdpmModel *before, *after;

  train ("first.bin", "res-blocks=2 data-range=unit schedule=cosine classes=2 "
      "prediction-type=v-prediction max-steps=1");
  train_further ("second.bin", "first.bin", "max-steps=1");
  train_further ("second.bin", "first.bin", "max-steps=2 resume=true");
  before = load_model ("first.bin");
  after = load_model ("second.bin");
  fail_unless_equals_uint64 (after->step, 2);
  fail_unless (ddpm_config_equal (&after->config, &before->config));
  ddpm_model_unref (before);
  ddpm_model_unref (after);
}

/* As from pytorch-ddpm: nothing is known but names and shapes. */
TEST (what_the_initial_model_does_not_say_can_be_said)
{
  gchar *path = in_folder ("first.bin");
  GBytes *file, *bare;
  DdpmModel *after;

  train ("first.bin", "max-steps=1");
  file = test_files_read (path);
  bare = test_files_without_metadata (file);
  fail_unless (g_file_set_contents (path, g_bytes_get_data (bare, NULL),
          g_bytes_get_size (bare), NULL));
  train_further ("second.bin", "first.bin", "max-steps=1 schedule=cosine "
      "data-range=unit prediction-type=v-prediction dropout=0.2");
  after = load_model ("second.bin");
  fail_unless_equals_int (after->config.timesteps, 10);
  fail_unless_equals_int (after->config.schedule, DDPM_SCHEDULE_COSINE);
  fail_unless_equals_int (after->config.data_range, DDPM_DATA_RANGE_UNIT);
  fail_unless_equals_int (after->config.prediction, DDPM_PREDICTION_V);
  fail_unless_equals_float (after->config.dropout, 0.2);
  ddpm_model_unref (after);
  g_bytes_unref (file);
  g_bytes_unref (bare);
  g_free (path);
}

/* Upstream can make images of any size, and of the model's. */
TEST (images_have_the_size_of_the_initial_model)
{
  DdpmModel *after;

  train ("first.bin", "max-steps=1");
  train_further ("second.bin", "first.bin", "max-steps=1");
  after = load_model ("second.bin");
  fail_unless_equals_int (after->width, 4);
  fail_unless_equals_int (after->height, 4);
  ddpm_model_unref (after);
}

TEST (images_may_have_another_size)
{
  gchar *path = in_folder ("first.bin");
  DdpmModel *after;

  train ("first.bin", "max-steps=1");
  run_to_eos (launch ("videotestsrc ! video/x-raw,width=8,height=6,format=BGR,"
          "framerate=30/1 ! videoconvert ! ddpmtrainsink location=%s/second.bin "
          "initial-model=%s batch-size=4 backend=reference max-steps=1", folder,
          path));
  after = load_model ("second.bin");
  fail_unless_equals_int (after->width, 8);
  fail_unless_equals_int (after->config.image_channels, 3);
  ddpm_model_unref (after);
  g_free (path);
}

/* --- models of other programs ----------------------------------------------- */

static const gchar *const diffusers_models[] = { "tiny-google", "tiny-trained",
  "tiny-odd", "tiny-guided"
};

static void
check_same_network (const DdpmModel * a, const DdpmModel * b)
{
  const gsize table = a->params->trainable;

  fail_unless (ddpm_config_same_network (&a->config, &b->config));
  fail_unless_equals_int (a->config.schedule, b->config.schedule);
  fail_unless_equals_int (a->config.prediction, b->config.prediction);
  fail_unless_equals_int (a->config.sampling.variance,
      b->config.sampling.variance);
  fail_unless_equals_int (a->width, b->width);
  fail_unless_equals_int (a->height, b->height);
  fail_unless (memcmp (a->weights + table, b->weights + table,
          (a->params->total - table) * sizeof (gfloat)) == 0);
}

/* The run is stopped and resumed. Its checkpoint goes back to diffusers. */
LOOP_TEST (a_model_of_diffusers_is_trained_further,
    G_N_ELEMENTS (diffusers_models))
{
  gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), "diffusers",
      diffusers_models[__i__], NULL);
  gchar *converted = in_folder ("converted");
  DdpmModel *before = ddpm_checkpoint_load (path, NULL), *after, *back;

  train_from (path, "a.bin", "max-steps=1 learning-rate=1e-3");
  train_from (path, "a.bin", "max-steps=2 learning-rate=1e-3 resume=true");
  after = load_model ("a.bin");
  fail_unless_equals_uint64 (after->step, 2);
  check_same_network (after, before);
  fail_if (memcmp (after->weights, before->weights,
          after->params->trainable * sizeof (gfloat)) == 0);

  fail_unless (ddpm_checkpoint_save_diffusers (after, DDPM_TYPE_F32, converted,
          FALSE, NULL));
  back = ddpm_checkpoint_load (converted, NULL);
  check_same_network (back, after);
  fail_unless (memcmp (back->weights, after->weights,
          after->params->trainable * sizeof (gfloat)) == 0);
  ddpm_model_unref (before);
  ddpm_model_unref (after);
  ddpm_model_unref (back);
  g_free (path);
  g_free (converted);
}

/* --- errors ----------------------------------------------------------------- */

TEST (an_initial_model_of_another_network_is_an_error)
{
  const gchar *const others[] = { "res-blocks=2", "timesteps=11",
    "data-range=unit", "schedule=cosine", "channel-mult=1,1", "beta-end=0.03"
  };
  guint i;

  train ("first.bin", "max-steps=1");
  for (i = 0; i < G_N_ELEMENTS (others); i++) {
    gchar *recipe = g_strdup_printf ("initial-model=%s/first.bin %s", folder,
        others[i]);

    assert_error (launch_training ("a.bin", recipe), SETTINGS_ERROR,
        "first.bin", "expected", others[i], "found");
    g_free (recipe);
  }
  fail_if (exists ("a.bin"));
}

TEST (an_initial_model_that_is_not_there_is_an_error)
{
  assert_error (launch_training ("a.bin", "initial-model=/nowhere/ckpt.bin"),
      NOT_FOUND_ERROR, "/nowhere/ckpt.bin");
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
