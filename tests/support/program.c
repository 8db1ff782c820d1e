/* gst-ddpm: running a command-line program
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/program.h"

void
test_outcome_clear (TestOutcome * outcome)
{
  g_free (outcome->out);
  g_free (outcome->err);
}

/* variable: the environment variable that has the program's path */
TestOutcome
test_program_run (const gchar * variable, const gchar * arguments)
{
  g_autofree gchar *line = g_strconcat (g_getenv (variable), " ", arguments,
      NULL);
  TestOutcome outcome = { 0 };

  assert_ok (g_spawn_command_line_sync (line, &outcome.out, &outcome.err,
          &outcome.status, &error));
  g_test_message ("%s: %s%s", line, outcome.out, outcome.err);
  g_assert_true (WIFEXITED (outcome.status));
  outcome.status = WEXITSTATUS (outcome.status);
  return outcome;
}
