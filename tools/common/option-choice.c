/* gst-ddpm: options of the programs that are one of several names
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/common/option-choice.h"
#include "kernels/backend.h"

const gchar *const option_backends[] =
    { "auto", "reference", "cpu", "cuda", NULL };
const gchar *const option_precisions[] =
    { "auto", "f32", "bf16", "bf16-emulated", NULL };

gboolean
option_choose (const gchar * what, const gchar * const *names,
    const gchar * text, guint * choice, GError ** error)
{
  g_autofree gchar *all = NULL;

  if (text == NULL)
    return TRUE;
  for (guint i = 0; names[i]; i++) {
    if (g_str_equal (text, names[i])) {
      *choice = i;
      return TRUE;
    }
  }
  all = g_strjoinv (", ", (gchar **) names);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s must be one of %s, not \"%s\"", what, all, text);
  return FALSE;
}
