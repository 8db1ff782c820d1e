/* gst-ddpm: reader of the PyTorch dumps in data/ (oracle/oracle.py)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A few lines of its own, so that a fault in the library's reader cannot hide
 * itself. The dumps are the project's: they are trusted.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <string.h>

#include "tests/support/calls.h"

typedef struct
{
  gchar *bytes;
  const gchar *data;            /* behind the header */
  JsonNode *header;
} TestDump;

TestDump *test_dump_open (const gchar * name);
void test_dump_free (TestDump * dump);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestDump, test_dump_free)

gconstpointer test_dump_get (TestDump * dump, const gchar * name,
    gsize * count);
const gfloat *test_dump_get_floats (TestDump * dump, const gchar * name,
    gsize expected);
JsonArray *test_json_load (const gchar * name);
