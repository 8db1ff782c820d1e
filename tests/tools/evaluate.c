/* gst-ddpm: the program ddpm-evaluate: its figures, errors and exit status
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "gst-ddpm/files/cifar.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/program.h"
#include "tests/support/test.h"

#define RECORD (1 + DDPM_CIFAR_PIXELS)

typedef struct
{
  gchar *folder, *model, *data, *folder_data;
} Fixture;

static void
write_data (const gchar * path, guint n)
{
  GRand *rand = g_rand_new_with_seed (n);
  gchar *bytes = g_malloc0 (n * RECORD);

  for (guint i = 0; i < n * RECORD; i++)
    bytes[i] = i % RECORD == 0 ? 0 : g_rand_int_range (rand, 0, 256);
  assert_ok (g_file_set_contents (path, bytes, n * RECORD, &error));
  g_free (bytes);
  g_rand_free (rand);
}

static void
setup (Fixture * f, gconstpointer unused)
{
  f->folder = test_files_make_folder ();
  f->model = g_build_filename (f->folder, "model.bin", NULL);
  f->data = g_build_filename (f->folder, "data.bin", NULL);
  f->folder_data = g_build_filename (f->folder, "test_batch.bin", NULL);
  test_model_write (f->model, 32, 3, 32, 0);
  write_data (f->data, 5);
  write_data (f->folder_data, 3);
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  g_free (f->model);
  g_free (f->data);
  g_free (f->folder_data);
  test_files_remove_folder (f->folder);
}

/* In arguments, %m is the model, %d the data, %f their folder. */
static gchar *
expand (Fixture * f, const gchar * arguments)
{
  GString *line = g_string_new (arguments);

  g_string_replace (line, "%m", f->model, 0);
  g_string_replace (line, "%d", f->data, 0);
  g_string_replace (line, "%f", f->folder, 0);
  return g_string_free (line, FALSE);
}

static TestOutcome
run (Fixture * f, const gchar * arguments)
{
  g_autofree gchar *all = expand (f, arguments);

  return test_program_run ("DDPM_EVALUATE", all);
}

/* The object of line i; NULL behind the last */
static JsonNode *
json_line (const gchar * text, guint i)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  JsonNode *node;

  if (i + 1 >= g_strv_length (lines))
    return NULL;
  node = assert_ok (json_from_string (lines[i], &error));
  g_assert_true (JSON_NODE_HOLDS_OBJECT (node));
  return node;
}

static gdouble
number (JsonNode * node, const gchar * name)
{
  JsonObject *object = json_node_get_object (node);

  g_assert_true (json_object_has_member (object, name));
  return json_object_get_double_member (object, name);
}

FIXTURE_TEST (json_has_a_line_a_bin_and_their_total)
{
  g_auto (TestOutcome) o = run (f, "--json --model %m -n 3 -t 4 %d");
  gdouble bits = 0.0, evaluations = 0.0;
  g_autoptr (JsonNode) total = NULL;

  g_assert_cmpstr (strstr (o.err, "12 network evaluations, about"), !=, NULL);
  g_assert_cmpint (o.status, ==, 0);
  for (guint i = 0; i < 10; i++) {
    g_autoptr (JsonNode) bin = json_line (o.out, i);

    g_assert_cmpfloat (number (bin, "first"), ==, 2 * i);
    evaluations += number (bin, "evaluations");
    bits += number (bin, "bits_per_dim");
  }
  total = json_line (o.out, 10);
  g_assert_null (json_line (o.out, 11));
  g_assert_cmpfloat (evaluations, ==, 12);
  g_assert_cmpfloat (number (total, "evaluations"), ==, 12);
  g_assert_cmpfloat (number (total, "images"), ==, 3);
  g_assert_cmpfloat (number (total, "images_of_data"), ==, 5);
  g_assert_cmpfloat_with_epsilon (number (total, "bits_per_dim"),
      bits + number (total, "prior"), 1e-9);
  g_assert_cmpfloat (number (total, "bits_per_dim_se"), >, 0.0);
}

FIXTURE_TEST (a_table_ends_with_the_total)
{
  g_auto (TestOutcome) o = run (f, "--model %m %d -t 0 -n 0");

  g_assert_cmpint (o.status, ==, 0);
  g_assert_nonnull (strstr (o.err, "100 network evaluations, about"));
  g_assert_nonnull (strstr (o.out, "5 of 5 images"));
  g_assert_nonnull (strstr (o.out, "\ntotal    bits/dim"));
}

