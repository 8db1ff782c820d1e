/* gst-ddpm: tests of the folders that diffusers saves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/net.h"
#include "tests/support/test.h"

#define CONFIG "config.json"
#define SCHEDULER "scheduler_config.json"
#define WEIGHTS "diffusion_pytorch_model.safetensors"

/* --- folders ---------------------------------------------------------- */

static gchar *
read_data (const gchar * name)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", name, NULL);

  return test_files_contents (path);
}

static void
write_text (const gchar * folder, const gchar * name, const gchar * text)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  assert_ok (g_file_set_contents (path, text, -1, &error));
}

/* Writes a file of data/diffusers under another name. */
static void
copy_data (const gchar * name, const gchar * folder, const gchar * as)
{
  g_autofree gchar *from = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", name, NULL);
  g_autoptr (GBytes) bytes = test_files_read (from);
  g_autofree gchar *to = g_build_filename (folder, as, NULL);
  g_autofree gchar *parent = g_path_get_dirname (to);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  assert_ok (g_file_set_contents (to, g_bytes_get_data (bytes, NULL),
          g_bytes_get_size (bytes), &error));
}

/* The text with one part replaced, which must be there */
static gchar *
edit_text (const gchar * text, const gchar * old, const gchar * new)
{
  const gchar *at = strstr (text, old);

  g_assert_nonnull (at);
  return g_strdup_printf ("%.*s%s%s", (int) (at - text), text, new,
      at + strlen (old));
}

/* A folder of google's form: all files of tiny-google in one folder. Edits of a
 * file: old: NULL: it is written as it is */
static void
write_folder (const gchar * folder, const gchar * edited, const gchar * old,
    const gchar * new)
{
  static const gchar *const names[][2] = {
    {"tiny-google/unet/config.json", CONFIG},
    {"tiny-google/scheduler/scheduler_config.json", SCHEDULER},
    {"tiny-google/model_index.json", "model_index.json"},
  };

  copy_data ("tiny-google/unet/" WEIGHTS, folder, WEIGHTS);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *text = read_data (names[i][0]);
    g_autofree gchar *other = old && strcmp (names[i][1], edited) == 0 ?
        edit_text (text, old, new) : g_strdup (text);

    write_text (folder, names[i][1], other);
  }
}

static DdpmModel *
load (const gchar * path)
{
  return assert_ok (ddpm_checkpoint_load (path, &error));
}

static DdpmModel *
load_data (const gchar * name)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", name, NULL);

  return load (path);
}

static void
assert_refused (const gchar * folder, const gchar * fragment)
{
  assert_fails_with (ddpm_checkpoint_load (folder, &error), DDPM_ERROR_FORMAT,
      folder, fragment);
}

/* --- networks --------------------------------------------------------- */

