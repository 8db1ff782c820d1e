/* gst-ddpm: tests of models on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"

#include <json-glib/json-glib.h>
#include <locale.h>

#include "gst-ddpm/files/checkpoint.h"
#include "kernels/bf16.h"
#include "tests/support/models.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder;
  gchar *path;
  DdpmModel *model;
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "ckpt.bin", NULL);
  f->model = test_unusual_model_new ();
}

static void
teardown (Fixture * f, gconstpointer data)
{
  ddpm_model_unref (f->model);
  test_files_remove_folder (f->folder);
  g_free (f->path);
}

static void
save (Fixture * f, DdpmType type)
{
  assert_ok (ddpm_checkpoint_save (f->model, type, f->path, &error));
}

static DdpmModel *
load (const gchar * path)
{
  return assert_ok (ddpm_checkpoint_load (path, &error));
}

/* --- round trips ------------------------------------------------------ */

static void
assert_same_facts (const DdpmModel * a, const DdpmModel * b)
{
  g_assert_true (ddpm_config_equal (&a->config, &b->config));
  g_assert_cmpfloat (a->config.beta_start, ==, b->config.beta_start);
  g_assert_cmpfloat (a->config.beta_end, ==, b->config.beta_end);
  g_assert_cmpuint (a->width, ==, b->width);
  g_assert_cmpuint (a->height, ==, b->height);
  g_assert_cmpuint (a->step, ==, b->step);
}

FIXTURE_TEST (f32_comes_back_to_the_bit)
{
  g_autoptr (DdpmModel) model = NULL;
  gsize size = f->model->params->total * sizeof (gfloat);

  save (f, DDPM_TYPE_F32);
  model = load (f->path);
  assert_same_facts (model, f->model);
  g_assert_cmpstr (model->location, ==, f->path);
  g_assert_cmpmem (model->weights, size, f->model->weights, size);
}

/* but the embedding table stays in full precision */
FIXTURE_TEST (bf16_comes_back_rounded)
{
  g_autoptr (DdpmModel) model = NULL;
  gsize i;

  save (f, DDPM_TYPE_BF16);
  model = load (f->path);
  assert_same_facts (model, f->model);
  for (i = 0; i < model->params->total; i++)
    g_assert_cmpfloat (model->weights[i], ==, i < model->params->trainable ?
        ddpm_bf16_round (f->model->weights[i]) : f->model->weights[i]);
}

/* A table that differs from the computed one is kept. */
FIXTURE_TEST (keeps_the_table_of_the_file)
{
  g_autoptr (DdpmModel) model = NULL;
  gfloat *table = f->model->weights + f->model->params->trainable;

  table[5] = 42;
  save (f, DDPM_TYPE_F32);
  model = load (f->path);
  g_assert_cmpfloat (model->weights[model->params->trainable + 5], ==, 42);
}

FIXTURE_TEST (is_the_same_in_every_locale)
{
  g_autoptr (GBytes) english = NULL, german = NULL;
  g_autoptr (DdpmModel) model = NULL;

  save (f, DDPM_TYPE_BF16);
  english = test_files_read (f->path);
  if (!setlocale (LC_ALL, "de_DE.UTF-8")
      && !setlocale (LC_ALL, "fr_FR.UTF-8")) {
    g_test_skip ("no locale with a decimal comma is installed");
    return;
  }
  save (f, DDPM_TYPE_BF16);
  german = test_files_read (f->path);
  model = load (f->path);
  setlocale (LC_ALL, "C");
  g_assert_true (g_bytes_equal (english, german));
  assert_same_facts (model, f->model);
}

