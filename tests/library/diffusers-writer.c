/* gst-ddpm: tests of models written as folders of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"
#include "tests/support/test.h"
#include "tests/support/weights.h"

#define UNET_CONFIG "unet/config.json"
#define SCHEDULER_CONFIG "scheduler/scheduler_config.json"
#define FIRST_TIME_WEIGHT "time_embedding.timembedding.1.weight"

typedef struct
{
  TestFolder *folder;
  gchar *path;
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "model", NULL);
}

static void
teardown (Fixture * f, gconstpointer data)
{
  g_free (f->path);
  test_files_remove_folder (f->folder);
}

static void
save (Fixture * f, const DdpmModel * model)
{
  assert_ok (ddpm_checkpoint_save_diffusers (model, DDPM_TYPE_F32, f->path,
          FALSE, &error));
}

static DdpmModel *
save_and_load (Fixture * f, const DdpmModel * model)
{
  save (f, model);
  return assert_ok (ddpm_checkpoint_load (f->path, &error));
}

/* A value of a configuration, as JSON */
static gchar *
get_json (Fixture * f, const gchar * file, const gchar * key)
{
  g_autofree gchar *path = g_build_filename (f->path, file, NULL);
  g_autofree gchar *text = test_files_contents (path);
  g_autoptr (JsonNode) root = assert_ok (json_from_string (text, &error));
  JsonObject *object = json_node_get_object (root);

  if (!json_object_has_member (object, key))
    g_error ("%s has no %s", path, key);
  return json_to_string (json_object_get_member (object, key), FALSE);
}

static void
assert_json (Fixture * f, const gchar * file, const gchar * key,
    const gchar * expected)
{
  g_autofree gchar *found = get_json (f, file, key);

  g_assert_cmpstr (found, ==, expected);
}

static DdpmModel *
load_data (const gchar * name)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", name, NULL);

  return assert_ok (ddpm_checkpoint_load (path, &error));
}

static void
assert_same_sampling (const DdpmSampling * a, const DdpmSampling * b)
{
  g_assert_cmpint (a->sampler, ==, b->sampler);
  g_assert_cmpint (a->spacing, ==, b->spacing);
  g_assert_cmpuint (a->steps_offset, ==, b->steps_offset);
  g_assert_cmpint (a->variance, ==, b->variance);
  g_assert_cmpint (a->clip, ==, b->clip);
  g_assert_cmpfloat (a->clip_range, ==, b->clip_range);
  g_assert_cmpint (a->final_alpha_first, ==, b->final_alpha_first);
}

/* --- folders of diffusers --------------------------------------------- */

static const struct
{
  const gchar *name;
} folders[] = { {"tiny-google"}, {"tiny-trained"}, {"tiny-odd"},
{"tiny-guided"}
};

FIXTURE_TABLE_TEST (what_was_loaded_comes_back_to_the_bit, folders)
{
  g_autoptr (DdpmModel) before = load_data (row->name);
  g_autoptr (DdpmModel) after = save_and_load (f, before);

  g_assert_true (ddpm_config_equal (&after->config, &before->config));
  assert_same_sampling (&after->config.sampling, &before->config.sampling);
  g_assert_cmpuint (after->width, ==, before->width);
  g_assert_cmpuint (after->height, ==, before->height);
  test_assert_same_weights (after, before);
  g_assert_null (after->assumptions);
}

/* --- our models ------------------------------------------------------- */

/* One whose weights all differ, of images in -1..1 */
static DdpmModel *
make_model (void)
{
  DdpmConfig config;
  DdpmModel *model;

  test_model_config (&config);
  config.data_range = DDPM_DATA_RANGE_SYMMETRIC;
  model = assert_ok (ddpm_model_new (&config, &error));
  ddpm_model_init_weights (model, 1);
  return model;
}

