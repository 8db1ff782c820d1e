/* gst-ddpm: CUDA backend: dividing a workspace
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Adds count elements of size bytes to a workspace of *total bytes, in
 * multiples of 256 bytes. Returns their offset. *total becomes G_MAXSIZE where
 * it would be more than can be addressed. */
static inline gsize
ddpm_cuda_workspace_add (gsize * total, gsize count, gsize size)
{
  const gsize offset = *total;
  gsize bytes;

  if (!g_size_checked_mul (&bytes, count, size)
      || bytes > G_MAXSSIZE - 256 || offset > G_MAXSSIZE - 256 - bytes) {
    *total = G_MAXSIZE;
    return 0;
  }
  *total += (bytes + 255) & ~(gsize) 255;
  return offset;
}

static inline gpointer
ddpm_cuda_at (gconstpointer base, gsize bytes)
{
  return (gpointer) ((const guint8 *) base + bytes);
}

G_END_DECLS
