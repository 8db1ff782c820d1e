/* gst-ddpm: results of the programs as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* JSON has no NaN: such a value becomes null. */
void json_set_double (JsonObject * object, const gchar * name, gdouble value);
/* Prints object (transfer full) on a line of its own. */
void json_print_line (JsonObject * object);

G_END_DECLS
