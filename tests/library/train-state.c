/* gst-ddpm: tests of training states on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"

#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/models.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder;
  gchar *path;
  DdpmModel *model;
  DdpmTrainState state;
} Fixture;

/* Any finite float, subnormals and -0 included */
static gfloat *
make_array (gsize count, guint32 seed)
{
  GRand *rand = g_rand_new_with_seed (seed);
  guint32 *bits = g_new (guint32, count);
  gsize i;

  for (i = 0; i < count; i++) {
    bits[i] = g_rand_int (rand);
    if ((bits[i] & 0x7f800000) == 0x7f800000)
      bits[i] &= 0x807fffff;
  }
  g_rand_free (rand);
  return (gfloat *) bits;
}

static void
set (Fixture * f, const gchar * name, const gchar * value)
{
  g_hash_table_insert (f->state.settings, (gpointer) name, (gpointer) value);
}

static void
setup (Fixture * f, gconstpointer data)
{
  gsize count;

  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "ckpt.bin.state", NULL);
  f->model = test_unusual_model_new ();
  count = f->model->params->trainable;
  f->state.config = f->model->config;
  f->state.width = 12;
  f->state.height = 8;
  f->state.weights = make_array (count, 1);
  f->state.ema = make_array (count, 2);
  f->state.adam_m = make_array (count, 3);
  f->state.adam_v = make_array (count, 4);
  f->state.step = G_MAXUINT64;
  f->state.samples = (G_GUINT64_CONSTANT (1) << 53) + 1;
  f->state.epoch = 0;
  f->state.seed = (G_GUINT64_CONSTANT (1) << 63) + 1;
  f->state.loss_smoothed = 0.1 + 0.2;
  f->state.settings = g_hash_table_new (g_str_hash, g_str_equal);
  set (f, "batch-size", "128");
  set (f, "location", "été \"a\"\n\\b");
  set (f, "empty", "");
}

static void
teardown (Fixture * f, gconstpointer data)
{
  g_free (f->state.weights);
  g_free (f->state.ema);
  g_free (f->state.adam_m);
  g_free (f->state.adam_v);
  g_hash_table_unref (f->state.settings);
  ddpm_model_unref (f->model);
  test_files_remove_folder (f->folder);
  g_free (f->path);
}

static void
save (Fixture * f)
{
  assert_ok (ddpm_train_state_save (&f->state, f->path, &error));
}

static DdpmTrainState *
load (const gchar * path)
{
  return assert_ok (ddpm_train_state_load (path, &error));
}

static void
assert_same_array (Fixture * f, const gfloat * a, const gfloat * b)
{
  gsize size = f->model->params->trainable * sizeof (gfloat);

  g_assert_cmpmem (a, size, b, size);
}

TEST (stands_beside_the_checkpoint)
{
  g_autofree gchar *path = ddpm_train_state_path ("a/ckpt.bin");

  g_assert_cmpstr (path, ==, "a/ckpt.bin.state");
}

FIXTURE_TEST (arrays_come_back_to_the_bit)
{
  g_autoptr (DdpmTrainState) state = NULL;

  save (f);
  state = load (f->path);
  assert_same_array (f, state->weights, f->state.weights);
  assert_same_array (f, state->ema, f->state.ema);
  assert_same_array (f, state->adam_m, f->state.adam_m);
  assert_same_array (f, state->adam_v, f->state.adam_v);
}

FIXTURE_TEST (counters_come_back_whole)
{
  g_autoptr (DdpmTrainState) state = NULL;

  save (f);
  state = load (f->path);
  g_assert_true (ddpm_config_equal (&state->config, &f->state.config));
  g_assert_cmpuint (state->width, ==, 12);
  g_assert_cmpuint (state->height, ==, 8);
  g_assert_cmpuint (state->step, ==, f->state.step);
  g_assert_cmpuint (state->samples, ==, f->state.samples);
  g_assert_cmpuint (state->epoch, ==, f->state.epoch);
  g_assert_cmpuint (state->seed, ==, f->state.seed);
  g_assert_cmpfloat (state->loss_smoothed, ==, f->state.loss_smoothed);
}

FIXTURE_TEST (settings_come_back)
{
  g_autoptr (DdpmTrainState) state = NULL;
  GHashTableIter iter;
  gpointer name, value;

  save (f);
  state = load (f->path);
  g_assert_cmpuint (g_hash_table_size (state->settings), ==, 3);
  g_hash_table_iter_init (&iter, f->state.settings);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_assert_cmpstr (g_hash_table_lookup (state->settings, name), ==, value);
}

FIXTURE_TEST (needs_no_ema)
{
  g_autoptr (DdpmTrainState) state = NULL;

  g_clear_pointer (&f->state.ema, g_free);
  save (f);
  state = load (f->path);
  g_assert_null (state->ema);
  assert_same_array (f, state->weights, f->state.weights);
  assert_same_array (f, state->adam_v, f->state.adam_v);
}

