/* gst-ddpm: placing buffers with known lifetimes in one allocation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdlib.h>

#include "gst-ddpm/unet/arena.h"

#define ALIGNMENT 64

static gint
larger_first (gconstpointer a, gconstpointer b)
{
  const DdpmSpan *s = *(DdpmSpan * const *) a, *t = *(DdpmSpan * const *) b;

  if (s->size != t->size)
    return s->size > t->size ? -1 : 1;
  if (s->first != t->first)
    return s->first < t->first ? -1 : 1;
  return s < t ? -1 : s > t;
}

static gboolean
overlap (const DdpmSpan * a, const DdpmSpan * b)
{
  return a->first <= b->last && b->first <= a->last
      && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Moves span past every placed one that it meets, until it meets none. */
static void
place_one (DdpmSpan ** placed, guint n, DdpmSpan * span)
{
  gboolean moved = TRUE;

  span->offset = 0;
  while (moved) {
    gsize best = G_MAXSIZE;

    moved = FALSE;
    for (guint i = 0; i < n; i++)
      if (overlap (placed[i], span)) {
        best = MIN (best, placed[i]->offset + placed[i]->size);
        moved = TRUE;
      }
    if (moved)
      span->offset = best;
  }
}

gsize
ddpm_arena_place (DdpmSpan * spans, guint n)
{
  g_autofree DdpmSpan **order = g_new (DdpmSpan *, n);
  gsize sum = 0, total = 0;

  for (guint i = 0; i < n; i++) {
    if (spans[i].size > G_MAXSSIZE - ALIGNMENT)
      return G_MAXSIZE;
    spans[i].size = (spans[i].size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    /* no offset is larger than the sum of all sizes */
    if (!g_size_checked_add (&sum, sum, spans[i].size))
      return G_MAXSIZE;
    order[i] = &spans[i];
  }
  qsort (order, n, sizeof (*order), larger_first);
  for (guint i = 0; i < n; i++) {
    place_one (order, i, order[i]);
    total = MAX (total, order[i]->offset + order[i]->size);
  }
  return total;
}
