/* gst-ddpm: the cache of cuDNN's plans
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernels/cuda/plan-cache.h"
#include "tests/support/files.h"
#include "tests/support/test.h"

#define GRAPH " 0=tensor1:8x16x16x64/16"
#define PLAN "{\"engine\": 44}"

typedef struct
{
  TestFolder *root;
  gchar *folder;                /* in root, and not created yet */
  CudaPlanCache *cache;
} Fixture;

static void
setup (Fixture * f, gconstpointer unused)
{
  f->root = test_files_make_folder ();
  f->folder = g_build_filename (f->root, "gst-ddpm", "cudnn", NULL);
  f->cache = ddpm_cuda_plan_cache_new (f->folder, "some GPU");
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  ddpm_cuda_plan_cache_free (f->cache);
  test_files_remove_folder (f->root);
  g_free (f->folder);
}

static void
assert_read (const CudaPlanCache * cache, const gchar * graph,
    const gchar * expected)
{
  g_autofree gchar *plan = ddpm_cuda_plan_cache_read (cache, graph);

  g_assert_cmpstr (plan, ==, expected);
}

/* The path of the only file */
static gchar *
only_file (const Fixture * f)
{
  GDir *dir = g_dir_open (f->folder, 0, NULL);
  gchar *path;

  g_assert_nonnull (dir);
  path = g_build_filename (f->folder, g_dir_read_name (dir), NULL);
  g_assert_null (g_dir_read_name (dir));
  g_dir_close (dir);
  return path;
}

static gchar *
keep_one (const Fixture * f)
{
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);
  assert_read (f->cache, GRAPH, PLAN);
  return only_file (f);
}

static void
set_contents (const gchar * path, const gchar * text, gsize size)
{
  FILE *file = g_fopen (path, "wb");

  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (text, 1, size, file), ==, size);
  g_assert_cmpint (fclose (file), ==, 0);
  g_assert_cmpint (chmod (path, 0600), ==, 0);
}

FIXTURE_TEST (a_plan_is_what_was_kept)
{
  assert_read (f->cache, GRAPH, NULL);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH "2", PLAN "2");
  assert_read (f->cache, GRAPH, PLAN);
  assert_read (f->cache, GRAPH "2", PLAN "2");
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, "");
  assert_read (f->cache, GRAPH, "");
}

FIXTURE_TEST (a_plan_is_for_its_graph_and_machine_alone)
{
  g_autoptr (CudaPlanCache) other =
      ddpm_cuda_plan_cache_new (f->folder, "some other GPU");
  g_autofree gchar *path = keep_one (f);

  assert_read (f->cache, GRAPH "2", NULL);
  assert_read (other, GRAPH, NULL);
}

/* As if two graphs had the same hash */
FIXTURE_TEST (a_plan_in_the_place_of_another_is_ignored)
{
  g_autofree gchar *path = keep_one (f), *text = NULL, *other = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  g_assert_cmpint (g_remove (path), ==, 0);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH "2", PLAN);
  other = only_file (f);
  g_assert_cmpstr (other, !=, path);
  set_contents (other, text, size);
  assert_read (f->cache, GRAPH "2", NULL);
}

FIXTURE_TEST (any_changed_byte_is_noticed)
{
  g_autofree gchar *path = keep_one (f), *text = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  for (gsize i = 0; i < size; i++) {
    text[i] ^= 1;
    set_contents (path, text, size);
    assert_read (f->cache, GRAPH, NULL);
    text[i] ^= 1;
  }
  set_contents (path, text, size);
  assert_read (f->cache, GRAPH, PLAN);
}