FIXTURE_TEST (the_configurations_say_what_the_model_is)
{
  g_autoptr (DdpmModel) model = make_model ();

  model->config.dropout = 0.25;
  model->config.beta_start = 0.001;
  model->config.prediction = DDPM_PREDICTION_V;
  model->config.sampling.variance = DDPM_VARIANCE_FIXED_LARGE;
  model->width = 6;
  model->height = 4;
  save (f, model);
  assert_json (f, "model_index.json", "_class_name", "\"DDPMPipeline\"");
  assert_json (f, "model_index.json", "unet",
      "[\"diffusers\",\"UNet2DModel\"]");
  assert_json (f, "model_index.json", "scheduler",
      "[\"diffusers\",\"DDPMScheduler\"]");
  assert_json (f, UNET_CONFIG, "_class_name", "\"UNet2DModel\"");
  assert_json (f, UNET_CONFIG, "sample_size", "[4,6]");
  assert_json (f, UNET_CONFIG, "in_channels", "1");
  assert_json (f, UNET_CONFIG, "out_channels", "1");
  assert_json (f, UNET_CONFIG, "block_out_channels", "[32,32]");
  assert_json (f, UNET_CONFIG, "down_block_types",
      "[\"AttnDownBlock2D\",\"DownBlock2D\"]");
  assert_json (f, UNET_CONFIG, "up_block_types",
      "[\"UpBlock2D\",\"AttnUpBlock2D\"]");
  assert_json (f, UNET_CONFIG, "layers_per_block", "1");
  assert_json (f, UNET_CONFIG, "attention_head_dim", "null");
  assert_json (f, UNET_CONFIG, "downsample_padding", "1");
  assert_json (f, UNET_CONFIG, "norm_num_groups", "32");
  assert_json (f, UNET_CONFIG, "dropout", "0.25");
  assert_json (f, UNET_CONFIG, "num_class_embeds", "null");
  assert_json (f, SCHEDULER_CONFIG, "_class_name", "\"DDPMScheduler\"");
  assert_json (f, SCHEDULER_CONFIG, "num_train_timesteps", "17");
  assert_json (f, SCHEDULER_CONFIG, "beta_schedule", "\"squaredcos_cap_v2\"");
  assert_json (f, SCHEDULER_CONFIG, "prediction_type", "\"v_prediction\"");
  assert_json (f, SCHEDULER_CONFIG, "variance_type", "\"fixed_large\"");
  assert_json (f, SCHEDULER_CONFIG, "timestep_spacing", "\"trailing\"");
}

/* diffusers has all sines, then all cosines; the notebook has them in turn. So
 * the columns of the first layer change places, and its rows give the same
 * sums. */
FIXTURE_TEST (the_notebook_s_table_becomes_that_of_diffusers)
{
  g_autoptr (DdpmModel) before = make_model ();
  g_autoptr (DdpmModel) after = save_and_load (f, before);
  const DdpmParam *param = ddpm_params_find (before->params,
      FIRST_TIME_WEIGHT);
  const guint channels = 32, T = 17, rows = param->shape[0];

  assert_json (f, UNET_CONFIG, "time_embedding_type", "\"positional\"");
  assert_json (f, UNET_CONFIG, "flip_sin_to_cos", "false");
  assert_json (f, UNET_CONFIG, "freq_shift", "0.0");
  for (guint t = 0; t < T; t++) {
    for (guint row = 0; row < rows; row++) {
      gdouble expected = 0.0, found = 0.0;

      for (guint i = 0; i < channels; i++) {
        const gsize w = param->offset + (gsize) row * channels + i;
        const gsize x = before->params->trainable + t * channels + i;

        expected += before->weights[w] * before->weights[x];
        found += after->weights[w] * after->weights[x];
      }
      g_assert_cmpfloat_with_epsilon (found, expected, 1e-5);
    }
  }
}

/* UNet2DModel has such a table as an embedding that is learned. */
FIXTURE_TEST (a_table_of_no_rule_is_stored)
{
  g_autoptr (DdpmModel) before = make_model ();
  g_autoptr (DdpmModel) after = NULL;

  before->weights[before->params->trainable + 7] += 0.5f;
  after = save_and_load (f, before);
  assert_json (f, UNET_CONFIG, "time_embedding_type", "\"learned\"");
  assert_json (f, UNET_CONFIG, "num_train_timesteps", "17");
  test_assert_same_weights (after, before);
}

static const struct
{
  const gchar *name;
  DdpmSampling sampling;
  const gchar *class_name;
} schedulers[] = {
  {"nothing", {-1, 0, -1, 0, -1, -1, -1, 1.0}, "\"DDPMScheduler\""},
  {"ddim", {DDPM_SAMPLER_DDIM, 0, -1, 0, 0.0, -1, 1, 1.0},
      "\"DDIMScheduler\""},
  {"noise", {DDPM_SAMPLER_DDIM, 0, -1, 0, 1.0, -1, 1, 1.0},
      "\"DDPMScheduler\""},
  {"clipping", {DDPM_SAMPLER_DPMPP_2M, 0, -1, 0, -1, -1, 1, 1.0},
      "\"DDPMScheduler\""},
  {"no-clipping", {DDPM_SAMPLER_DPMPP_2M, 0, -1, 0, -1, -1, 0, 1.0},
      "\"DPMSolverMultistepScheduler\""},
};

