/* gst-ddpm: tests of replacing a file whole
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernels/replace.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder;
  gchar *path;
  gchar *partial;
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "file", NULL);
  f->partial = g_build_filename (f->folder, ".file.partial", NULL);
}

static void
teardown (Fixture * f, gconstpointer data)
{
  test_files_remove_folder (f->folder);
  g_free (f->path);
  g_free (f->partial);
}

static gboolean
replace_file (const gchar * path, const gchar * text, GError ** error)
{
  DdpmReplace replace;
  gboolean ok;

  if (!ddpm_replace_begin (&replace, path, DDPM_REPLACE_FOLLOW, error))
    return FALSE;
  ok = ddpm_replace_write (&replace, text, strlen (text), error)
      && ddpm_replace_commit (&replace, error);
  ddpm_replace_clear (&replace);
  return ok;
}

static void
assert_replaces (const gchar * path, const gchar * text)
{
  assert_ok (replace_file (path, text, &error));
}

static void
assert_content (const gchar * path, const gchar * text)
{
  g_autofree gchar *content = NULL;

  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, text);
}

static void
assert_refuses (const gchar * path, gint code, const gchar * fragment)
{
  assert_fails_with (replace_file (path, "new", &error), code, path, fragment);
}

static guint
get_mode (const gchar * path)
{
  struct stat st;

  g_assert_cmpint (stat (path, &st), ==, 0);
  return st.st_mode & 0777;
}

FIXTURE_TEST (makes_and_replaces)
{
  assert_replaces (f->path, "a long first content");
  assert_content (f->path, "a long first content");
  assert_replaces (f->path, "second");
  assert_content (f->path, "second");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (works_in_the_current_folder)
{
  g_autofree gchar *before = g_get_current_dir ();

  g_assert_cmpint (chdir (f->folder), ==, 0);
  assert_replaces ("file", "content");
  assert_content ("file", "content");
  g_assert_cmpint (chdir (before), ==, 0);
}

FIXTURE_TEST (shows_nothing_before_the_commit)
{
  DdpmReplace replace;

  assert_replaces (f->path, "old");
  g_assert_true (ddpm_replace_begin (&replace, f->path, 0, NULL));
  g_assert_true (ddpm_replace_write (&replace, "new", 3, NULL));
  assert_content (f->path, "old");
  ddpm_replace_clear (&replace);
  assert_content (f->path, "old");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (makes_files_of_the_umask)
{
  mode_t before = umask (027);

  assert_replaces (f->path, "content");
  umask (before);
  g_assert_cmpuint (get_mode (f->path), ==, 0640);
}

FIXTURE_TEST (keeps_the_mode_of_a_file)
{
  assert_replaces (f->path, "old");
  g_assert_cmpint (chmod (f->path, 0604), ==, 0);
  assert_replaces (f->path, "new");
  g_assert_cmpuint (get_mode (f->path), ==, 0604);
}

FIXTURE_TEST (replaces_what_a_link_leads_to)
{
  g_autofree gchar *first = g_build_filename (f->folder, "first", NULL);
  g_autofree gchar *second = g_build_filename (f->folder, "second", NULL);

  g_assert_cmpint (symlink ("second", first), ==, 0);
  g_assert_cmpint (symlink (f->path, second), ==, 0);
  assert_replaces (first, "through a dangling link");
  assert_content (f->path, "through a dangling link");
  assert_replaces (first, "again");
  assert_content (f->path, "again");
  g_assert_true (g_file_test (first, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_test (second, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpuint (test_files_count (f->folder), ==, 3);
}

/* As the kernel does with fs.protected_symlinks */
FIXTURE_TEST (follows_no_link_of_another_user_in_a_sticky_folder)
{
  g_autofree gchar *other = g_build_filename (f->folder, "other", NULL);
  const uid_t somebody = 65534;

  if (geteuid () != 0) {
    g_test_skip ("only root can make a link of another user");
    return;
  }
  g_file_set_contents (other, "precious", -1, NULL);
  g_assert_cmpint (symlink ("other", f->path), ==, 0);
  g_assert_cmpint (lchown (f->path, somebody, -1), ==, 0);
  g_assert_cmpint (chmod (f->folder, 01777), ==, 0);
  assert_refuses (f->path, DDPM_ERROR_WRITE, "link of another user");
  assert_content (other, "precious");

  /* nobody else could have made the link */
  g_assert_cmpint (chmod (f->folder, 01755), ==, 0);
  assert_replaces (f->path, "new");
  assert_content (other, "new");
  g_assert_cmpint (chmod (f->folder, 01777), ==, 0);
  g_assert_cmpint (chown (f->folder, somebody, -1), ==, 0);
  assert_replaces (f->path, "newer");
  assert_content (other, "newer");
}

