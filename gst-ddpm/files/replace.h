/* gst-ddpm: replacing a file whole (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whatever ends the process, and whenever, the path names either what it
 * named before or all of the new content.
 */
#pragma once

#include "kernels/error.h"

G_BEGIN_DECLS

/**
 * DdpmReplace:
 * @location: as the caller named it, for messages
 * @target: path to be replaced: what a symbolic link leads to
 * @partial: path that is written, ".<name>.partial" in the same folder. A
 *   process that is killed leaves it behind and the next one takes it over;
 *   a lock tells it from one that is being written.
 * @fd: descriptor of @partial
 */
typedef struct
{
  gchar *location;
  gchar *target;
  gchar *partial;
  int fd;
} DdpmReplace;

/* FALSE: nothing to clear. A target that is no file (a folder, a device) is
 * an error. */
gboolean ddpm_replace_begin (DdpmReplace * replace, const gchar * path,
    GError ** error);
gboolean ddpm_replace_write (DdpmReplace * replace, gconstpointer data,
    gsize size, GError ** error);
/* Makes it last and takes it into place. To be cleared afterwards. */
gboolean ddpm_replace_commit (DdpmReplace * replace, GError ** error);
/* Without a commit that succeeded: gives up, the target is as it was. */
void ddpm_replace_clear (DdpmReplace * replace);

G_END_DECLS
