/* gst-ddpm: reading CIFAR files, good and bad
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <sys/stat.h>

#include "gst-ddpm/files/cifar.h"
#include "tests/support/files.h"
#include "tests/support/test.h"

#define RECORD_10 (1 + DDPM_CIFAR_PIXELS)
#define RECORD_100 (2 + DDPM_CIFAR_PIXELS)

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

static guint8
pixel_of (guint image, guint i)
{
  return image * 31 + i * 7 + i / 1024;
}

/* Images first .. first + n - 1; image i has the (fine) label i % n_classes. */
static void
write_images (Fixture * f, const gchar * name, guint n_labels, guint n_classes,
    guint first, guint n)
{
  g_autofree gchar *path = g_build_filename (f->path, name, NULL);
  gsize record = n_labels + DDPM_CIFAR_PIXELS;
  g_autofree guint8 *bytes = g_malloc0 (n * record);
  guint i, j;

  for (i = 0; i < n; i++) {
    bytes[i * record + n_labels - 1] = (first + i) % n_classes;
    for (j = 0; j < DDPM_CIFAR_PIXELS; j++)
      bytes[i * record + n_labels + j] = pixel_of (first + i, j);
  }
  assert_ok (g_file_set_contents (path, (const gchar *) bytes, n * record,
          &error));
}

static void
set_size (Fixture * f, const gchar * name, gsize size)
{
  g_autofree gchar *path = g_build_filename (f->path, name, NULL);
  FILE *file = g_fopen (path, "ab");

  g_assert_nonnull (file);
  g_assert_cmpint (ftruncate (fileno (file), size), ==, 0);
  fclose (file);
}

/* name NULL: the folder itself */
static DdpmCifar *
open_there (Fixture * f, const gchar * name, DdpmSplit split, GError ** error)
{
  g_autofree gchar *path = g_build_filename (f->path, name, NULL);

  return ddpm_cifar_open (path, split, error);
}

/* With so many images */
static DdpmCifar *
open_images (Fixture * f, const gchar * name, DdpmSplit split, guint64 n)
{
  DdpmCifar *cifar = assert_ok (open_there (f, name, split, &error));

  g_assert_cmpuint (ddpm_cifar_get_n_images (cifar), ==, n);
  return cifar;
}

static void
assert_image (DdpmCifar * cifar, guint index, guint image, guint label)
{
  guint8 pixels[DDPM_CIFAR_PIXELS];
  guint found, i;

  assert_ok (ddpm_cifar_read (cifar, index, pixels, &found, &error));
  g_assert_cmpuint (found, ==, label);
  for (i = 0; i < DDPM_CIFAR_PIXELS; i++)
    g_assert_cmpuint (pixels[i], ==, pixel_of (image, i));
}

FIXTURE_TEST (cifar10_batches_follow_each_other)
{
  g_autoptr (DdpmCifar) cifar = NULL;
  guint i;

  write_images (f, "data_batch_1.bin", 1, 10, 0, 3);
  write_images (f, "data_batch_2.bin", 1, 10, 3, 1);
  write_images (f, "data_batch_3.bin", 1, 10, 4, 2);
  write_images (f, "data_batch_4.bin", 1, 10, 6, 4);
  write_images (f, "data_batch_5.bin", 1, 10, 10, 2);
  write_images (f, "test_batch.bin", 1, 10, 100, 5);
  cifar = open_images (f, NULL, DDPM_SPLIT_TRAIN, 12);
  for (i = 0; i < 12; i++)
    assert_image (cifar, i, i, i % 10);
}

FIXTURE_TEST (cifar10_test_split_is_its_own)
{
  g_autoptr (DdpmCifar) cifar = NULL;

  write_images (f, "data_batch_1.bin", 1, 10, 0, 3);
  write_images (f, "test_batch.bin", 1, 10, 100, 5);
  cifar = open_images (f, NULL, DDPM_SPLIT_TEST, 5);
  assert_image (cifar, 4, 104, 4);
}