/* Makes a file of another user, that everybody may write, and lets this process
 * be a third one. FALSE: that cannot be tested here */
static gboolean
lay_file_and_become_another (Fixture * f, const gchar * path)
{
  const uid_t somebody = 65533, we = 65534;
  struct stat st;

  if (geteuid () != 0) {
    g_test_skip ("only root can make a file of another user");
    return FALSE;
  }
  g_file_set_contents (path, "theirs", -1, NULL);
  g_assert_cmpint (chown (path, somebody, -1), ==, 0);
  g_assert_cmpint (chmod (path, 0666), ==, 0);
  g_assert_cmpint (chmod (f->folder, 01777), ==, 0);
  g_assert_cmpint (seteuid (we), ==, 0);
  if (stat (path, &st) == 0)
    return TRUE;
  g_assert_cmpint (seteuid (0), ==, 0);
  g_test_skip ("other users cannot reach the folder");
  return FALSE;
}

/* The rename would fail, after hours of training. */
FIXTURE_TEST (refuses_another_user_s_file_that_a_sticky_folder_protects)
{
  if (!lay_file_and_become_another (f, f->path))
    return;
  assert_refuses (f->path, DDPM_ERROR_WRITE, "belongs to another user");
  assert_content (f->path, "theirs");
  g_assert_cmpint (seteuid (0), ==, 0);

  g_assert_cmpint (chmod (f->folder, 0777), ==, 0);
  g_assert_cmpint (seteuid (65534), ==, 0);
  assert_replaces (f->path, "ours");
  g_assert_cmpint (seteuid (0), ==, 0);
}

