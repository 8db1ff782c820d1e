/* gst-ddpm: placing buffers with known lifetimes in one allocation (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A buffer of size bytes that is in use from time first to time last, both
 * included. ddpm_arena_place () sets offset. */
typedef struct
{
  gsize size;
  guint first, last;
  gsize offset;
} DdpmSpan;

/* Places the spans so that no two overlap that are in use at the same time. The
 * largest comes first; each goes to the lowest free offset, a multiple of 64.
 * Returns: bytes of the arena; G_MAXSIZE: the size overflows */
gsize ddpm_arena_place (DdpmSpan * spans, guint n);

G_END_DECLS