FIXTURE_TEST (needs_no_settings)
{
  GHashTable *settings = g_steal_pointer (&f->state.settings);
  g_autoptr (DdpmTrainState) state = NULL;

  save (f);
  f->state.settings = settings;
  state = load (f->path);
  g_assert_cmpuint (g_hash_table_size (state->settings), ==, 0);
}

/* whatever the order in which settings were made */
FIXTURE_TEST (equal_states_are_equal_files)
{
  g_autoptr (GBytes) first = NULL, second = NULL;

  save (f);
  first = test_files_read (f->path);
  g_hash_table_remove_all (f->state.settings);
  set (f, "empty", "");
  set (f, "location", "été \"a\"\n\\b");
  set (f, "batch-size", "128");
  save (f);
  second = test_files_read (f->path);
  g_assert_true (g_bytes_equal (first, second));
}

/* --- what is refused -------------------------------------------------- */

static void
assert_refused (const gchar * path, gint code, const gchar * fragment)
{
  assert_fails_with (ddpm_train_state_load (path, &error), code, path,
      fragment);
}

static const struct
{
  const gchar *name;
  const gchar *old, *new;       /* in the header */
  const gchar *fragment;
} edits[] = {
  {"version", "\"ddpm.state\":\"1\"", "\"ddpm.state\":\"0\"",
      "version '1', found '0'"},
  {"no-state", "\"ddpm.state\"", "\"ddpm.format\"",
      "found a file that is not one"},
  {"counter-missing", "\"ddpm.samples\"", "\"samples\"",
      "expected metadata ddpm.samples, found none"},
  {"config-missing", "\"ddpm.data_range\"", "\"data_range\"",
      "expected metadata ddpm.data_range, found none"},
  {"seed-negative", "seed\":\"", "seed\":\"-", "a whole number"},
  {"loss-garbage", "smoothed\":\"", "smoothed\":\"x", "a finite number"},
  {"channels", "channels\":\"32\"", "channels\":\"64\"",
      "expected tensor model.time_embedding.timembedding.1.weight of shape "
        "[256, 64], found [128, 32]"},
  {"moment-missing", "\"adam.m.head.bias\"", "\"adam.n.head.bias\"",
      "expected tensor adam.m.head.bias of shape [32], found none"},
  {"ema-in-part", "\"ema.head.bias\"", "\"em.head.bias\"",
      "expected tensor ema.head.bias of shape [32], found none"},
  {"ema-left-over", "\"ema.head.weight\"", "\"em.head.weight\"",
      "expected the tensors of one network, found also 'em"},
};

FIXTURE_TABLE_TEST (refuses, edits)
{
  g_autoptr (GBytes) file = NULL, edited = NULL;

  save (f);
  file = test_files_read (f->path);
  edited = test_files_edit (file, row->old, row->new);
  g_file_set_contents (f->path, g_bytes_get_data (edited, NULL),
      g_bytes_get_size (edited), NULL);
  assert_refused (f->path, DDPM_ERROR_FORMAT, row->fragment);
}

FIXTURE_TEST (refuses_a_checkpoint)
{
  g_assert_true (ddpm_checkpoint_save (f->model, DDPM_TYPE_F32, f->path, NULL));
  assert_refused (f->path, DDPM_ERROR_FORMAT, "found a file that is not one");
}

FIXTURE_TEST (refuses_a_state_that_is_cut)
{
  save (f);
  g_assert_cmpint (truncate (f->path, 1000000), ==, 0);
  assert_refused (f->path, DDPM_ERROR_FORMAT, "4552208 bytes of data, found ");
}

FIXTURE_TEST (names_the_tensor_that_is_not_finite)
{
  const DdpmParam *param = ddpm_params_find (f->model->params, "head.bias");

  f->state.adam_v[param->offset] = 1.f / 0.f;
  save (f);
  assert_refused (f->path, DDPM_ERROR_FORMAT,
      "finite numbers in tensor adam.v.head.bias, found inf");
}

FIXTURE_TEST (names_a_state_that_is_missing)
{
  assert_refused (f->path, DDPM_ERROR_NOT_FOUND, "No such file");
}

/* --- killed ----------------------------------------------------------- */

static Fixture *killed;

static void
save_again (const gchar * path, guint i)
{
  killed->state.step = i;
  killed->state.weights[0] = killed->state.adam_v[0] = i;
  if (!ddpm_train_state_save (&killed->state, path, NULL))
    _exit (1);
}

static void
check_whole (const gchar * path)
{
  g_autoptr (DdpmTrainState) state = load (path);

  g_assert_cmpfloat (state->weights[0], ==, state->step);
  g_assert_cmpfloat (state->adam_v[0], ==, state->step);
}

FIXTURE_TEST (loads_whenever_the_writer_was_killed)
{
  killed = f;
  test_files_kill_writers (f->path, 20, save_again, check_whole);
}
