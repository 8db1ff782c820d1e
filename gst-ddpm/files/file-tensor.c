/* gst-ddpm: the tensors of a file, whatever its format
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/file-tensor.h"

#include <string.h>

#define MAX_QUOTE 60
#define MAX_QUOTED 5            /* names in a message */
#define MAX_SAME_HASH 8         /* names that have one hash value */

static const struct
{
  const gchar *name;
  guint size;
} dtypes[] = {
  {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}, {"I32", 4},
  {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},
  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
  {"F8_E8M0", 1}, {"C64", 8},
};

const gchar *
ddpm_file_dtype_find (const gchar * dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (g_strcmp0 (dtypes[i].name, dtype) == 0)
      return dtypes[i].name;
  return NULL;
}

guint
ddpm_file_dtype_get_size (const gchar * dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (dtypes[i].name, dtype) == 0)
      return dtypes[i].size;
  return 0;
}

gboolean
ddpm_file_tensor_is_real (const DdpmFileTensor * tensor)
{
  return ddpm_file_dtype_get_size (tensor->dtype) > 0;
}

/* --- one tensor ------------------------------------------------------- */

void
ddpm_file_tensor_free (DdpmFileTensor * tensor)
{
  g_free (tensor->name);
  g_free (tensor);
}

DdpmFileTensor *
ddpm_file_tensor_copy (const DdpmFileTensor * tensor, const gchar * name)
{
  DdpmFileTensor *copy = g_new (DdpmFileTensor, 1);

  *copy = *tensor;
  copy->name = g_strdup (name);
  copy->required = FALSE;
  return copy;
}

void
ddpm_file_tensor_narrow (DdpmFileTensor * tensor, guint dim, guint64 first,
    guint64 count)
{
  guint64 step = tensor->strides[dim]
      * ddpm_file_dtype_get_size (tensor->dtype);

  /* the end of an empty tensor stays its beginning */
  if (tensor->end > tensor->begin) {
    tensor->begin += first * step;
    tensor->end -= (tensor->shape[dim] - first - count) * step;
  }
  tensor->shape[dim] = count;
}

gboolean
ddpm_file_tensor_set_n_dims (DdpmFileTensor * tensor, guint n_dims)
{
  for (guint i = n_dims; i < tensor->n_dims; i++)
    if (tensor->shape[i] != 1)
      return FALSE;
  for (guint i = tensor->n_dims; i < n_dims; i++)
    tensor->shape[i] = tensor->strides[i] = 1;
  tensor->n_dims = n_dims;
  return TRUE;
}

void
ddpm_file_tensor_set_contiguous (DdpmFileTensor * tensor)
{
  guint64 stride = 1;

  for (guint i = tensor->n_dims; i-- > 0;) {
    tensor->strides[i] = stride;
    stride *= tensor->shape[i];
  }
}

/* --- all of them ------------------------------------------------------ */

GHashTable *
ddpm_file_tensors_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) ddpm_file_tensor_free);
}

gboolean
ddpm_file_check_hash (GHashTable * hashes, const gchar * name)
{
  gpointer hash = GUINT_TO_POINTER (g_str_hash (name));
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (hashes, hash)) + 1;

  g_hash_table_insert (hashes, hash, GUINT_TO_POINTER (n));
  return n <= MAX_SAME_HASH;
}

void
ddpm_file_content_init (DdpmFileContent * content)
{
  content->tensors = ddpm_file_tensors_new ();
  content->metadata =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  content->words = g_string_chunk_new (256);
}

void
ddpm_file_content_clear (DdpmFileContent * content)
{
  g_clear_pointer (&content->tensors, g_hash_table_unref);
  g_clear_pointer (&content->metadata, g_hash_table_unref);
  g_clear_pointer (&content->words, g_string_chunk_free);
}

/* --- messages --------------------------------------------------------- */

gchar *
ddpm_file_quote (const gchar * text)
{
  g_autofree gchar *cut = g_strndup (text, MAX_QUOTE);
  g_autofree gchar *escaped = g_strescape (cut, NULL);

  return g_strdup_printf ("'%s%s'", escaped,
      strlen (text) > MAX_QUOTE ? "..." : "");
}

gchar *
ddpm_file_quote_names (GList * names)
{
  g_autoptr (GList) sorted = g_list_sort (g_list_copy (names),
      (GCompareFunc) strcmp);
  g_autoptr (GString) list = g_string_new (NULL);
  guint n = 0;

  for (GList * l = sorted; l != NULL; l = l->next) {
    g_autofree gchar *quoted = ddpm_file_quote (l->data);

    if (n++ < MAX_QUOTED)
      g_string_append_printf (list, "%s%s", n > 1 ? ", " : "", quoted);
  }
  if (n > MAX_QUOTED)
    g_string_append_printf (list, " and %u others", n - MAX_QUOTED);
  return n > 0 ? g_strdup (list->str) : NULL;
}

gchar *
ddpm_file_shape_to_string (guint n_dims, const guint64 * shape)
{
  GString *s = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (s, "%s%" G_GUINT64_FORMAT, i ? ", " : "", shape[i]);
  g_string_append_c (s, ']');
  return g_string_free (s, FALSE);
}
