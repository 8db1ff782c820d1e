/* gst-ddpm: options of the programs that are one of several names
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of DdpmBackendKind and DdpmPrecision; NULL behind the last */
extern const gchar *const option_backends[];
extern const gchar *const option_precisions[];

/* choice: the place of text in names; as it is where text is NULL. FALSE:
 * DDPM_ERROR_SETTINGS, in which what, such as "--backend", must be one of them */
gboolean option_choose (const gchar * what, const gchar * const *names,
    const gchar * text, guint * choice, GError ** error);

G_END_DECLS
