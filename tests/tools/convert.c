/* gst-ddpm: the program ddpm-convert: what it writes, what it tells, and its
 * exit status
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/program.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder, *model, *out;
} Fixture;

static void
setup (Fixture * f, gconstpointer unused)
{
  f->folder = test_files_make_folder ();
  f->model = g_build_filename (f->folder, "model.bin", NULL);
  f->out = g_build_filename (f->folder, "out", NULL);
  test_model_write (f->model, 32, 3, 8, 0);
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  g_free (f->model);
  g_free (f->out);
  test_files_remove_folder (f->folder);
}

/* Converts model.bin, or what is named instead, to out. Expects the exit status
 * and text in the output. */
static void
assert_converts (Fixture * f, const gchar * options, const gchar * in,
    gint expected, const gchar * text)
{
  g_autofree gchar *all = g_strdup_printf ("%s %s %s", options,
      in ? in : f->model, f->out);
  g_auto (TestOutcome) o = test_program_run ("DDPM_CONVERT", all);

  if (o.status != expected)
    g_test_message ("%s%s", o.out, o.err);
  g_assert_cmpint (o.status, ==, expected);
  g_assert_true (strstr (o.out, text) || strstr (o.err, text));
}

static void
assert_info (Fixture * f, const gchar * model, const gchar * line)
{
  g_autofree gchar *arguments = g_strdup_printf ("--info %s", model);
  g_autofree gchar *whole = g_strconcat ("\n", line, "\n", NULL);
  g_auto (TestOutcome) o = test_program_run ("DDPM_CONVERT", arguments);

  g_assert_cmpint (o.status, ==, 0);
  if (strstr (o.out, whole) == NULL)
    g_error ("expected the line '%s' in:\n%s", line, o.out);
}

static gchar *
get_data (const gchar * name)
{
  return g_build_filename (g_getenv ("DDPM_TEST_DATA"), "diffusers", name,
      NULL);
}

static DdpmModel *
load (const gchar * path)
{
  return assert_ok (ddpm_checkpoint_load (path, &error));
}

static void
assert_same_model (const gchar * a, const gchar * b)
{
  g_autoptr (DdpmModel) x = load (a);
  g_autoptr (DdpmModel) y = load (b);

  g_assert_true (ddpm_config_equal (&x->config, &y->config));
  g_assert_cmpuint (x->width, ==, y->width);
  test_assert_same_weights (x, y);
}

/* --- formats ---------------------------------------------------------- */

FIXTURE_TEST (a_folder_of_diffusers_becomes_a_file_of_ours)
{
  g_autofree gchar *google = get_data ("tiny-google");

  assert_converts (f, "", google, 0, "");
  g_assert_true (g_file_test (f->out, G_FILE_TEST_IS_REGULAR));
  assert_same_model (f->out, google);
}

FIXTURE_TEST (a_file_of_pytorch_becomes_a_folder_of_diffusers)
{
  g_autofree gchar *trained = get_data ("tiny-trained");

  assert_converts (f, "--to diffusers", trained, 0, "num_inference_steps=20");
  g_assert_true (g_file_test (f->out, G_FILE_TEST_IS_DIR));
  assert_same_model (f->out, trained);
}

FIXTURE_TEST (a_slash_at_the_end_means_a_folder_of_diffusers)
{
  g_free (f->out);
  f->out = g_strconcat (f->folder, "/out/", NULL);
  assert_converts (f, "", NULL, 0, "");
  g_assert_true (g_file_test (f->out, G_FILE_TEST_IS_DIR));
}

/* Names and table, and no metadata of ours */
FIXTURE_TEST (names_of_pytorch_alone_are_written)
{
  g_autoptr (DdpmModel) before = load (f->model);
  g_autoptr (DdpmModel) after = NULL;

  assert_converts (f, "--to pytorch-names", NULL, 0, "");
  after = load (f->out);
  test_assert_same_weights (after, before);
  g_assert_nonnull (strstr (after->assumptions, "does not say how it was "
          "trained"));
}

