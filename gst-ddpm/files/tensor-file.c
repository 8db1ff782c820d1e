/* gst-ddpm: files of named tensors, whatever their format
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/tensor-file.h"

#include <math.h>
#include <string.h>

#include "gst-ddpm/files/input.h"
#include "gst-ddpm/files/safetensors.h"
#include "gst-ddpm/files/torch-file.h"
#include "kernels/bf16.h"

#define CHUNK 16384             /* numbers converted at a time */
/* Memory for a tensor whose elements are apart from each other: so many bytes,
 * or so many times its size */
#define MAX_SPAN (16u << 20)
#define MAX_SPREAD 64

struct _DdpmTensorFile
{
  DdpmInput input;
  guint64 data;                 /* where offsets of tensors count from */
  DdpmZip *zip;                 /* or the archive that has their storages */
  DdpmFileContent content;
};

/* --- opening ---------------------------------------------------------- */

static gboolean
read_content (DdpmTensorFile * file, GError ** error)
{
  if (!ddpm_torch_file_is_one (&file->input))
    return ddpm_safetensors_read_header (&file->input, &file->content,
        &file->data, error);
  file->zip = ddpm_zip_open (&file->input, error);
  return file->zip != NULL && ddpm_torch_file_read (file->zip,
      file->input.name, &file->content, error);
}

DdpmTensorFile *
ddpm_tensor_file_open (const gchar * path, GError ** error)
{
  g_autoptr (DdpmTensorFile) file = g_new0 (DdpmTensorFile, 1);

  if (!ddpm_input_open (&file->input, path, error)
      || !read_content (file, error))
    return NULL;
  return g_steal_pointer (&file);
}

DdpmTensorFile *
ddpm_tensor_file_open_bytes (GBytes * bytes, const gchar * name,
    GError ** error)
{
  g_autoptr (DdpmTensorFile) file = g_new0 (DdpmTensorFile, 1);

  ddpm_input_open_bytes (&file->input, bytes, name);
  if (!read_content (file, error))
    return NULL;
  return g_steal_pointer (&file);
}

void
ddpm_tensor_file_free (DdpmTensorFile * file)
{
  if (file == NULL)
    return;
  ddpm_zip_free (file->zip);
  ddpm_input_clear (&file->input);
  ddpm_file_content_clear (&file->content);
  g_free (file);
}

/* --- what is in it ---------------------------------------------------- */

void
ddpm_tensor_file_set_location (DdpmTensorFile * file, const gchar * location)
{
  g_free (file->input.name);
  file->input.name = g_strdup (location);
}

const gchar *
ddpm_tensor_file_get_location (DdpmTensorFile * file)
{
  return file->input.name;
}

gchar *
ddpm_tensor_file_get_identity (DdpmTensorFile * file)
{
  return ddpm_input_get_identity (&file->input);
}

GHashTable *
ddpm_tensor_file_get_tensors (DdpmTensorFile * file)
{
  return file->content.tensors;
}

void
ddpm_tensor_file_set_tensors (DdpmTensorFile * file, GHashTable * tensors)
{
  g_hash_table_unref (file->content.tensors);
  file->content.tensors = tensors;
}

GHashTable *
ddpm_tensor_file_get_metadata (DdpmTensorFile * file)
{
  return file->content.metadata;
}

const DdpmFileTensor *
ddpm_tensor_file_find (DdpmTensorFile * file, const gchar * name)
{
  return g_hash_table_lookup (file->content.tensors, name);
}

static gboolean
is_shape (const DdpmFileTensor * tensor, guint n_dims, const guint * shape)
{
  if (tensor->n_dims != n_dims)
    return FALSE;
  for (guint i = 0; i < n_dims; i++)
    if (tensor->shape[i] != shape[i])
      return FALSE;
  return TRUE;
}

