/* gst-ddpm: the header of a safetensors file: text to tensors, every rule of
 * the format checked
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Limits of ours, far above any network's, so that a hostile header takes
 * neither much memory nor much time */
#define MAX_DEPTH 3             /* header, tensor, shape */
#define MAX_SEPARATORS 500000
#define MAX_NAME 255
#define MAX_SAME_HASH 8         /* names */
#define MAX_STRING 65535
#define MAX_DIGITS 18           /* below 2^63, with room for any file */
#define MAX_QUOTE 60

/* members of one object or array, by depth */
static const guint max_members[MAX_DEPTH + 1] = { 1, 32768, 512, 64 };

static const struct
{
  const gchar *name;
  guint size;
} dtypes[] = {
  {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}, {"I32", 4},
  {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},
  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8},
};

gchar *
ddpm_safetensors_quote (const gchar * text)
{
  g_autofree gchar *cut = g_strndup (text, MAX_QUOTE);
  g_autofree gchar *escaped = g_strescape (cut, NULL);

  return g_strdup_printf ("'%s%s'", escaped,
      strlen (text) > MAX_QUOTE ? "..." : "");
}

gchar *
ddpm_safetensors_shape_to_string (guint n_dims, const guint64 * shape)
{
  GString *s = g_string_new ("[");
  guint i;

  for (i = 0; i < n_dims; i++)
    g_string_append_printf (s, "%s%" G_GUINT64_FORMAT, i ? ", " : "", shape[i]);
  g_string_append_c (s, ']');
  return g_string_free (s, FALSE);
}

static void
tensor_free (gpointer data)
{
  DdpmFileTensor *tensor = data;

  g_free (tensor->name);
  g_free (tensor);
}

/* --- the gate --------------------------------------------------------- */

typedef struct
{
  guint depth;
  guint members[MAX_DEPTH + 1]; /* separators seen at each depth */
  guint separators;
  guint colons;
  GHashTable *hashes;           /* of names -> how many have it */
} Gate;

static const gchar *
gate_punctuation (Gate * gate, gchar c)
{
  if (gate->members[gate->depth] >= max_members[gate->depth]
      || gate->separators >= MAX_SEPARATORS)
    return "too many values in its header";
  switch (c) {
    case '{':
    case '[':
      if (gate->depth == MAX_DEPTH)
        return "values nested too deeply in its header";
      gate->members[++gate->depth] = 0;
      return NULL;
    case '}':
    case ']':
      if (gate->depth == 0)
        return "a bracket too many in its header";
      gate->depth--;
      return NULL;
    case ':':
      gate->colons++;
      gate->separators++;
      return NULL;
    case ',':
      gate->members[gate->depth]++;
      gate->separators++;
      return NULL;
    default:
      return "a character that no header has";
  }
}

/* g_str_hash is no secret: names that all have one hash value would make
 * every table of them quadratic. */
static const gchar *
gate_name (Gate * gate, const gchar * name, gsize length)
{
  g_autofree gchar *copy = NULL;
  gpointer hash;
  guint n;

  if (length > MAX_NAME)
    return "a name in its header that is too long";
  copy = g_strndup (name, length);
  if (strchr (copy, '\\'))
    return "a name in its header that is escaped";
  hash = GUINT_TO_POINTER (g_str_hash (copy));
  n = GPOINTER_TO_UINT (g_hash_table_lookup (gate->hashes, hash)) + 1;
  g_hash_table_insert (gate->hashes, hash, GUINT_TO_POINTER (n));
  return n > MAX_SAME_HASH ? "names in its header that are made to collide" :
      NULL;
}

static gsize
string_length (const gchar * text, gsize size)
{
  gsize i;

  for (i = 1; i < size && text[i] != '"'; i++)
    if (text[i] == '\\')
      i++;
  return i + 1;
}

static gsize
number_length (const gchar * text, gsize size)
{
  gsize i = 0;

  while (i < size && g_ascii_isdigit (text[i]))
    i++;
  return i;
}

/* The parser of JSON takes more than the format has (comments, any nesting,
 * fractions, signs) and keeps the last of two members of one name. What a
 * header cannot have is refused before it, and colons are counted, which
 * must be as many as the members that the parser found. */
