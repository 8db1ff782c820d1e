/* gst-ddpm: calls that must succeed, and calls that must fail
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tests/support/calls.h"

/* Fails where a macro stands. prefix, words: see assert_fails_with () */
void
test_assert_says (const gchar * text, const gchar * prefix,
    const gchar * words, const gchar * file, int line, const gchar * func)
{
  g_autofree gchar *message = NULL;

  if (prefix && !g_str_has_prefix (text, prefix))
    message = g_strdup_printf ("\"%s\" does not begin with \"%s\"", text,
        prefix);
  else if (words && !strstr (text, words))
    message = g_strdup_printf ("\"%s\" does not say \"%s\"", text, words);
  if (message)
    g_assertion_message (G_LOG_DOMAIN, file, line, func, message);
}
