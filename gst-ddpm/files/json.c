/* gst-ddpm: JSON objects of settings, as Python writes them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/json.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "gst-ddpm/files/file-tensor.h"
#include "gst-ddpm/files/input.h"
#include "kernels/backend.h"

/* Our own limits: json-glib calls itself for each level of nesting. */
#define MAX_SIZE (1 << 20)
#define MAX_DEPTH 32

struct _DdpmJson
{
  gchar *location, *identity;
  JsonNode *root;
  JsonObject *object;
  GHashTable *defaults;         /* keys that are as if missing */
  GHashTable *asked;            /* keys that are known */
  GError *error;
};

/* --- reading ---------------------------------------------------------- */

/* Replaces the numbers that only Python writes, by as many characters. Returns
 * what is wrong with the text: json-glib also reads comments and other quotes,
 * which could hide brackets from the count. NULL: nothing */
static const gchar *
prepare_text (gchar * text)
{
  static const struct
  {
    const gchar *name, *json;
  } constants[] = { {"Infinity", "1e999999"}, {"NaN", "\"?\""} };
  gboolean quoted = FALSE;
  guint depth = 0;

  for (gchar * at = text; *at != '\0'; at++) {
    if (quoted && *at == '\\' && at[1] != '\0')
      at++;
    else if (*at == '"')
      quoted = !quoted;
    else if (quoted)
      continue;
    else if (strchr ("/#'\\", *at) != NULL)
      return "a character that JSON does not have";
    else if ((*at == '{' || *at == '[') && ++depth > MAX_DEPTH)
      return "values nested too deeply";
    else if ((*at == '}' || *at == ']') && depth > 0)
      depth--;
    for (guint i = 0; !quoted && i < G_N_ELEMENTS (constants); i++) {
      const gsize size = strlen (constants[i].name);

      if (strncmp (at, constants[i].name, size) == 0) {
        memcpy (at, constants[i].json, size);
        at += size - 1;
      }
    }
  }
  return NULL;
}

static void
read_defaults (DdpmJson * json)
{
  g_auto (GStrv) keys = NULL;
  JsonNode *node = json_object_get_member (json->object, "_use_default_values");

  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return;
  keys = ddpm_json_get_strings (json, "_use_default_values", 1000);
  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    g_hash_table_add (json->defaults, g_strdup (keys[i]));
}

DdpmJson *
ddpm_json_new (const gchar * text, gsize size, const gchar * location,
    GError ** error)
{
  g_autoptr (DdpmJson) json = g_new0 (DdpmJson, 1);
  g_autofree gchar *copy = g_strndup (text, size);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) fault = NULL;
  const gchar *found = NULL;

  json->location = g_strdup (location);
  json->defaults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  json->asked = g_hash_table_new (g_str_hash, g_str_equal);
  if (memchr (text, '\0', size) || !g_utf8_validate (copy, -1, NULL))
    found = "a file that is not text";
  else if ((found = prepare_text (copy)) == NULL
      && !json_parser_load_from_data (parser, copy, -1, &fault))
    found = fault->message;
  else if (found == NULL && (json_parser_get_root (parser) == NULL
          || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser))))
    found = "another value";
  if (found != NULL) {
    /* json-glib quotes names that are no UTF-8, such as "\\ud800". */
    g_autofree gchar *valid = g_utf8_make_valid (found, -1);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a JSON object, found %s", location, valid);
    return NULL;
  }
  json->root = json_parser_steal_root (parser);
  json->object = json_node_get_object (json->root);
  read_defaults (json);
  return g_steal_pointer (&json);
}

DdpmJson *
ddpm_json_open (const gchar * path, GError ** error)
{
  DdpmInput input = {.fd = -1 };
  g_autofree gchar *text = NULL;
  DdpmJson *json = NULL;

  if (!ddpm_input_open (&input, path, error))
    goto out;
  if (input.size > MAX_SIZE) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "%s: expected a JSON "
        "object of at most %d bytes, found %" G_GUINT64_FORMAT, input.name,
        MAX_SIZE, input.size);
    goto out;
  }
  text = g_malloc (input.size + 1);
  if (!ddpm_input_read (&input, 0, input.size, text, error))
    goto out;
  json = ddpm_json_new (text, input.size, input.name, error);
  if (json != NULL)
    json->identity = ddpm_input_get_identity (&input);

out:
  ddpm_input_clear (&input);
  return json;
}

void
ddpm_json_free (DdpmJson * json)
{
  if (json == NULL)
    return;
  g_free (json->location);
  g_free (json->identity);
  g_clear_pointer (&json->root, json_node_unref);
  g_clear_pointer (&json->defaults, g_hash_table_unref);
  g_clear_pointer (&json->asked, g_hash_table_unref);
  g_clear_error (&json->error);
  g_free (json);
}

const gchar *
ddpm_json_get_location (DdpmJson * json)
{
  return json->location;
}

const gchar *
ddpm_json_get_identity (DdpmJson * json)
{
  return json->identity;
}

/* --- values ----------------------------------------------------------- */

/* NULL: it is missing. Keys are static strings. */
static JsonNode *
look_up (DdpmJson * json, const gchar * key)
{
  g_hash_table_add (json->asked, (gpointer) key);
  return g_hash_table_contains (json->defaults, key) ? NULL
      : json_object_get_member (json->object, key);
}

gboolean
ddpm_json_has (DdpmJson * json, const gchar * key)
{
  return look_up (json, key) != NULL;
}

gboolean
ddpm_json_is_null (DdpmJson * json, const gchar * key)
{
  JsonNode *node = look_up (json, key);

  return node != NULL && JSON_NODE_HOLDS_NULL (node);
}

gboolean
ddpm_json_is_list (DdpmJson * json, const gchar * key)
{
  JsonNode *node = look_up (json, key);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node);
}