TEST (google_s_network_is_known)
{
  g_autoptr (DdpmModel) model = load_data ("tiny-google");
  const DdpmConfig *c = &model->config;
  static const guint channels[] = { 4, 6, 8 };

  g_assert_cmpuint (c->n_levels, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (ddpm_config_get_level_channels (c, i), ==, channels[i]);
  g_assert_true (ddpm_config_has_attention (c, 1, FALSE));
  g_assert_false (ddpm_config_has_attention (c, 2, TRUE));
  g_assert_cmpuint (ddpm_config_get_heads (c, 8), ==, 1);
  g_assert_cmpuint (c->groups, ==, 2);
  g_assert_cmpfloat (c->norm_eps, ==, 1e-6);
  g_assert_cmpint (c->down_padding, ==, DDPM_PADDING_END);
  g_assert_cmpuint (c->timesteps, ==, 20);
  g_assert_cmpfloat (c->beta_end, ==, 0.3);
  g_assert_cmpint (c->data_range, ==, DDPM_DATA_RANGE_SYMMETRIC);
  g_assert_cmpuint (model->width, ==, 8);
  g_assert_null (model->assumptions);
}

TEST (a_network_of_scales_and_classes_is_known)
{
  g_autoptr (DdpmModel) model = load_data ("tiny-guided");
  const DdpmConfig *c = &model->config;

  g_assert_true (c->scale_shift);
  g_assert_true (c->learned_variance);
  g_assert_cmpint (c->middle, ==, DDPM_MIDDLE_PLAIN_ATTENTION);
  g_assert_cmpuint (c->classes, ==, 3);
  g_assert_cmpuint (c->head_channels, ==, 4);
  g_assert_cmpuint (model->width, ==, 4);
  g_assert_cmpuint (model->height, ==, 8);
}

/* Google's embeddings: half - 1 in the exponent, sines first */
TEST (the_embedding_table_is_that_of_the_configuration)
{
  g_autoptr (DdpmModel) model = load_data ("tiny-google");
  const gfloat *table = model->weights + model->params->trainable;

  for (guint t = 0; t < 20; t++) {
    const gfloat *row = table + 4 * t;

    g_assert_cmpfloat_with_epsilon (row[0], sin (t), 1e-6);
    g_assert_cmpfloat_with_epsilon (row[1], sin (t * 1e-4), 1e-6);
    g_assert_cmpfloat_with_epsilon (row[2], cos (t), 1e-6);
    g_assert_cmpfloat_with_epsilon (row[3], cos (t * 1e-4), 1e-6);
  }
}

static const struct
{
  const gchar *name;
} networks[] = {
  {"tiny-google"}, {"tiny-trained"}, {"tiny-guided"}, {"tiny-odd"},
};

TABLE_TEST (computes_what_diffusers_does_with, networks)
{
  g_autoptr (DdpmModel) model = load_data (row->name);
  g_autofree gchar *dump = g_strdup_printf ("diffusers/%s.safetensors",
      row->name);

  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autoptr (DdpmBackend) backend = test_backend_new (kind);

    g_assert_cmpfloat (compare_model_with_dump (backend, model, 2, model->width,
            model->height, dump), <, 1e-5);
  }
}

/* Before 0.13, as google's networks are saved */
TEST (old_names_of_attention_are_read)
{
  static const gchar *const names[][2] = {
    {"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"},
    {"to_out.0", "proj_attn"}
  };
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, WEIGHTS, NULL);
  g_autoptr (DdpmModel) expected = load_data ("tiny-google");
  g_autoptr (GBytes) weights = NULL;
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, NULL, NULL, NULL);
  weights = test_files_read (path);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *header = test_files_header (weights);
    g_auto (GStrv) parts = g_strsplit (header, names[i][0], -1);
    g_autofree gchar *edited = g_strjoinv (names[i][1], parts);
    GBytes *next = test_files_edit (weights, header, edited);

    g_assert_cmpuint (g_strv_length (parts), >, 2);
    g_bytes_unref (weights);
    weights = next;
  }
  assert_ok (g_file_set_contents (path, g_bytes_get_data (weights, NULL),
          g_bytes_get_size (weights), &error));
  model = load (folder);
  test_assert_same_weights (model, expected);
}

