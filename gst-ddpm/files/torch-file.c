/* gst-ddpm: the tensors of a file that torch.save () of PyTorch wrote
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/torch-file.h"

#include <string.h>

#include "gst-ddpm/files/torch-tensor.h"
#include "kernels/backend.h"

/* Our own limits, far above any checkpoint: they bound the memory and the time
 * that a hostile file can cost. */
#define MAX_DEPTH 32            /* dicts and lists in each other */
/* Values, each as often as it is found; and of them dicts, lists, objects */
#define MAX_VISITS (4u << 20)
#define MAX_WALKS (1u << 19)
#define MAX_TENSORS 32768
#define MAX_OBJECTS 4096        /* of which a name is kept */
#define MAX_NAME 255

#define PICKLE "data.pkl"

/**
 * Walker: goes through the values of a pickle
 * @name: that of the value that it is at
 * @object: words for the first value that is no tensor
 * @problem: what is wrong with the value that it is at
 */
typedef struct
{
  DdpmTorchArchive archive;
  const gchar *location;
  DdpmFileContent *content;
  GHashTable *hashes;
  GString *name;
  const gchar *object;
  guint depth, n_visits, n_walks, n_tensors, n_objects;
  const gchar *problem;
} Walker;

static void
set_problem (Walker * w, const gchar * problem)
{
  if (w->problem == NULL)
    w->problem = problem;
}

/* --- values and their names ------------------------------------------- */

static void
add_tensor (Walker * w, const DdpmFileTensor * tensor)
{
  const gchar *name = w->name->str;
  DdpmFileTensor *copy;

  if (strlen (name) != w->name->len || !g_utf8_validate (name, -1, NULL))
    set_problem (w, "a name that is not UTF-8");
  else if (!ddpm_file_check_hash (w->hashes, name))
    set_problem (w, "names that are made to collide");
  else if (g_hash_table_contains (w->content->tensors, name))
    set_problem (w, "two values of one name");
  if (w->problem != NULL)
    return;
  copy = ddpm_file_tensor_copy (tensor, name);
  g_hash_table_replace (w->content->tensors, copy->name, copy);
}

/* Notes that a value is one that would have to be made by calling something. */
static void
add_object (Walker * w, const DdpmPickleValue * value)
{
  const DdpmPickleValue *class =
      value->kind == DDPM_PICKLE_CALL ? value->function : value;
  DdpmFileTensor tensor = { NULL };
  g_autofree gchar *path = NULL, *quoted = NULL, *words = NULL;

  if (w->n_objects++ >= MAX_OBJECTS)
    return;
  if (class->kind == DDPM_PICKLE_GLOBAL) {
    path = g_strdup_printf ("%.*s.%.*s", (gint) class->function->size,
        class->function->text, (gint) class->argument->size,
        class->argument->text);
    quoted = ddpm_file_quote (path);
    words = g_strconcat ("an object of ", quoted, NULL);
  }
  tensor.dtype = g_string_chunk_insert_const (w->content->words,
      words ? words : "an object");
  if (w->object == NULL)
    w->object = tensor.dtype;
  add_tensor (w, &tensor);
}

static void walk (Walker * w, const DdpmPickleValue * value);

/* Goes through a value that is called so in the one around it. */
static void
walk_inside (Walker * w, const gchar * name, gsize size,
    const DdpmPickleValue * value)
{
  const gsize len = w->name->len;

  if (len + 1 + size > MAX_NAME) {
    set_problem (w, "a name that is too long");
    return;
  }
  if (len > 0)
    g_string_append_c (w->name, '.');
  g_string_append_len (w->name, name, size);
  walk (w, value);
  if (w->problem == NULL)       /* else the name is for the message */
    g_string_truncate (w->name, len);
}

/* Can the value have names in it, or be one with a name? */
static gboolean
is_leaf (const DdpmPickleValue * value)
{
  return value->kind < DDPM_PICKLE_TUPLE || value->kind > DDPM_PICKLE_CALL;
}