FIXTURE_TEST (cifar100_gives_the_fine_label)
{
  g_autoptr (DdpmCifar) train = NULL;
  g_autoptr (DdpmCifar) test = NULL;

  write_images (f, "train.bin", 2, 100, 90, 4);
  write_images (f, "test.bin", 2, 100, 50, 2);
  train = open_images (f, NULL, DDPM_SPLIT_TRAIN, 4);
  assert_image (train, 3, 93, 93);
  test = open_images (f, NULL, DDPM_SPLIT_TEST, 2);
  assert_image (test, 0, 50, 50);
}

/* The first of the two bytes; write_images () leaves it 0. */
FIXTURE_TEST (cifar100_gives_the_coarse_label_and_its_names)
{
  g_autoptr (DdpmCifar) cifar = NULL;
  g_autoptr (GString) names = g_string_new (NULL);
  g_autofree gchar *path =
      g_build_filename (f->path, "coarse_label_names.txt", NULL);
  guint i;

  for (i = 0; i < 20; i++)
    g_string_append_printf (names, "group %u\n", i);
  assert_ok (g_file_set_contents (path, names->str, -1, &error));
  write_images (f, "train.bin", 2, 100, 90, 4);
  cifar = open_images (f, NULL, DDPM_SPLIT_TRAIN, 4);
  assert_ok (ddpm_cifar_use_coarse_labels (cifar, &error));
  assert_image (cifar, 3, 93, 0);
  g_assert_true (g_str_has_prefix (ddpm_cifar_get_class_names (cifar),
          "group 0,group 1,"));
  g_assert_null (ddpm_cifar_get_notes (cifar));
}

FIXTURE_TEST (cifar10_has_no_coarse_labels)
{
  g_autoptr (DdpmCifar) cifar = NULL;

  write_images (f, "data_batch_1.bin", 1, 10, 0, 3);
  cifar = open_images (f, NULL, DDPM_SPLIT_TRAIN, 3);
  assert_fails (ddpm_cifar_use_coarse_labels (cifar, &error),
      DDPM_ERROR_SETTINGS, "CIFAR-100");
}

FIXTURE_TEST (single_files_are_told_apart_by_size)
{
  g_autoptr (DdpmCifar) ten = NULL;
  g_autoptr (DdpmCifar) hundred = NULL;

  /* a single file may have labels above 9 and 99 */
  write_images (f, "tiles.bin", 1, 256, 198, 3);
  write_images (f, "any.bin", 2, 256, 198, 3);
  ten = open_images (f, "tiles.bin", DDPM_SPLIT_TEST, 3);
  assert_image (ten, 2, 200, 200);
  hundred = open_images (f, "any.bin", DDPM_SPLIT_TRAIN, 3);
  assert_image (hundred, 2, 200, 200);
}

static guint64
n_images_of_size (Fixture * f, const gchar * name, gsize size)
{
  g_autoptr (DdpmCifar) cifar = NULL;

  set_size (f, name, size);     /* sparse: takes no space */
  cifar = assert_ok (open_there (f, name, DDPM_SPLIT_TRAIN, &error));
  return ddpm_cifar_get_n_images (cifar);
}

FIXTURE_TEST (names_decide_where_the_size_fits_both)
{
  const gsize both = (gsize) RECORD_10 * RECORD_100;

  g_assert_cmpuint (n_images_of_size (f, "a.bin", both), ==, RECORD_100);
  g_assert_cmpuint (n_images_of_size (f, "data_batch_1.bin", both), ==,
      RECORD_100);
  g_assert_cmpuint (n_images_of_size (f, "train.bin", both), ==, RECORD_10);
  g_assert_cmpuint (n_images_of_size (f, "test.bin", both), ==, RECORD_10);
}

static void
assert_refused (Fixture * f, const gchar * name, gint code, const gchar * word)
{
  assert_fails (open_there (f, name, DDPM_SPLIT_TRAIN, &error), code, word);
}

