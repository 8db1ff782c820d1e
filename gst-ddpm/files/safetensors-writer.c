/* gst-ddpm: writing a safetensors file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "kernels/bf16.h"

#define HEADER_ALIGNMENT 8      /* so that data may be used where it is mapped */
#define CHUNK 16384             /* numbers converted at a time */

typedef struct
{
  gchar *name;
  DdpmType type;
  guint n_dims;
  guint shape[DDPM_FILE_MAX_DIMS];
  gsize count;
  const gfloat *data;
} Entry;

struct _DdpmSafetensorsWriter
{
  GArray *entries;              /* Entry */
  JsonObject *metadata;
};

DdpmSafetensorsWriter *
ddpm_safetensors_writer_new (void)
{
  DdpmSafetensorsWriter *writer = g_new0 (DdpmSafetensorsWriter, 1);

  writer->entries = g_array_new (FALSE, TRUE, sizeof (Entry));
  writer->metadata = json_object_new ();
  return writer;
}

void
ddpm_safetensors_writer_free (DdpmSafetensorsWriter * writer)
{
  if (writer == NULL)
    return;
  for (guint i = 0; i < writer->entries->len; i++)
    g_free (g_array_index (writer->entries, Entry, i).name);
  g_array_unref (writer->entries);
  json_object_unref (writer->metadata);
  g_free (writer);
}

void
ddpm_safetensors_writer_add_metadata (DdpmSafetensorsWriter * writer,
    const gchar * name, const gchar * value)
{
  g_autofree gchar *valid_name = g_utf8_make_valid (name, -1);
  g_autofree gchar *valid_value = g_utf8_make_valid (value, -1);

  json_object_set_string_member (writer->metadata, valid_name, valid_value);
}

void
ddpm_safetensors_writer_add (DdpmSafetensorsWriter * writer,
    const gchar * name, DdpmType type, guint n_dims, const guint * shape,
    const gfloat * data)
{
  Entry entry = {.name = g_strdup (name),.type = type,.n_dims = n_dims,
    .count = 1,.data = data
  };

  g_assert (n_dims <= DDPM_FILE_MAX_DIMS);
  for (guint i = 0; i < n_dims; i++) {
    entry.shape[i] = shape[i];
    entry.count *= shape[i];
  }
  g_array_append_val (writer->entries, entry);
}

/* The order of the official writer: the widest type first, so that all data is
 * aligned, then by name */
static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *x = a, *y = b;

  if (x->type != y->type)
    return ddpm_type_size (x->type) > ddpm_type_size (y->type) ? -1 : 1;
  return strcmp (x->name, y->name);
}

static JsonObject *
describe (const Entry * entry, guint64 begin, guint64 end)
{
  JsonObject *object = json_object_new ();
  JsonArray *shape = json_array_new (), *offsets = json_array_new ();

  for (guint i = 0; i < entry->n_dims; i++)
    json_array_add_int_element (shape, entry->shape[i]);
  json_array_add_int_element (offsets, begin);
  json_array_add_int_element (offsets, end);
  json_object_set_string_member (object, "dtype",
      entry->type == DDPM_TYPE_BF16 ? "BF16" : "F32");
  json_object_set_array_member (object, "shape", shape);
  json_object_set_array_member (object, "data_offsets", offsets);
  return object;
}

/* Returns the text, padded with spaces */
static GString *
make_header (DdpmSafetensorsWriter * writer)
{
  JsonObject *object = json_object_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree gchar *text = NULL;
  guint64 begin = 0, end;
  GString *header;

  json_node_take_object (root, object);
  if (json_object_get_size (writer->metadata) > 0)
    json_object_set_object_member (object, DDPM_SAFETENSORS_METADATA,
        json_object_ref (writer->metadata));
  for (guint i = 0; i < writer->entries->len; i++) {
    const Entry *entry = &g_array_index (writer->entries, Entry, i);

    end = begin + entry->count * ddpm_type_size (entry->type);
    json_object_set_object_member (object, entry->name,
        describe (entry, begin, end));
    begin = end;
  }
  text = json_to_string (root, FALSE);
  header = g_string_new (text);
  while (header->len % HEADER_ALIGNMENT != 0)
    g_string_append_c (header, ' ');
  return header;
}

static gboolean
write_numbers (const Entry * entry, DdpmReplace * replace, GError ** error)
{
  gsize size = ddpm_type_size (entry->type), first, n, i;
  union
  {
    guint32 words[CHUNK];
    guint16 halves[CHUNK];
  } le;

  for (first = 0; first < entry->count; first += n) {
    const gfloat *x = entry->data + first;

    n = MIN (entry->count - first, CHUNK);
    if (entry->type == DDPM_TYPE_F32)
      memcpy (le.words, x, n * size);
    for (i = 0; i < n; i++) {
      if (entry->type == DDPM_TYPE_F32)
        le.words[i] = GUINT32_TO_LE (le.words[i]);
      else
        le.halves[i] = GUINT16_TO_LE (ddpm_bf16_from_float (x[i]));
    }
    if (!ddpm_replace_write (replace, &le, n * size, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_all (DdpmSafetensorsWriter * writer, DdpmReplace * replace,
    GError ** error)
{
  g_autoptr (GString) header = make_header (writer);
  guint64 length = GUINT64_TO_LE ((guint64) header->len);

  if (!ddpm_replace_write (replace, &length, sizeof length, error)
      || !ddpm_replace_write (replace, header->str, header->len, error))
    return FALSE;
  for (guint i = 0; i < writer->entries->len; i++)
    if (!write_numbers (&g_array_index (writer->entries, Entry, i), replace,
            error))
      return FALSE;
  return TRUE;
}

gboolean
ddpm_safetensors_writer_write (DdpmSafetensorsWriter * writer,
    const gchar * path, DdpmReplaceFlags flags, GError ** error)
{
  DdpmReplace replace;
  gboolean ok;

  g_array_sort (writer->entries, compare_entries);
  if (!ddpm_replace_begin (&replace, path, flags, error))
    return FALSE;
  ok = write_all (writer, &replace, error)
      && ddpm_replace_commit (&replace, error);
  ddpm_replace_clear (&replace);
  return ok;
}