void
ddpm_json_refuse (DdpmJson * json, const gchar * key, const gchar * expected)
{
  JsonNode *node = look_up (json, key);
  g_autofree gchar *text = node ? json_to_string (node, FALSE) : NULL;
  g_autofree gchar *found = text ? ddpm_file_quote (text) : g_strdup ("none");

  if (json->error == NULL)
    g_set_error (&json->error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected %s as its %s, found %s", json->location, expected, key,
        found);
}

static gboolean
is_number (JsonNode * node)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node)
      : G_TYPE_INVALID;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

gboolean
ddpm_json_is_finite (DdpmJson * json, const gchar * key)
{
  JsonNode *node = look_up (json, key);

  return node != NULL && is_number (node)
      && isfinite (json_node_get_double (node));
}

/* Sets number where the node is a whole number of 32 bits. */
static gboolean
read_uint (JsonNode * node, guint * number)
{
  const gdouble value = is_number (node) ? json_node_get_double (node) : -1.0;

  if (!(value >= 0.0 && value <= G_MAXUINT && value == floor (value)))
    return FALSE;
  *number = value;
  return TRUE;
}

guint
ddpm_json_get_uint (DdpmJson * json, const gchar * key, guint fallback)
{
  JsonNode *node = look_up (json, key);
  guint number = fallback;

  if (node != NULL && !read_uint (node, &number))
    ddpm_json_refuse (json, key, "a whole number");
  return number;
}

gdouble
ddpm_json_get_double (DdpmJson * json, const gchar * key, gdouble fallback)
{
  JsonNode *node = look_up (json, key);

  if (node == NULL)
    return fallback;
  if (is_number (node) && isfinite (json_node_get_double (node)))
    return json_node_get_double (node);
  ddpm_json_refuse (json, key, "a finite number");
  return fallback;
}

gboolean
ddpm_json_get_bool (DdpmJson * json, const gchar * key, gboolean fallback)
{
  JsonNode *node = look_up (json, key);

  if (node == NULL)
    return fallback;
  if (JSON_NODE_HOLDS_NULL (node))
    return FALSE;
  if (JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return json_node_get_boolean (node);
  ddpm_json_refuse (json, key, "true or false");
  return fallback;
}

static const gchar *
read_string (JsonNode * node)
{
  return JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING ?
      json_node_get_string (node) : NULL;
}

const gchar *
ddpm_json_get_string (DdpmJson * json, const gchar * key,
    const gchar * fallback)
{
  JsonNode *node = look_up (json, key);
  const gchar *text = node ? read_string (node) : fallback;

  if (node != NULL && text == NULL)
    ddpm_json_refuse (json, key, "a string");
  return text ? text : fallback;
}

guint
ddpm_json_get_choice (DdpmJson * json, const gchar * key,
    const gchar * const *choices, guint fallback)
{
  const gchar *text = ddpm_json_get_string (json, key, choices[fallback]);
  g_autofree gchar *expected = NULL;

  for (guint i = 0; choices[i] != NULL; i++)
    if (g_strcmp0 (text, choices[i]) == 0)
      return i;
  expected = g_strjoinv (" or ", (gchar **) choices);
  ddpm_json_refuse (json, key, expected);
  return 0;
}

/* NULL: it is missing, or not a list of at most max elements, which is refused */
static JsonArray *
look_up_list (DdpmJson * json, const gchar * key, guint max)
{
  JsonNode *node = look_up (json, key);
  g_autofree gchar *expected = NULL;
  JsonArray *list;

  if (node == NULL)
    return NULL;
  list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  if (list != NULL && json_array_get_length (list) <= max)
    return list;
  expected = g_strdup_printf ("a list of at most %u values", max);
  ddpm_json_refuse (json, key, expected);
  return NULL;
}

guint
ddpm_json_get_uints (DdpmJson * json, const gchar * key, guint max,
    guint * numbers)
{
  JsonArray *list = look_up_list (json, key, max);
  const guint n = list ? json_array_get_length (list) : 0;

  for (guint i = 0; i < n; i++) {
    numbers[i] = 0;
    if (!read_uint (json_array_get_element (list, i), &numbers[i]))
      ddpm_json_refuse (json, key, "a list of whole numbers");
  }
  return n;
}

gchar **
ddpm_json_get_strings (DdpmJson * json, const gchar * key, guint max)
{
  JsonArray *list = look_up_list (json, key, max);
  const guint n = list ? json_array_get_length (list) : 0;
  gchar **strings;

  if (list == NULL)
    return NULL;
  strings = g_new0 (gchar *, n + 1);
  for (guint i = 0; i < n; i++) {
    const gchar *text = read_string (json_array_get_element (list, i));

    if (text == NULL)
      ddpm_json_refuse (json, key, "a list of strings");
    strings[i] = g_strdup (text ? text : "");
  }
  return strings;
}

/* --- the whole -------------------------------------------------------- */

gboolean
ddpm_json_check (DdpmJson * json, GError ** error)
{
  if (json->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (json->error));
  return FALSE;
}

GList *
ddpm_json_get_keys (DdpmJson * json)
{
  return g_list_sort (json_object_get_members (json->object),
      (GCompareFunc) strcmp);
}

gchar *
ddpm_json_list_unknown (DdpmJson * json)
{
  g_autoptr (GList) keys = ddpm_json_get_keys (json);
  g_autoptr (GList) unknown = NULL;

  for (GList * l = keys; l != NULL; l = l->next) {
    const gchar *key = l->data;

    if (*key != '_' && !g_hash_table_contains (json->asked, key))
      unknown = g_list_prepend (unknown, l->data);
  }
  return ddpm_file_quote_names (unknown);
}
