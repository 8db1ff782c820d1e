/* gst-ddpm: CPU backend: pixels as tiles in bf16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/tile-pixels.h"

static guint
find_copy (CpuTilePixels * p, gint y, gint x)
{
  guint i = 0;

  while (i < p->n_copies && (p->copies[i].y != y || p->copies[i].x != x))
    i++;
  if (i == p->n_copies)
    p->copies[p->n_copies++] = (CpuTileCopy) {
    y, x};
  return i;
}

void
ddpm_cpu_tile_pixels_init (CpuTilePixels * p, const CpuIm2col * shape,
    const CpuPhase * outputs, CpuTileSharing sharing)
{
  const gboolean by_row = shape->in_step == 1 && sharing == CPU_TILES_BY_ROW;
  const gboolean by_tap = shape->in_step > 1 || sharing == CPU_TILES_BY_TAP;
  CpuTap least = outputs->taps[0], most = outputs->taps[0];

  for (guint i = 1; i < outputs->n_taps; i++) {
    least.y = MIN (least.y, outputs->taps[i].y);
    least.x = MIN (least.x, outputs->taps[i].x);
    most.y = MAX (most.y, outputs->taps[i].y);
    most.x = MAX (most.x, outputs->taps[i].x);
  }
  memset (p, 0, sizeof (*p));
  p->height = shape->in_height;
  p->width = shape->in_width;
  p->step = shape->in_step;
  p->columns = outputs->width + (by_row ? most.x - least.x : 0);
  p->more_rows = by_tap ? 0 : most.y - least.y;
  for (guint i = 0; i < outputs->n_taps; i++) {
    const CpuTap *tap = &outputs->taps[i];
    const guint copy = find_copy (p, by_tap ? tap->y : least.y,
        by_row ? least.x : tap->x);

    p->tap_copy[i] = copy;
    p->tap_pixel[i] = (tap->y - p->copies[copy].y) * p->columns
        + (tap->x - p->copies[copy].x);
  }
}

void
ddpm_cpu_tile_pixels_pack_row (const CpuTilePixels * p,
    const CpuTileKernels * k, guint copy, gsize y, DdpmType type,
    gconstpointer x, gsize channels, gsize next, gsize block, guint16 * to)
{
  const gint step = p->step, width = p->width, columns = p->columns;
  const gint in_y = (gint) y * step + p->copies[copy].y;
  const gint in_x = p->copies[copy].x;
  const gboolean inside = in_y >= 0 && in_y < (gint) p->height;
  /* columns that are inside the image */
  const gint first = inside ? CLAMP ((step - 1 - in_x) / step, 0, columns) : 0;
  const gint end = inside ? CLAMP ((width - 1 - in_x + step) / step, first,
      columns) : 0;

  for (gsize i = 0; i < ddpm_cpu_count_pieces (channels, CPU_TILE_DEPTH); i++) {
    guint16 *row = to + i * block;

    memset (row, 0, first * CPU_TILE_ROW_BYTES);
    memset (row + end * CPU_TILE_DEPTH, 0, (columns - end)
        * CPU_TILE_ROW_BYTES);
  }
  if (end > first)
    k->pack_pixels (type, end - first, channels, step * next, ddpm_cpu_at (x,
            (in_y * width + first * step + in_x) * next
            * ddpm_type_size (type)), block, to + first * CPU_TILE_DEPTH);
}