FIXTURE_TEST (replaces_the_checkpoint_of_before)
{
  g_autoptr (DdpmModel) model = NULL;

  save (f, DDPM_TYPE_F32);
  f->model->step = 2;
  save (f, DDPM_TYPE_BF16);
  model = load (f->path);
  g_assert_cmpuint (model->step, ==, 2);
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

/* --- files of PyTorch ------------------------------------------------- */

static gdouble
sum (const gfloat * x, gsize count)
{
  gdouble s = 0;
  gsize i;

  for (i = 0; i < count; i++)
    s += x[i];
  return s;
}

static JsonNode *
read_json (const gchar * name)
{
  g_autoptr (GBytes) bytes = test_files_data (name);
  gsize size;
  const gchar *text = g_bytes_get_data (bytes, &size);
  g_autofree gchar *copy = g_strndup (text, size);
  return assert_ok (json_from_string (copy, &error));
}

/* Each field of a network that the notebook's does not have, alone and with
 * others */
TEST (networks_of_other_programs_survive_a_round_trip)
{
  gchar *folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "ckpt.bin", NULL);

  for (guint i = 0; i < 14; i++) {
    g_autoptr (DdpmModel) model = NULL, back = NULL;
    DdpmConfig config;

    ddpm_config_init_defaults (&config);
    config.channels = config.groups = 8;
    config.n_levels = 2;
    config.timesteps = 10;
    if (i == 0 || i == 13)
      config.level_channels[1] = 40;
    if (i == 1 || i == 13)
      config.up_attention_levels = 1u << 0;
    if (i == 2 || i == 13)
      config.head_channels = 4;
    if (i == 3)
      config.heads = 2;
    if (i >= 4 && i <= 6)
      config.middle = i - 3;
    if (i == 7 || i == 13)
      config.norm_eps = 1e-6;
    if (i == 8 || i == 13)
      config.scale_shift = config.learned_variance = TRUE;
    if (i == 9 || i == 13)
      config.down_padding = DDPM_PADDING_END;
    if (i == 10 || i == 13)
      config.middle_scale = G_SQRT2;
    if (i == 11 || i == 13)
      config.center_input = TRUE;
    if (i == 12 || i == 13)
      config.time_dim = 12;
    config.image_channels = 1 + i % 4;
    model = assert_ok (ddpm_model_new (&config, &error));
    ddpm_model_init_weights (model, 1);
    assert_ok (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, &error));
    back = load (path);
    g_assert_true (ddpm_config_equal (&config, &back->config));
    g_assert_cmpmem (model->weights, model->params->total * sizeof (gfloat),
        back->weights, back->params->total * sizeof (gfloat));
  }
  test_files_remove_folder (folder);
}

static void
assert_same_sampling (const DdpmSampling * a, const DdpmSampling * b)
{
  g_assert_cmpint (a->sampler, ==, b->sampler);
  g_assert_cmpuint (a->steps, ==, b->steps);
  g_assert_cmpint (a->spacing, ==, b->spacing);
  g_assert_cmpuint (a->steps_offset, ==, b->steps_offset);
  g_assert_cmpfloat (a->eta, ==, b->eta);
  g_assert_cmpint (a->variance, ==, b->variance);
  g_assert_cmpint (a->clip, ==, b->clip);
  g_assert_cmpfloat (a->clip_range, ==, b->clip_range);
  g_assert_cmpint (a->keep_eps, ==, b->keep_eps);
  g_assert_cmpint (a->final_alpha_first, ==, b->final_alpha_first);
  g_assert_cmpint (a->always_labelled, ==, b->always_labelled);
}