static const gchar *
gate_text (const gchar * text, gsize size, guint * colons)
{
  g_autoptr (GHashTable) hashes = g_hash_table_new (NULL, NULL);
  Gate gate = {.hashes = hashes };
  const gchar *problem = NULL;
  gsize i = 0, n;

  while (i < size && problem == NULL) {
    n = 1;
    if (g_ascii_isspace (text[i])) {
      /* anywhere */
    } else if (gate.depth == 0 && i > 0) {
      problem = "text behind the end of its header";
    } else if (text[i] == '"') {
      n = string_length (text + i, size - i);
      if (n > 2 + MAX_STRING || n > size - i)
        problem = "a string in its header without an end, or too long";
      else if (gate.depth == 1)
        problem = gate_name (&gate, text + i + 1, n - 2);
    } else if (g_ascii_isdigit (text[i])) {
      n = number_length (text + i, size - i);
      if (n > MAX_DIGITS || (n > 1 && text[i] == '0'))
        problem = "a number in its header that is too long";
    } else {
      problem = gate_punctuation (&gate, text[i]);
    }
    i += n;
  }
  *colons = gate.colons;
  if (problem == NULL && gate.depth > 0)
    problem = "a header without an end";
  return problem;
}

/* --- one tensor ------------------------------------------------------- */

static JsonArray *
get_array (JsonObject * object, const gchar * name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) :
      NULL;
}

/* Numbers of an array, which the gate left not negative; FALSE: others, or
 * too many */
static gboolean
get_numbers (JsonArray * array, guint max, guint64 * numbers, guint * n_numbers)
{
  guint n = array ? json_array_get_length (array) : 0, i;

  if (array == NULL || n > max)
    return FALSE;
  for (i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element (array, i);

    if (json_node_get_value_type (node) != G_TYPE_INT64)
      return FALSE;
    numbers[i] = json_node_get_int (node);
  }
  *n_numbers = n;
  return TRUE;
}

static gboolean
parse_dtype (JsonObject * object, DdpmFileTensor * tensor, guint64 * size)
{
  JsonNode *node = json_object_get_member (object, "dtype");
  const gchar *name;
  guint i;

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return FALSE;
  name = json_node_get_string (node);
  for (i = 0; i < G_N_ELEMENTS (dtypes); i++) {
    if (strcmp (dtypes[i].name, name) == 0) {
      tensor->dtype = dtypes[i].name;
      *size = dtypes[i].size;
      return TRUE;
    }
  }
  return FALSE;
}

/* NULL: tensor is good; else what is wrong with it */
static const gchar *
parse_tensor (JsonNode * node, guint64 data_size, DdpmFileTensor * tensor)
{
  JsonObject *object;
  guint64 offsets[2], size;
  guint n, i;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return "is not an object";
  object = json_node_get_object (node);
  if (!parse_dtype (object, tensor, &size))
    return "has no known dtype";
  if (!get_numbers (get_array (object, "shape"), DDPM_SAFETENSORS_MAX_DIMS,
          tensor->shape, &tensor->n_dims))
    return "has no shape of at most 8 numbers";
  if (!get_numbers (get_array (object, "data_offsets"), 2, offsets, &n)
      || n != 2)
    return "has no data_offsets of two numbers";
  for (i = 0; i < tensor->n_dims; i++)
    if (!g_uint64_checked_mul (&size, size, tensor->shape[i]))
      return "has a shape that no file can hold";
  tensor->begin = offsets[0];
  tensor->end = offsets[1];
  if (tensor->begin > tensor->end || tensor->end > data_size)
    return "has data_offsets that are reversed or beyond the end of the file";
  if (tensor->end - tensor->begin != size)
    return "has data_offsets that do not fit its shape and dtype";
  return NULL;
}

/* --- the whole -------------------------------------------------------- */

static gboolean
parse_metadata (JsonNode * node, GHashTable * metadata, guint * n_members)
{
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &value)) {
    if (json_node_get_value_type (value) != G_TYPE_STRING)
      return FALSE;
    g_hash_table_insert (metadata, g_strdup (name), json_node_dup_string
        (value));
    (*n_members)++;
  }
  return TRUE;
}

