/* gst-ddpm: MNIST's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file begins with a magic number, whose last byte is the number of
 * dimensions, and the dimensions, all of four bytes, the highest first; then the
 * bytes follow.
 */
#include "gst-ddpm/files/idx.h"

#include <gio/gio.h>
#include <string.h>

#include "kernels/backend.h"

#define IMAGES_MAGIC 0x803
#define LABELS_MAGIC 0x801
#define IMAGES_HEADER 16
#define LABELS_HEADER 8
/* More than any file of this kind has: what is compressed has to be held in
 * memory. */
#define MAX_IMAGES 1000000
#define CHUNK 65536

/* As they are published, and as archives of others spell them */
static const gchar *const names[2][2] = {
  {"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
  {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
};

static const gchar *const endings[] = { "", ".gz" };

/* --- names ---------------------------------------------------------------- */

gchar *
ddpm_idx_find (const gchar * folder, gboolean test)
{
  for (guint i = 0; i < G_N_ELEMENTS (names[0]); i++) {
    for (guint k = 0; k < G_N_ELEMENTS (endings); k++) {
      g_autofree gchar *name = g_strconcat (names[!!test][i], endings[k], NULL);
      g_autofree gchar *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  }
  return NULL;
}

gboolean
ddpm_idx_is_name (const gchar * path)
{
  g_autofree gchar *name = g_path_get_basename (path);

  return strstr (name, "images") && strstr (name, "idx3-ubyte");
}

/* Of the labels beside these images, compressed or not. Returns: (transfer full)
 */
static gchar *
get_labels_path (const gchar * path)
{
  g_autofree gchar *folder = g_path_get_dirname (path);
  g_autofree gchar *name = g_path_get_basename (path);
  g_autoptr (GString) other = g_string_new (name);
  gchar *labels;

  g_string_replace (other, "images", "labels", 1);
  g_string_replace (other, "idx3", "idx1", 1);
  labels = g_build_filename (folder, other->str, NULL);
  if (!g_file_test (labels, G_FILE_TEST_EXISTS)) {
    g_autofree gchar *first = labels;

    labels = g_str_has_suffix (first, ".gz")
        ? g_strndup (first, strlen (first) - 3) : g_strconcat (first, ".gz",
        NULL);
    if (!g_file_test (labels, G_FILE_TEST_EXISTS)) {
      g_free (labels);
      labels = g_steal_pointer (&first);
    }
  }
  return labels;
}

/* --- files ---------------------------------------------------------------- */

/* Returns: NULL, with DDPM_ERROR_FORMAT, if there are more bytes, or errors */
static GBytes *
inflate (const gchar * path, const gchar * name, gsize most, GError ** error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) packed = g_file_read (file, NULL, error);
  g_autoptr (GConverter) converter =
      G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GError) problem = NULL;
  guint8 chunk[CHUNK];
  gssize n;

  if (packed == NULL) {
    g_prefix_error (error, "%s: ", name);
    return NULL;
  }
  stream = g_converter_input_stream_new (G_INPUT_STREAM (packed), converter);
  while ((n = g_input_stream_read (stream, chunk, CHUNK, NULL, &problem)) > 0) {
    if (bytes->len + (gsize) n > most)
      goto too_large;
    g_byte_array_append (bytes, chunk, n);
  }
  if (problem)
    goto broken;
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));

too_large:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" holds more than %" G_GSIZE_FORMAT " bytes", name, most);
  return NULL;
broken:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" cannot be decompressed: %s", name, problem->message);
  return NULL;
}

/* Of most bytes, if it is compressed */
static gboolean
open_input (DdpmInput * input, const gchar * path, gsize most, GError ** error)
{
  static const guint8 gzip[] = { 0x1f, 0x8b };
  guint8 found[2] = { 0, 0 };
  g_autofree gchar *name = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (!ddpm_input_open (input, path, error)
      || (input->size >= sizeof found
          && !ddpm_input_read (input, 0, sizeof found, found, error)))
    return FALSE;
  if (memcmp (found, gzip, sizeof gzip) != 0)
    return TRUE;
  name = g_strdup (input->name);
  bytes = inflate (path, name, most, error);
  if (bytes == NULL)
    return FALSE;
  ddpm_input_clear (input);
  ddpm_input_open_bytes (input, bytes, name);
  return TRUE;
}

