/* gst-ddpm: memory and pictures of the backends that compute on the host
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include "kernels/host.h"
#include "kernels/host-memory.h"

#define ALIGNMENT 64
#define HUGE_PAGE (2 * 1024 * 1024)

/* The pointer before the memory is that of calloc (). Large memory comes zeroed
 * from the kernel, page by page when it is first touched: an operation touches
 * its part, and can be cancelled; to clear all of it here could take seconds. */
static gpointer
host_alloc (DdpmBackend * b, gsize size)
{
  const gsize alignment = size >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
  const gsize room = sizeof (gpointer) + alignment - 1;
  guint8 *start, *p;

  if (size > G_MAXSSIZE - room)
    return NULL;
  start = calloc (1, size + room);
  if (start == NULL)
    return NULL;
  p = start + room - ((guintptr) start + room) % alignment;
  ((gpointer *) p)[-1] = start;
#ifdef MADV_HUGEPAGE
  if (alignment == HUGE_PAGE)
    madvise (p, size, MADV_HUGEPAGE);
#endif
  return p;
}

void
ddpm_host_free (DdpmBackend * b, gpointer p)
{
  if (p)
    free (((gpointer *) p)[-1]);
}

/* Besides, there are page tables, stacks, and what libraries allocate. */
static gsize
add_margin (gsize size)
{
  const gsize margin = size / 64 + (16 << 20);

  return size > G_MAXSIZE - margin ? G_MAXSIZE : size + margin;
}

static gboolean
host_check_room (DdpmBackend * b, gsize size, const gchar * purpose,
    GError ** error)
{
  const gsize need = add_margin (size);
  DdpmHostMemory memory;
  gboolean ok;

  ddpm_host_memory_init (&memory, "");
  ok = need <= memory.available;
  if (!ok)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "not enough memory: %s needs %" G_GSIZE_FORMAT " MiB, and %"
        G_GUINT64_FORMAT " MiB are available (%s)", purpose, need >> 20,
        memory.available >> 20, memory.limit);
  ddpm_host_memory_clear (&memory);
  return ok;
}

void
ddpm_host_copy (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  if (size > 0)                 /* else a pointer may be NULL */
    memcpy (dst, src, size);
}

static void
host_zero (DdpmBackend * b, gpointer dst, gsize size)
{
  memset (dst, 0, size);
}

void
ddpm_host_to_picture (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  const guint32 width = ddpm_picture_width (p);
  const guint32 height = ddpm_picture_height (p);

  for (guint32 row = 0; row < height; row++) {
    for (guint32 column = 0; column < width; column++)
      ddpm_picture_paint_pixel (p, x, column, row);
  }
}

void
ddpm_host_from_picture (DdpmBackend * b, const DdpmPicture * p, guint8 * pixels)
{
  const guint32 width = ddpm_picture_width (p);
  const guint32 height = ddpm_picture_height (p);

  for (guint32 row = 0; row < height; row++) {
    for (guint32 column = 0; column < width; column++)
      ddpm_picture_take_pixel (p, column, row, pixels);
  }
}

static void
host_from_pixels (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  const gsize elements = (gsize) p->height * p->width * p->channels;

  for (gsize i = 0; i < n; i++) {
    for (gsize e = 0; e < elements; e++)
      x[i * elements + e] = ddpm_pixels_element (p, pixels + i * elements,
          mirrored[i], e);
  }
}

void
ddpm_host_set_ops (DdpmOps * ops)
{
  ops->alloc = host_alloc;
  ops->free = ddpm_host_free;
  ops->check_room = host_check_room;
  ops->upload = ddpm_host_copy;
  ops->download = ddpm_host_copy;
  ops->zero = host_zero;
  ops->copy = ddpm_host_copy;
  ops->to_picture = ddpm_host_to_picture;
  ops->from_picture = ddpm_host_from_picture;
  ops->from_pixels = host_from_pixels;
}
