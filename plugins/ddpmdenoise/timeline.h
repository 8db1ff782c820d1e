/* gst-ddpm: the times of an element that makes several frames of one buffer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDdpmTimeline:
 *
 * Buffers come at F a second, each is made into k frames, and the frames are
 * shown at f a second. So time behind the element is the time before it,
 * stretched by F k / f: segments, seeks, positions and durations are, and the
 * frames lie evenly in it. Without a rate on either side nothing is stretched.
 */
typedef struct
{
  guint64 num, den;             /* output time = input time * num / den */
  guint64 frames;               /* k */
  gint fps_n, fps_d;            /* f; 0/1: frames have no duration */
  gsize buffer_size;            /* bytes of k frames' input */

  GstClockTime anchor;          /* the next frame is at anchor + count / f */
  guint64 count;
  GstClockTime delay;           /* of the running time behind the element */
} GstDdpmTimeline;

void gst_ddpm_timeline_init (GstDdpmTimeline * timeline);
/* The next frame stays where it is. FALSE: such rates are too large */
gboolean gst_ddpm_timeline_configure (GstDdpmTimeline * timeline, gint in_fps_n,
    gint in_fps_d, guint64 frames, gsize buffer_size, gint fps_n, gint fps_d);

/* GST_CLOCK_TIME_NONE stays */
GstClockTime gst_ddpm_timeline_to_output (const GstDdpmTimeline * timeline,
    GstClockTime time);
GstClockTime gst_ddpm_timeline_to_input (const GstDdpmTimeline * timeline,
    GstClockTime time);
/* in: of times; or of bytes, a file of states; of anything else: begins at 0 */
void gst_ddpm_timeline_segment_to_output (const GstDdpmTimeline * timeline,
    const GstSegment * in, GstSegment * out);

/* A segment begins at its start */
void gst_ddpm_timeline_start_segment (GstDdpmTimeline * timeline,
    const GstSegment * in);
/* A buffer comes, at input time pts or, where it has none, after the last */
void gst_ddpm_timeline_start_buffer (GstDdpmTimeline * timeline,
    GstClockTime pts);
/* Times of the next frame */
void gst_ddpm_timeline_next_frame (GstDdpmTimeline * timeline,
    GstClockTime * pts, GstClockTime * duration);

/* Whether a sink behind this source pad waits for the clock */
gboolean gst_ddpm_timeline_has_sync_sink (GstPad * srcpad);
/* The present running time of a playing element; GST_CLOCK_TIME_NONE for any
 * other */
GstClockTime gst_ddpm_timeline_get_running_time (GstElement * element);

G_END_DECLS
