/* gst-ddpm: the header of a safetensors file: one strict pass over its JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Our own limits, far above any network's: they bound the memory and the time
 * that a hostile header can cost. */
#define MAX_DEPTH 3             /* header, tensor, shape */
#define MAX_NAME 255
#define MAX_DIGITS 18           /* below 2^63, more than any file needs */

#define DUPLICATE "two entries of one name in its header"
#define COLLISION "names in its header that are made to collide"

/* Maximum number of members of an object or array at each depth */
static const guint max_members[MAX_DEPTH + 1] = { 1, 32768, 32768, 64 };

/* --- JSON ------------------------------------------------------------- */

/**
 * Parser:
 * @at: the next character, before @end
 * @problem: why this is not a header at all; parsing stops
 * @wrong: the first value of a wrong type or range; parsing continues, because
 *   a @problem that follows is reported instead
 * @close: the bracket that ends the object or array, by depth
 * @n_members: members of it so far, by depth
 * @has_metadata: __metadata__ has been read
 * @hashes: hash value of a tensor's name -> how many names have it
 */
typedef struct
{
  const gchar *at, *end;
  const gchar *problem;
  gchar *wrong;
  guint depth;
  gchar close[MAX_DEPTH + 1];
  guint n_members[MAX_DEPTH + 1];
  gboolean has_metadata;
  GHashTable *hashes;
  DdpmFileContent *header;
} Parser;

static void
set_problem (Parser * p, const gchar * problem)
{
  if (p->problem == NULL)
    p->problem = problem;
}

/* The next character that is no white space; 0: there is none */
static gchar
peek_char (Parser * p)
{
  while (p->at < p->end && g_ascii_isspace (*p->at))
    p->at++;
  return p->at < p->end ? *p->at : '\0';
}

/* FALSE: there is a problem, now or from before */
static gboolean
expect_char (Parser * p, gchar expected)
{
  gchar found = peek_char (p);

  if (found == '\0')
    set_problem (p, "a header without an end");
  else if (found != expected)
    set_problem (p, strchr ("{}[]:,\"0123456789", found) ?
        "a header that is not JSON" : "a character that no header has");
  if (p->problem == NULL)
    p->at++;
  return p->problem == NULL;
}

/* These return whether another member of the object or array follows. */
static gboolean
begin_members (Parser * p, gchar open)
{
  gchar close = open == '{' ? '}' : ']';

  if (expect_char (p, open) && p->depth == MAX_DEPTH)
    set_problem (p, "values nested too deeply in its header");
  if (p->problem != NULL)
    return FALSE;
  if (peek_char (p) == close) {
    p->at++;
    return FALSE;
  }
  p->close[++p->depth] = close;
  p->n_members[p->depth] = 0;
  return TRUE;
}

static gboolean
next_member (Parser * p)
{
  if (p->problem == NULL && peek_char (p) != ',') {
    expect_char (p, p->close[p->depth--]);
    return FALSE;
  }
  if (++p->n_members[p->depth] == max_members[p->depth])
    set_problem (p, "too many values in its header");
  return expect_char (p, ',');
}

#define FOR_EACH_MEMBER(p, open) \
    for (gboolean more = begin_members (p, open); more; more = next_member (p))

/* NULL: there is a problem */
static gchar *
parse_string (Parser * p)
{
  const gchar *text, *at;
  g_autofree gchar *quoted = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!expect_char (p, '"'))
    return NULL;
  text = p->at;
  for (at = text; at < p->end && *at != '"'; at++)
    at += *at == '\\';
  if (at >= p->end) {
    set_problem (p, "a string in its header without an end");
    return NULL;
  }
  p->at = at + 1;
  if (memchr (text, '\\', at - text) == NULL)
    return g_strndup (text, at - text);
  quoted = g_strndup (text - 1, at - text + 2);
  node = json_from_string (quoted, NULL);
  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING) {
    set_problem (p, "a header that is not JSON");
    return NULL;
  }
  return json_node_dup_string (node);
}

/* The name of a member, and the colon behind it. NULL: there is a problem */
static gchar *
parse_name (Parser * p)
{
  gchar *name = parse_string (p);

  if (name != NULL && !expect_char (p, ':'))
    g_clear_pointer (&name, g_free);
  return name;
}