FIXTURE_TEST (how_to_sample_survives_a_round_trip)
{
  static const DdpmSampling all[] = {
    {-1, 0, -1, 0, -1.0, -1, -1, 1.0, FALSE, FALSE, FALSE},
    {DDPM_SAMPLER_DDPM, 10, DDPM_SPACING_LINEAR, 0, 0.0,
        DDPM_VARIANCE_FIXED_SMALL, 0, 1.0, FALSE, FALSE, FALSE},
    {DDPM_SAMPLER_DPMPP_2M, 3, DDPM_SPACING_LINSPACE, 1, 0.3,
        DDPM_VARIANCE_LEARNED_RANGE, 1, 2.5, TRUE, TRUE, TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    g_autoptr (DdpmModel) model = NULL;

    f->model->config.sampling = all[i];
    save (f, DDPM_TYPE_F32);
    model = load (f->path);
    assert_same_sampling (&model->config.sampling, &all[i]);
  }
}

/* A rescaled schedule is another one. */
FIXTURE_TEST (schedules_of_other_programs_survive_a_round_trip)
{
  const DdpmConfig plain = f->model->config;
  g_autoptr (DdpmModel) model = NULL;

  f->model->config.prediction = DDPM_PREDICTION_V;
  f->model->config.zero_snr = TRUE;
  for (guint i = DDPM_SCHEDULE_LINEAR; i <= DDPM_SCHEDULE_SIGMOID; i++) {
    f->model->config.schedule = i;
    save (f, DDPM_TYPE_F32);
    g_clear_pointer (&model, ddpm_model_unref);
    model = load (f->path);
    assert_same_facts (model, f->model);
    g_assert_cmpint (model->config.schedule, ==, i);
    g_assert_true (model->config.zero_snr);
  }
  f->model->config.schedule = plain.schedule;
  g_assert_false (ddpm_config_same_schedule (&f->model->config, &plain));
}

TEST (plays_a_state_dict_of_pytorch)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "notebook.safetensors", NULL);
  g_autoptr (JsonNode) node = read_json ("notebook.json");
  JsonObject *sums = json_node_get_object (node);
  g_autoptr (DdpmModel) model = load (path);
  DdpmConfig expected;
  guint i;

  ddpm_config_init_defaults (&expected);
  expected.channels = 32;
  expected.n_levels = 1;
  expected.attention_levels = 1;
  expected.res_blocks = 1;
  expected.timesteps = 10;
  g_assert_true (ddpm_config_equal (&model->config, &expected));
  g_assert_cmpuint (model->width, ==, 0);
  g_assert_cmpuint (model->step, ==, 0);

  g_assert_cmpuint (model->params->n_params, ==, json_object_get_size (sums));
  for (i = 0; i < model->params->n_params; i++) {
    const DdpmParam *param = &model->params->params[i];

    g_assert_cmpfloat (sum (model->weights + param->offset, param->count), ==,
        json_object_get_double_member (sums, param->name));
  }
}

/* save_file (model.state_dict (), "ckpt.bin", {"ddpm.data_range": "unit"}) */
TEST (takes_what_metadata_says_beside_the_shapes)
{
  g_autoptr (GBytes) file = test_files_data ("notebook.safetensors");
  g_autoptr (GBytes) edited = test_files_edit (file, "{",
      "{\"__metadata__\":{\"ddpm.data_range\":\"unit\",\"ddpm.beta_end\":\"0.5\","
      "\"author\":\"me\"},");
  g_autoptr (DdpmModel) model =
      ddpm_checkpoint_load_bytes (edited, "ckpt.bin", NULL);

  g_assert_nonnull (model);
  g_assert_cmpint (model->config.data_range, ==, DDPM_DATA_RANGE_UNIT);
  g_assert_cmpfloat (model->config.beta_start, ==, 1e-4);
  g_assert_cmpfloat (model->config.beta_end, ==, 0.5);
  g_assert_cmpuint (model->config.timesteps, ==, 10);
}

#define KNOWN \
    "\"ddpm.schedule\":\"cosine\",\"ddpm.prediction_type\":\"epsilon\"," \
    "\"ddpm.data_range\":\"symmetric\""

