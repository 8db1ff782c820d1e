/* gst-ddpm: checks of settings
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/require.h"

#include "kernels/backend.h"

gboolean
ddpm_require (gboolean condition, GError ** error, const gchar * format, ...)
{
  va_list args;

  if (condition || error == NULL)
    return condition;
  va_start (args, format);
  *error = g_error_new_valist (DDPM_ERROR, DDPM_ERROR_SETTINGS, format, args);
  va_end (args);
  return FALSE;
}
