/* gst-ddpm: running a command-line program
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sys/wait.h>

#include "tests/support/calls.h"

typedef struct
{
  gint status;
  gchar *out, *err;
} TestOutcome;

void test_outcome_clear (TestOutcome * outcome);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestOutcome, test_outcome_clear)

TestOutcome test_program_run (const gchar * variable, const gchar * arguments);