/* What the metadata of a state_dict leaves open */
static const struct
{
  const gchar *name, *metadata, *assumed;
} open_questions[] = {
  {"all", "", "does not say how it was trained; assumed: a linear schedule, "
        "betas of 0.0001 to 0.02, prediction of epsilon, pixels in [-1, 1], "
        "no distillation, images of any size, T = 10 as its embedding table "
        "has"},
  {"without-the-range", "\"ddpm.data_range\":\"unit\"", "does not say how it "
        "was trained; assumed: a linear schedule, betas of 0.0001 to 0.02, "
        "prediction of epsilon, no distillation, images of any size, T = 10 "
        "as its embedding table has"},
  {"the-range", "\"ddpm.schedule\":\"cosine\",\"ddpm.prediction_type\":"
        "\"v_prediction\",\"ddpm.timesteps\":\"10\",\"ddpm.steps\":\"2\","
        "\"ddpm.width\":\"8\",\"ddpm.height\":\"8\"",
      "does not say how it was trained; assumed: pixels in [-1, 1]"},
  {"betas", "\"ddpm.schedule\":\"linear\",\"ddpm.prediction_type\":"
        "\"epsilon\",\"ddpm.timesteps\":\"10\",\"ddpm.data_range\":\"unit\","
        "\"ddpm.beta_start\":\"0.001\",\"ddpm.guidance\":\"1\",\"ddpm.width\":"
        "\"8\",\"ddpm.height\":\"8\"",
      "does not say how it was trained; assumed: betas of 0.001 to 0.02"},
  {"nothing", KNOWN, NULL},
  {"but-has-a-key-of-others", KNOWN ",\"format\":\"pt\",\"author\":\"me\"",
      NULL},
  {"but-has-misspelt-keys", KNOWN ",\"ddpm.data-range\":\"unit\","
        "\"Beta-Start\":\"1\"",
      "has unknown keys, which are ignored: 'Beta-Start', 'ddpm.data-range'"},
  {"but-has-many-keys", KNOWN ",\"ddpm.a\":\"\",\"ddpm.b\":\"\",\"ddpm.c\":"
        "\"\",\"ddpm.d\":\"\",\"ddpm.e\":\"\",\"ddpm.f\":\"\",\"ddpm.g\":\"\"",
      "has unknown keys, which are ignored: 'ddpm.a', 'ddpm.b', 'ddpm.c', "
        "'ddpm.d', 'ddpm.e' and 2 others"},
  {"and-has-a-misspelt-key", "\"ddpm.schedule\":\"cosine\","
        "\"ddpm.prediction_type\":\"epsilon\",\"ddpm.data-range\":\"unit\"",
      "does not say how it was trained; assumed: pixels in [-1, 1], no "
        "distillation, images of any size, T = 10 as its embedding table has; "
        "it has unknown keys, which are ignored: 'ddpm.data-range'"},
};

/* The file says none of it. */
static DdpmModel *
load_as (const DdpmTrained * trained)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "notebook.safetensors", NULL);

  return assert_ok (ddpm_checkpoint_load_shared_as (path, trained, &error));
}

TEST (what_a_person_says_is_not_assumed)
{
  const DdpmTrained some = { DDPM_SCHEDULE_COSINE, -1, -1, 0, -1,
    DDPM_PREDICTION_V
  };
  const DdpmTrained all = { DDPM_SCHEDULE_SIGMOID, 0.01, 0.3, 10,
    DDPM_DATA_RANGE_UNIT, DDPM_PREDICTION_SAMPLE
  };
  g_autoptr (DdpmModel) in_part = load_as (&some), whole = load_as (&all);

  g_assert_cmpint (in_part->config.schedule, ==, DDPM_SCHEDULE_COSINE);
  g_assert_cmpint (in_part->config.prediction, ==, DDPM_PREDICTION_V);
  g_assert_nonnull (strstr (in_part->assumptions, "assumed: pixels in [-1, 1], "
          "no distillation, images of any size, T = 10"));
  g_assert_cmpint (in_part->assumed, ==, DDPM_FACT_DATA_RANGE);

  g_assert_cmpint (whole->config.schedule, ==, DDPM_SCHEDULE_SIGMOID);
  g_assert_cmpfloat (whole->config.beta_start, ==, 0.01);
  g_assert_cmpfloat (whole->config.beta_end, ==, 0.3);
  g_assert_cmpint (whole->config.data_range, ==, DDPM_DATA_RANGE_UNIT);
  g_assert_cmpint (whole->config.prediction, ==, DDPM_PREDICTION_SAMPLE);
  g_assert_null (whole->assumptions);
  g_assert_cmpint (whole->assumed, ==, 0);
}

TEST (those_who_say_the_same_share_a_model)
{
  const DdpmTrained nothing = { -1, -1, -1, 0, -1, -1 };
  const DdpmTrained unit = { -1, -1, -1, 0, DDPM_DATA_RANGE_UNIT, -1 };
  g_autoptr (DdpmModel) a = load_as (NULL), b = load_as (&nothing);
  g_autoptr (DdpmModel) c = load_as (&unit), d = load_as (&unit);

  g_assert_true (a == b && c == d && a != c);
}

