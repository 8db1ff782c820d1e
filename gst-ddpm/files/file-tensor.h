/* gst-ddpm: the tensors of a file, whatever its format (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DDPM_FILE_MAX_DIMS 8

/**
 * DdpmFileTensor:
 * @dtype: "F32", "F16", "BF16", "I64", ..., as safetensors calls them; of a
 *   value that is no tensor, words for it, such as "an object of os.system"
 * @strides: elements from one index of a dimension to the next; 0: all of them
 *   are one element
 * @storage: the part of the file that has the numbers; 0 where there is one
 * @begin: offset of the first element in the storage, in bytes
 * @end: offset behind the last element
 * @required: ddpm_tensor_file_require() has asked for it
 */
typedef struct
{
  gchar *name;
  const gchar *dtype;
  guint n_dims;
  guint64 shape[DDPM_FILE_MAX_DIMS];
  guint64 strides[DDPM_FILE_MAX_DIMS];
  guint64 storage, begin, end;
  gboolean required;
} DdpmFileTensor;

void ddpm_file_tensor_free (DdpmFileTensor * tensor);
/* Another tensor of the same numbers, which is not required yet */
DdpmFileTensor *ddpm_file_tensor_copy (const DdpmFileTensor * tensor,
    const gchar * name);
/* Leaves count indices of a dimension, from first on. They must be there. */
void ddpm_file_tensor_narrow (DdpmFileTensor * tensor, guint dim, guint64 first,
    guint64 count);
/* Adds dimensions of size 1 behind the last one, or drops such, until there are
 * n_dims. FALSE: one that would be dropped is larger, and nothing changes */
gboolean ddpm_file_tensor_set_n_dims (DdpmFileTensor * tensor, guint n_dims);
/* Sets strides as those of numbers without gaps, in row-major order */
void ddpm_file_tensor_set_contiguous (DdpmFileTensor * tensor);
/* dtype: may be NULL. Returns: (nullable): it as a static string; NULL: it is
 * not known */
const gchar *ddpm_file_dtype_find (const gchar * dtype);
/* The bytes of an element. 0: dtype is not known */
guint ddpm_file_dtype_get_size (const gchar * dtype);
/* Is it one, and no other value? */
gboolean ddpm_file_tensor_is_real (const DdpmFileTensor * tensor);

/* An empty table: name -> DdpmFileTensor, which owns the name and is freed with
 * the table. Insert with g_hash_table_replace (table, tensor->name, tensor). */
GHashTable *ddpm_file_tensors_new (void);

/* g_str_hash is no secret: names that all have one hash value would make every
 * table of them quadratic. hashes: of g_hash_table_new (NULL, NULL), for the
 * names of one table. FALSE: too many have the hash value of this one */
gboolean ddpm_file_check_hash (GHashTable * hashes, const gchar * name);

/**
 * DdpmFileContent:
 * @tensors: of ddpm_file_tensors_new ()
 * @metadata: name -> value, both strings
 * @words: those of values that are no tensors
 */
typedef struct
{
  GHashTable *tensors;
  GHashTable *metadata;
  GStringChunk *words;
} DdpmFileContent;

void ddpm_file_content_init (DdpmFileContent * content);
void ddpm_file_content_clear (DdpmFileContent * content);

/* Text from a file for a message: escaped, cut and in quotes */
gchar *ddpm_file_quote (const gchar * text);
/* The first of these names, sorted: "'betas', 'step' and 3 others" with more of
 * them. Returns: (transfer full) (nullable): NULL: there are none */
gchar *ddpm_file_quote_names (GList * names);
/* "[32, 3, 3, 3]" */
gchar *ddpm_file_shape_to_string (guint n_dims, const guint64 * shape);

G_END_DECLS