static guint64
parse_number (Parser * p)
{
  const gchar *digits = p->at;

  while (p->at < p->end && g_ascii_isdigit (*p->at))
    p->at++;
  if (p->at - digits > MAX_DIGITS)
    set_problem (p, "a number in its header that is too long");
  else if (p->at - digits > 1 && *digits == '0')
    set_problem (p, "a number in its header that begins with 0");
  if (p->problem != NULL)
    return 0;
  return g_ascii_strtoull (digits, NULL, 10);
}

static void
skip_value (Parser * p)
{
  gchar first = peek_char (p);

  if (p->problem != NULL)
    return;
  if (g_ascii_isdigit (first)) {
    parse_number (p);
  } else if (first != '{' && first != '[') {
    g_free (parse_string (p));
  } else {
    FOR_EACH_MEMBER (p, first) {
      if (first == '{')
        g_free (parse_name (p));
      skip_value (p);
    }
  }
}

/* FALSE: the value begins with another character, and is skipped */
static gboolean
value_begins_with (Parser * p, gchar first)
{
  if (peek_char (p) == first)
    return TRUE;
  skip_value (p);
  return FALSE;
}

/* --- one tensor ------------------------------------------------------- */

/* Returns the length of an array of numbers. -1: it is longer than max, or has
 * an element that is not a number */
static gint
parse_numbers (Parser * p, gint max, guint64 * numbers)
{
  gint n = 0;

  if (!value_begins_with (p, '['))
    return -1;
  FOR_EACH_MEMBER (p, '[') {
    if (n >= 0 && n < max && g_ascii_isdigit (peek_char (p))) {
      numbers[n++] = parse_number (p);
    } else {
      n = -1;
      skip_value (p);
    }
  }
  return n;
}

/* NULL: unknown */
static const gchar *
parse_dtype (Parser * p, guint64 * size)
{
  g_autofree gchar *text = value_begins_with (p, '"') ? parse_string (p) : NULL;
  const gchar *dtype = ddpm_file_dtype_find (text);

  if (dtype != NULL)
    *size = ddpm_file_dtype_get_size (dtype);
  return dtype;
}

/* Returns what is wrong with the tensor; NULL: nothing. After a problem, the
 * result means nothing. */
static const gchar *
parse_tensor (Parser * p, DdpmFileTensor * tensor)
{
  static const gchar *const fields[] = { "dtype", "shape", "data_offsets" };
  guint64 size = 0, offsets[2];
  gint n_dims = -1, n_offsets = -1, i;
  guint seen = 0;

  if (!value_begins_with (p, '{'))
    return "is not an object";
  FOR_EACH_MEMBER (p, '{') {
    g_autofree gchar *name = parse_name (p);

    for (i = 0; i < 3 && g_strcmp0 (fields[i], name) != 0; i++);
    if (i < 3 && (seen & 1u << i) != 0)
      set_problem (p, DUPLICATE);
    seen |= 1u << i;
    if (i == 0)
      tensor->dtype = parse_dtype (p, &size);
    else if (i == 1)
      n_dims = parse_numbers (p, DDPM_FILE_MAX_DIMS, tensor->shape);
    else if (i == 2)
      n_offsets = parse_numbers (p, 2, offsets);
    else
      skip_value (p);
  }
  if (tensor->dtype == NULL)
    return "has no known dtype";
  if (n_dims < 0)
    return "has no shape of at most 8 numbers";
  if (n_offsets != 2)
    return "has no data_offsets of two numbers";
  tensor->n_dims = n_dims;
  tensor->begin = offsets[0];
  tensor->end = offsets[1];
  for (i = 0; i < n_dims; i++)
    if (!g_uint64_checked_mul (&size, size, tensor->shape[i]))
      return "has a shape that no file can hold";
  if (tensor->begin > tensor->end)
    return "has data_offsets that are reversed";
  if (tensor->end - tensor->begin != size)
    return "has data_offsets that do not fit its shape and dtype";
  ddpm_file_tensor_set_contiguous (tensor);
  return NULL;
}

/* --- the whole -------------------------------------------------------- */

/* FALSE: it is another value */
static gboolean
skip_null (Parser * p)
{
  if (peek_char (p) != 'n' || p->end - p->at < 4
      || memcmp (p->at, "null", 4) != 0)
    return FALSE;
  p->at += 4;
  return TRUE;
}