const DdpmFileTensor *
ddpm_tensor_file_require (DdpmTensorFile * file, const gchar * name,
    guint n_dims, const guint * shape, GError ** error)
{
  static const gchar *const dtypes[] = { "F64", "F32", "F16", "BF16", NULL };
  DdpmFileTensor *tensor = g_hash_table_lookup (file->content.tensors, name);
  guint64 wanted[DDPM_FILE_MAX_DIMS];
  g_autofree gchar *expected = NULL, *found = NULL;

  for (guint i = 0; i < n_dims; i++)
    wanted[i] = shape[i];
  expected = ddpm_file_shape_to_string (n_dims, wanted);
  if (tensor == NULL)
    goto missing;
  if (!ddpm_file_tensor_is_real (tensor))
    goto wrong_dtype;
  found = ddpm_file_shape_to_string (tensor->n_dims, tensor->shape);
  if (!is_shape (tensor, n_dims, shape))
    goto wrong_shape;
  if (!g_strv_contains (dtypes, tensor->dtype))
    goto wrong_dtype;
  tensor->required = TRUE;
  return tensor;

missing:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected tensor %s of shape %s, found none of that name",
      file->input.name, name, expected);
  return NULL;
wrong_shape:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected tensor %s of shape %s, found %s", file->input.name, name,
      expected, found);
  return NULL;
wrong_dtype:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected tensor %s as F64, F32, F16 or BF16, found %s",
      file->input.name, name, tensor->dtype);
  return NULL;
}

gboolean
ddpm_tensor_file_check_all_required (DdpmTensorFile * file,
    const gchar * what, GError ** error)
{
  const DdpmFileTensor *tensor, *first = NULL;
  g_autofree gchar *name = NULL, *others = NULL;
  GHashTableIter iter;
  guint n = 0;

  g_hash_table_iter_init (&iter, file->content.tensors);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & tensor)) {
    if (tensor->required || !ddpm_file_tensor_is_real (tensor))
      continue;
    n++;
    if (first == NULL || strcmp (tensor->name, first->name) < 0)
      first = tensor;
  }
  if (first == NULL)
    return TRUE;

  name = ddpm_file_quote (first->name);
  others = n > 1 ? g_strdup_printf (" and %u others", n - 1) : NULL;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of %s, found also %s%s", file->input.name, what,
      name, others ? others : "");
  return FALSE;
}

/* --- numbers ---------------------------------------------------------- */

/* IEEE 754 binary16: 5 bits of exponent, bias 15; 10 of fraction */
static gfloat
half_to_float (guint16 half)
{
  guint32 exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  guint32 sign = (guint32) (half & 0x8000) << 16, bits;
  gfloat value;

  if (exponent == 0)
    return copysignf (fraction * 0x1p-24f, sign ? -1.f : 1.f);
  bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
  memcpy (&value, &bits, sizeof value);
  return value;
}

static gfloat
word_to_float (guint32 word)
{
  gfloat value;

  memcpy (&value, &word, sizeof value);
  return value;
}

static gfloat
long_to_float (guint64 word)
{
  gdouble value;

  memcpy (&value, &word, sizeof value);
  return value;
}

/* Numbers as in a file: little-endian */
typedef union
{
  guint64 longs[CHUNK];
  guint32 words[CHUNK];
  guint16 halves[CHUNK];
  gchar bytes[8 * CHUNK];
} Numbers;

static void
convert (const Numbers * le, const gchar * dtype, gsize n, gfloat * out)
{
  gsize i;

  if (strcmp (dtype, "F64") == 0)
    for (i = 0; i < n; i++)
      out[i] = long_to_float (GUINT64_FROM_LE (le->longs[i]));
  else if (strcmp (dtype, "F32") == 0)
    for (i = 0; i < n; i++)
      out[i] = word_to_float (GUINT32_FROM_LE (le->words[i]));
  else if (strcmp (dtype, "BF16") == 0)
    for (i = 0; i < n; i++)
      out[i] = ddpm_bf16_to_float (GUINT16_FROM_LE (le->halves[i]));
  else
    for (i = 0; i < n; i++)
      out[i] = half_to_float (GUINT16_FROM_LE (le->halves[i]));
}

/* --- elements --------------------------------------------------------- */

