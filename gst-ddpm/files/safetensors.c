/* gst-ddpm: reading a safetensors file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include <math.h>
#include <string.h>

#include "gst-ddpm/files/foreign.h"
#include "gst-ddpm/files/input.h"
#include "kernels/bf16.h"

#define LENGTH_SIZE 8           /* bytes of the header's length */
#define CHUNK 16384             /* numbers converted at a time */

struct _DdpmSafetensors
{
  DdpmInput input;              /* its name and size are also those of bytes */
  GBytes *bytes;                /* NULL: read from input */
  guint64 data;                 /* first byte behind the header */
  DdpmSafetensorsHeader header;
};

/* --- bytes of the file ------------------------------------------------ */

/* offset + size is within the file */
static gboolean
read_bytes (DdpmSafetensors * file, guint64 offset, gsize size, gpointer out,
    GError ** error)
{
  const gchar *bytes;

  if (file->bytes == NULL)
    return ddpm_input_read (&file->input, offset, size, out, error);
  bytes = g_bytes_get_data (file->bytes, NULL);
  if (size > 0)
    memcpy (out, bytes + offset, size);
  return TRUE;
}

/* --- opening ---------------------------------------------------------- */

/* Names the format of a file whose first bytes are no length of a header. */
static gboolean
refuse_format (DdpmSafetensors * file, guint64 length, GError ** error)
{
  const gsize size = MIN (file->input.size, DDPM_FOREIGN_SIZE);
  gchar bytes[DDPM_FOREIGN_SIZE];
  const gchar *format;

  if (!read_bytes (file, 0, size, bytes, error))
    return FALSE;
  format = ddpm_foreign_get_name (bytes, size);
  if (format)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, as save_file () of Python's "
        "safetensors writes, found %s", file->input.name, format);
  else
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, found a header of %" G_GUINT64_FORMAT
        " bytes in a file of %" G_GUINT64_FORMAT, file->input.name, length,
        file->input.size);
  return FALSE;
}

static gboolean
read_header (DdpmSafetensors * file, GError ** error)
{
  g_autofree gchar *text = NULL;
  guint64 n;

  if (file->input.size < LENGTH_SIZE + 2)
    goto too_short;
  if (!read_bytes (file, 0, LENGTH_SIZE, &n, error))
    return FALSE;
  n = GUINT64_FROM_LE (n);
  if (n > DDPM_SAFETENSORS_MAX_HEADER || n > file->input.size - LENGTH_SIZE)
    return refuse_format (file, n, error);

  text = g_try_malloc (n + 1);
  if (text == NULL)
    goto no_memory;
  if (!read_bytes (file, LENGTH_SIZE, n, text, error))
    return FALSE;
  text[n] = '\0';
  file->data = LENGTH_SIZE + n;
  return ddpm_safetensors_header_parse (&file->header, text, n,
      file->input.size - file->data, file->input.name, error);

too_short:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "%s: expected a "
      "safetensors file, found %" G_GUINT64_FORMAT " bytes", file->input.name,
      file->input.size);
  return FALSE;
no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "%s: no memory for its header of %" G_GUINT64_FORMAT " bytes",
      file->input.name, n);
  return FALSE;
}

DdpmSafetensors *
ddpm_safetensors_open (const gchar * path, GError ** error)
{
  g_autoptr (DdpmSafetensors) file = g_new0 (DdpmSafetensors, 1);

  if (!ddpm_input_open (&file->input, path, error)
      || !read_header (file, error))
    return NULL;
  return g_steal_pointer (&file);
}

DdpmSafetensors *
ddpm_safetensors_open_bytes (GBytes * bytes, const gchar * name,
    GError ** error)
{
  g_autoptr (DdpmSafetensors) file = g_new0 (DdpmSafetensors, 1);

  file->input.name = g_utf8_make_valid (name, -1);
  file->input.fd = -1;
  file->bytes = g_bytes_ref (bytes);
  file->input.size = g_bytes_get_size (bytes);
  if (!read_header (file, error))
    return NULL;
  return g_steal_pointer (&file);
}

void
ddpm_safetensors_free (DdpmSafetensors * file)
{
  if (file == NULL)
    return;
  ddpm_input_clear (&file->input);
  g_clear_pointer (&file->bytes, g_bytes_unref);
  ddpm_safetensors_header_clear (&file->header);
  g_free (file);
}

/* --- what is in it ---------------------------------------------------- */