FIXTURE_TEST (what_is_missing_is_named)
{
  assert_refused (f, "nowhere", DDPM_ERROR_NOT_FOUND, "nowhere");
  assert_refused (f, "nowhere/data.bin", DDPM_ERROR_NOT_FOUND, "data.bin");
  assert_refused (f, NULL, DDPM_ERROR_NOT_FOUND, "data_batch_1.bin");
  write_images (f, "data_batch_2.bin", 1, 10, 0, 1);
  assert_refused (f, NULL, DDPM_ERROR_NOT_FOUND, "data_batch_1.bin");
  write_images (f, "test_batch.bin", 1, 10, 0, 1);
  assert_refused (f, NULL, DDPM_ERROR_NOT_FOUND, "data_batch_1.bin");
}

#define BINARY_10 \
    "expected the binary version, cifar-10-binary.tar.gz from " \
    "https://www.cs.toronto.edu/~kriz/cifar.html, unpacked"
#define BINARY_100 \
    "expected the binary version, cifar-100-binary.tar.gz from " \
    "https://www.cs.toronto.edu/~kriz/cifar.html, unpacked"

/* Folders that people have instead, each by a file in it. A name that ends with
 * a slash is that of a folder. */
static const struct
{
  const gchar *name, *entry, *advice;
} folders[] = {
  {"empty", NULL, "it is empty: expected the binary version"},
  {"of-something-else", "cat.png", "(CIFAR-100), expected the binary version"},
  {"above", "cifar-10-batches-bin/",
      "but a folder cifar-10-batches-bin: expected that one"},
  {"above-100", "cifar-100-binary/",
      "but a folder cifar-100-binary: expected that one"},
  {"with-the-archive", "cifar-10-binary.tar.gz",
      "but the archive cifar-10-binary.tar.gz: expected the folder"},
  {"of-python", "data_batch_1", "but the Python version of CIFAR-10: "
        BINARY_10},
  {"above-python", "cifar-10-batches-py/",
      "but the Python version of CIFAR-10: " BINARY_10},
  {"with-the-archive-of-python", "cifar-10-python.tar.gz",
      "but the Python version of CIFAR-10: " BINARY_10},
  {"of-python-100", "meta", "but the Python version of CIFAR-100: " BINARY_100},
  {"above-python-100", "cifar-100-python/",
      "but the Python version of CIFAR-100: " BINARY_100},
  {"of-matlab", "data_batch_1.mat", "but the MATLAB version of CIFAR-10: "
        BINARY_10},
};

FIXTURE_TABLE_TEST (says_what_a_folder_is, folders)
{
  g_autofree gchar *path = g_build_filename (f->path, row->entry, NULL);

  if (row->entry && g_str_has_suffix (row->entry, "/"))
    g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  else if (row->entry)
    write_images (f, row->entry, 1, 10, 0, 1);
  assert_refused (f, NULL, DDPM_ERROR_NOT_FOUND, row->advice);
}

/* Files of a size that fits, so that the size does not tell */
static const struct
{
  const gchar *name, *file;
  gsize offset;
  const gchar *bytes, *advice;
} files[] = {
  {"gzip", "cifar-10-python.tar.gz", 0, "\x1f\x8b\x08",
      "is not CIFAR data but a gzip archive: expected the binary version"},
  {"gzip-of-the-binary-version", "cifar-10-binary.tar.gz", 0, "\x1f\x8b\x08",
      "but a gzip archive: expected the folder that it contains (tar xf)"},
  {"zip", "archive.zip", 0, "PK\x03\x04", "but a zip archive: expected"},
  {"tar", "cifar.tar", 257, "ustar", "but a tar archive: expected"},
  {"pickle", "data_batch_1", 0, "\x80\x02}",
      "but a pickle of Python: expected"},
  {"web-page", "data.bin", 0, "<!DOCTYPE html>", "but a web page: expected"},
};

