/* gst-ddpm: writing a safetensors file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "kernels/bf16.h"

#define HEADER_ALIGNMENT 8      /* so that data may be used where it is mapped */
#define CHUNK 16384             /* numbers converted at a time */

static const gchar *const dtypes[] = {
  [DDPM_TYPE_F32] = "F32",
  [DDPM_TYPE_BF16] = "BF16",
  [DDPM_TYPE_F16] = "F16",
};

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
  json_object_set_string_member (object, "dtype", dtypes[entry->type]);
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

/* Rounds to nearest, ties to even. Infinite: beyond the largest half */
static guint16
half_from_float (gfloat value)
{
  const gfloat size = fabsf (value);
  guint16 half = signbit (value) ? 0x8000 : 0;
  guint32 bits;

  /* multiples of 2^-24; 2^-14 is the smallest half with a whole fraction */
  if (size < 0x1p-14f)
    return half | (guint16) rintf (size * 0x1p24f);
  if (size >= 65520.0f)
    return half | 0x7c00;
  memcpy (&bits, &size, sizeof bits);
  bits += 0xfff + (bits >> 13 & 1);
  return half | (bits - (112u << 23)) >> 13;
}

/* FALSE: one of them is too large for the type, which only halves are. le: n
 * numbers of the type, little-endian */
static gboolean
convert_numbers (const gfloat * x, gsize n, DdpmType type, gpointer le)
{
  guint32 *words = le;
  guint16 *halves = le;
  gboolean finite = TRUE;

  if (type == DDPM_TYPE_F32)
    memcpy (words, x, n * sizeof *words);
  for (gsize i = 0; i < n; i++) {
    if (type == DDPM_TYPE_F32)
      words[i] = GUINT32_TO_LE (words[i]);
    else if (type == DDPM_TYPE_BF16)
      halves[i] = GUINT16_TO_LE (ddpm_bf16_from_float (x[i]));
    else {
      const guint16 half = half_from_float (x[i]);

      finite &= (half & 0x7fff) < 0x7c00;
      halves[i] = GUINT16_TO_LE (half);
    }
  }
  return finite;
}

static gboolean
write_numbers (const Entry * entry, DdpmReplace * replace, GError ** error)
{
  const gsize size = ddpm_type_size (entry->type);
  guint32 le[CHUNK];
  gsize n;

  for (gsize first = 0; first < entry->count; first += n) {
    n = MIN (entry->count - first, CHUNK);
    if (!convert_numbers (entry->data + first, n, entry->type, le))
      goto too_large;
    if (!ddpm_replace_write (replace, le, n * size, error))
      return FALSE;
  }
  return TRUE;

too_large:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "%s: %s has numbers beyond the range of F16, which ends at 65504: choose "
      "BF16 or F32", replace->location, entry->name);
  return FALSE;
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