FIXTURE_TEST (a_file_that_is_cut_or_too_long_is_ignored)
{
  g_autofree gchar *path = keep_one (f), *text = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  for (gsize length = 0; length < size; length++) {
    set_contents (path, text, length);
    assert_read (f->cache, GRAPH, NULL);
  }
  set_contents (path, text, size + 1);  /* with its terminating zero */
  assert_read (f->cache, GRAPH, NULL);
  set_contents (path, text, size);
  assert_read (f->cache, GRAPH, PLAN);
  g_assert_cmpint (truncate (path, (off_t) 1 << 30), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
}

FIXTURE_TEST (a_file_that_others_can_write_is_ignored)
{
  g_autofree gchar *path = keep_one (f);

  g_assert_cmpint (chmod (path, 0644), ==, 0);
  assert_read (f->cache, GRAPH, PLAN);
  g_assert_cmpint (chmod (path, 0620), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
  g_assert_cmpint (chmod (path, 0602), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
}

/* A link could lead to a file of somebody else. */
FIXTURE_TEST (what_is_no_file_is_ignored)
{
  g_autofree gchar *path = keep_one (f), *aside = g_strconcat (path, "2", NULL);

  g_assert_cmpint (g_rename (path, aside), ==, 0);
  g_assert_cmpint (symlink (aside, path), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  assert_read (f->cache, GRAPH, NULL);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);   /* reports no error */
  assert_read (f->cache, GRAPH, NULL);
}

FIXTURE_TEST (a_folder_that_cannot_be_is_done_without)
{
  g_autofree gchar *file = g_build_filename (f->root, "gst-ddpm", NULL);

  set_contents (file, "", 0);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);
  assert_read (f->cache, GRAPH, NULL);
}

static void
say_nothing (const gchar * domain, GLogLevelFlags level, const gchar * text,
    gpointer unused)
{
}

/* A write beyond the limit sends a signal that would end the process. Messages
 * go to no file, for which the limit holds as well. */
FIXTURE_TEST (a_limit_of_file_sizes_is_lived_with)
{
  GLogFunc log = g_log_set_default_handler (say_nothing, NULL);
  struct rlimit before, limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 16;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_log_set_default_handler (log, NULL);
  assert_read (f->cache, GRAPH, NULL);
}

/* --- size ----------------------------------------------------------------- */

/* Makes a cached plan that was last used this long ago. */
static void
set_age (const Fixture * f, guint number, guint hours)
{
  GDir *dir = g_dir_open (f->folder, 0, NULL);
  g_autofree gchar *last = g_strdup_printf (GRAPH " %u\n", number);
  const struct timespec used = { g_get_real_time () / G_USEC_PER_SEC
        - 3600 * hours, 0
  };
  const struct timespec times[] = { used, used };
  const gchar *name;
  guint found = 0;

  while ((name = g_dir_read_name (dir))) {
    g_autofree gchar *path = g_build_filename (f->folder, name, NULL);
    g_autofree gchar *text = NULL;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    if (strstr (text, last)) {
      g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
      found++;
    }
  }
  g_dir_close (dir);
  g_assert_cmpuint (found, ==, 1);
}

static gchar *
numbered (guint number)
{
  return g_strdup_printf (GRAPH " %u", number);
}

static void
keep_numbered (const Fixture * f, guint number)
{
  g_autofree gchar *graph = numbered (number);
  g_autofree gchar *plan = g_strnfill (1000, 'p');

  ddpm_cuda_plan_cache_write (f->cache, graph, plan);
}

static gboolean
has_numbered (const Fixture * f, guint number)
{
  g_autofree gchar *graph = numbered (number);
  g_autofree gchar *plan = ddpm_cuda_plan_cache_read (f->cache, graph);

  return plan != NULL;
}

FIXTURE_TEST (what_was_longest_of_no_use_makes_room)
{
  for (guint i = 0; i < 4; i++) {
    keep_numbered (f, i);
    set_age (f, i, 10 - i);
  }
  g_assert_true (has_numbered (f, 0));  /* now it is the most recently used */
  ddpm_cuda_plan_cache_set_max_size (f->cache, 4000);   /* three, and some titles */
  keep_numbered (f, 4);
  g_assert_true (has_numbered (f, 4));
  g_assert_true (has_numbered (f, 0));
  g_assert_true (has_numbered (f, 3));
  g_assert_false (has_numbered (f, 1));
  g_assert_false (has_numbered (f, 2));
}

FIXTURE_TEST (the_newest_stays_however_little_room_there_is)
{
  ddpm_cuda_plan_cache_set_max_size (f->cache, 10);
  keep_numbered (f, 0);
  g_assert_true (has_numbered (f, 0));
  keep_numbered (f, 1);
  g_assert_true (has_numbered (f, 1));
  g_assert_false (has_numbered (f, 0));
}

/* As left by another process, or by an interrupted one */
FIXTURE_TEST (what_was_not_finished_counts_and_others_do_not)
{
  g_autofree gchar *path = keep_one (f);
  g_autofree gchar *unfinished = g_strconcat (path, ".ABCDEF", NULL);
  g_autofree gchar *other = g_build_filename (f->folder, "README", NULL);
  const struct timespec times[] = { {1, 0}, {1, 0} };

  set_contents (unfinished, path, strlen (path));
  set_contents (other, path, strlen (path));
  g_assert_cmpint (utimensat (AT_FDCWD, unfinished, times, 0), ==, 0);
  g_assert_cmpint (utimensat (AT_FDCWD, other, times, 0), ==, 0);
  ddpm_cuda_plan_cache_set_max_size (f->cache, 0);
  ddpm_cuda_plan_cache_write (f->cache, GRAPH, PLAN);
  assert_read (f->cache, GRAPH, PLAN);
  g_assert_false (g_file_test (unfinished, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (other, G_FILE_TEST_EXISTS));
}

/* --- concurrency ---------------------------------------------------------- */

#define ROUNDS 50

typedef struct
{
  const CudaPlanCache *cache;
  gchar letter;
} Writer;

static gpointer
write_again_and_again (gpointer data)
{
  const Writer *writer = data;
  g_autofree gchar *plan = g_strnfill (100000, writer->letter);

  for (guint i = 0; i < ROUNDS; i++)
    ddpm_cuda_plan_cache_write (writer->cache, GRAPH, plan);
  return NULL;
}

/* Each thread has its own cache, like a process. */
FIXTURE_TEST (a_reader_sees_one_writer_s_plan_whole)
{
  g_autoptr (CudaPlanCache) other =
      ddpm_cuda_plan_cache_new (f->folder, "some GPU");
  Writer writers[] = { {f->cache, 'a'}, {other, 'b'}
  };
  GThread *threads[G_N_ELEMENTS (writers)];

  ddpm_cuda_plan_cache_write (f->cache, GRAPH, "aa");
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    threads[i] = g_thread_new ("writer", write_again_and_again, &writers[i]);
  for (guint i = 0; i < ROUNDS; i++) {
    g_autofree gchar *plan = ddpm_cuda_plan_cache_read (f->cache, GRAPH);

    g_assert_nonnull (plan);
    g_assert_cmpuint (strspn (plan, *plan == 'a' ? "a" : "b"), ==,
        strlen (plan));
  }
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    g_thread_join (threads[i]);
  g_free (only_file (f));
}