static gboolean
parse_members (JsonObject * object, guint64 data_size,
    DdpmSafetensorsHeader * header, guint * n_members, const gchar * location,
    GError ** error)
{
  JsonObjectIter iter;
  const gchar *name, *problem;
  JsonNode *node;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node)) {
    DdpmFileTensor *tensor;

    (*n_members)++;
    if (strcmp (name, DDPM_SAFETENSORS_METADATA) == 0) {
      if (!parse_metadata (node, header->metadata, n_members))
        goto wrong_metadata;
      continue;
    }
    tensor = g_new0 (DdpmFileTensor, 1);
    tensor->name = g_strdup (name);
    g_hash_table_insert (header->tensors, tensor->name, tensor);
    problem = parse_tensor (node, data_size, tensor);
    if (problem != NULL)
      goto wrong_tensor;
    *n_members += json_object_get_size (json_node_get_object (node));
  }
  return TRUE;

wrong_metadata:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "%s: expected a "
      "safetensors file, found __metadata__ that is not strings by name",
      location);
  return FALSE;
wrong_tensor:
  {
    g_autofree gchar *quoted = ddpm_safetensors_quote (name);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "%s: expected a "
        "safetensors file, found that tensor %s %s", location, quoted, problem);
    return FALSE;
  }
}

static gint
compare_offsets (gconstpointer a, gconstpointer b)
{
  const DdpmFileTensor *x = a, *y = b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte of the data belongs to one tensor. */
static gboolean
check_coverage (GHashTable * tensors, guint64 data_size, const gchar * location,
    GError ** error)
{
  g_autoptr (GList) sorted =
      g_list_sort (g_hash_table_get_values (tensors), compare_offsets);
  guint64 end = 0;
  GList *l;

  for (l = sorted; l != NULL; l = l->next) {
    const DdpmFileTensor *tensor = l->data;

    if (tensor->begin != end) {
      g_autofree gchar *name = ddpm_safetensors_quote (tensor->name);

      g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
          "%s: expected the data of tensor %s at byte %" G_GUINT64_FORMAT
          ", found it at %" G_GUINT64_FORMAT, location, name, end,
          tensor->begin);
      return FALSE;
    }
    end = tensor->end;
  }
  if (end != data_size) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected %" G_GUINT64_FORMAT " bytes of data, found %"
        G_GUINT64_FORMAT, location, end, data_size);
    return FALSE;
  }
  return TRUE;
}

static gboolean
parse_root (JsonNode * root, guint colons, guint64 data_size,
    DdpmSafetensorsHeader * header, const gchar * location, GError ** error)
{
  guint n_members = 0;

  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, found a header that is no object",
        location);
    return FALSE;
  }
  if (!parse_members (json_node_get_object (root), data_size, header,
          &n_members, location, error))
    return FALSE;
  if (n_members != colons) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, found two entries of one name, or "
        "unknown ones, in its header", location);
    return FALSE;
  }
  return check_coverage (header->tensors, data_size, location, error);
}

gboolean
ddpm_safetensors_header_parse (DdpmSafetensorsHeader * header,
    const gchar * text, gsize size, guint64 data_size, const gchar * location,
    GError ** error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) json_error = NULL;
  DdpmSafetensorsHeader new_header;
  const gchar *problem;
  guint colons;

  if (size == 0 || text[0] != '{')
    problem = "a header that does not begin with '{'";
  else if (!g_utf8_validate (text, size, NULL))
    problem = "a header that is not UTF-8";
  else
    problem = gate_text (text, size, &colons);
  if (problem == NULL
      && !json_parser_load_from_data (parser, text, size, &json_error))
    problem = "a header that is not JSON";
  if (problem != NULL)
    goto wrong_text;

  new_header.tensors =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, tensor_free);
  new_header.metadata =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!parse_root (json_parser_get_root (parser), colons, data_size,
          &new_header, location, error)) {
    ddpm_safetensors_header_clear (&new_header);
    return FALSE;
  }
  *header = new_header;
  return TRUE;

wrong_text:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a safetensors file, found %s", location, problem);
  return FALSE;
}

void
ddpm_safetensors_header_clear (DdpmSafetensorsHeader * header)
{
  g_clear_pointer (&header->tensors, g_hash_table_unref);
  g_clear_pointer (&header->metadata, g_hash_table_unref);
}
