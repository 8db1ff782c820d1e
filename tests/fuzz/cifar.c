/* gst-ddpm: fuzzing data sets of CIFAR and MNIST
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: what is opened (below), the sizes of two files, and a line with
 * the names of classes; then the bytes that all files begin with
 */
#include <string.h>
#include <glib/gstdio.h>

#include "gst-ddpm/files/cifar.h"
#include "tests/fuzz/fuzz.h"

#define MAX_SIZE (40 * 3074u)

static const struct
{
  const gchar *first, *second, *names;
  gboolean folder;
} kinds[] = {
  {"data_batch_1.bin", "data_batch_2.bin", "batches.meta.txt", TRUE},
  {"train.bin", "data_batch_1.bin", "fine_label_names.txt", TRUE},
  {"train.bin", "test.bin", "fine_label_names.txt", TRUE},
  {"train.bin", "test.bin", "fine_label_names.txt", FALSE},
  {"data_batch_1.bin", "data_batch_3.bin", "batches.meta.txt", TRUE},
  {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "no names", TRUE},
};

static void
read_all (DdpmCifar * cifar)
{
  const guint64 n = ddpm_cifar_get_n_images (cifar);
  const gchar *names = ddpm_cifar_get_class_names (cifar);
  guint8 pixels[DDPM_CIFAR_PIXELS];

  g_assert_cmpuint (n, >, 0);
  g_assert_true (names == NULL || g_utf8_validate (names, -1, NULL));
  for (guint64 i = 0; i < n; i++) {
    GError *error = NULL;
    guint label = G_MAXUINT;
    gboolean ok = ddpm_cifar_read (cifar, i, pixels, &label, &error);

    fuzz_check_error (ok, error);
    g_assert_true (!ok || label <= G_MAXUINT8);
  }
}

static gchar *
write_file (const gchar * name, FuzzInput * in, gsize size)
{
  gchar *path = g_build_filename (fuzz_get_folder (), name, NULL);

  fuzz_write_path (path, in->data, in->size, size);
  return path;
}

void
fuzz_one (FuzzInput * in)
{
  const guint kind = fuzz_take_uint32 (in) % G_N_ELEMENTS (kinds);
  const gsize sizes[] = { fuzz_take_uint32 (in) % MAX_SIZE,
    fuzz_take_uint32 (in) % MAX_SIZE
  };
  g_autofree gchar *names = g_strdelimit (fuzz_take_line (in), ",", '\n');
  g_autofree gchar *first = write_file (kinds[kind].first, in, sizes[0]);
  g_autofree gchar *second = write_file (kinds[kind].second, in, sizes[1]);
  g_autofree gchar *third =
      g_build_filename (fuzz_get_folder (), kinds[kind].names, NULL);
  GError *error = NULL;
  DdpmCifar *cifar;

  fuzz_write_path (third, names, strlen (names), strlen (names));
  cifar = ddpm_cifar_open (kinds[kind].folder ? fuzz_get_folder () : first,
      DDPM_SPLIT_TRAIN, &error);
  fuzz_check_error (cifar != NULL, error);
  if (cifar != NULL)
    read_all (cifar);
  g_clear_pointer (&cifar, ddpm_cifar_free);
  g_unlink (first);
  g_unlink (second);
  g_unlink (third);
}
