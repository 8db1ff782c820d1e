/* gst-ddpm: the models that are installed with the library (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* models/NAME.safetensors, the default first; NULL-terminated */
extern const gchar *const ddpm_builtin_names[];
/* Whether name is that of a built-in model; NULL and "" mean the first. */
gboolean ddpm_builtin_is_name (const gchar * name);
/* Finds the checkpoint of a built-in model. *location is what messages call it,
 * to be freed in any case. Returns: (transfer full): the path; NULL and
 * DDPM_ERROR_NOT_FOUND if the file is not installed */
gchar *ddpm_builtin_find (const gchar * name, gchar ** location,
    GError ** error);

G_END_DECLS
