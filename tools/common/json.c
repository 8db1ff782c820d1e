/* gst-ddpm: results of the programs as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/common/json.h"

#include <math.h>

void
json_set_double (JsonObject * object, const gchar * name, gdouble value)
{
  if (isnan (value))
    json_object_set_null_member (object, name);
  else
    json_object_set_double_member (object, name, value);
}

void
json_print_line (JsonObject * object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree gchar *line = NULL;

  json_node_take_object (node, object);
  line = json_to_string (node, FALSE);
  g_print ("%s\n", line);
}