/* Who lays a file there, which everybody may write, could change it later. */
FIXTURE_TEST (writes_into_no_file_of_another_user)
{
  struct stat st;

  if (!lay_file_and_become_another (f, f->partial))
    return;
  assert_refuses (f->path, DDPM_ERROR_WRITE, ".file.partial, which is there");
  assert_content (f->partial, "theirs");
  g_assert_cmpint (seteuid (0), ==, 0);

  assert_replaces (f->path, "ours");
  g_assert_cmpint (stat (f->path, &st), ==, 0);
  g_assert_cmpuint (st.st_uid, ==, 0);
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (replaces_a_link_that_it_does_not_follow)
{
  g_autofree gchar *other = g_build_filename (f->folder, "other", NULL);
  DdpmReplace replace;

  g_file_set_contents (other, "precious", -1, NULL);
  g_assert_cmpint (symlink ("other", f->path), ==, 0);
  g_assert_true (ddpm_replace_begin (&replace, f->path, 0, NULL));
  g_assert_true (ddpm_replace_write (&replace, "new", 3, NULL));
  g_assert_true (ddpm_replace_commit (&replace, NULL));
  ddpm_replace_clear (&replace);
  g_assert_false (g_file_test (f->path, G_FILE_TEST_IS_SYMLINK));
  assert_content (f->path, "new");
  assert_content (other, "precious");
}

FIXTURE_TEST (refuses_a_circle_of_links)
{
  g_assert_cmpint (symlink ("file", f->path), ==, 0);
  assert_refuses (f->path, DDPM_ERROR_WRITE, "cannot be written");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (refuses_what_is_no_file)
{
  g_assert_cmpint (mkfifo (f->path, 0600), ==, 0);
  assert_refuses (f->folder, DDPM_ERROR_WRITE, "found a folder");
  assert_refuses (f->path, DDPM_ERROR_WRITE, "a device or a pipe");
  assert_refuses ("/dev/null", DDPM_ERROR_WRITE, "a device or a pipe");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (refuses_a_folder_that_is_not_there)
{
  g_autofree gchar *path = g_build_filename (f->folder, "no", "file", NULL);

  assert_refuses (path, DDPM_ERROR_WRITE, "No such file or directory");
}

/* A process that was killed leaves such a file. */
FIXTURE_TEST (takes_over_a_partial_file)
{
  g_file_set_contents (f->partial, "longer than the content", -1, NULL);
  assert_replaces (f->path, "content");
  assert_content (f->path, "content");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

FIXTURE_TEST (refuses_while_another_one_writes)
{
  DdpmReplace replace;

  g_assert_true (ddpm_replace_begin (&replace, f->path, 0, NULL));
  assert_refuses (f->path, DDPM_ERROR_WRITE, "another process is writing it");
  g_assert_true (ddpm_replace_write (&replace, "first", 5, NULL));
  g_assert_true (ddpm_replace_commit (&replace, NULL));
  ddpm_replace_clear (&replace);
  assert_content (f->path, "first");
}

FIXTURE_TEST (writes_through_no_link_laid_for_it)
{
  g_autofree gchar *other = g_build_filename (f->folder, "other", NULL);

  g_file_set_contents (other, "precious", -1, NULL);
  g_assert_cmpint (symlink (other, f->partial), ==, 0);
  assert_refuses (f->path, DDPM_ERROR_WRITE, "cannot be written");
  g_assert_cmpint (unlink (f->partial), ==, 0);
  g_assert_cmpint (link (other, f->partial), ==, 0);
  assert_refuses (f->path, DDPM_ERROR_WRITE, "cannot be written");
  assert_content (other, "precious");
}

FIXTURE_TEST (a_private_file_is_its_owner_s_alone)
{
  g_autofree gchar *other = g_build_filename (f->folder, "other", NULL);
  mode_t before = umask (0);

  g_file_set_contents (other, "precious", -1, NULL);
  g_assert_cmpint (symlink (other, f->path), ==, 0);
  g_assert_true (ddpm_replace_private_file (f->path, "new", 3, NULL));
  umask (before);
  g_assert_false (g_file_test (f->path, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpuint (get_mode (f->path), ==, 0600);
  assert_content (f->path, "new");
  assert_content (other, "precious");
  g_assert_cmpint (chmod (f->path, 0666), ==, 0);
  g_assert_true (ddpm_replace_private_file (f->path, "newer", 5, NULL));
  g_assert_cmpuint (get_mode (f->path), ==, 0600);
  assert_content (f->path, "newer");
  g_assert_cmpuint (test_files_count (f->folder), ==, 2);
}

/* A limit of the file size stands for a full disk. SIGXFSZ, which by default ends
 * the process, must not arrive. */
FIXTURE_TEST (leaves_the_old_file_when_the_disk_is_full)
{
  g_autofree gchar *large = g_strnfill (100000, 'x');
  struct rlimit all, little;
  GError *error = NULL;
  gboolean ok;

  assert_replaces (f->path, "old");
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &all), ==, 0);
  little = all;
  little.rlim_cur = 50000;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &little), ==, 0);
  ok = replace_file (f->path, large, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &all), ==, 0);

  g_assert_false (ok);
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE);
  g_assert_true (g_str_has_prefix (error->message, f->path));
  g_error_free (error);
  assert_content (f->path, "old");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}

#define KILL_SIZE 300000

static void
write_pattern (const gchar * path, guint i)
{
  g_autofree gchar *text = g_strnfill (KILL_SIZE, 'a' + i % 26);

  if (!replace_file (path, text, NULL))
    _exit (1);
}

static void
check_pattern (const gchar * path)
{
  g_autofree gchar *content = NULL;
  g_autofree gchar *expected = NULL;

  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  expected = g_strnfill (KILL_SIZE, content[0]);
  g_assert_cmpstr (content, ==, expected);
}

FIXTURE_TEST (is_whole_whenever_the_writer_is_killed)
{
  test_files_kill_writers (f->path, 40, write_pattern, check_pattern);
  assert_replaces (f->path, "last");
  g_assert_cmpuint (test_files_count (f->folder), ==, 1);
}