TEST (what_no_model_was_trained_with_is_refused)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "notebook.safetensors", NULL);
  const DdpmTrained betas = { -1, 0.5, 0.1, 0, -1, -1 };
  const DdpmTrained other_table = { -1, -1, -1, 11, -1, -1 };

  assert_fails (ddpm_checkpoint_load_shared_as (path, &betas, &error),
      DDPM_ERROR_SETTINGS, "not 0.5 and 0.1");
  assert_fails (ddpm_checkpoint_load_shared_as (path, &other_table, &error),
      DDPM_ERROR_FORMAT, "timembedding.0.weight");
}

TABLE_TEST (tells_what_it_assumes, open_questions)
{
  g_autoptr (GBytes) file = test_files_data ("notebook.safetensors");
  g_autofree gchar *metadata = g_strdup_printf ("{\"__metadata__\":{%s},",
      row->metadata);
  g_autoptr (GBytes) edited = test_files_edit (file, "{", metadata);
  g_autoptr (DdpmModel) model =
      assert_ok (ddpm_checkpoint_load_bytes (edited, "ckpt.bin", &error));
  g_autofree gchar *expected = row->assumed ? g_strconcat ("ckpt.bin: its "
      "metadata ", row->assumed, NULL) : NULL;

  g_assert_cmpstr (model->assumptions, ==, expected);
}

/* A file of zeros with these names and shapes, which is sparse on disk */
static void
write_zeros (const gchar * path, JsonObject * tensors, const gchar * without)
{
  GString *header = g_string_new ("{");
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *shape;
  guint64 end = 0, length;

  json_object_iter_init (&iter, tensors);
  while (json_object_iter_next (&iter, &name, &shape)) {
    JsonArray *array = json_node_get_array (shape);
    g_autofree gchar *text = json_to_string (shape, FALSE);
    guint64 begin = end, size = 4;
    guint i;

    if (g_strcmp0 (name, without) == 0)
      continue;
    for (i = 0; i < json_array_get_length (array); i++)
      size *= json_array_get_int_element (array, i);
    end += size;
    g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,"
        "\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}",
        begin ? "," : "", name, text, begin, end);
  }
  g_string_append_c (header, '}');
  length = GUINT64_TO_LE ((guint64) header->len);
  g_string_prepend_len (header, (const gchar *) &length, 8);
  g_assert_true (g_file_set_contents (path, header->str, header->len, NULL));
  g_assert_cmpint (truncate (path, header->len + end), ==, 0);
  g_string_free (header, TRUE);
}

static guint
get_list (JsonObject * object, const gchar * name, guint * list)
{
  JsonArray *array = json_object_get_array_member (object, name);
  guint i, n = json_array_get_length (array);

  for (i = 0; i < n; i++)
    list[i] = json_array_get_int_element (array, i);
  return n;
}

static void
get_config (JsonObject * arguments, DdpmConfig * config)
{
  guint attention[DDPM_MAX_LEVELS], n, i;

  ddpm_config_init_defaults (config);
  config->timesteps = json_object_get_int_member (arguments, "T");
  config->channels = json_object_get_int_member (arguments, "ch");
  config->n_levels = get_list (arguments, "ch_mult", config->channel_mult);
  config->attention_levels = 0;
  n = get_list (arguments, "attn", attention);
  for (i = 0; i < n; i++)
    config->attention_levels |= 1u << attention[i];
  config->res_blocks = json_object_get_int_member (arguments, "num_res_blocks");
  config->image_channels =
      json_object_get_int_member_with_default (arguments, "image_channels", 3);
}

FIXTURE_TEST (infers_every_architecture)
{
  g_autoptr (JsonNode) node = read_json ("state-dicts.json");
  JsonArray *nets = json_node_get_array (node);
  guint i;

  for (i = 0; i < json_array_get_length (nets); i++) {
    JsonObject *net = json_array_get_object_element (nets, i);
    g_autoptr (DdpmModel) model = NULL;
    DdpmConfig expected;

    write_zeros (f->path, json_object_get_object_member (net, "tensors"), NULL);
    get_config (json_object_get_object_member (net, "arguments"), &expected);
    model = load (f->path);
    g_assert_true (ddpm_config_equal (&model->config, &expected));
  }
}