FIXTURE_TABLE_TEST (says_what_a_file_is, files)
{
  g_autofree gchar *path = g_build_filename (f->path, row->file, NULL);
  FILE *file;

  write_images (f, row->file, 1, 10, 0, 1);
  file = g_fopen (path, "r+b");
  g_assert_cmpint (fseek (file, row->offset, SEEK_SET), ==, 0);
  g_assert_cmpint (fputs (row->bytes, file), >=, 0);
  fclose (file);
  assert_refused (f, row->file, DDPM_ERROR_FORMAT, row->advice);
}

FIXTURE_TEST (folder_of_both_sets_is_refused)
{
  write_images (f, "data_batch_1.bin", 1, 10, 0, 1);
  write_images (f, "train.bin", 2, 100, 0, 1);
  assert_refused (f, NULL, DDPM_ERROR_FORMAT, "data_batch_1.bin");
  assert_refused (f, NULL, DDPM_ERROR_FORMAT, "train.bin");
}

/* Root may read every file. */
FIXTURE_TEST (closed_folder_is_said_to_be)
{
  g_assert_cmpint (g_chmod (f->path, 0), ==, 0);
  if (g_access (f->path, X_OK) == 0)
    g_test_skip ("this user may open every folder");
  else
    assert_refused (f, NULL, DDPM_ERROR_READ, g_strerror (EACCES));
  g_assert_cmpint (g_chmod (f->path, 0700), ==, 0);
}

FIXTURE_TEST (batch_missing_in_between_is_an_error)
{
  g_autoptr (DdpmCifar) cifar = NULL;

  write_images (f, "data_batch_1.bin", 1, 10, 0, 1);
  write_images (f, "data_batch_2.bin", 1, 10, 0, 1);
  cifar = open_images (f, NULL, DDPM_SPLIT_TRAIN, 2);
  write_images (f, "data_batch_5.bin", 1, 10, 0, 1);
  assert_refused (f, NULL, DDPM_ERROR_NOT_FOUND, "data_batch_3.bin");
}

FIXTURE_TEST (odd_sizes_are_refused)
{
  static const gsize sizes[] = { 0, 1, DDPM_CIFAR_PIXELS, RECORD_10 - 1,
    2 * RECORD_10 - 1, RECORD_10 + RECORD_100, RECORD_100 + 1
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree gchar *found = g_strdup_printf ("found %" G_GSIZE_FORMAT,
        sizes[i]);

    set_size (f, "one.bin", sizes[i]);
    assert_refused (f, "one.bin", DDPM_ERROR_FORMAT, found);
    assert_refused (f, "one.bin", DDPM_ERROR_FORMAT, "one.bin");
    set_size (f, "data_batch_1.bin", sizes[i]);
    assert_refused (f, NULL, DDPM_ERROR_FORMAT, found);
    assert_refused (f, NULL, DDPM_ERROR_FORMAT, "data_batch_1.bin");
  }
  /* CIFAR-10's name, CIFAR-100's records; and a good batch before a bad one */
  write_images (f, "data_batch_1.bin", 2, 100, 0, 2);
  assert_refused (f, NULL, DDPM_ERROR_FORMAT, "data_batch_1.bin");
  write_images (f, "data_batch_1.bin", 1, 10, 0, 2);
  set_size (f, "data_batch_2.bin", 5);
  assert_refused (f, NULL, DDPM_ERROR_FORMAT, "data_batch_2.bin");
}

FIXTURE_TEST (pipe_is_refused_without_waiting)
{
  g_autofree gchar *path = g_build_filename (f->path, "pipe.bin", NULL);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  assert_refused (f, "pipe.bin", DDPM_ERROR_READ, "a device or a pipe");
}

FIXTURE_TEST (folder_for_a_batch_is_refused)
{
  g_autofree gchar *path = g_build_filename (f->path, "data_batch_1.bin", NULL);

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  assert_refused (f, NULL, DDPM_ERROR_READ, "data_batch_1.bin");
}

