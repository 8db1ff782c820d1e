/* gst-ddpm: replacing a file whole
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

/* What the kernel allows with fs.protected_symlinks (man 5 proc): in a sticky
 * folder that everybody may write to, such as /tmp, only links of our own or of
 * the folder's owner. */
static gboolean
may_follow (const struct stat *link, const gchar * folder)
{
  struct stat st;

  return link->st_uid == geteuid () || (stat (folder, &st) == 0
      && ((st.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH)
          || st.st_uid == link->st_uid));
}

/* Would rename () replace the file? In a sticky folder, it replaces files of
 * our own alone, unless the folder is ours. */
static gboolean
may_replace (const struct stat *file, const gchar * folder)
{
  struct stat st;

  return geteuid () == 0 || file->st_uid == geteuid ()
      || stat (folder, &st) != 0 || (st.st_mode & S_ISVTX) == 0
      || st.st_uid == geteuid ();
}

/* Replaces *path by what it leads to if it is a symbolic link. One descriptor
 * serves for owner and content, so nobody can exchange the link between.
 * Returns: 0; ENOENT if it is no link; else an errno */
static int
follow_link (gchar ** path)
{
  int fd = open (*path, O_PATH | O_NOFOLLOW | O_CLOEXEC), code = 0;
  g_autofree gchar *folder = g_path_get_dirname (*path);
  gchar link[PATH_MAX];
  struct stat st;
  gssize n = 0;

  if (fd < 0)
    return errno;
  if (fstat (fd, &st) < 0)
    code = errno;
  else if (!S_ISLNK (st.st_mode))
    code = ENOENT;
  else if (!may_follow (&st, folder))
    code = EPERM;
  else if ((n = readlinkat (fd, "", link, sizeof link - 1)) < 0)
    code = errno;
  close (fd);
  if (code != 0)
    return code;
  link[n] = '\0';
  g_free (*path);
  *path = g_path_is_absolute (link) ? g_strdup (link) :
      g_build_filename (folder, link, NULL);
  return 0;
}

/* Follows a chain of links to its end, whether or not a file is there.
 * Returns: 0, or an errno */
static int
follow_links (gchar ** path)
{
  int code = 0;

  for (guint i = 0; i < MAX_LINKS && code == 0; i++)
    code = follow_link (path);
  return code == 0 ? ELOOP : code == ENOENT ? 0 : code;
}

/* One process writes at a time. Between our opening and our locking, another
 * process may have finished: the file that we opened is then the target, or
 * deleted. Returns: 0: locked; EAGAIN: try again; else an errno */
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
  /* a link that somebody else made would lead the content elsewhere */
  if (!S_ISREG (opened.st_mode) || opened.st_nlink != 1)
    return EEXIST;
  /* Its owner could change the content at any time. */
  if (opened.st_uid != geteuid ())
    return unlink (replace->partial) < 0 ? errno : EAGAIN;
  return ftruncate (replace->fd, 0) < 0 ? errno : 0;
}

