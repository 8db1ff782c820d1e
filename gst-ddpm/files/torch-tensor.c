/* gst-ddpm: a tensor in the pickle of PyTorch's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/torch-tensor.h"

#include <string.h>

#define MAX_KEY 255             /* bytes of a storage's name */

static gboolean
set_problem (const gchar ** to, const gchar * problem)
{
  *to = problem;
  return FALSE;
}

/* --- storages --------------------------------------------------------- */

static const struct
{
  const gchar *name, *dtype;
} storages[] = {
  {"FloatStorage", "F32"}, {"HalfStorage", "F16"}, {"BFloat16Storage", "BF16"},
  {"DoubleStorage", "F64"}, {"LongStorage", "I64"}, {"IntStorage", "I32"},
  {"ShortStorage", "I16"}, {"CharStorage", "I8"}, {"ByteStorage", "U8"},
  {"BoolStorage", "BOOL"}, {"ComplexFloatStorage", "C64"},
};

/* NULL: this reader does not know the class */
static const gchar *
find_dtype (const DdpmPickleValue * class)
{
  for (guint i = 0; i < G_N_ELEMENTS (storages); i++)
    if (ddpm_pickle_is_global (class, "torch", storages[i].name)
        || ddpm_pickle_is_global (class, "torch.cuda", storages[i].name))
      return storages[i].dtype;
  return NULL;
}

static gboolean
get_count (const DdpmPickleValue * value, guint64 * count)
{
  if (value == NULL || value->kind != DDPM_PICKLE_INT || value->integer < 0)
    return FALSE;
  *count = value->integer;
  return TRUE;
}

/* Finds the entry with the numbers of a storage: ("storage", class, key, where
 * it was, number of elements). *size: its bytes. FALSE: it is not of a known
 * class, or there is a problem */
static gboolean
find_storage (const DdpmTorchArchive * archive, const DdpmPickleValue * value,
    DdpmFileTensor * tensor, guint64 * size, const gchar ** problem)
{
  const DdpmPickleValue *items[5];
  g_autofree gchar *key = NULL, *name = NULL;
  guint entry;

  if (value == NULL || value->kind != DDPM_PICKLE_PERSISTENT
      || !ddpm_pickle_get_items (value->argument, 5, items)
      || !ddpm_pickle_is_text (items[0], "storage"))
    return FALSE;
  tensor->dtype = find_dtype (items[1]);
  if (tensor->dtype == NULL)
    return FALSE;
  if (items[2] == NULL || items[2]->kind != DDPM_PICKLE_TEXT
      || !get_count (items[4], size)
      || !g_uint64_checked_mul (size, *size,
          ddpm_file_dtype_get_size (tensor->dtype)))
    return set_problem (problem, "a storage without a size");
  key = g_strndup (items[2]->text, MIN (items[2]->size, MAX_KEY));
  name = g_strconcat (archive->prefix, "data/", key, NULL);
  if (!ddpm_zip_find (archive->zip, name, &entry))
    return set_problem (problem, "a storage that the archive does not have");
  if (ddpm_zip_get_size (archive->zip, entry) != *size)
    return set_problem (problem,
        "a storage whose size in the archive is another");
  tensor->storage = entry;
  return TRUE;
}

/* --- tensors ---------------------------------------------------------- */

/* Finds what is called in the end, where a parameter or another class is made
 * of a tensor. FALSE: nothing is called */
static gboolean
find_call (const DdpmPickleValue * value, const DdpmPickleValue ** function,
    const DdpmPickleValue ** arguments)
{
  const DdpmPickleValue *items[3];

  if (value->kind == DDPM_PICKLE_CALL
      && (ddpm_pickle_is_global (value->function, "torch._utils",
              "_rebuild_parameter")
          || ddpm_pickle_is_global (value->function, "torch._utils",
              "_rebuild_parameter_with_state"))) {
    ddpm_pickle_get_items (value->argument, 1, items);
    value = items[0];
  }
  if (value == NULL || value->kind != DDPM_PICKLE_CALL)
    return FALSE;
  *function = value->function;
  *arguments = value->argument;
  /* function, class, its arguments, attributes */
  if (ddpm_pickle_is_global (*function, "torch._tensor",
          "_rebuild_from_type_v2")) {
    ddpm_pickle_get_items (*arguments, 3, items);
    *function = items[0];
    *arguments = items[2];
  }
  return TRUE;
}

/* Returns the number of dimensions; -1: it is no tuple of at most 8 numbers */
static gint
get_counts (const DdpmPickleValue * tuple, guint64 * counts)
{
  const DdpmPickleValue *items[DDPM_FILE_MAX_DIMS + 1];
  gint n;

  if (!ddpm_pickle_get_items (tuple, DDPM_FILE_MAX_DIMS + 1, items))
    return -1;
  for (n = 0; items[n] != NULL; n++)
    if (n == DDPM_FILE_MAX_DIMS || !get_count (items[n], &counts[n]))
      return -1;
  return n;
}

/* Sets where the tensor begins and ends in its storage. */
static gboolean
set_span (DdpmFileTensor * tensor, guint64 offset, guint64 size,
    const gchar ** problem)
{
  const guint64 item = ddpm_file_dtype_get_size (tensor->dtype);
  guint64 last = offset, count = item, step;
  gboolean fits = TRUE;

  for (guint i = 0; i < tensor->n_dims; i++)
    fits = fits && g_uint64_checked_mul (&count, count, tensor->shape[i]);
  if (!fits)
    return set_problem (problem, "a shape that no file can hold");
  for (guint i = 0; i < tensor->n_dims && count > 0; i++)
    fits = fits && g_uint64_checked_mul (&step, tensor->shape[i] - 1,
        tensor->strides[i]) && g_uint64_checked_add (&last, last, step);
  if (!fits || last > size / item || (last == size / item && count > 0))
    return set_problem (problem, "elements that are outside of its storage");
  tensor->begin = offset * item;
  tensor->end = count == 0 ? tensor->begin : (last + 1) * item;
  return TRUE;
}

/* (storage, offset, shape, strides, requires gradient, hooks, metadata) */
gboolean
ddpm_torch_tensor_get (const DdpmTorchArchive * archive,
    const DdpmPickleValue * value, DdpmFileTensor * tensor,
    const gchar ** problem)
{
  const DdpmPickleValue *function, *arguments, *items[7];
  guint64 size, offset;
  gint n_dims, n_strides;

  if (!find_call (value, &function, &arguments)
      || !(ddpm_pickle_is_global (function, "torch._utils",
              "_rebuild_tensor_v2")
          || ddpm_pickle_is_global (function, "torch._utils",
              "_rebuild_tensor"))
      || !ddpm_pickle_get_items (arguments, 7, items)
      /* such as numbers that are to be negated */
      || (items[6] != NULL && items[6]->first != NULL)
      || !find_storage (archive, items[0], tensor, &size, problem))
    return FALSE;
  n_dims = get_counts (items[2], tensor->shape);
  n_strides = get_counts (items[3], tensor->strides);
  if (!get_count (items[1], &offset) || n_dims < 0 || n_strides != n_dims)
    return set_problem (problem,
        "a shape that is not one of at most 8 numbers");
  tensor->n_dims = n_dims;
  return set_span (tensor, offset, size, problem);
}