static void
walk_items (Walker * w, const DdpmPickleItem * item)
{
  gchar index[16];

  for (guint i = 0; item != NULL && w->problem == NULL; i++) {
    w->n_visits++;
    g_snprintf (index, sizeof index, "%u", i);
    if (!is_leaf (item->value))
      walk_inside (w, index, strlen (index), item->value);
    item = item->next;
  }
}

/* key, value, key, value, ...; a key that is neither a text nor a number has no
 * name */
static void
walk_pairs (Walker * w, const DdpmPickleItem * item)
{
  gchar number[24];

  for (; item != NULL && item->next != NULL && w->problem == NULL;
      item = item->next->next) {
    const DdpmPickleValue *key = item->value, *value = item->next->value;

    w->n_visits++;
    if (is_leaf (value))
      continue;
    if (key->kind == DDPM_PICKLE_TEXT) {
      walk_inside (w, key->text, key->size, value);
    } else if (key->kind == DDPM_PICKLE_INT) {
      g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, key->integer);
      walk_inside (w, number, strlen (number), value);
    }
  }
}

/* A dict with an order or a default value: made empty, and filled then */
static gboolean
is_dict (const DdpmPickleValue * value)
{
  return value->kind == DDPM_PICKLE_DICT || (value->kind == DDPM_PICKLE_CALL
      && (ddpm_pickle_is_global (value->function, "collections", "OrderedDict")
          || ddpm_pickle_is_global (value->function, "collections",
              "defaultdict")));
}

static void
walk_content (Walker * w, const DdpmPickleValue * value)
{
  DdpmFileTensor tensor = { NULL };

  if (is_dict (value)) {
    walk_pairs (w, value->first);
  } else if (value->kind == DDPM_PICKLE_LIST
      || value->kind == DDPM_PICKLE_TUPLE) {
    walk_items (w, value->first);
  } else if (ddpm_torch_tensor_get (&w->archive, value, &tensor, &w->problem)) {
    if (w->n_tensors++ == MAX_TENSORS)
      set_problem (w, "too many tensors");
    else
      add_tensor (w, &tensor);
  } else if (w->problem == NULL) {
    add_object (w, value);
  }
}

static void
walk (Walker * w, const DdpmPickleValue * value)
{
  if (w->n_visits > MAX_VISITS || w->n_walks++ == MAX_WALKS)
    set_problem (w, "too many values");
  else if (++w->depth > MAX_DEPTH)
    set_problem (w, "values nested too deeply");
  else
    walk_content (w, value);
  w->depth--;
}

/* --- the archive ------------------------------------------------------ */

static gboolean
refuse (const gchar * location, const gchar * found, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a file of tensors, as torch.save (model.state_dict (), "
      "...) of PyTorch writes, found %s", location, found);
  return FALSE;
}

/* Finds the pickle, "data.pkl" in one folder. NULL: there are none or several */
static const gchar *
find_pickle (DdpmZip * zip)
{
  const gchar *found = NULL;

  for (guint i = 0; i < ddpm_zip_get_n_entries (zip); i++) {
    const gchar *name = ddpm_zip_get_name (zip, i);
    const gchar *slash = strchr (name, '/');

    if (strcmp (slash ? slash + 1 : name, PICKLE) != 0)
      continue;
    if (found != NULL)
      return NULL;
    found = name;
  }
  return found;
}

/* What another archive is. NULL: not known */
static const gchar *
name_archive (DdpmZip * zip)
{
  static const struct
  {
    const gchar *end, *name;
  } signs[] = {
    {"/constants.pkl", "a program of TorchScript: load it in Python with "
          "torch.jit.load () and save its state_dict ()"},
    {".npy", "arrays of NumPy (.npz): load them in Python and save them as a "
          "dict of tensors, by name"},
    {"model.weights.h5", "a model of Keras: this reader knows PyTorch and "
          "safetensors alone"},
    {".safetensors", "a zip archive with a safetensors file in it: unpack it"},
    {".pt", "a zip archive with a checkpoint in it: unpack it"},
    {".pth", "a zip archive with a checkpoint in it: unpack it"},
    {".ckpt", "a zip archive with a checkpoint in it: unpack it"},
    {".bin", "a zip archive with a checkpoint in it: unpack it"},
  };

  for (guint s = 0; s < G_N_ELEMENTS (signs); s++)
    for (guint i = 0; i < ddpm_zip_get_n_entries (zip); i++)
      if (g_str_has_suffix (ddpm_zip_get_name (zip, i), signs[s].end))
        return signs[s].name;
  return NULL;
}

