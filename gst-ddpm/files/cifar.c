/* gst-ddpm: data sets of small images: CIFAR-10 and CIFAR-100, binary version,
 * and, by idx.c, MNIST and Fashion-MNIST
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * https://www.cs.toronto.edu/~kriz/cifar.html: files of equal records, a byte
 * or two of labels and then the pixels, with no header.
 */
#include "gst-ddpm/files/cifar.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "gst-ddpm/files/cifar-advice.h"
#include "gst-ddpm/files/idx.h"
#include "gst-ddpm/files/input.h"
#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/streams.h"
#include "kernels/philox.h"

#define MAX_FILES 5
#define MAX_LABELS 2            /* bytes of a record before the pixels */
#define MAX_NAMES_SIZE 65536    /* bytes of the file of class names */

/* The data sets that a folder may hold */
typedef struct
{
  const gchar *name;
  const gchar *files[2][MAX_FILES + 1]; /* by DdpmSplit */
  guint n_labels;
  guint8 n_classes[MAX_LABELS];
  const gchar *names[MAX_LABELS];       /* files: a class name on each line */
} DataSet;

static const DataSet data_sets[] = {
  {"CIFAR-10",
        {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                "data_batch_4.bin", "data_batch_5.bin"}, {"test_batch.bin"}},
      1, {10}, {"batches.meta.txt"}},
  {"CIFAR-100", {{"train.bin"}, {"test.bin"}}, 2, {20, 100},
      {"coarse_label_names.txt", "fine_label_names.txt"}},
};

struct _DdpmCifar
{
  const DataSet *set;           /* NULL: a single file, with any labels */
  guint n_labels;
  guint label;                  /* the one that is read */
  gboolean is_idx;
  DdpmIdx idx;                  /* if it is */
  gchar *location;
  guint n_files;
  DdpmInput files[MAX_FILES];
  guint64 n_images;
  gchar *class_names;           /* NULL: not known */
  gchar *notes;                 /* NULL: none */
};

static gsize
record_size (guint n_labels)
{
  return n_labels + DDPM_CIFAR_PIXELS;
}

static gboolean
open_file (DdpmCifar * cifar, const gchar * path, GError ** error)
{
  DdpmInput *file = &cifar->files[cifar->n_files++];

  return ddpm_input_open (file, path, error)
      && ddpm_cifar_check_format (file, error);
}

/* Adds the images of the file that was opened last */
static gboolean
count_images (DdpmCifar * cifar, GError ** error)
{
  const DdpmInput *file = &cifar->files[cifar->n_files - 1];
  gsize record = record_size (cifar->n_labels);

  if (file->size == 0 || file->size % record != 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "\"%s\" is not %s data: expected a multiple of %" G_GSIZE_FORMAT
        " bytes, found %" G_GUINT64_FORMAT, file->name,
        cifar->set ? cifar->set->name : "CIFAR", record, file->size);
    return FALSE;
  }
  cifar->n_images += file->size / record;
  return TRUE;
}

/* Adds a part of a sentence (transfer full) to the notes. */
static void
add_note (DdpmCifar * cifar, const gchar * location, gchar * note)
{
  g_autofree gchar *name = g_filename_display_name (location);
  g_autofree gchar *before = cifar->notes;

  cifar->notes = before ? g_strdup_printf ("%s; %s", before, note)
      : g_strdup_printf ("folder \"%s\": %s", name, note);
  g_free (note);
}

/* The last batches may be missing, but not one in between. */
static gboolean
open_files_of_set (DdpmCifar * cifar, const gchar * location, DdpmSplit split,
    GError ** error)
{
  const gchar *const *files = cifar->set->files[split];
  const gchar *missing = NULL;

  cifar->n_labels = cifar->set->n_labels;
  for (guint i = 0; i < MAX_FILES && files[i]; i++) {
    g_autofree gchar *path = g_build_filename (location, files[i], NULL);
    g_autofree gchar *name = g_filename_display_name (location);

    if (i > 0 && !g_file_test (path, G_FILE_TEST_EXISTS)) {
      missing = missing ? missing : files[i];
    } else if (missing) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
          "folder \"%s\" has %s but no %s", name, files[i], missing);
      return FALSE;
    } else if (!open_file (cifar, path, error)
        || !count_images (cifar, error)) {
      return FALSE;
    }
  }
  if (missing)
    add_note (cifar, location, g_strdup_printf ("there is no %s, and therefore "
            "only %" G_GUINT64_FORMAT " images", missing, cifar->n_images));
  return TRUE;
}

