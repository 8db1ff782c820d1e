/* gst-ddpm: reader of the PyTorch dumps in data/ (oracle/oracle.py)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A few lines of its own, so that a fault in the library's reader cannot hide
 * itself. The dumps are the project's: they are trusted.
 */
#include "tests/support/dump.h"

TestDump *
test_dump_open (const gchar * name)
{
  TestDump *dump = g_new0 (TestDump, 1);
  gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), name, NULL);
  JsonParser *parser = json_parser_new ();
  guint64 header_size;

  assert_ok (g_file_get_contents (path, &dump->bytes, NULL, &error));
  memcpy (&header_size, dump->bytes, 8);
  header_size = GUINT64_FROM_LE (header_size);
  assert_ok (json_parser_load_from_data (parser, dump->bytes + 8, header_size,
          &error));
  dump->header = json_parser_steal_root (parser);
  dump->data = dump->bytes + 8 + header_size;
  g_object_unref (parser);
  g_free (path);
  return dump;
}

void
test_dump_free (TestDump * dump)
{
  json_node_unref (dump->header);
  g_free (dump->bytes);
  g_free (dump);
}

/* The four-byte elements of a tensor; count NULL: not asked for */
gconstpointer
test_dump_get (TestDump * dump, const gchar * name, gsize * count)
{
  JsonObject *all = json_node_get_object (dump->header);
  JsonArray *offsets;
  gsize begin, end;

  if (!json_object_has_member (all, name))
    g_error ("the dump has no tensor %s", name);
  offsets = json_object_get_array_member (json_object_get_object_member (all,
          name), "data_offsets");
  begin = json_array_get_int_element (offsets, 0);
  end = json_array_get_int_element (offsets, 1);
  if (count)
    *count = (end - begin) / 4;
  return dump->data + begin;
}

/* ... where there are exactly as many as the test needs */
const gfloat *
test_dump_get_floats (TestDump * dump, const gchar * name, gsize expected)
{
  gsize count;
  gconstpointer values = test_dump_get (dump, name, &count);

  g_assert_cmpuint (count, ==, expected);
  return values;
}

JsonArray *
test_json_load (const gchar * name)
{
  gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), name, NULL);
  JsonParser *parser = json_parser_new ();
  JsonArray *array;

  assert_ok (json_parser_load_from_file (parser, path, &error));
  array = json_array_ref (json_node_get_array (json_parser_get_root (parser)));
  g_object_unref (parser);
  g_free (path);
  return array;
}
