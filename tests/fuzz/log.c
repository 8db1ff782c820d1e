/* gst-ddpm: fuzzing the log of a training that goes on
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: the step that was saved, and the log
 */
#include <string.h>

#include "plugins/ddpmtrainsink/log.h"
#include "tests/fuzz/fuzz.h"

/* All rows are whole, and none but the last is of a later step. */
static void
check_rows (guint64 step)
{
  gsize size;
  g_autofree gchar *text = fuzz_read_file (&size);
  g_auto (GStrv) rows = g_strsplit (text, "\n", -1);
  const guint n = g_strv_length (rows);

  g_assert_cmpuint (strlen (text), ==, size);
  g_assert_cmpuint (n, >=, 3);
  g_assert_true (g_str_has_prefix (rows[0], "step,"));
  g_assert_cmpstr (rows[n - 1], ==, "");
  for (guint i = 1; i < n - 2; i++)
    g_assert_cmpuint (g_ascii_strtoull (rows[i], NULL, 10), <=, step);
  g_assert_cmpuint (g_ascii_strtoull (rows[n - 2], NULL, 10), ==, step + 1);
}

void
fuzz_one (FuzzInput * in)
{
  const guint64 step = fuzz_take_uint32 (in);
  GstDdpmTrainReport report = {.stats.step = step + 1 };
  GError *error = NULL;
  GstDdpmTrainLog *log =
      gst_ddpm_train_log_open (fuzz_write_file (in->data, in->size), step,
      &error);

  fuzz_check_error (log != NULL, error);
  if (log == NULL)
    return;
  gst_ddpm_train_log_add (log, &report);
  g_assert_true (gst_ddpm_train_log_flush (log, NULL));
  gst_ddpm_train_log_close (log);
  check_rows (step);
}