FIXTURE_TEST (labels_of_no_class_are_an_error)
{
  g_autoptr (DdpmCifar) cifar = NULL;
  guint8 pixels[DDPM_CIFAR_PIXELS];

  write_images (f, "data_batch_1.bin", 1, 11, 8, 3);
  cifar = assert_ok (open_there (f, NULL, DDPM_SPLIT_TRAIN, &error));
  assert_image (cifar, 1, 9, 9);
  assert_fails (ddpm_cifar_read (cifar, 2, pixels, NULL, &error),
      DDPM_ERROR_FORMAT, "found 10 in image 2");
}

FIXTURE_TEST (file_that_shrinks_is_an_error)
{
  g_autoptr (DdpmCifar) cifar = NULL;
  guint8 pixels[DDPM_CIFAR_PIXELS];
  guint i;

  write_images (f, "one.bin", 1, 10, 0, 4);
  cifar = assert_ok (open_there (f, "one.bin", DDPM_SPLIT_TRAIN, &error));
  set_size (f, "one.bin", 2 * RECORD_10 + 100);
  assert_image (cifar, 1, 1, 1);
  for (i = 2; i < 4; i++)
    assert_fails (ddpm_cifar_read (cifar, i, pixels, NULL, &error),
        DDPM_ERROR_READ, "one.bin");
}

static gpointer
read_all (gpointer data)
{
  guint i;

  for (i = 0; i < 200; i++)
    assert_image (data, i * 7 % 20, i * 7 % 20, i * 7 % 10);
  return NULL;
}

