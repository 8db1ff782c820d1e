/* gst-ddpm: reader of the JSON dumps in data/, which are the project's own
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <json-glib/json-glib.h>

static inline JsonArray *
test_json_load (const gchar * name)
{
  gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), name, NULL);
  JsonParser *parser = json_parser_new ();
  GError *error = NULL;
  JsonArray *array;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  array = json_array_ref (json_node_get_array (json_parser_get_root (parser)));
  g_object_unref (parser);
  g_free (path);
  return array;
}
