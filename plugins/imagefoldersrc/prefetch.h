/* gst-ddpm: pictures decoded by threads, ahead of the frames that show them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/meta.h"
#include "plugins/imagefoldersrc/folder.h"
#include "plugins/imagefoldersrc/picturefile.h"

G_BEGIN_DECLS

/* A queue of pictures. One of several threads decodes each, and it leaves the
 * queue in the order in which it was added. */
typedef struct _GstDdpmPrefetch GstDdpmPrefetch;

/**
 * GstDdpmPrefetched:
 * @frame: number of the frame that shows it
 * @sample: what it is
 * @pixels: as of gst_ddpm_picture_file_read(); %NULL: it could not be read
 * @error: why; %NULL: it was known to be unreadable
 *
 * A picture in the queue.
 */
typedef struct
{
  guint64 frame;
  GstDdpmSample sample;
  guint8 *pixels;
  GError *error;
} GstDdpmPrefetched;

/**
 * gst_ddpm_prefetch_new:
 * @folder: the pictures, which must outlive the queue
 * @format: what to make of them
 * @threads: number of threads
 * @error: return location for a #GError
 *
 * Makes an empty queue. One thread fills and empties it.
 *
 * Returns: (transfer full): %NULL and DDPM_ERROR_NO_SPACE: no threads
 */
GstDdpmPrefetch *gst_ddpm_prefetch_new (const GstDdpmFolder * folder,
    const GstDdpmPictureFormat * format, guint threads, GError ** error);
/* Waits until each thread has noticed it, after at most 64 KiB of a file, or a
 * TIFF or WebP picture. */
void gst_ddpm_prefetch_free (GstDdpmPrefetch * prefetch);

/* The queue has as many pictures as its memory allows. */
gboolean gst_ddpm_prefetch_is_full (const GstDdpmPrefetch * prefetch);
gboolean gst_ddpm_prefetch_is_empty (const GstDdpmPrefetch * prefetch);
/* Adds a picture. is_broken: it need not be tried */
void gst_ddpm_prefetch_add (GstDdpmPrefetch * prefetch, guint64 frame,
    const GstDdpmSample * sample, gboolean is_broken);
/* The frame of the picture that leaves the queue next, which is not empty */
guint64 gst_ddpm_prefetch_get_next (const GstDdpmPrefetch * prefetch);
/* Waits for the next picture, and takes it from the queue, which is not empty.
 * Returns: (transfer full): NULL: flushing */
GstDdpmPrefetched *gst_ddpm_prefetch_take (GstDdpmPrefetch * prefetch);
void gst_ddpm_prefetched_free (GstDdpmPrefetched * picture);
/* Empties the queue. */
void gst_ddpm_prefetch_clear (GstDdpmPrefetch * prefetch);
/* Any thread may call it: while flushing, nothing waits. */
void gst_ddpm_prefetch_set_flushing (GstDdpmPrefetch * prefetch,
    gboolean flushing);

G_END_DECLS