FIXTURE_TEST (a_model_of_classes_is_told_the_labels)
{
  g_auto (TestOutcome) told = { 0 }, not_told = { 0 };
  g_autoptr (JsonNode) with = NULL, without = NULL;

  /* a norm takes away what a label adds, where groups have one channel */
  test_model_write (f->model, 64, 3, 32, 2);
  told = run (f, "--json --model %m -n 1 -t 2 %d");
  not_told = run (f, "--json --no-labels --model %m -n 1 -t 2 %d");
  g_assert_cmpint (told.status, ==, 0);
  g_assert_cmpint (not_told.status, ==, 0);
  with = json_line (told.out, 10);
  without = json_line (not_told.out, 10);
  g_assert_cmpfloat (fabs (number (with, "bits_per_dim") - number (without,
              "bits_per_dim")), >, 1e-4);
}

FIXTURE_TEST (a_folder_has_its_test_images_evaluated)
{
  g_auto (TestOutcome) o = run (f, "--model %m %f -t 2");
  g_auto (TestOutcome) none = run (f, "--model %m %f -t 2 --split train");

  g_assert_cmpint (o.status, ==, 0);
  g_assert_nonnull (strstr (o.out, "3 of 3 images"));
  g_assert_cmpint (none.status, ==, 1);
}

/* One line that says what is wrong, and the exit status */
static void
fails (Fixture * f, const gchar * arguments, gint status, const gchar * says)
{
  g_auto (TestOutcome) o = run (f, arguments);

  if (o.status != status || !strstr (o.err, says) || o.out[0]
      || strchr (o.err, '\n') != o.err + strlen (o.err) - 1)
    g_error ("%s: status %d, \"%s\", expected %d, one line with \"%s\"",
        arguments, o.status, o.err, status, says);
}

FIXTURE_TEST (wrong_command_lines_say_why)
{
  fails (f, "", 2, "found 0");
  fails (f, "%d %d", 2, "found 2");
  fails (f, "--nonsense %d", 2, "--nonsense");
  fails (f, "--images -1 %d", 2, "--images");
  fails (f, "--images 1e3 %d", 2, "--images");
  fails (f, "--seed 18446744073709551616 %d", 2, "--seed");
  fails (f, "--timesteps 100001 %d", 2, "--timesteps");
  fails (f, "--batch 0 %d", 2, "--batch");
  fails (f, "--batch 65537 %d", 2, "--batch");
  fails (f, "--threads x %d", 2, "--threads");
  fails (f, "--variance learned %d", 2, "fixed-small, fixed-large");
  fails (f, "--split validation %d", 2, "train, test");
  fails (f, "--backend tpu %d", 2, "cuda");
  fails (f, "--precision f16 %d", 2, "bf16");
}

FIXTURE_TEST (what_cannot_be_done_says_why)
{
  g_autofree gchar *other = g_build_filename (f->folder, "other.bin", NULL);

  fails (f, "--model %m %f/missing.bin", 1, "missing.bin");
  fails (f, "--model %f/missing.bin %d", 1, "missing.bin");
  fails (f, "--model %d %d", 1, "data.bin");
  fails (f, "--model %m %m", 1, "is not CIFAR data");
  fails (f, "--model %m --timesteps 21 %d", 1, "2 to 20");
  fails (f, "--model %m --timesteps 1 %d", 1, "2 to 20");
  fails (f, "--model %m --threads 100000000 %d", 1, "threads");
  test_model_write (other, 32, 1, 32, 0);
  fails (f, "--model %f/other.bin %d", 1, "1 channel");
  test_model_write (other, 32, 3, 16, 0);
  fails (f, "--model %f/other.bin %d", 1, "16x16");
}

/* Ctrl-C, once the first batch is done */
FIXTURE_TEST (an_interruption_leaves_the_figures_until_then)
{
  g_autofree gchar *arguments = NULL, *line = NULL;
  g_auto (GStrv) argv = NULL;
  GPid pid;
  gint out, err, status;
  gchar text[4096] = "";
  gsize done = 0;
  gssize n;

  /* hours of it */
  write_data (f->data, 1000);
  arguments = expand (f, "--model %m -n 0 -t 20 --batch 40 --backend reference "
      "%d");
  line = g_strconcat (g_getenv ("DDPM_EVALUATE"), " ", arguments, NULL);
  argv = g_strsplit (line, " ", -1);
  assert_ok (g_spawn_async_with_pipes (NULL, argv, NULL,
          G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &out, &err,
          &error));
  g_assert_cmpint (read (err, text, 1), ==, 1);
  g_assert_cmpint (kill (pid, SIGINT), ==, 0);
  while ((n = read (out, text + done, sizeof text - 1 - done)) > 0)
    done += n;
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 130);
  g_assert_nonnull (strstr (text, " of 1000 images"));
  g_assert_null (strstr (text, " 1000 of 1000 images"));
  g_assert_nonnull (strstr (text, "\ntotal    bits/dim"));
  close (out);
  close (err);
}
