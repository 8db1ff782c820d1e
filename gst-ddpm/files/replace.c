/* gst-ddpm: replacing a file whole
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40            /* as Linux follows */

static gboolean
set_errno_error (GError ** error, DdpmReplace * replace, int code)
{
  g_set_error (error, DDPM_ERROR,
      code == ENOSPC || code == EDQUOT || code == EFBIG ?
      DDPM_ERROR_NO_SPACE : DDPM_ERROR_WRITE,
      "%s: cannot be written: %s", replace->location, g_strerror (code));
  return FALSE;
}

/* Where symbolic links lead, be there a file or not yet */
static gchar *
follow_links (const gchar * path)
{
  gchar *target = g_strdup (path);
  guint i;

  for (i = 0; i < MAX_LINKS; i++) {
    g_autofree gchar *link = g_file_read_link (target, NULL);
    g_autofree gchar *folder = NULL;

    if (link == NULL)
      break;
    folder = g_path_get_dirname (target);
    g_free (target);
    target = g_path_is_absolute (link) ? g_strdup (link) :
        g_build_filename (folder, link, NULL);
  }
  return target;
}

/* One process writes at a time. Between opening and locking another one may
 * have finished: what was opened is then the target, or gone.
 * 0: locked; EAGAIN: try again; else what is wrong */
static int
lock_partial (DdpmReplace * replace)
{
  struct stat opened, named;

  if (flock (replace->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
    return EBUSY;
  if (fstat (replace->fd, &opened) < 0)
    return errno;
  if (lstat (replace->partial, &named) < 0)
    return errno == ENOENT ? EAGAIN : errno;
  if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
    return EAGAIN;
  /* not through a link that someone laid there */
  if (!S_ISREG (opened.st_mode) || opened.st_nlink != 1)
    return EEXIST;
  return ftruncate (replace->fd, 0) < 0 ? errno : 0;
}

static int
open_partial (DdpmReplace * replace)
{
  int code;

  do {
    replace->fd = open (replace->partial,
        O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (replace->fd < 0)
      return errno;
    code = lock_partial (replace);
    if (code != 0)
      close (replace->fd);
  } while (code == EAGAIN);
  return code;
}

static void
free_names (DdpmReplace * replace)
{
  g_clear_pointer (&replace->location, g_free);
  g_clear_pointer (&replace->target, g_free);
  g_clear_pointer (&replace->partial, g_free);
}

gboolean
ddpm_replace_begin (DdpmReplace * replace, const gchar * path, GError ** error)
{
  g_autofree gchar *folder = NULL, *name = NULL, *partial = NULL;
  struct stat st;
  gboolean exists;
  int code;

  replace->location = g_filename_display_name (path);
  replace->target = follow_links (path);
  folder = g_path_get_dirname (replace->target);
  name = g_path_get_basename (replace->target);
  partial = g_strconcat (".", name, ".partial", NULL);
  replace->partial = g_build_filename (folder, partial, NULL);

  code = stat (replace->target, &st) < 0 ? errno : 0;
  if (code != 0 && code != ENOENT)
    goto cannot_open;
  if (code == 0 && !S_ISREG (st.st_mode))
    goto no_file;
  exists = code == 0;
  code = open_partial (replace);
  if (code != 0)
    goto cannot_open;
  /* A file that others could not read stays so; a new one has the umask's
   * mode from open (). */
  if (exists)
    (void) !fchmod (replace->fd, st.st_mode & 0777);
  return TRUE;

no_file:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "%s: expected a file to replace, found %s", replace->location,
      S_ISDIR (st.st_mode) ? "a folder" : "a device or a pipe");
  free_names (replace);
  return FALSE;
cannot_open:
  if (code == EBUSY)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
        "%s: another process is writing it", replace->location);
  else
    set_errno_error (error, replace, code);
  free_names (replace);
  return FALSE;
}

/* Beyond a limit of the file size (ulimit -f) a write fails, but the signal that
 * comes with it would end the process: it is held back and taken. */
static gssize
write_or_fail (int fd, gconstpointer data, gsize size)
{
  const struct timespec no_time = { 0, 0 };
  sigset_t limit, before;
  gssize n;
  int code;

  sigemptyset (&limit);
  sigaddset (&limit, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &limit, &before);
  n = write (fd, data, size);
  code = errno;
  if (n < 0 && code == EFBIG)
    sigtimedwait (&limit, NULL, &no_time);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = code;
  return n;
}

gboolean
ddpm_replace_write (DdpmReplace * replace, gconstpointer data, gsize size,
    GError ** error)
{
  const gchar *next = data;

  while (size > 0) {
    gssize n = write_or_fail (replace->fd, next, MIN (size, 1u << 30));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return set_errno_error (error, replace, errno);
    next += n;
    size -= n;
  }
  return TRUE;
}

/* The rename itself is on disk when the folder is. */
static int
sync_folder (DdpmReplace * replace)
{
  g_autofree gchar *folder = g_path_get_dirname (replace->target);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;

  if (fd < 0)                   /* a folder may be writable and not readable */
    return errno == EACCES ? 0 : errno;
  if (fsync (fd) < 0 && errno != EINVAL)
    code = errno;
  close (fd);
  return code;
}

gboolean
ddpm_replace_commit (DdpmReplace * replace, GError ** error)
{
  int code;

  if (fsync (replace->fd) < 0)
    return set_errno_error (error, replace, errno);
  if (rename (replace->partial, replace->target) < 0)
    return set_errno_error (error, replace, errno);
  g_clear_pointer (&replace->partial, g_free);
  code = sync_folder (replace);
  return code == 0 ? TRUE : set_errno_error (error, replace, code);
}

void
ddpm_replace_clear (DdpmReplace * replace)
{
  if (replace->partial != NULL)
    unlink (replace->partial);
  close (replace->fd);          /* and unlocks */
  free_names (replace);
}
