/* gst-ddpm: what the harnesses share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "gst-ddpm/files/tensor-file.h"
#include "kernels/backend.h"

/* Bytes of a made safetensors file */
#define MAX_HEADER (1u << 16)
#define MAX_DATA (1u << 21)
/* Tensors that are read of one file, and numbers of one of them */
#define MAX_TENSORS 16
#define MAX_NUMBERS (1u << 22)

guint32
fuzz_take_uint32 (FuzzInput * in)
{
  const gsize n = MIN (in->size, sizeof (guint32));
  guint32 value = 0;

  memcpy (&value, in->data, n);
  in->data += n;
  in->size -= n;
  return GUINT32_FROM_LE (value);
}

gchar *
fuzz_take_line (FuzzInput * in)
{
  const guint8 *end = in->size ? memchr (in->data, '\n', in->size) : NULL;
  const gsize n = end ? (gsize) (end - in->data) : in->size;
  gchar *line = g_strndup ((const gchar *) in->data, n);

  in->data += end ? n + 1 : n;
  in->size -= end ? n + 1 : n;
  return line;
}

gchar *
fuzz_take_text (FuzzInput * in, gsize * size)
{
  gchar *text = g_malloc (in->size + 1);

  memcpy (text, in->data, in->size);
  text[in->size] = '\0';
  if (size)
    *size = in->size;
  in->size = 0;
  return text;
}

/* The data stays where it is, and the header ends there, so that most executions
 * write the header alone. */
GBytes *
fuzz_take_safetensors (FuzzInput * in)
{
  static guint32 file[(MAX_HEADER + MAX_DATA) / sizeof (guint32)];
  const gsize data_size = fuzz_take_uint32 (in) % MAX_DATA;
  const guint32 word = GUINT32_TO_LE (fuzz_take_uint32 (in));
  const gsize size = MIN (in->size, MAX_HEADER - sizeof (guint64));
  const guint64 length = GUINT64_TO_LE (size);
  guint8 *data = (guint8 *) file + MAX_HEADER;
  guint8 *begin = data - size - sizeof (length);

  memcpy (begin, &length, sizeof (length));
  memcpy (begin + sizeof (length), in->data, size);
  for (gsize i = MAX_HEADER / sizeof (word);
      i < G_N_ELEMENTS (file) && file[i] != word; i++)
    file[i] = word;
  return g_bytes_new_static (begin, data + data_size - begin);
}

/* --- files ---------------------------------------------------------------- */

static int
get_file (void)
{
  static int fd = -1;

  if (fd < 0)
    fd = memfd_create ("fuzz", MFD_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

const gchar *
fuzz_write_file (gconstpointer data, gsize size)
{
  static gchar path[32];
  const int fd = get_file ();

  g_assert_cmpint (pwrite (fd, data, size, 0), ==, size);
  g_assert_cmpint (ftruncate (fd, size), ==, 0);
  g_snprintf (path, sizeof (path), "/proc/self/fd/%d", fd);
  return path;
}

gchar *
fuzz_read_file (gsize * size)
{
  const int fd = get_file ();
  gchar *text;

  *size = lseek (fd, 0, SEEK_END);
  text = g_malloc (*size + 1);
  g_assert_cmpint (pread (fd, text, *size, 0), ==, *size);
  text[*size] = '\0';
  return text;
}

static gchar *folder;

static void
remove_folder (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
  g_clear_pointer (&folder, g_free);
}

const gchar *
fuzz_get_folder (void)
{
  if (folder == NULL) {
    const gboolean shm = g_file_test ("/dev/shm", G_FILE_TEST_IS_DIR);

    folder = g_build_filename (shm ? "/dev/shm" : g_get_tmp_dir (),
        "fuzz-XXXXXX", NULL);
    g_assert_nonnull (g_mkdtemp (folder));
    atexit (remove_folder);
  }
  return folder;
}

void
fuzz_write_path (const gchar * path, gconstpointer data, gsize data_size,
    gsize size)
{
  FILE *file;

  if (size == 0) {
    g_unlink (path);
    return;
  }
  file = g_fopen (path, "wb");
  g_assert_nonnull (file);
  fwrite (data, 1, MIN (data_size, size), file);
  g_assert_cmpint (fflush (file), ==, 0);
  g_assert_cmpint (ftruncate (fileno (file), size), ==, 0);
  fclose (file);
}

/* --- tensors -------------------------------------------------------------- */

static void
read_tensor (DdpmTensorFile * file, const DdpmFileTensor * tensor)
{
  guint shape[DDPM_FILE_MAX_DIMS];
  g_autofree gfloat *numbers = NULL;
  GError *error = NULL;
  guint64 count = 1;
  gboolean ok;

  for (guint i = 0; i < tensor->n_dims; i++) {
    shape[i] = tensor->shape[i];
    /* One number may be said to be many. */
    if (!g_uint64_checked_mul (&count, count, shape[i]) || count > MAX_NUMBERS)
      return;
  }
  ok = ddpm_tensor_file_require (file, tensor->name, tensor->n_dims, shape,
      &error) != NULL;
  fuzz_check_error (ok, error);
  if (!ok)
    return;
  error = NULL;
  numbers = g_new (gfloat, count);
  ok = ddpm_tensor_file_read (file, tensor, numbers, &error);
  fuzz_check_error (ok, error);
  for (gsize i = 0; ok && i < count; i++)
    g_assert_true (isfinite (numbers[i]));
}

void
fuzz_read_tensors (const gchar * path)
{
  GError *error = NULL;
  g_autoptr (DdpmTensorFile) file = ddpm_tensor_file_open (path, &error);
  g_autoptr (GList) tensors = NULL;
  guint n = 0;

  fuzz_check_error (file != NULL, error);
  if (file == NULL)
    return;
  tensors = g_hash_table_get_values (ddpm_tensor_file_get_tensors (file));
  for (GList * l = tensors; l != NULL && n++ < MAX_TENSORS; l = l->next)
    read_tensor (file, l->data);
}

/* --- running -------------------------------------------------------------- */

void
fuzz_check_error (gboolean ok, GError * error)
{
  if (ok) {
    g_assert_no_error (error);
    return;
  }
  g_assert_nonnull (error);
  g_assert_true (error->domain == DDPM_ERROR);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_cmpint (error->message[0], !=, '\0');
  g_error_free (error);
}

/* Warnings would slow the fuzzer down. GLib would trap, which libFuzzer does not
 * catch. */
static void
log_message (const gchar * domain, GLogLevelFlags level, const gchar * text,
    gpointer unused)
{
  if ((level & G_LOG_FLAG_FATAL) == 0)
    return;
  g_printerr ("%s: %s\n", domain ? domain : "", text);
  abort ();
}

void
fuzz_set_strict (gboolean strict)
{
  g_log_set_always_fatal (G_LOG_FATAL_MASK
      | (strict ? G_LOG_LEVEL_CRITICAL : 0));
}

gboolean
fuzz_confuses_gst (const gchar * text)
{
  guint n = 0;

  for (const gchar * at = text; *at; at++)
    n += *at == '{' || *at == '[' || *at == '<';
  return n > 12 || strstr (text, "NULL");
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  FuzzInput in = { data, size };

  g_log_set_default_handler (log_message, NULL);
  fuzz_set_strict (TRUE);
  fuzz_one (&in);
  return 0;
}