static int
open_partial (DdpmReplace * replace, mode_t mode)
{
  int code;

  do {
    replace->fd = open (replace->partial,
        O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
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

static gboolean
refuse (DdpmReplace * replace, const gchar * why, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE, "%s: %s",
      replace->location, why);
  free_names (replace);
  return FALSE;
}

gboolean
ddpm_replace_begin (DdpmReplace * replace, const gchar * path,
    DdpmReplaceFlags flags, GError ** error)
{
  const gboolean private = flags & DDPM_REPLACE_PRIVATE;
  g_autofree gchar *folder = NULL, *name = NULL, *partial = NULL;
  struct stat st;
  gboolean exists;
  int code = 0;

  memset (replace, 0, sizeof (*replace));
  replace->fd = -1;
  replace->location = g_filename_display_name (path);
  replace->target = g_strdup (path);
  if (flags & DDPM_REPLACE_FOLLOW)
    code = follow_links (&replace->target);
  if (code == EPERM)
    goto other_user;
  if (code != 0)
    goto cannot_open;
  folder = g_path_get_dirname (replace->target);
  name = g_path_get_basename (replace->target);
  partial = g_strconcat (".", name, flags & DDPM_REPLACE_LOCK ? ".lock" :
      ".partial", NULL);
  replace->partial = g_build_filename (folder, partial, NULL);

  code = lstat (replace->target, &st) < 0 ? errno : 0;
  if (code != 0 && code != ENOENT)
    goto cannot_open;
  exists = code == 0;
  if (exists && !S_ISREG (st.st_mode) && !S_ISLNK (st.st_mode))
    goto no_file;
  if (exists && !may_replace (&st, folder))
    goto not_ours;
  code = open_partial (replace, private ? 0600 : 0666);
  if (code != 0)
    goto cannot_open;
  /* An old file keeps its mode, so that others still cannot read it. A new one
   * has the umask's mode from open (). */
  if (private || (exists && S_ISREG (st.st_mode)))
    (void) !fchmod (replace->fd, private ? 0600 : st.st_mode & 0777);
  return TRUE;

other_user:
  return refuse (replace, "cannot be written: it is, or leads to, a symbolic "
      "link of another user in a folder that everybody may write to", error);
not_ours:
  return refuse (replace, "cannot be written: it belongs to another user, and "
      "in its folder only its owner may replace it", error);
no_file:
  return refuse (replace, S_ISDIR (st.st_mode) ?
      "expected a file to replace, found a folder" :
      "expected a file to replace, found a device or a pipe", error);
cannot_open:
  if (code == EBUSY)
    return refuse (replace, flags & DDPM_REPLACE_LOCK ?
        "another training writes it: choose another location, or wait until "
        "that one has ended" : "another process is writing it", error);
  if (replace->partial != NULL && lstat (replace->partial, &st) == 0)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
        "%s: cannot be written by way of %s, which is there already: %s",
        replace->location, partial, g_strerror (code));
  else
    set_errno_error (error, replace, code);
  free_names (replace);
  return FALSE;
}

gboolean
ddpm_replace_can_begin (const gchar * path, DdpmReplaceFlags flags,
    GError ** error)
{
  DdpmReplace replace;

  if (!ddpm_replace_begin (&replace, path, flags, error))
    return FALSE;
  ddpm_replace_clear (&replace);
  return TRUE;
}

/* Not all file systems have hard links; without them, target is missing for a
 * moment. Returns: 0, or an errno */
static int
link_old (const gchar * target, const gchar * old, gboolean check)
{
  g_autofree gchar *folder = g_path_get_dirname (old);
  struct stat st;

  if (lstat (target, &st) < 0)
    return errno == ENOENT ? 0 : errno;
  if (lstat (old, &st) == 0 && (S_ISDIR (st.st_mode)
          || !may_replace (&st, folder)))
    return EEXIST;
  if (check)
    return 0;
  if (unlink (old) < 0 && errno != ENOENT)
    return errno;
  return link (target, old) < 0 && rename (target, old) < 0 ? errno : 0;
}

gboolean
ddpm_replace_keep_old (const gchar * path, DdpmReplaceFlags flags,
    const gchar * old, GError ** error)
{
  g_autofree gchar *target = g_strdup (path), *name = NULL;
  g_autofree gchar *location = g_filename_display_name (path), *to = NULL;
  int code = 0;

  if (flags & DDPM_REPLACE_FOLLOW)
    code = follow_links (&target);
  name = old ? g_strdup (old) : g_strconcat (target, ".old", NULL);
  if (code == 0)
    code = link_old (target, name, flags & DDPM_REPLACE_CHECK);
  if (code == 0)
    return TRUE;
  to = g_filename_display_name (name);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "%s: cannot be kept as %s: %s", location, to, g_strerror (code));
  return FALSE;
}

/* A write beyond the limit of the file size (ulimit -f) fails and sends
 * SIGXFSZ, which would end the process. The signal is blocked, and consumed
 * when the write has failed. */
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

/* The rename is on disk once the folder is. */
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

gboolean
ddpm_replace_private_file (const gchar * path, gconstpointer data, gsize size,
    GError ** error)
{
  DdpmReplace replace;
  gboolean ok;

  if (!ddpm_replace_begin (&replace, path, DDPM_REPLACE_PRIVATE, error))
    return FALSE;
  ok = ddpm_replace_write (&replace, data, size, error)
      && ddpm_replace_commit (&replace, error);
  ddpm_replace_clear (&replace);
  return ok;
}