static const struct
{
  const gchar *name, *old, *new, *fragment;
} configs[] = {
  {"class", "UNet2DModel", "UNet2DConditionModel", "found "
        "'UNet2DConditionModel': it needs a text"},
  {"no-class", "\"_class_name\"", "\"_class\"", "expected _class_name "
        "UNet2DModel, found none"},
  {"skip-blocks", "AttnDownBlock2D", "AttnSkipDownBlock2D",
      "expected DownBlock2D and AttnDownBlock2D as its down_block_types"},
  {"resnet-resampling", "\"upsample_type\": \"conv\"",
      "\"upsample_type\": \"resnet\"", "conv as its upsample_type, found "},
  {"activation", "\"silu\"", "\"gelu\"", "expected silu as its act_fn"},
  {"fourier", "\"positional\"", "\"fourier\"",
      "positional or learned as its time_embedding_type"},
  {"class-embedding", "\"class_embed_type\": null",
      "\"class_embed_type\": \"timestep\"", "null as its class_embed_type"},
  {"attention-groups", "\"attn_norm_num_groups\": null",
      "\"attn_norm_num_groups\": 1", "its attn_norm_num_groups, found '1'"},
  {"spatial-norms", "\"default\"", "\"spatial\"",
      "default or scale_shift as its resnet_time_scale_shift"},
  {"padding", "\"downsample_padding\": 0", "\"downsample_padding\": 2",
      "expected 0 or 1 as its downsample_padding, found '2'"},
  {"condition", "\"in_channels\": 3", "\"in_channels\": 4",
      "sees only the noisy image) as its in_channels, found '4'"},
  {"levels", "\"block_out_channels\": [", "\"block_out_channels\": [2,",
      "as many blocks as block_out_channels has as its down_block_types"},
  {"negative", "\"norm_num_groups\": 2", "\"norm_num_groups\": -2",
      "a whole number as its norm_num_groups, found '-2'"},
  {"null-groups", "\"norm_num_groups\": 2", "\"norm_num_groups\": null",
      "a whole number as its norm_num_groups, found 'null'"},
  {"nan", "1e-06", "NaN", "a finite number as its norm_eps"},
  {"infinite", "1e-06", "Infinity", "a finite number as its norm_eps"},
  {"groups", "\"norm_num_groups\": 2", "\"norm_num_groups\": 4",
      "a divisor of the 6 channels of level 1, not 4, as its "
        "norm_num_groups, found '4'"},
  {"heads", "\"attention_head_dim\": null", "\"attention_head_dim\": 4",
      "a divisor of the 6 channels of level 1, not 4, as its "
        "attention_head_dim, found '4'"},
  {"five-channels", "\"in_channels\": 3", "\"in_channels\": 5",
      "as its in_channels, found '5'"},
  {"odd-channels", "    4,", "    5,",
      "an even number first as its block_out_channels"},
  {"missing-layers", "\"layers_per_block\": 1", "\"layers_per_block\": 2",
      "expected tensor down_blocks.0.resnets.1.norm1.weight of shape [4]"},
  {"more-layers", "\"add_attention\": true", "\"add_attention\": false",
      "UNet2DModel of diffusers, found also 'mid_block.attentions.0.group_"},
  {"truncated", "\"upsample_type\": \"conv\"\n}", "", "a JSON object"},
  {"comment", "{", "{/* [ */", "a character that JSON does not have"},
  {"odd-size", "\"sample_size\": 8", "\"sample_size\": 10",
      "divisible by 4, not 10x10"},
};

TABLE_TEST (refuses_a_network_with, configs)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();

  write_folder (folder, CONFIG, row->old, row->new);
  assert_refused (folder, row->fragment);
}

TEST (deep_nesting_is_refused)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *deep = g_strnfill (100000, '[');

  write_folder (folder, NULL, NULL, NULL);
  write_text (folder, CONFIG, deep);
  assert_refused (folder, "values nested too deeply");
}

/* As EMAModel adds them, and what nobody knows */
TEST (unknown_keys_are_told)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, CONFIG, "{", "{\"decay\": 0.9999, \"_private\": 1, "
      "\"novelty\": true, ");
  model = load (folder);
  g_assert_true (g_str_has_suffix (model->assumptions,
          ": unknown keys of config.json are ignored: 'novelty'"));
}

TEST (absent_keys_have_the_defaults_of_the_class)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();

  write_folder (folder, CONFIG, "\"attention_head_dim\": null,", "");
  assert_refused (folder, "a divisor of the 6 channels of level 1, not 8, as "
      "its attention_head_dim, found none");
}

/* --- schedulers ------------------------------------------------------- */

static const struct
{
  const gchar *name, *old, *new, *fragment;
} schedulers[] = {
  {"sigmas", "DDPMScheduler", "ScoreSdeVeScheduler",
      "its networks see noise levels instead of timesteps"},
  {"flow", "DDPMScheduler", "FlowMatchEulerDiscreteScheduler",
      "the velocity of a flow"},
  {"class", "DDPMScheduler", "MysteryScheduler",
      "gst-ddpm does not know this one"},
  {"betas", "\"trained_betas\": null", "\"trained_betas\": [0.1]",
      "as its trained_betas"},
  {"schedule", "\"linear\"", "\"laplace\"", "as its beta_schedule, found"},
  {"thresholding", "\"thresholding\": false", "\"thresholding\": true",
      "expected false as its thresholding, found 'true'"},
  {"prediction", "\"epsilon\"", "\"flow_prediction\"",
      "as its prediction_type"},
  {"learned-log-variance", "\"fixed_large\"", "\"learned\"",
      "as its variance_type, found '\\\"learned"},
  {"eps-of-pure-noise", "\"rescale_betas_zero_snr\": false",
        "\"rescale_betas_zero_snr\": true",
      "expected false where prediction_type is epsilon"},
  {"variance", "\"fixed_large\"", "\"learned_range\"",
      "one that is not learned"},
  {"timesteps", "\"num_train_timesteps\": 20", "\"num_train_timesteps\": 0",
      "timesteps must be"},
};

