/* gst-ddpm: reading MNIST's files, good and bad
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gio/gio.h>
#include <string.h>

#include "gst-ddpm/files/cifar.h"
#include "tests/support/files.h"
#include "tests/support/test.h"

#define PIXELS (28 * 28)
#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

typedef struct
{
  TestFolder *path;
} Fixture;

static void
setup (Fixture * f, gconstpointer unused)
{
  f->path = test_files_make_folder ();
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  test_files_remove_folder (f->path);
}

static void
put_number (GByteArray * to, guint32 number)
{
  const guint32 bytes = GUINT32_TO_BE (number);

  g_byte_array_append (to, (const guint8 *) &bytes, sizeof bytes);
}

static guint8
pixel_of (guint image, guint i)
{
  return image * 31 + i * 7;
}

/* compressed: as gzip does */
static void
write_file (Fixture * f, const gchar * name, GByteArray * bytes,
    gboolean compressed)
{
  g_autofree gchar *path = g_build_filename (f->path, name, NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GOutputStream) out = G_OUTPUT_STREAM (assert_ok (g_file_replace
          (file, NULL, FALSE, 0, NULL, &error)));
  g_autoptr (GConverter) converter = G_CONVERTER (g_zlib_compressor_new
      (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  g_autoptr (GOutputStream) packed =
      g_converter_output_stream_new (out, converter);

  assert_ok (g_output_stream_write_all (compressed ? packed : out, bytes->data,
          bytes->len, NULL, NULL, &error));
  assert_ok (g_output_stream_close (compressed ? packed : out, NULL, &error));
}

/* With this size in the header, and n of them */
static GByteArray *
make_images (guint32 magic, guint32 size, guint32 n)
{
  GByteArray *bytes = g_byte_array_new ();

  put_number (bytes, magic);
  put_number (bytes, n);
  put_number (bytes, size);
  put_number (bytes, size);
  for (guint i = 0; i < n; i++) {
    for (guint k = 0; k < PIXELS; k++) {
      const guint8 pixel = pixel_of (i, k);

      g_byte_array_append (bytes, &pixel, 1);
    }
  }
  return bytes;
}

static GByteArray *
make_labels (guint32 n)
{
  GByteArray *bytes = g_byte_array_new ();

  put_number (bytes, 0x801);
  put_number (bytes, n);
  for (guint i = 0; i < n; i++) {
    const guint8 label = i % 10;

    g_byte_array_append (bytes, &label, 1);
  }
  return bytes;
}

static void
write_set (Fixture * f, const gchar * ending, gboolean compressed, guint n)
{
  g_autoptr (GByteArray) images = make_images (0x803, 28, n);
  g_autoptr (GByteArray) labels = make_labels (n);
  g_autofree gchar *images_name = g_strconcat (IMAGES, ending, NULL);
  g_autofree gchar *labels_name = g_strconcat (LABELS, ending, NULL);

  write_file (f, images_name, images, compressed);
  write_file (f, labels_name, labels, compressed);
}

static void
check_images (const gchar * location, guint n)
{
  g_autoptr (DdpmCifar) set =
      assert_ok (ddpm_cifar_open (location, DDPM_SPLIT_TRAIN, &error));
  guint8 pixels[DDPM_CIFAR_PIXELS];
  guint label;

  g_assert_cmpuint (ddpm_cifar_get_size (set), ==, 28);
  g_assert_cmpuint (ddpm_cifar_get_channels (set), ==, 1);
  g_assert_cmpuint (ddpm_cifar_get_n_images (set), ==, n);
  g_assert_cmpstr (ddpm_cifar_get_class_names (set), ==, "0,1,2,3,4,5,6,7,8,9");
  for (guint i = 0; i < n; i++) {
    assert_ok (ddpm_cifar_read (set, i, pixels, &label, &error));
    g_assert_cmpuint (label, ==, i % 10);
    for (guint k = 0; k < PIXELS; k++)
      g_assert_cmpuint (pixels[k], ==, pixel_of (i, k));
  }
}

FIXTURE_TEST (folder_of_mnist)
{
  write_set (f, "", FALSE, 12);
  check_images (f->path, 12);
}

FIXTURE_TEST (files_may_be_compressed)
{
  g_autofree gchar *images = g_build_filename (f->path, IMAGES ".gz", NULL);

  write_set (f, ".gz", TRUE, 12);
  check_images (f->path, 12);
  check_images (images, 12);
}

static void
check_refused (Fixture * f, const gchar * name, GByteArray * bytes,
    const gchar * words)
{
  write_file (f, name, bytes, FALSE);
  assert_fails (ddpm_cifar_open (f->path, DDPM_SPLIT_TRAIN, &error),
      DDPM_ERROR_FORMAT, words);
}

FIXTURE_TEST (what_is_no_idx_is_refused)
{
  g_autoptr (GByteArray) large = make_images (0x803, 32, 12);
  g_autoptr (GByteArray) other = make_images (0x802, 28, 12);
  g_autoptr (GByteArray) cut = make_images (0x803, 28, 12);
  g_autoptr (GByteArray) labels = make_labels (11);
  g_autoptr (GByteArray) many = make_images (0x803, 28, 12);

  write_set (f, "", FALSE, 12);
  check_refused (f, IMAGES, large, "32x32");
  check_refused (f, IMAGES, other, "0x802");
  g_byte_array_set_size (cut, cut->len - 1);
  check_refused (f, IMAGES, cut, "found 9423");
  memset (many->data + 4, 0xff, 4);
  check_refused (f, IMAGES, many, "4294967295");
  write_set (f, "", FALSE, 12);
  check_refused (f, LABELS, labels, "found 11");
}

FIXTURE_TEST (broken_gzip_is_refused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  const guint8 head[] = { 0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8 };

  write_set (f, "", FALSE, 12);
  g_byte_array_append (bytes, head, sizeof head);
  check_refused (f, IMAGES, bytes, "decompressed");
}

FIXTURE_TEST (missing_labels_are_named)
{
  g_autofree gchar *labels = g_build_filename (f->path, LABELS, NULL);

  write_set (f, "", FALSE, 12);
  g_assert_cmpint (g_remove (labels), ==, 0);
  assert_fails (ddpm_cifar_open (f->path, DDPM_SPLIT_TRAIN, &error),
      DDPM_ERROR_NOT_FOUND, LABELS);
}
