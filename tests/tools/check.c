/* gst-ddpm: the program ddpm-check: what it compares, and its exit status
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/program.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder, *model;
} Fixture;

static void
setup (Fixture * f, gconstpointer unused)
{
  f->folder = test_files_make_folder ();
  f->model = g_build_filename (f->folder, "model.bin", NULL);
  test_model_write (f->model, 32, 3, 8, 0);
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  g_free (f->model);
  test_files_remove_folder (f->folder);
}

/* Expects the exit status, and text in the output. */
static void
assert_check (Fixture * f, const gchar * arguments, gint expected,
    const gchar * text)
{
  g_autofree gchar *all =
      g_strdup_printf ("--model %s %s", f->model, arguments);
  g_auto (TestOutcome) o = test_program_run ("DDPM_CHECK", all);

  g_assert_cmpint (o.status, ==, expected);
  g_assert_true (strstr (o.out, text) || strstr (o.err, text));
}

FIXTURE_TEST (a_backend_agrees_with_itself)
{
  assert_check (f, "--backend reference", 0, "images, after 5 steps");
}

FIXTURE_TEST (the_backend_that_is_here_agrees_with_the_reference)
{
  assert_check (f, "--precision f32", 0, "eps, timestep 19");
}

FIXTURE_TEST (labels_and_guidance_agree_too)
{
  test_model_write (f->model, 32, 3, 8, 3);
  assert_check (f, "--precision f32", 0, "images, after 5 steps");
}

FIXTURE_TEST (bf16_is_within_its_own_limits_only)
{
  assert_check (f, "--backend reference --precision bf16", 0, "bf16");
  assert_check (f, "--backend reference --precision bf16 --tolerance 1e-5", 3,
      "DIFFERENT");
}

FIXTURE_TEST (what_is_assumed_is_said)
{
  g_autoptr (GBytes) file = test_files_read (f->model);
  g_autoptr (GBytes) bare = test_files_without_metadata (file);

  assert_ok (g_file_set_contents (f->model, g_bytes_get_data (bare, NULL),
          g_bytes_get_size (bare), &error));
  assert_check (f, "--backend reference --steps 1", 0,
      "model.bin: its metadata does not say how it was trained; assumed: ");
}

FIXTURE_TEST (what_cannot_be_done_is_said)
{
  assert_check (f, "--model /nowhere/ckpt.bin", 1, "/nowhere/ckpt.bin");
}

FIXTURE_TEST (a_wrong_command_line_is_said)
{
  assert_check (f, "--backend abacus", 2, "abacus");
  assert_check (f, "--images 0", 2, "--images");
  assert_check (f, "--tolerance nan", 2, "--tolerance");
  assert_check (f, "elephant", 2, "elephant");
}