static void
parse_metadata_members (Parser * p)
{
  GHashTable *metadata = p->header->metadata;
  gboolean good = value_begins_with (p, '{');

  if (good) {
    FOR_EACH_MEMBER (p, '{') {
      g_autofree gchar *name = parse_name (p), *value = NULL;

      if (name != NULL && !ddpm_file_check_hash (p->hashes, name))
        set_problem (p, COLLISION);
      if (value_begins_with (p, '"'))
        value = parse_string (p);
      good = good && value != NULL;
      if (value != NULL && !g_hash_table_insert (metadata,
              g_steal_pointer (&name), g_steal_pointer (&value)))
        set_problem (p, DUPLICATE);
    }
  }
  if (!good && p->wrong == NULL)
    p->wrong = g_strdup ("__metadata__ that is not an object of strings");
}

static void
parse_metadata (Parser * p)
{
  if (p->has_metadata)
    set_problem (p, DUPLICATE);
  p->has_metadata = TRUE;
  if (!skip_null (p))
    parse_metadata_members (p);
}

static void
check_name (Parser * p, const gchar * name, gboolean escaped)
{
  if (strlen (name) > MAX_NAME)
    set_problem (p, "a name in its header that is too long");
  else if (escaped)
    set_problem (p, "a name in its header that is escaped");
  else if (!ddpm_file_check_hash (p->hashes, name))
    set_problem (p, COLLISION);
}

static void
parse_member (Parser * p)
{
  const gchar *text = p->at, *wrong;
  g_autofree gchar *name = parse_name (p), *quoted = NULL;
  DdpmFileTensor *tensor;

  if (name != NULL)
    check_name (p, name, memchr (text, '\\', p->at - text) != NULL);
  if (p->problem != NULL)
    return;
  if (strcmp (name, DDPM_SAFETENSORS_METADATA) == 0) {
    parse_metadata (p);
    return;
  }
  quoted = ddpm_file_quote (name);
  tensor = g_new0 (DdpmFileTensor, 1);
  tensor->name = g_steal_pointer (&name);
  if (!g_hash_table_replace (p->header->tensors, tensor->name, tensor))
    set_problem (p, DUPLICATE);
  wrong = parse_tensor (p, tensor);
  if (wrong != NULL && p->wrong == NULL)
    p->wrong = g_strdup_printf ("that tensor %s %s", quoted, wrong);
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
      g_autofree gchar *name = ddpm_file_quote (tensor->name);

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
        G_GUINT64_FORMAT "%s", location, end, data_size, end > data_size ?
        "; its download may have stopped: download it again" : "");
    return FALSE;
  }
  return TRUE;
}

/* Of tensors that share their numbers, save_model () of Python's safetensors
 * writes one, and in the metadata the name of each other one -> that name. */
static void
add_tied (DdpmFileContent * header)
{
  GHashTableIter iter;
  const gchar *name, *kept;

  g_hash_table_iter_init (&iter, header->metadata);
  while (g_hash_table_iter_next (&iter, (gpointer *) & name,
          (gpointer *) & kept)) {
    const DdpmFileTensor *tensor = g_hash_table_lookup (header->tensors, kept);
    DdpmFileTensor *tied;

    if (tensor == NULL || g_hash_table_contains (header->tensors, name))
      continue;
    tied = ddpm_file_tensor_copy (tensor, name);
    g_hash_table_replace (header->tensors, tied->name, tied);
  }
}

gboolean
ddpm_safetensors_header_parse (DdpmFileContent * header,
    const gchar * text, gsize size, guint64 data_size, const gchar * location,
    GError ** error)
{
  g_autoptr (GHashTable) hashes = g_hash_table_new (NULL, NULL);
  DdpmFileContent parsed;
  Parser p = {.at = text,.end = text + size,.hashes = hashes,.header = &parsed
  };

  ddpm_file_content_init (&parsed);
  if (size == 0 || text[0] != '{')
    set_problem (&p, "a header that does not begin with '{'");
  else if (!g_utf8_validate (text, size, NULL))
    set_problem (&p, "a header that is not UTF-8");
  FOR_EACH_MEMBER (&p, '{')
      parse_member (&p);
  if (p.problem == NULL && peek_char (&p) != '\0')
    set_problem (&p, "text behind the end of its header");

  if (p.problem != NULL || p.wrong != NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, found %s", location,
        p.problem ? p.problem : p.wrong);
  else if (check_coverage (parsed.tensors, data_size, location, error)) {
    add_tied (&parsed);
    *header = parsed;
    return TRUE;
  }
  g_free (p.wrong);
  ddpm_file_content_clear (&parsed);
  return FALSE;
}
