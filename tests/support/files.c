/* gst-ddpm: files made for a test: a folder that goes with it, safetensors
 * files from the text of their header, writers that are killed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/files.h"

TestFolder *
test_files_make_folder (void)
{
  return assert_ok (g_dir_make_tmp ("ddpm-test-XXXXXX", &error));
}

guint
test_files_count (const gchar * folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

static void
remove_all (const gchar * path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL
      : g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *inside = g_build_filename (path, name, NULL);

    remove_all (inside);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* Removes it with all in it, then frees the name */
void
test_files_remove_folder (TestFolder * folder)
{
  remove_all (folder);
  g_free (folder);
}

gchar *
test_files_contents (const gchar * path)
{
  gchar *text;

  assert_ok (g_file_get_contents (path, &text, NULL, &error));
  return text;
}

GBytes *
test_files_read (const gchar * path)
{
  gchar *content;
  gsize size;

  assert_ok (g_file_get_contents (path, &content, &size, &error));
  return g_bytes_new_take (content, size);
}

GBytes *
test_files_data (const gchar * name)
{
  gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), name, NULL);
  GBytes *bytes = test_files_read (path);

  g_free (path);
  return bytes;
}

/* Length, header, data */
GBytes *
test_files_join (const gchar * header, gsize header_size, gconstpointer data,
    gsize size)
{
  GByteArray *array = g_byte_array_new ();
  guint64 length = GUINT64_TO_LE ((guint64) header_size);

  g_byte_array_append (array, (const guint8 *) &length, 8);
  g_byte_array_append (array, (const guint8 *) header, header_size);
  if (size > 0)
    g_byte_array_append (array, data, size);
  return g_byte_array_free_to_bytes (array);
}

gsize
test_files_header_size (GBytes * file)
{
  guint64 length;

  memcpy (&length, g_bytes_get_data (file, NULL), 8);
  return GUINT64_FROM_LE (length);
}

gchar *
test_files_header (GBytes * file)
{
  return g_strndup ((const gchar *) g_bytes_get_data (file, NULL) + 8,
      test_files_header_size (file));
}

/* The file with a part of its header's text replaced, which must be there */
GBytes *
test_files_edit (GBytes * file, const gchar * old, const gchar * new)
{
  gsize header_size = test_files_header_size (file), size;
  const gchar *data = g_bytes_get_data (file, &size);
  gchar *header = test_files_header (file);
  GString *text = g_string_new (header);
  GBytes *edited;

  g_assert_cmpuint (g_string_replace (text, old, new, 1), ==, 1);
  edited = test_files_join (text->str, text->len, data + 8 + header_size,
      size - 8 - header_size);
  g_string_free (text, TRUE);
  g_free (header);
  return edited;
}

/* The file as a program saves it that does not know of __metadata__ */
GBytes *
test_files_without_metadata (GBytes * file)
{
  g_autofree gchar *header = test_files_header (file);
  const gchar *begin = strstr (header, "\"__metadata__\"");
  const gchar *end = strstr (begin, "},");
  g_autofree gchar *metadata = g_strndup (begin, end + 2 - begin);

  return test_files_edit (file, metadata, "");
}

/* The file with one byte after another changed at random, the same each time:
 * check () is called with each */
void
test_files_fuzz (GBytes * file, guint32 seed, guint rounds, gsize first,
    gsize size, void (*check) (GBytes * file))
{
  GRand *rand = g_rand_new_with_seed (seed);
  gsize file_size;
  const guint8 *data = g_bytes_get_data (file, &file_size);
  guint i, k;

  for (i = 0; i < rounds; i++) {
    guint8 *copy = g_memdup2 (data, file_size);
    guint n = g_rand_int_range (rand, 1, 5);
    GBytes *broken;

    for (k = 0; k < n; k++)
      copy[first + g_rand_int_range (rand, 0, size)] =
          g_rand_boolean (rand) ? g_rand_int_range (rand, 0, 256) :
          "{}[]\":,0\\u-/*"[g_rand_int_range (rand, 0, 13)];
    broken = g_bytes_new_take (copy, file_size);
    check (broken);
    g_bytes_unref (broken);
  }
  g_rand_free (rand);
}

/* A process that calls write () again and again is killed at a random moment,
 * and check () finds what it left: rounds times */
void
test_files_kill_writers (const gchar * path, guint rounds,
    void (*write_file) (const gchar * path, guint i),
    void (*check) (const gchar * path))
{
  GRand *rand = g_rand_new_with_seed (1);
  guint i, k;
  int status;

  write_file (path, 0);
  for (i = 0; i < rounds; i++) {
    pid_t pid = fork ();

    g_assert_cmpint (pid, >=, 0);
    if (pid == 0)
      for (k = 0;; k++)
        write_file (path, k);
    g_usleep (g_rand_int_range (rand, 0, 20000));
    g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_true (WIFSIGNALED (status));
    check (path);
  }
  g_rand_free (rand);
}