/* The data set of a folder; NULL: it holds none, or both */
static const DataSet *
find_set (const gchar * location, DdpmSplit split, GError ** error)
{
  const gchar *first[G_N_ELEMENTS (data_sets)];
  gboolean found[G_N_ELEMENTS (data_sets)];
  g_autofree gchar *name = g_filename_display_name (location);

  for (guint i = 0; i < G_N_ELEMENTS (data_sets); i++) {
    g_autofree gchar *path = NULL;

    first[i] = data_sets[i].files[split][0];
    path = g_build_filename (location, first[i], NULL);
    found[i] = g_file_test (path, G_FILE_TEST_EXISTS);
  }
  if (found[0] != found[1])
    return &data_sets[found[1]];

  if (found[0])
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "folder \"%s\" has both %s (CIFAR-10) and %s (CIFAR-100): expected "
        "one of them", name, first[0], first[1]);
  else if (g_access (location, X_OK) < 0)
    ddpm_input_fail (name, errno, error);
  else {
    g_autofree gchar *advice = ddpm_cifar_describe_folder (location);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
        "folder \"%s\" has neither %s (CIFAR-10) nor %s (CIFAR-100), %s", name,
        first[0], first[1], advice);
  }
  return NULL;
}

/* The names are for people: without them, images can still be read. */
static void
find_class_names (DdpmCifar * cifar, const gchar * location)
{
  const guint n_classes = cifar->set->n_classes[cifar->label];
  const gchar *name = cifar->set->names[cifar->label];
  g_autofree gchar *path = g_build_filename (location, name, NULL);
  g_autofree gchar *text = NULL;
  g_auto (GStrv) names = NULL;
  DdpmInput file;

  if (ddpm_input_open (&file, path, NULL) && file.size <= MAX_NAMES_SIZE) {
    text = g_malloc0 (file.size + 1);
    if (!ddpm_input_read (&file, 0, file.size, text, NULL))
      g_clear_pointer (&text, g_free);
  }
  ddpm_input_clear (&file);
  if (text)
    names = ddpm_class_names_parse (g_strdelimit (g_strstrip (text), "\n", ','),
        n_classes, NULL);
  if (names)
    cifar->class_names = g_strjoinv (",", names);
  else if (g_file_test (path, G_FILE_TEST_EXISTS))
    add_note (cifar, location, g_strdup_printf ("%s does not name %u classes, "
            "which therefore have no names", name, n_classes));
}

/* The digits, as which the labels of every data set of this kind can be read */
static void
name_digits (DdpmCifar * cifar)
{
  g_autoptr (GString) names = g_string_new ("0");

  for (guint i = 1; i < cifar->idx.n_classes; i++)
    g_string_append_printf (names, ",%u", i);
  cifar->class_names = g_string_free (g_steal_pointer (&names), FALSE);
}

static gboolean
open_idx (DdpmCifar * cifar, const gchar * path, GError ** error)
{
  cifar->is_idx = TRUE;
  if (!ddpm_idx_open (&cifar->idx, path, error))
    return FALSE;
  cifar->n_images = cifar->idx.n_images;
  name_digits (cifar);
  return TRUE;
}

static gboolean
open_folder (DdpmCifar * cifar, const gchar * location, DdpmSplit split,
    GError ** error)
{
  g_autofree gchar *idx = ddpm_idx_find (location, split == DDPM_SPLIT_TEST);

  if (idx)
    return open_idx (cifar, idx, error);
  cifar->set = find_set (location, split, error);
  if (cifar->set == NULL || !open_files_of_set (cifar, location, split, error))
    return FALSE;
  cifar->label = cifar->n_labels - 1;
  find_class_names (cifar, location);
  return TRUE;
}

/* Finds out from the size of a file whether its records have one label byte
 * (CIFAR-10) or two (CIFAR-100). If both fit, the names of CIFAR-100's files mean
 * two. Returns: 0 if neither fits */
static guint
guess_n_labels (const gchar * path, guint64 size)
{
  g_autofree gchar *name = g_path_get_basename (path);
  gboolean one = size > 0 && size % record_size (1) == 0;
  gboolean two = size > 0 && size % record_size (2) == 0;

  if (one && two)
    one = strcmp (name, "train.bin") != 0 && strcmp (name, "test.bin") != 0;
  return one ? 1 : two ? 2 : 0;
}

static gboolean
open_single (DdpmCifar * cifar, const gchar * path, GError ** error)
{
  const DdpmInput *file = cifar->files;

  if (ddpm_idx_is_name (path))
    return open_idx (cifar, path, error);
  if (!open_file (cifar, path, error))
    return FALSE;
  cifar->n_labels = guess_n_labels (path, file->size);
  if (cifar->n_labels == 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "\"%s\" is not CIFAR data: expected records of %" G_GSIZE_FORMAT
        " or %" G_GSIZE_FORMAT " bytes, found %" G_GUINT64_FORMAT " bytes",
        file->name, record_size (1), record_size (2), file->size);
    return FALSE;
  }
  cifar->label = cifar->n_labels - 1;
  return count_images (cifar, error);
}

DdpmCifar *
ddpm_cifar_open (const gchar * location, DdpmSplit split, GError ** error)
{
  DdpmCifar *cifar;
  gboolean ok;

  g_return_val_if_fail (location != NULL, NULL);
  g_return_val_if_fail (split == DDPM_SPLIT_TRAIN || split == DDPM_SPLIT_TEST,
      NULL);

  cifar = g_atomic_rc_box_new0 (DdpmCifar);
  cifar->location = g_strdup (location);
  if (g_file_test (location, G_FILE_TEST_IS_DIR))
    ok = open_folder (cifar, location, split, error);
  else
    ok = open_single (cifar, location, error);
  if (!ok)
    g_clear_pointer (&cifar, ddpm_cifar_free);
  return cifar;
}

