/* gst-ddpm: checks of settings (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns condition. If it is FALSE, the error is DDPM_ERROR_SETTINGS with a
 * message of this format. A condition of floating-point numbers should fail for
 * NaN. */
gboolean ddpm_require (gboolean condition, GError ** error,
    const gchar * format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