TABLE_TEST (refuses_a_scheduler_with, schedulers)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();

  write_folder (folder, SCHEDULER, row->old, row->new);
  assert_refused (folder, row->fragment);
}

/* What a scheduler says, and which field shows it */
static const struct
{
  const gchar *name, *old, *new;
  gsize field;
  gint value;
} sampling[] = {
#define FIELD(name) G_STRUCT_OFFSET (DdpmConfig, name)
  {"ancestral-sampling", "DDPM", "DDPM", FIELD (sampling.sampler),
      DDPM_SAMPLER_DDPM},
  {"ddim", "DDPM", "DDIM", FIELD (sampling.sampler), DDPM_SAMPLER_DDIM},
  {"dpm-solver", "DDPM", "DPMSolverMultistep", FIELD (sampling.sampler),
      DDPM_SAMPLER_DPMPP_2M},
  {"dpm-solver-does-not-clip", "DDPM", "DPMSolverMultistep",
      FIELD (sampling.clip), 0},
  {"a-dpm-solver-that-is-not-ours", "DDPMScheduler\"",
        "DPMSolverMultistepScheduler\", \"use_karras_sigmas\": true",
      FIELD (sampling.sampler), DDPM_SAMPLER_DDIM},
  {"a-dpm-solver-that-clips-lambdas", "DDPMScheduler\"",
        "DPMSolverMultistepScheduler\", \"lambda_min_clipped\": -5.1",
      FIELD (sampling.sampler), DDPM_SAMPLER_DDIM},
  {"large-variance", "DDPM", "DDPM", FIELD (sampling.variance),
      DDPM_VARIANCE_FIXED_LARGE},
  {"small-variance", "fixed_large", "fixed_small_log",
      FIELD (sampling.variance), DDPM_VARIANCE_FIXED_SMALL},
  {"no-variance-of-ddim", "DDPM", "DDIM", FIELD (sampling.variance), -1},
  {"clipping", "DDPM", "DDPM", FIELD (sampling.clip), 1},
  {"no-clipping", "\"clip_sample\": true", "\"clip_sample\": false",
      FIELD (sampling.clip), 0},
  {"leading", "DDPM", "DDPM", FIELD (sampling.spacing), DDPM_SPACING_LEADING},
  {"trailing", "\"leading\"", "\"trailing\"", FIELD (sampling.spacing),
      DDPM_SPACING_TRAILING},
  {"linspace", "\"leading\"", "\"linspace\"", FIELD (sampling.spacing),
      DDPM_SPACING_LINSPACE},
  {"an-offset", "\"steps_offset\": 0", "\"steps_offset\": 1",
      FIELD (sampling.steps_offset), 1},
  {"the-eps-of-the-network", "DDPM", "DDPM", FIELD (sampling.keep_eps), TRUE},
  {"no-first-alpha", "DDPM", "DDIM", FIELD (sampling.final_alpha_first), FALSE},
  {"a-first-alpha", "DDPMScheduler\"", "DDIMScheduler\", "
        "\"set_alpha_to_one\": false", FIELD (sampling.final_alpha_first),
      TRUE},
  {"a-first-alpha-of-pndm", "DDPM", "PNDM", FIELD (sampling.final_alpha_first),
      TRUE},
  {"a-scaled-schedule", "\"linear\"", "\"scaled_linear\"", FIELD (schedule),
      DDPM_SCHEDULE_SCALED_LINEAR},
  {"a-cosine", "\"linear\"", "\"squaredcos_cap_v2\"", FIELD (schedule),
      DDPM_SCHEDULE_COSINE},
  {"a-sigmoid", "\"linear\"", "\"sigmoid\"", FIELD (schedule),
      DDPM_SCHEDULE_SIGMOID},
  {"v-prediction", "\"epsilon\"", "\"v_prediction\"", FIELD (prediction),
      DDPM_PREDICTION_V},
  {"sample-prediction", "\"epsilon\"", "\"sample\"", FIELD (prediction),
      DDPM_PREDICTION_SAMPLE},
  {"sample-prediction-of-old-versions", "\"prediction_type\": \"epsilon\"",
        "\"predict_epsilon\": false", FIELD (prediction),
      DDPM_PREDICTION_SAMPLE},
  {"zero-snr", "\"epsilon\",\n  \"rescale_betas_zero_snr\": false",
      "\"sample\", \"rescale_betas_zero_snr\": true", FIELD (zero_snr), TRUE},
#undef FIELD
};