FIXTURE_TEST (names_that_do_not_tell_the_network_are_told)
{
  g_autofree gchar *google = get_data ("tiny-google");
  g_autofree gchar *arguments = g_strdup_printf ("--to pytorch-names %s %s",
      f->model, f->out);
  g_auto (TestOutcome) o = test_program_run ("DDPM_CONVERT", arguments);

  g_assert_cmpstr (o.err, ==, "");
  assert_converts (f, "--to pytorch-names", google, 0,
      "do not say in what it differs");
}

static const struct
{
  const gchar *name, *dtype;
} types[] = { {"f32", "\"F32\""}, {"bf16", "\"BF16\""}, {"f16", "\"F16\""} };

FIXTURE_TABLE_TEST (weights_have_the_type, types)
{
  g_autofree gchar *options = g_strconcat ("--type ", row->name, NULL);
  g_autoptr (GBytes) file = NULL;
  g_autofree gchar *header = NULL;

  assert_converts (f, options, NULL, 0, "");
  file = test_files_read (f->out);
  header = test_files_header (file);
  g_assert_nonnull (strstr (header, row->dtype));
}

FIXTURE_TEST (the_size_of_images_can_be_said)
{
  g_autoptr (GBytes) file = test_files_read (f->model);
  g_autoptr (GBytes) bare = test_files_without_metadata (file);
  g_autoptr (DdpmModel) model = NULL;

  assert_ok (g_file_set_contents (f->model, g_bytes_get_data (bare, NULL),
          g_bytes_get_size (bare), &error));
  assert_converts (f, "--width 8 --height 4", NULL, 0, "assumed: ");
  model = load (f->out);
  g_assert_cmpuint (model->width, ==, 8);
  g_assert_cmpuint (model->height, ==, 4);
}

/* --- info ------------------------------------------------------------- */

FIXTURE_TEST (info_tells_what_a_model_is)
{
  g_autofree gchar *guided = get_data ("tiny-guided");

  assert_info (f, guided,
      "images: 4x8 pixels, 3 channels, numbers from -1 to 1");
  assert_info (f, guided,
      "schedule: linear, 20 timesteps, betas 0.0001 to 0.3");
  assert_info (f, guided, "predicts: the noise (epsilon) and the variance");
  assert_info (f, guided, "classes: 3");
  assert_info (f, f->model, "sampling: not said");
}

/* What a terminal would obey is left out. */
FIXTURE_TEST (info_tells_a_licence)
{
  g_autoptr (GBytes) file = test_files_read (f->model);
  g_autoptr (GBytes) licensed = test_files_edit (file, "{\"__metadata__\":{",
      "{\"__metadata__\":{\"license\":\"mit\\u001b[2J\\nno warranty\",");

  assert_ok (g_file_set_contents (f->model, g_bytes_get_data (licensed, NULL),
          g_bytes_get_size (licensed), &error));
  assert_info (f, f->model, "license: mit [2J\n    no warranty");
}

/* --- errors ----------------------------------------------------------- */

FIXTURE_TEST (what_cannot_be_done_is_said)
{
  assert_converts (f, "", "/nowhere/ckpt.bin", 1, "/nowhere/ckpt.bin");
  assert_converts (f, "--width 4", NULL, 1, "8x8 pixels, not 4x4");
  assert_converts (f, "--to diffusers", NULL, 0, "");
  assert_converts (f, "--to diffusers", NULL, 1, "already");
  assert_converts (f, "--to diffusers --force", NULL, 0, "");
}

FIXTURE_TEST (a_wrong_command_line_is_said)
{
  assert_converts (f, "--to jpeg", NULL, 2, "jpeg");
  assert_converts (f, "--type f8", NULL, 2, "f8");
  assert_converts (f, "elephant", NULL, 2, "a model to read");
}