static void
clear_cifar (gpointer data)
{
  DdpmCifar *cifar = data;

  for (guint i = 0; i < cifar->n_files; i++)
    ddpm_input_clear (&cifar->files[i]);
  if (cifar->is_idx)
    ddpm_idx_clear (&cifar->idx);
  g_free (cifar->location);
  g_free (cifar->class_names);
  g_free (cifar->notes);
}

DDPM_DEFINE_BOXED (DdpmCifar, ddpm_cifar, clear_cifar);

gboolean
ddpm_cifar_use_coarse_labels (DdpmCifar * cifar, GError ** error)
{
  if (cifar->n_labels != MAX_LABELS)
    goto no_coarse_labels;
  cifar->label = 0;
  g_clear_pointer (&cifar->class_names, g_free);
  g_clear_pointer (&cifar->notes, g_free);
  if (cifar->set)
    find_class_names (cifar, cifar->location);
  return TRUE;

no_coarse_labels:
  {
    g_autofree gchar *name = g_filename_display_name (cifar->location);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "\"%s\" has no coarse labels: expected CIFAR-100", name);
    return FALSE;
  }
}

guint
ddpm_cifar_get_size (DdpmCifar * cifar)
{
  return cifar->is_idx ? DDPM_IDX_SIZE : DDPM_CIFAR_SIZE;
}

guint
ddpm_cifar_get_channels (DdpmCifar * cifar)
{
  return cifar->is_idx ? 1 : 3;
}

guint64
ddpm_cifar_get_n_images (DdpmCifar * cifar)
{
  return cifar->n_images;
}

const gchar *
ddpm_cifar_get_class_names (DdpmCifar * cifar)
{
  return cifar->class_names;
}

const gchar *
ddpm_cifar_get_notes (DdpmCifar * cifar)
{
  return cifar->notes;
}

/* A label out of range shows that this is not CIFAR, or that bytes are missing. */
static gboolean
check_labels (DdpmCifar * cifar, const DdpmInput * file, guint64 index,
    const guint8 * labels, GError ** error)
{
  for (guint i = 0; cifar->set && i < cifar->n_labels; i++) {
    if (labels[i] >= cifar->set->n_classes[i]) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
          "\"%s\" is not %s data: expected labels below %u, found %u in image %"
          G_GUINT64_FORMAT, file->name, cifar->set->name,
          cifar->set->n_classes[i], labels[i], index);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
ddpm_cifar_read (DdpmCifar * cifar, guint64 index, guint8 * pixels,
    guint * label, GError ** error)
{
  guint8 record[MAX_LABELS + DDPM_CIFAR_PIXELS] = { 0 };
  const DdpmInput *file = cifar->files;
  const gsize size = record_size (cifar->n_labels);

  g_return_val_if_fail (index < cifar->n_images, FALSE);

  if (cifar->is_idx) {
    if (!ddpm_idx_read (&cifar->idx, index, pixels, record, error))
      return FALSE;
    if (label)
      *label = record[0];
    return TRUE;
  }
  for (; index >= file->size / size; file++)
    index -= file->size / size;
  if (!ddpm_input_read (file, index * size, size, record, error)
      || !check_labels (cifar, file, index, record, error))
    return FALSE;
  memcpy (pixels, record + cifar->n_labels, DDPM_CIFAR_PIXELS);
  if (label)
    *label = record[cifar->label];
  return TRUE;
}

/* The random words of one epoch (the sample) in the stream of shuffles */
typedef struct
{
  guint64 seed, sample;
  guint32 block;                /* index of the next block of four */
  guint used;                   /* how many of the words are used */
  guint32 words[4];
} Words;

static guint64
next_64_bits (Words * w)
{
  if (w->used == 4) {
    ddpm_random4 (w->seed, w->sample, DDPM_STREAM_SHUFFLE, w->block++,
        w->words);
    w->used = 0;
  }
  w->used += 2;
  return (guint64) w->words[w->used - 2] << 32 | w->words[w->used - 1];
}

/* Uniform in 0 .. n - 1. 2^64 is not a multiple of n: values from the last,
 * incomplete run of n are rejected, so that all numbers are equally likely. */
static guint64
next_below (Words * w, guint64 n)
{
  guint64 excess = (G_MAXUINT64 % n + 1) % n;
  guint64 value;

  do
    value = next_64_bits (w);
  while (value > G_MAXUINT64 - excess);
  return value % n;
}

/* Fisher & Yates; Durstenfeld 1964, "Algorithm 235: random permutation" */
void
ddpm_cifar_shuffle (guint64 seed, guint64 epoch, guint64 n, guint64 * order)
{
  Words w = {.seed = seed,.sample = epoch,.used = 4 };

  for (guint64 i = 0; i < n; i++)
    order[i] = i;
  for (; n > 1; n--) {
    guint64 j = next_below (&w, n);
    guint64 last = order[n - 1];

    order[n - 1] = order[j];
    order[j] = last;
  }
}