/* Numbers are little-endian, unless an entry says otherwise. */
static gboolean
check_byte_order (DdpmZip * zip, const gchar * prefix, const gchar * location,
    GError ** error)
{
  g_autofree gchar *name = g_strconcat (prefix, "byteorder", NULL);
  gchar order[6] = "";
  guint entry;

  if (!ddpm_zip_find (zip, name, &entry))
    return TRUE;
  if (!ddpm_zip_read (zip, entry, 0, MIN (ddpm_zip_get_size (zip, entry),
              sizeof order), order, error))
    return FALSE;
  if (memcmp (order, "little", sizeof order) == 0)
    return TRUE;
  return refuse (location, "one of a big-endian machine: load it in Python and "
      "save it on a little-endian one", error);
}

/* NULL: error */
static DdpmPickle *
read_pickle (DdpmZip * zip, const gchar * name, const gchar * location,
    GError ** error)
{
  g_autoptr (GBytes) bytes = NULL;
  guint entry;
  guint64 size;
  gchar *program;

  ddpm_zip_find (zip, name, &entry);
  size = ddpm_zip_get_size (zip, entry);
  if (size > DDPM_PICKLE_MAX_SIZE) {
    refuse (location, "a pickle that is larger than any checkpoint's", error);
    return NULL;
  }
  program = g_malloc (size);
  bytes = g_bytes_new_take (program, size);
  if (!ddpm_zip_read (zip, entry, 0, size, program, error))
    return NULL;
  return ddpm_pickle_new (bytes, location, error);
}

/* FALSE: error */
static gboolean
walk_root (Walker * w, const DdpmPickleValue * root, GError ** error)
{
  g_autofree gchar *found = NULL, *name = NULL;

  if (!is_leaf (root))
    walk (w, root);
  if (w->problem != NULL) {
    name = ddpm_file_quote (w->name->str);
    found = g_strdup_printf ("%s, at %s", w->problem, name);
    return refuse (w->location, found, error);
  }
  if (w->n_tensors > 0)
    return TRUE;
  if (w->object != NULL)
    found = g_strdup_printf ("no tensors, but %s, which is not made, as that "
        "could run any program: if you trust the file, load it in Python and "
        "save its state_dict ()", w->object);
  return refuse (w->location, found ? found : "a pickle without tensors",
      error);
}

gboolean
ddpm_torch_file_is_one (const DdpmInput * input)
{
  gchar bytes[4];

  return input->size >= sizeof bytes
      && ddpm_input_read (input, 0, sizeof bytes, bytes, NULL)
      && memcmp (bytes, "PK\x03\x04", sizeof bytes) == 0;
}

gboolean
ddpm_torch_file_read (DdpmZip * zip, const gchar * location,
    DdpmFileContent * content, GError ** error)
{
  const gchar *name = find_pickle (zip), *archive = name_archive (zip);
  g_autoptr (GHashTable) hashes = g_hash_table_new (NULL, NULL);
  g_autoptr (DdpmPickle) pickle = NULL;
  g_autofree gchar *prefix = NULL;
  DdpmFileContent found;
  Walker w = {.archive.zip = zip,.location = location,.hashes = hashes,
    .content = &found
  };
  gboolean ok;

  if (name == NULL || (archive && g_str_has_prefix (archive, "a program")))
    return refuse (location, archive ? archive : "another zip archive", error);
  w.archive.prefix = prefix = g_strndup (name, strlen (name) - strlen (PICKLE));
  if (!check_byte_order (zip, prefix, location, error)
      || (pickle = read_pickle (zip, name, location, error)) == NULL)
    return FALSE;
  ddpm_file_content_init (&found);
  w.name = g_string_new (NULL);
  ok = walk_root (&w, ddpm_pickle_get_root (pickle), error);
  g_string_free (w.name, TRUE);
  if (ok)
    *content = found;
  else
    ddpm_file_content_clear (&found);
  return ok;
}
