/* gst-ddpm: frame numbers, their times, and the queries about them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_DDPM_FRAMES_ENDLESS G_MAXUINT64

/**
 * GstDdpmFrames:
 * @fps_n: of the framerate; 0: frames have no time
 * @fps_d: of the framerate
 * @samples: in one frame
 * @n_frames: in the stream, or GST_DDPM_FRAMES_ENDLESS
 *
 * Frame b starts at time b * @fps_d / @fps_n and has the samples
 * b * @samples .. (b + 1) * @samples - 1. GST_FORMAT_DEFAULT counts samples,
 * GST_FORMAT_BUFFERS frames.
 */
typedef struct
{
  gint fps_n, fps_d;
  guint samples;
  guint64 n_frames;
} GstDdpmFrames;

/* GST_CLOCK_TIME_NONE: frames have no time, or it is past the end of time */
GstClockTime gst_ddpm_frames_get_time (const GstDdpmFrames * frames,
    guint64 frame);
/* The frame that is to be seen at @time; 0 where frames have no time */
guint64 gst_ddpm_frames_at_time (const GstDdpmFrames * frames,
    GstClockTime time);
/* Where to go on when the caps change before @frame: at the first frame that
 * repeats no sample and no time */
guint64 gst_ddpm_frames_get_successor (const GstDdpmFrames * before,
    guint64 frame, const GstDdpmFrames * after);
/* Sets PTS, duration and offsets. FALSE: frame is past the end of the stream,
 * of time or of sample indices. */
gboolean gst_ddpm_frames_stamp (const GstDdpmFrames * frames, guint64 frame,
    GstBuffer * buffer);
/* Answers CONVERT, DURATION and SEEKING. FALSE: cannot */
gboolean gst_ddpm_frames_query (const GstDdpmFrames * frames, GstQuery * query);

G_END_DECLS