void
ddpm_safetensors_set_location (DdpmSafetensors * file, const gchar * location)
{
  g_free (file->input.name);
  file->input.name = g_strdup (location);
}

const gchar *
ddpm_safetensors_get_location (DdpmSafetensors * file)
{
  return file->input.name;
}

gchar *
ddpm_safetensors_get_identity (DdpmSafetensors * file)
{
  const DdpmInput *input = &file->input;

  return g_strdup_printf ("inode %" G_GUINT64_FORMAT " of device %"
      G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " bytes of time %"
      G_GUINT64_FORMAT, input->inode, input->device, input->size,
      input->changed);
}

GHashTable *
ddpm_safetensors_get_tensors (DdpmSafetensors * file)
{
  return file->header.tensors;
}

GHashTable *
ddpm_safetensors_get_metadata (DdpmSafetensors * file)
{
  return file->header.metadata;
}

const DdpmFileTensor *
ddpm_safetensors_find (DdpmSafetensors * file, const gchar * name)
{
  return g_hash_table_lookup (file->header.tensors, name);
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

static gboolean
is_dtype (const DdpmFileTensor * tensor, const gchar * dtype)
{
  return strcmp (tensor->dtype, dtype) == 0;
}

const DdpmFileTensor *
ddpm_safetensors_require (DdpmSafetensors * file, const gchar * name,
    guint n_dims, const guint * shape, GError ** error)
{
  DdpmFileTensor *tensor = g_hash_table_lookup (file->header.tensors, name);
  guint64 wanted[DDPM_SAFETENSORS_MAX_DIMS];
  g_autofree gchar *expected = NULL, *found = NULL;

  for (guint i = 0; i < n_dims; i++)
    wanted[i] = shape[i];
  expected = ddpm_safetensors_shape_to_string (n_dims, wanted);
  if (tensor == NULL)
    goto missing;
  found = ddpm_safetensors_shape_to_string (tensor->n_dims, tensor->shape);
  if (!is_shape (tensor, n_dims, shape))
    goto wrong_shape;
  if (!is_dtype (tensor, "F32") && !is_dtype (tensor, "F16")
      && !is_dtype (tensor, "BF16"))
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
      "%s: expected tensor %s as F32, F16 or BF16, found %s", file->input.name,
      name, tensor->dtype);
  return NULL;
}

gboolean
ddpm_safetensors_check_all_required (DdpmSafetensors * file, GError ** error)
{
  const DdpmFileTensor *tensor, *first = NULL;
  g_autofree gchar *name = NULL, *others = NULL;
  GHashTableIter iter;
  guint n = 0;

  g_hash_table_iter_init (&iter, file->header.tensors);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & tensor)) {
    if (tensor->required)
      continue;
    n++;
    if (first == NULL || strcmp (tensor->name, first->name) < 0)
      first = tensor;
  }
  if (first == NULL)
    return TRUE;

  name = ddpm_safetensors_quote (first->name);
  others = n > 1 ? g_strdup_printf (" and %u others", n - 1) : NULL;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the tensors of one network, found also %s%s",
      file->input.name, name, others ? others : "");
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

gboolean
ddpm_safetensors_read (DdpmSafetensors * file, const DdpmFileTensor * tensor,
    gfloat * out, GError ** error)
{
  gboolean f32 = is_dtype (tensor, "F32"), bf16 = is_dtype (tensor, "BF16");
  gsize size = f32 ? 4 : 2, count = (tensor->end - tensor->begin) / size;
  union
  {
    guint32 words[CHUNK];
    guint16 halves[CHUNK];
  } le;
  gsize first;

  for (first = 0; first < count; first += CHUNK) {
    gsize n = MIN (count - first, CHUNK);

    if (!read_bytes (file, file->data + tensor->begin + first * size, n * size,
            &le, error))
      return FALSE;
    for (gsize i = 0; i < n; i++) {
      gfloat x = f32 ? word_to_float (GUINT32_FROM_LE (le.words[i])) :
          bf16 ? ddpm_bf16_to_float (GUINT16_FROM_LE (le.halves[i])) :
          half_to_float (GUINT16_FROM_LE (le.halves[i]));

      out[first + i] = x;
      if (!isfinite (x)) {
        g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
            "%s: expected finite numbers in tensor %s, found %g at element %"
            G_GSIZE_FORMAT, file->input.name, tensor->name, x, first + i);
        return FALSE;
      }
    }
  }
  return TRUE;
}
