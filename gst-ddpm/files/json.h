/* gst-ddpm: JSON objects of settings, as Python writes them (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The getters return a fallback where the key is missing, or after an error.
 * The first error is kept, and says the file, the key, what was expected and
 * what was found: ddpm_json_check () gives it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _DdpmJson DdpmJson;

/* Reads a file of at most 1 MiB that is one JSON object. NaN is a string here,
 * and infinities are large numbers. Keys that its list _use_default_values
 * names are as if missing. */
DdpmJson *ddpm_json_open (const gchar * path, GError ** error);
/* location: what messages call it */
DdpmJson *ddpm_json_new (const gchar * text, gsize size,
    const gchar * location, GError ** error);
void ddpm_json_free (DdpmJson * json);
const gchar *ddpm_json_get_location (DdpmJson * json);
/* A text that two open files have in common only if they are one file that has
 * not changed */
const gchar *ddpm_json_get_identity (DdpmJson * json);

gboolean ddpm_json_has (DdpmJson * json, const gchar * key);
/* Is it there, and null? */
gboolean ddpm_json_is_null (DdpmJson * json, const gchar * key);
gboolean ddpm_json_is_list (DdpmJson * json, const gchar * key);
gboolean ddpm_json_is_finite (DdpmJson * json, const gchar * key);
guint ddpm_json_get_uint (DdpmJson * json, const gchar * key, guint fallback);
gdouble ddpm_json_get_double (DdpmJson * json, const gchar * key,
    gdouble fallback);
/* null is FALSE, as Python has it */
gboolean ddpm_json_get_bool (DdpmJson * json, const gchar * key,
    gboolean fallback);
/* Returns: (transfer none) */
const gchar *ddpm_json_get_string (DdpmJson * json, const gchar * key,
    const gchar * fallback);
/* Index of a string in a list that ends with NULL; 0 after an error */
guint ddpm_json_get_choice (DdpmJson * json, const gchar * key,
    const gchar * const *choices, guint fallback);
/* The numbers of a list, at most max; 0: it is missing */
guint ddpm_json_get_uints (DdpmJson * json, const gchar * key, guint max,
    guint * numbers);
/* The strings of a list, at most max. Returns: (transfer full): NULL: it is
 * missing */
gchar **ddpm_json_get_strings (DdpmJson * json, const gchar * key, guint max);

/* Keeps an error: the value of the key is not what was expected. */
void ddpm_json_refuse (DdpmJson * json, const gchar * key,
    const gchar * expected);
/* FALSE: a getter has failed, or a value was refused */
gboolean ddpm_json_check (DdpmJson * json, GError ** error);
/* Keys that do not begin with '_' and that none of these functions was asked
 * for, as text. Returns: (transfer full) (nullable): NULL: there are none */
gchar *ddpm_json_list_unknown (DdpmJson * json);
/* All keys, sorted. Returns: (transfer container) */
GList *ddpm_json_get_keys (DdpmJson * json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmJson, ddpm_json_free)

G_END_DECLS