FIXTURE_TEST (computes_a_table_that_is_not_there)
{
  g_autoptr (JsonNode) node = read_json ("state-dicts.json");
  JsonObject *net =
      json_array_get_object_element (json_node_get_array (node), 2);
  g_autofree gfloat *table = g_new (gfloat, 1000 * 32);
  g_autoptr (DdpmModel) model = NULL;

  write_zeros (f->path, json_object_get_object_member (net, "tensors"),
      "time_embedding.timembedding.0.weight");
  model = load (f->path);
  g_assert_cmpuint (model->config.timesteps, ==, 1000);
  g_assert_nonnull (strstr (model->assumptions, ", T = 1000, prediction"));
  ddpm_params_compute_time_table (1000, 32, table);
  g_assert_cmpmem (model->weights + model->params->trainable, 1000 * 32 * 4,
      table, 1000 * 32 * 4);
}

/* --- what is always there --------------------------------------------- */

static const struct
{
  const gchar *name, *path;
} no_names[] = { {"null", NULL}, {"empty", ""} };

TABLE_TEST (no_name_is_the_first_built_in_model, no_names)
{
  g_autofree gchar *location = g_strdup_printf ("the built-in model \"%s\"",
      ddpm_checkpoint_get_builtin_names ()[0]);
  g_autoptr (DdpmModel) model = load (row->path);

  g_assert_cmpstr (model->location, ==, location);
}

TEST (every_name_is_a_built_in_model)
{
  const gchar *const *names = ddpm_checkpoint_get_builtin_names ();

  for (; *names; names++) {
    g_autoptr (DdpmModel) model = load (*names);

    g_assert_nonnull (strstr (model->location, *names));
    g_assert_cmpuint (model->step, >, 0);
    g_assert_null (model->assumptions);
  }
}

TEST (a_path_to_a_file_of_a_built_in_name_is_the_file)
{
  g_autofree gchar *path = g_strdup_printf ("./no-folder/%s",
      ddpm_checkpoint_get_builtin_names ()[0]);

  assert_fails (ddpm_checkpoint_load (path, &error), DDPM_ERROR_NOT_FOUND,
      NULL);
}

static void
assert_not_found (const gchar * path, const gchar * fragment)
{
  assert_fails (ddpm_checkpoint_load (path, &error), DDPM_ERROR_NOT_FOUND,
      fragment);
}

TEST (a_word_that_names_nothing_is_told_the_built_in_names)
{
  assert_not_found ("cifar11", "cifar11: expected a checkpoint file or the "
      "name of a built-in model (cifar10, tiles)");
}

TEST (built_in_models_are_found_beside_the_library_or_where_told)
{
  g_autofree gchar *folder = g_strdup (g_getenv ("GST_DDPM_MODEL_DIR"));
  g_autoptr (DdpmModel) told = load ("tiles");
  g_autoptr (DdpmModel) beside = NULL;

  g_unsetenv ("GST_DDPM_MODEL_DIR");
  beside = load ("tiles");
  test_assert_same_weights (told, beside);
  g_setenv ("GST_DDPM_MODEL_DIR", "/nowhere", TRUE);
  assert_not_found ("tiles", "expected tiles.safetensors in /nowhere");
  g_setenv ("GST_DDPM_MODEL_DIR", folder, TRUE);
}

static DdpmModel *killed_model;

static void
save_again (const gchar * path, guint i)
{
  killed_model->step = i;
  killed_model->weights[0] = i;
  if (!ddpm_checkpoint_save (killed_model, DDPM_TYPE_F32, path, NULL))
    _exit (1);
}

static void
check_whole (const gchar * path)
{
  g_autoptr (DdpmModel) model = load (path);

  g_assert_cmpfloat (model->weights[0], ==, model->step);
}

FIXTURE_TEST (loads_whenever_the_writer_was_killed)
{
  killed_model = f->model;
  test_files_kill_writers (f->path, 20, save_again, check_whole);
}