/* In the file as they are to be in memory */
static gboolean
is_contiguous (const DdpmFileTensor * tensor)
{
  guint64 stride = 1;

  for (guint i = tensor->n_dims; i-- > 0;) {
    if (tensor->shape[i] > 1 && tensor->strides[i] != stride)
      return FALSE;
    stride *= tensor->shape[i];
  }
  return TRUE;
}

/* From offset on, counted from the tensor's begin */
static gboolean
read_bytes (DdpmTensorFile * file, const DdpmFileTensor * tensor,
    guint64 offset, gsize size, gpointer out, GError ** error)
{
  offset += tensor->begin;
  if (file->zip != NULL)
    return ddpm_zip_read (file->zip, tensor->storage, offset, size, out, error);
  return ddpm_input_read (&file->input, file->data + offset, size, out, error);
}

/* All bytes from the first element to the last. elements: the bytes that these
 * have. NULL: error */
static gchar *
read_span (DdpmTensorFile * file, const DdpmFileTensor * tensor,
    guint64 elements, GError ** error)
{
  const guint64 size = tensor->end - tensor->begin;
  g_autofree gchar *span = NULL;

  if (size > MAX_SPAN && size / MAX_SPREAD > elements) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected the elements of tensor %s beside each other, found %"
        G_GUINT64_FORMAT " bytes spread over %" G_GUINT64_FORMAT "; save it "
        "with .contiguous ()", file->input.name, tensor->name, elements, size);
    return NULL;
  }
  span = g_try_malloc (MAX (size, 1));
  if (span == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "%s: no memory for tensor %s of %" G_GUINT64_FORMAT " bytes",
        file->input.name, tensor->name, size);
    return NULL;
  }
  return read_bytes (file, tensor, 0, size, span, error) ?
      g_steal_pointer (&span) : NULL;
}

/* Copies the next n elements in row-major order. index [n_dims]: that of the
 * first one; becomes that of the one behind the last */
static void
gather (const DdpmFileTensor * tensor, const gchar * span, guint64 * index,
    gsize size, gsize n, gchar * out)
{
  for (gsize i = 0; i < n; i++) {
    guint64 element = 0;
    guint k;

    for (k = 0; k < tensor->n_dims; k++)
      element += index[k] * tensor->strides[k];
    memcpy (out + i * size, span + element * size, size);
    for (k = tensor->n_dims; k-- > 0 && ++index[k] == tensor->shape[k];)
      index[k] = 0;
  }
}

static gboolean
check_finite (DdpmTensorFile * file, const DdpmFileTensor * tensor,
    const gfloat * x, gsize first, gsize n, GError ** error)
{
  for (gsize i = first; i < first + n; i++) {
    if (!isfinite (x[i])) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
          "%s: expected finite numbers in tensor %s, found %g at element %"
          G_GSIZE_FORMAT, file->input.name, tensor->name, x[i], i);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
ddpm_tensor_file_read (DdpmTensorFile * file, const DdpmFileTensor * tensor,
    gfloat * out, GError ** error)
{
  const gsize size = ddpm_file_dtype_get_size (tensor->dtype);
  guint64 index[DDPM_FILE_MAX_DIMS] = { 0 };
  g_autofree Numbers *le = g_new (Numbers, 1);
  g_autofree gchar *span = NULL;
  gsize count = 1, first, n;

  for (guint i = 0; i < tensor->n_dims; i++)
    count *= tensor->shape[i];
  if (!is_contiguous (tensor)
      && (span = read_span (file, tensor, count * size, error)) == NULL)
    return FALSE;
  for (first = 0; first < count; first += n) {
    n = MIN (count - first, CHUNK);
    if (span != NULL)
      gather (tensor, span, index, size, n, le->bytes);
    else if (!read_bytes (file, tensor, first * size, n * size, le->bytes,
            error))
      return FALSE;
    convert (le, tensor->dtype, n, out + first);
    if (!check_finite (file, tensor, out, first, n, error))
      return FALSE;
  }
  return TRUE;
}
