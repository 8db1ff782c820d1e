/* gst-ddpm: the models that the library brings with it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether name is that of a built-in model; NULL and "" are the first's. */
gboolean ddpm_builtin_is_name (const gchar * name);
/* The checkpoint of a built-in model, where it lies, and as *location what
 * messages call it, to be freed. Returns: (transfer full) (nullable): NULL for
 * a name that is of none, or a build without it */
GBytes *ddpm_builtin_get_checkpoint (const gchar * name, gchar ** location);

G_END_DECLS
