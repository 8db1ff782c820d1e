/* gst-ddpm: placing buffers with known lifetimes in one allocation (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A buffer of size bytes that is alive from time first to time last, both
 * included; offset is what ddpm_arena_place() finds. */
typedef struct
{
  gsize size;
  guint first, last;
  gsize offset;
} DdpmSpan;

/* Offsets, multiples of 64, such that no two spans that are alive at one time
 * overlap: the largest first, each at the lowest place that is free.
 * Returns: bytes of the whole; G_MAXSIZE: more than there can be */
gsize ddpm_arena_place (DdpmSpan * spans, guint n);

G_END_DECLS
