/* gst-ddpm: tests of ddpmdenoise: what a model says of itself, and what
 * properties say instead
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"

static DdpmModel *
load_plain (void)
{
  g_autofree gchar *path = g_build_filename (model_folder, "model-3-10.bin",
      NULL);
  DdpmModel *model = ddpm_checkpoint_load (path, NULL);

  fail_unless (model != NULL);
  return model;
}

static void
save_as (const DdpmModel * model, const gchar * name)
{
  g_autofree gchar *path = g_build_filename (model_folder, name, NULL);

  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, NULL));
}

static GPtrArray *
run_model (const gchar * name, const gchar * properties)
{
  g_autofree gchar *element = g_strdup_printf ("ddpmdenoise backend=reference "
      "model=%s/%s %s", model_folder, name, properties);

  return run (noise (1, 3, 1), element, "other/tensors");
}

/* Two models with properties give the same states, or not. */
static void
compare (const gchar * name, const gchar * properties,
    const gchar * other_name, const gchar * other_properties, gboolean same)
{
  GPtrArray *a = run_model (name, properties);
  GPtrArray *b = run_model (other_name, other_properties);
  GstMapInfo map;

  fail_unless (gst_buffer_map (nth_buffer (a, 0), &map, GST_MAP_READ));
  fail_unless_equals_int (gst_buffer_memcmp (nth_buffer (b, 0), 0, map.data,
          map.size) == 0, same);
  gst_buffer_unmap (nth_buffer (a, 0), &map);
  g_ptr_array_unref (a);
  g_ptr_array_unref (b);
}

#define PLAIN "model-3-10.bin"
#define SAID "sampler=ddim steps=4 spacing=trailing eta=0.3 clip-x0=false"

TEST (a_model_says_how_to_sample_it)
{
  g_autoptr (DdpmModel) model = load_plain ();

  model->config.sampling.sampler = DDPM_SAMPLER_DDIM;
  model->config.sampling.steps = 4;
  model->config.sampling.spacing = DDPM_SPACING_TRAILING;
  model->config.sampling.eta = 0.3;
  model->config.sampling.clip = FALSE;
  save_as (model, "recommending.bin");
  compare ("recommending.bin", "", PLAIN, SAID, TRUE);
  compare ("recommending.bin", "", PLAIN, "", FALSE);
  compare ("recommending.bin", "eta=0 steps=3 clip-x0=true spacing=leading",
      PLAIN, "sampler=ddim eta=0 steps=3 clip-x0=true spacing=leading", TRUE);
  compare ("recommending.bin", "sampler=ddpm variance=fixed-large", PLAIN,
      "sampler=ddpm variance=fixed-large clip-x0=false spacing=trailing", TRUE);
}

TEST (a_model_says_the_variance)
{
  g_autoptr (DdpmModel) model = load_plain ();

  model->config.sampling.variance = DDPM_VARIANCE_FIXED_LARGE;
  save_as (model, "large-variance.bin");
  compare ("large-variance.bin", "sampler=ddpm", PLAIN,
      "sampler=ddpm variance=fixed-large", TRUE);
  compare ("large-variance.bin", "sampler=ddpm variance=fixed-small", PLAIN,
      "sampler=ddpm", TRUE);
}

/* timesteps: the file has no more rows of embeddings than 10. */
TEST (properties_say_how_a_model_was_trained)
{
  g_autoptr (DdpmModel) model = load_plain ();

  model->config.schedule = DDPM_SCHEDULE_SCALED_LINEAR;
  model->config.beta_start = 0.01;
  model->config.beta_end = 0.4;
  model->config.prediction = DDPM_PREDICTION_SAMPLE;
  model->config.data_range = DDPM_DATA_RANGE_UNIT;
  save_as (model, "other.bin");
  compare ("other.bin", "", PLAIN, "schedule=scaled-linear beta-start=0.01 "
      "beta-end=0.4 prediction-type=sample data-range=unit timesteps=10", TRUE);
  compare ("other.bin", "schedule=linear beta-start=0.0001 beta-end=0.02 "
      "prediction-type=epsilon data-range=symmetric", PLAIN, "", TRUE);
  compare ("other.bin", "", PLAIN, "", FALSE);
}

TEST (what_a_model_cannot_have_been_trained_with)
{
  assert_error (launch ("%s ! %s ! appsink name=sink", noise (1, 3, 1),
          denoise (3, 10, "beta-start=0.5")), SETTINGS_ERROR, "0.5 and 0.02");
  assert_error (launch ("%s ! %s ! appsink name=sink", noise (1, 3, 1),
          denoise (3, 10, "sampler=ddpm variance=learned-range")),
      SETTINGS_ERROR, "predicts no variance");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