FIXTURE_TABLE_TEST (the_scheduler_is_that_of, schedulers)
{
  g_autoptr (DdpmModel) model = make_model ();

  model->config.sampling = row->sampling;
  save (f, model);
  assert_json (f, SCHEDULER_CONFIG, "_class_name", row->class_name);
}

FIXTURE_TEST (a_licence_stays)
{
  g_autoptr (DdpmModel) before = make_model ();
  g_autoptr (DdpmModel) after = NULL;

  before->notes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  g_hash_table_insert (before->notes, g_strdup ("license"), g_strdup ("mit"));
  after = save_and_load (f, before);
  g_assert_cmpstr (g_hash_table_lookup (after->notes, "license"), ==, "mit");
}

/* --- limits ----------------------------------------------------------- */

static gboolean
tells (const DdpmModel * model, const gchar * fragment)
{
  g_auto (GStrv) limits = ddpm_checkpoint_list_diffusers_limits (model);
  g_autofree gchar *all = g_strjoinv ("\n", limits);

  return strstr (all, fragment) != NULL;
}

TEST (what_a_pipeline_cannot_do_is_told)
{
  g_autoptr (DdpmModel) model = make_model ();
  g_auto (GStrv) none = NULL;

  model->config.timesteps = 1000;
  model->width = model->height = 8;
  none = ddpm_checkpoint_list_diffusers_limits (model);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  model->config.timesteps = 17;
  g_assert_true (tells (model, "num_inference_steps=17"));
  model->config.classes = 10;
  g_assert_true (tells (model, "10 classes"));
  model->config.data_range = DDPM_DATA_RANGE_UNIT;
  g_assert_true (tells (model, "from 0 to 1"));
  model->config.steps = 4;
  g_assert_true (tells (model, "distilled to 4 steps"));
  model->width = 0;
  g_assert_true (tells (model, "how large its images are"));
}

FIXTURE_TEST (a_network_that_diffusers_cannot_be_is_refused)
{
  DdpmConfig config;
  g_autoptr (DdpmModel) model = NULL;

  test_model_config (&config);
  config.level_channels[0] = 64;
  model = assert_ok (ddpm_model_new (&config, &error));
  model->location = g_strdup ("mine.bin");
  assert_fails_with (ddpm_checkpoint_save_diffusers (model, DDPM_TYPE_F32,
          f->path, FALSE, &error), DDPM_ERROR_SETTINGS, "mine.bin",
      "its first convolution has 32 channels and its first level 64");
  g_assert_cmpuint (test_files_count (f->folder), ==, 0);
}

/* --- the folder ------------------------------------------------------- */

FIXTURE_TEST (a_folder_that_is_not_empty_stays)
{
  g_autoptr (DdpmModel) model = make_model ();

  save (f, model);
  assert_fails_with (ddpm_checkpoint_save_diffusers (model, DDPM_TYPE_F32,
          f->path, FALSE, &error), DDPM_ERROR_WRITE, f->path, "already");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (a_replaced_folder_is_kept_as_old)
{
  g_autoptr (DdpmModel) model = make_model ();
  g_autofree gchar *old = g_strconcat (f->path, ".old", NULL);
  g_autoptr (DdpmModel) before = NULL, after = NULL;

  save (f, model);
  model->weights[0] += 1.0f;
  assert_ok (ddpm_checkpoint_save_diffusers (model, DDPM_TYPE_F32, f->path,
          TRUE, &error));
  before = assert_ok (ddpm_checkpoint_load (old, &error));
  after = assert_ok (ddpm_checkpoint_load (f->path, &error));
  g_assert_cmpfloat (after->weights[0], ==, before->weights[0] + 1.0f);
  g_assert_cmpuint (test_files_count (f->folder), ==, 2);
}

/* 65504 is the largest number of F16. */
FIXTURE_TEST (weights_too_large_for_their_type_are_refused)
{
  g_autoptr (DdpmModel) model = make_model ();

  model->weights[3] = 65536.0f;
  assert_fails (ddpm_checkpoint_save_diffusers (model, DDPM_TYPE_F16, f->path,
          FALSE, &error), DDPM_ERROR_WRITE, "choose BF16 or F32");
  g_assert_cmpuint (test_files_count (f->folder), ==, 0);
}