TABLE_TEST (reads_from_a_scheduler, sampling)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, SCHEDULER, row->old, row->new);
  model = load (folder);
  g_assert_cmpint (G_STRUCT_MEMBER (gint, &model->config, row->field), ==,
      row->value);
}

TEST (a_range_of_clipping_is_read)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, SCHEDULER, "\"clip_sample_range\": 1.0",
      "\"clip_sample_range\": 1.5");
  model = load (folder);
  g_assert_cmpfloat (model->config.sampling.clip_range, ==, 1.5);
}

TEST (the_variance_that_a_network_has_learnt_is_used)
{
  g_autoptr (DdpmModel) model = load_data ("tiny-guided");

  g_assert_cmpint (model->config.sampling.variance, ==,
      DDPM_VARIANCE_LEARNED_RANGE);
  g_assert_true (model->config.sampling.always_labelled);
}

TEST (a_missing_scheduler_is_assumed_and_told)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, SCHEDULER, NULL);
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, NULL, NULL, NULL);
  g_assert_cmpint (g_remove (path), ==, 0);
  model = load (folder);
  g_assert_cmpuint (model->config.timesteps, ==, 1000);
  g_assert_nonnull (strstr (model->assumptions, "there is no "
          "scheduler_config.json; assumed: a linear schedule, betas of 0.0001 "
          "to 0.02, T = 1000, prediction of epsilon, sampler ddpm"));
}

TEST (what_a_person_says_of_a_folder_is_not_assumed)
{
  const DdpmTrained trained = { DDPM_SCHEDULE_SIGMOID, 0.001, -1, 50, -1,
    DDPM_PREDICTION_V
  };
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, SCHEDULER, NULL);
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, NULL, NULL, NULL);
  g_assert_cmpint (g_remove (path), ==, 0);
  model = assert_ok (ddpm_checkpoint_load_shared_as (folder, &trained, &error));
  g_assert_cmpuint (model->config.timesteps, ==, 50);
  g_assert_cmpint (model->config.schedule, ==, DDPM_SCHEDULE_SIGMOID);
  g_assert_cmpint (model->config.prediction, ==, DDPM_PREDICTION_V);
  g_assert_true (g_str_has_suffix (model->assumptions, "assumed: betas of "
          "0.001 to 0.02, sampler ddpm"));
  g_assert_cmpint (model->assumed, ==, DDPM_FACT_SCHEDULE);
}

TEST (a_sampler_that_is_not_ours_is_told)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, SCHEDULER, "DDPMScheduler", "PNDMScheduler");
  model = load (folder);
  g_assert_nonnull (strstr (model->assumptions,
          "sampler ddim in the place of PNDMScheduler"));
}

/* Python's json writes this number, which JSON does not have. */
TEST (infinities_of_python_are_read)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, SCHEDULER, "DDPMScheduler\"",
      "DPMSolverMultistepScheduler\", \"lambda_min_clipped\": -Infinity");
  model = load (folder);
  g_assert_cmpuint (model->config.timesteps, ==, 20);
}

/* --- files ------------------------------------------------------------ */

TEST (the_weights_name_their_folder_too)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", "tiny-google", "unet", WEIGHTS, NULL);
  g_autofree gchar *unet = g_path_get_dirname (path);
  g_autoptr (DdpmModel) pipeline = load_data ("tiny-google");
  g_autoptr (DdpmModel) file = load (path);
  g_autoptr (DdpmModel) network = load (unet);

  test_assert_same_weights (file, pipeline);
  test_assert_same_weights (network, pipeline);
  g_assert_true (ddpm_config_equal (&file->config, &pipeline->config));
  g_assert_true (ddpm_config_equal (&network->config, &pipeline->config));
}