static guint32
get_number (const guint8 * bytes)
{
  return (guint32) bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

static gboolean
check_header (const DdpmInput * file, guint32 magic, gsize header, gsize item,
    guint64 * count, GError ** error)
{
  guint8 bytes[IMAGES_HEADER] = { 0, };
  guint64 size;

  if (!ddpm_input_read (file, 0, MIN (header, file->size), bytes, error))
    return FALSE;
  if (file->size < header || get_number (bytes) != magic)
    goto no_idx;
  if (header == IMAGES_HEADER && (get_number (bytes + 8) != DDPM_IDX_SIZE
          || get_number (bytes + 12) != DDPM_IDX_SIZE))
    goto other_size;
  *count = get_number (bytes + 4);
  size = header + *count * item;
  if (*count == 0 || *count > MAX_IMAGES || file->size != size)
    goto wrong_size;
  return TRUE;

no_idx:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" is no idx file: expected the number %#x at its beginning, found "
      "%#x", file->name, magic, get_number (bytes));
  return FALSE;
other_size:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\": expected images of %dx%d, found %ux%u", file->name,
      DDPM_IDX_SIZE, DDPM_IDX_SIZE, get_number (bytes + 12),
      get_number (bytes + 8));
  return FALSE;
wrong_size:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" says that it has %" G_GUINT64_FORMAT " items (1 to %d are "
      "possible): expected %" G_GUINT64_FORMAT " bytes, found %"
      G_GUINT64_FORMAT, file->name, *count, MAX_IMAGES, size, file->size);
  return FALSE;
}

static gboolean
count_classes (DdpmIdx * idx, GError ** error)
{
  g_autofree guint8 *labels = g_malloc (idx->n_images);

  if (!ddpm_input_read (&idx->labels, LABELS_HEADER, idx->n_images, labels,
          error))
    return FALSE;
  for (guint64 i = 0; i < idx->n_images; i++)
    idx->n_classes = MAX (idx->n_classes, labels[i] + 1u);
  return TRUE;
}

gboolean
ddpm_idx_open (DdpmIdx * idx, const gchar * path, GError ** error)
{
  g_autofree gchar *labels = get_labels_path (path);
  guint64 n_labels;

  memset (idx, 0, sizeof (*idx));
  idx->images.fd = idx->labels.fd = -1;
  if (!open_input (&idx->images, path, IMAGES_HEADER
          + (gsize) MAX_IMAGES * DDPM_IDX_PIXELS, error)
      || !check_header (&idx->images, IMAGES_MAGIC, IMAGES_HEADER,
          DDPM_IDX_PIXELS, &idx->n_images, error)
      || !open_input (&idx->labels, labels, LABELS_HEADER + MAX_IMAGES, error)
      || !check_header (&idx->labels, LABELS_MAGIC, LABELS_HEADER, 1, &n_labels,
          error))
    return FALSE;
  if (n_labels != idx->n_images)
    goto other_number;
  return count_classes (idx, error);

other_number:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "\"%s\" has %" G_GUINT64_FORMAT " images: expected as many labels in "
      "\"%s\", found %" G_GUINT64_FORMAT, idx->images.name, idx->n_images,
      idx->labels.name, n_labels);
  return FALSE;
}

gboolean
ddpm_idx_read (const DdpmIdx * idx, guint64 index, guint8 * pixels,
    guint8 * label, GError ** error)
{
  return ddpm_input_read (&idx->images, IMAGES_HEADER
      + index * DDPM_IDX_PIXELS, DDPM_IDX_PIXELS, pixels, error)
      && ddpm_input_read (&idx->labels, LABELS_HEADER + index, 1, label, error);
}

void
ddpm_idx_clear (DdpmIdx * idx)
{
  ddpm_input_clear (&idx->images);
  ddpm_input_clear (&idx->labels);
}
