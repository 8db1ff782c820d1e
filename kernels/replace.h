/* gst-ddpm: replacing a file whole (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whenever the process ends, by whatever cause, the path names either the old
 * content or all of the new one.
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DdpmReplaceFlags:
 * @DDPM_REPLACE_FOLLOW: if the path is a symbolic link, replace what it leads
 *   to, not the link. Only for paths that the user named: where a derived name
 *   will be written, another user can lay a link. A link of another user in a
 *   sticky folder that everybody may write to is an error.
 * @DDPM_REPLACE_PRIVATE: only its owner may read or write the file (mode 0600)
 * @DDPM_REPLACE_LOCK: only hold a lock, of ".<name>.lock" in the same folder,
 *   until ddpm_replace_clear (). The file can be replaced meanwhile.
 * @DDPM_REPLACE_CHECK: only find out whether ddpm_replace_keep_old () would
 *   succeed
 */
typedef enum
{
  DDPM_REPLACE_FOLLOW = 1 << 0,
  DDPM_REPLACE_PRIVATE = 1 << 1,
  DDPM_REPLACE_LOCK = 1 << 2,
  DDPM_REPLACE_CHECK = 1 << 3,
} DdpmReplaceFlags;

/**
 * DdpmReplace:
 * @location: the path as the caller gave it, for messages
 * @target: path to replace; at the end of the symbolic links, if these are
 *   followed
 * @partial: path to write, ".<name>.partial" in the same folder, or
 *   ".<name>.lock". A process that is killed leaves it behind; the next one
 *   writes it anew. A lock tells such a file from one that another process is
 *   writing.
 * @fd: descriptor of @partial
 */
typedef struct _DdpmReplace
{
  gchar *location;
  gchar *target;
  gchar *partial;
  int fd;
} DdpmReplace;

/* Begins to replace a file. A new file gets the umask's mode, an old one keeps
 * its own. Returns: FALSE: there is nothing to clear. A target that is no file
 * (a folder, a device) is an error. */
gboolean ddpm_replace_begin (DdpmReplace * replace, const gchar * path,
    DdpmReplaceFlags flags, GError ** error);
/* Whether ddpm_replace_begin () would succeed. Changes nothing on disk. */
gboolean ddpm_replace_can_begin (const gchar * path, DdpmReplaceFlags flags,
    GError ** error);
gboolean ddpm_replace_write (DdpmReplace * replace, gconstpointer data,
    gsize size, GError ** error);
/* Writes everything to the disk, then renames. Clear it afterwards. */
gboolean ddpm_replace_commit (DdpmReplace * replace, GError ** error);
/* Without a commit that succeeded, the target stays as it was. */
void ddpm_replace_clear (DdpmReplace * replace);

/* Gives the file that is at path now, if any, another name, which it keeps when
 * path is replaced. old NULL: "<target>.old". A file at old is replaced;
 * a folder, or a file of another user that its folder protects, is an error. */
gboolean ddpm_replace_keep_old (const gchar * path, DdpmReplaceFlags flags,
    const gchar * old, GError ** error);

/* Replaces a file that only its owner may read or write (mode 0600), all in
 * one call. Does not follow symbolic links: a link at path is itself
 * replaced. */
gboolean ddpm_replace_private_file (const gchar * path, gconstpointer data,
    gsize size, GError ** error);

G_END_DECLS
