/* gst-ddpm: the times of an element that outputs several frames per buffer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDdpmTimeline:
 *
 * F input buffers per second become k frames each, which are shown at f frames
 * per second. So output time is input time, stretched by F k / f, and frames
 * are evenly spaced. Segments, seeks, positions and durations are converted. If
 * either side has no framerate, nothing is stretched.
 *
 * Times of the input are rounded to nanoseconds, and stretching makes their
 * errors larger. So a time that is nearly that of a frame becomes that of the
 * frame.
 */
typedef struct
{
  guint64 num, den;             /* output time = input time * num / den */
  guint64 frames;               /* k */
  gint fps_n, fps_d;            /* f; 0/1: frames have no duration */
  gsize buffer_size;            /* bytes of an input buffer */

  gboolean reverse;             /* the segment is played backwards */
  GstClockTime anchor;          /* the next frame is at anchor + count / f */
  guint64 count;
  GstClockTime delay;           /* added to the running time of the output */
} GstDdpmTimeline;

void gst_ddpm_timeline_init (GstDdpmTimeline * timeline);
/* Does not move the next frame. FALSE: the rates are too large */
gboolean gst_ddpm_timeline_configure (GstDdpmTimeline * timeline, gint in_fps_n,
    gint in_fps_d, guint64 frames, gsize buffer_size, gint fps_n, gint fps_d);

/* GST_CLOCK_TIME_NONE stays what it is. */
GstClockTime gst_ddpm_timeline_to_output (const GstDdpmTimeline * timeline,
    GstClockTime time);
/* The start of a segment is rounded up, and its stop down, so that upstream
 * adds no buffer whose frames are outside. */
GstClockTime gst_ddpm_timeline_to_input (const GstDdpmTimeline * timeline,
    GstClockTime time, gboolean is_start);
/* in: in GST_FORMAT_TIME, or in bytes of a file of states. Others become a
 * segment from 0. */
void gst_ddpm_timeline_segment_to_output (const GstDdpmTimeline * timeline,
    const GstSegment * in, GstSegment * out);

/* The next frame is at the start of a segment. */
void gst_ddpm_timeline_start_segment (GstDdpmTimeline * timeline,
    const GstSegment * in);
/* The next frame, the first of a buffer, is at input time pts, or, if that is
 * NONE, after the last buffer, or before it if the segment is played backwards.
 * The frames of one buffer are always numbered forwards. */
void gst_ddpm_timeline_start_buffer (GstDdpmTimeline * timeline,
    GstClockTime pts);
/* Returns the times of the next frame, and moves on to the one after it. */
void gst_ddpm_timeline_next_frame (GstDdpmTimeline * timeline,
    GstClockTime * pts, GstClockTime * duration);

/* Does this source pad lead to a sink that waits for the clock, or (sync FALSE)
 * to one that does not? */
gboolean gst_ddpm_timeline_leads_to_sink (GstPad * srcpad, gboolean sync);
/* The current running time of an element, or GST_CLOCK_TIME_NONE if its
 * pipeline is not PLAYING */
GstClockTime gst_ddpm_timeline_get_running_time (GstElement * element);

G_END_DECLS