FIXTURE_TEST (threads_read_at_once)
{
  g_autoptr (DdpmCifar) cifar = NULL;
  GThread *threads[3];
  guint i;

  write_images (f, "one.bin", 1, 10, 0, 20);
  cifar = assert_ok (open_there (f, "one.bin", DDPM_SPLIT_TRAIN, &error));
  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("reader", read_all, cifar);
  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* --- the real files ------------------------------------------------------ */

static gchar *
shared_data (const gchar * name)
{
  const gchar *folder = g_getenv ("DDPM_SHARED_DATA");
  gchar *path = g_build_filename (folder ? folder : "../shared/data", name,
      NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_autofree gchar *reason = g_strdup_printf ("there is no %s", path);

    g_test_skip (reason);
    g_clear_pointer (&path, g_free);
  }
  return path;
}

/* Labels of all images are counted; each of n_classes has n / n_classes. */
static void
assert_balanced (DdpmCifar * cifar, guint64 n, guint n_classes)
{
  g_autofree guint *count = g_new0 (guint, n_classes);
  guint8 pixels[DDPM_CIFAR_PIXELS];
  guint label;
  guint64 i;

  g_assert_cmpuint (ddpm_cifar_get_n_images (cifar), ==, n);
  for (i = 0; i < n; i++) {
    assert_ok (ddpm_cifar_read (cifar, i, pixels, &label, &error));
    g_assert_cmpuint (label, <, n_classes);
    count[label]++;
  }
  for (i = 0; i < n_classes; i++)
    g_assert_cmpuint (count[i], ==, n / n_classes);
}

TEST (real_cifar10)
{
  g_autofree gchar *path = shared_data ("cifar-10-batches-bin");
  g_autoptr (DdpmCifar) train = NULL;
  g_autoptr (DdpmCifar) test = NULL;

  if (!path)
    return;
  train = assert_ok (ddpm_cifar_open (path, DDPM_SPLIT_TRAIN, &error));
  assert_balanced (train, 50000, 10);
  test = assert_ok (ddpm_cifar_open (path, DDPM_SPLIT_TEST, &error));
  assert_balanced (test, 10000, 10);
}

/* Planes and labels are read as published: class 6, and a first pixel of one
 * byte from each plane */
TEST (real_cifar10_begins_with_a_frog)
{
  g_autofree gchar *path = shared_data ("cifar-10-batches-bin");
  g_autoptr (DdpmCifar) cifar = NULL;
  guint8 pixels[DDPM_CIFAR_PIXELS];
  guint label;

  if (!path)
    return;
  cifar = assert_ok (ddpm_cifar_open (path, DDPM_SPLIT_TRAIN, &error));
  assert_ok (ddpm_cifar_read (cifar, 0, pixels, &label, &error));
  g_assert_cmpuint (label, ==, 6);
  g_assert_cmpuint (pixels[0], ==, 59);
  g_assert_cmpuint (pixels[1024], ==, 62);
  g_assert_cmpuint (pixels[2048], ==, 63);
}

TEST (real_tiles_in_cifars_layout)
{
  g_autofree gchar *path = shared_data ("dcss-tiles-32/tiles_cifar_layout.bin");
  g_autoptr (DdpmCifar) cifar = NULL;
  guint8 pixels[DDPM_CIFAR_PIXELS];

  if (!path)
    return;
  cifar = assert_ok (ddpm_cifar_open (path, DDPM_SPLIT_TRAIN, &error));
  g_assert_cmpuint (ddpm_cifar_get_n_images (cifar), ==, 4194);
  assert_ok (ddpm_cifar_read (cifar, 4193, pixels, NULL, &error));
}

/* Expects these names from a file of class names with this content */
static void
assert_names (Fixture * f, const gchar * content, const gchar * expected)
{
  g_autofree gchar *path = g_build_filename (f->path, "batches.meta.txt", NULL);
  g_autoptr (DdpmCifar) cifar = NULL;

  if (content)
    g_assert_true (g_file_set_contents (path, content, -1, NULL));
  cifar = assert_ok (ddpm_cifar_open (f->path, DDPM_SPLIT_TRAIN, &error));
  g_assert_cmpstr (ddpm_cifar_get_class_names (cifar), ==, expected);
}

/* Expects a note with these words, or none (NULL). */
static void
assert_notes (Fixture * f, DdpmSplit split, const gchar * words)
{
  g_autoptr (DdpmCifar) cifar = assert_ok (open_there (f, NULL, split, &error));

  if (words)
    g_assert_nonnull (strstr (ddpm_cifar_get_notes (cifar), words));
  else
    g_assert_null (ddpm_cifar_get_notes (cifar));
}

FIXTURE_TEST (tells_what_is_missing_but_not_needed)
{
  write_images (f, "test_batch.bin", 1, 10, 0, 1);
  write_images (f, "data_batch_1.bin", 1, 10, 0, 2);
  write_images (f, "data_batch_2.bin", 1, 10, 0, 2);
  assert_notes (f, DDPM_SPLIT_TEST, NULL);
  assert_notes (f, DDPM_SPLIT_TRAIN,
      ": there is no data_batch_3.bin, and therefore only 4 images");
  write_images (f, "data_batch_3.bin", 1, 10, 0, 2);
  write_images (f, "data_batch_4.bin", 1, 10, 0, 2);
  write_images (f, "data_batch_5.bin", 1, 10, 0, 2);
  assert_notes (f, DDPM_SPLIT_TRAIN, NULL);
  assert_names (f, "a\nb", NULL);
  assert_notes (f, DDPM_SPLIT_TRAIN, ": batches.meta.txt does not name 10");
  assert_names (f, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", "a,b,c,d,e,f,g,h,i,j");
  assert_notes (f, DDPM_SPLIT_TRAIN, NULL);
}

FIXTURE_TEST (class_names)
{
  g_autofree gchar *endless = g_strnfill (100000, '\n');

  write_images (f, "data_batch_1.bin", 1, 10, 0, 1);
  assert_names (f, NULL, NULL);
  assert_names (f, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", "a,b,c,d,e,f,g,h,i,j");
  assert_names (f, "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj",
      "a,b,c,d,e,f,g,h,i,j");
  assert_names (f, "", NULL);
  assert_names (f, "a\nb", NULL);
  assert_names (f, "a\nb\nc\nd\ne\n\ng\nh\ni\nj", NULL);
  assert_names (f, "a\nb\nc\nd\ne\nf\xff\ng\nh\ni\nj", NULL);
  assert_names (f, endless, NULL);
}