TEST (weights_alone_do_not_say_enough)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, WEIGHTS, NULL);

  copy_data ("tiny-google/unet/" WEIGHTS, folder, WEIGHTS);
  assert_fails_with (ddpm_checkpoint_load (path, &error), DDPM_ERROR_FORMAT,
      path, "expected config.json beside the weights");
}

/* As train_unconditional.py leaves them while it runs */
TEST (of_a_run_the_average_is_taken)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) model = NULL;

  copy_data ("tiny-google/unet/" CONFIG, folder, "unet/" CONFIG);
  copy_data ("tiny-google/unet/" WEIGHTS, folder, "unet/" WEIGHTS);
  copy_data ("tiny-guided/" CONFIG, folder, "unet_ema/" CONFIG);
  copy_data ("tiny-guided/" WEIGHTS, folder, "unet_ema/" WEIGHTS);
  model = load (folder);
  g_assert_cmpuint (model->config.classes, ==, 3);
  g_assert_nonnull (strstr (model->assumptions,
          "the network of unet_ema is used, a moving average (EMA)"));
}

static const struct
{
  const gchar *name;
  const gchar *removed, *written, *fragment;
} files[] = {
  {"no-weights", WEIGHTS, NULL, "or .bin, found none"},
  {"shards", WEIGHTS, WEIGHTS ".index.json", "the weights are in shards"},
  {"other-weights", WEIGHTS, "ema.ckpt",
      "found 'ema.ckpt'; name the one to play"},
  {"no-config", CONFIG, NULL, "without config.json or unet/config.json; to "
        "play one of its files, 'diffusion_pytorch_model.safetensors'"},
  {"vae", NULL, "vae/config.json", "found also vae: its network makes latents"},
};

TABLE_TEST (refuses_a_folder_with, files)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();

  write_folder (folder, NULL, NULL, NULL);
  if (row->removed) {
    g_autofree gchar *path = g_build_filename (folder, row->removed, NULL);

    g_assert_cmpint (g_remove (path), ==, 0);
  }
  if (row->written)
    write_text (folder, row->written, "{}");
  assert_refused (folder, row->fragment);
}

TEST (several_variants_are_refused_and_one_is_taken)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *old = g_build_filename (folder, WEIGHTS, NULL);
  g_autofree gchar *new = g_build_filename (folder,
      "diffusion_pytorch_model.fp16.safetensors", NULL);
  g_autoptr (DdpmModel) model = NULL;

  write_folder (folder, NULL, NULL, NULL);
  g_assert_cmpint (g_rename (old, new), ==, 0);
  model = load (folder);
  write_text (folder, "diffusion_pytorch_model.bf16.safetensors", "");
  assert_refused (folder, "found 'diffusion_pytorch_model.bf16.safetensors', "
      "'diffusion_pytorch_model.fp16.safetensors'; name the one to play");
}

TEST (a_pipeline_of_more_parts_is_refused)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();

  write_folder (folder, "model_index.json", "\"unet\"",
      "\"vqvae\": [\"diffusers\", \"VQModel\"], \"unet\"");
  assert_refused (folder, "a network and a scheduler alone as its vqvae");
}

TEST (a_folder_is_shared_until_a_file_of_it_changes)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autoptr (DdpmModel) first = NULL, second = NULL, third = NULL;
  g_autofree gchar *text = NULL;
  g_autofree gchar *edited = NULL;

  write_folder (folder, NULL, NULL, NULL);
  first = assert_ok (ddpm_checkpoint_load_shared (folder, &error));
  second = assert_ok (ddpm_checkpoint_load_shared (folder, &error));
  g_assert_true (first == second);
  text = read_data ("tiny-google/scheduler/scheduler_config.json");
  edited = edit_text (text, "0.3", "0.2");
  write_text (folder, SCHEDULER, edited);
  third = assert_ok (ddpm_checkpoint_load_shared (folder, &error));
  g_assert_true (third != first);
  g_assert_cmpfloat (third->config.beta_end, ==, 0.2);
}
