/* gst-ddpm: conversion between frame numbers, times and samples
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_DDPM_FRAMES_ENDLESS G_MAXUINT64

/**
 * GstDdpmFrames:
 * @fps_n: numerator of the framerate; 0: frames have no time
 * @fps_d: denominator of the framerate
 * @samples: samples per frame
 * @n_frames: frames in the stream, or GST_DDPM_FRAMES_ENDLESS
 *
 * Frame b starts at time b * @fps_d / @fps_n and contains the samples
 * b * @samples to (b + 1) * @samples - 1. GST_FORMAT_DEFAULT counts samples,
 * which divide the duration of their frame evenly. GST_FORMAT_BUFFERS counts
 * frames.
 */
typedef struct
{
  gint fps_n, fps_d;
  guint samples;
  guint64 n_frames;
} GstDdpmFrames;

/* GST_CLOCK_TIME_NONE: frames have no time, or the time is too large */
GstClockTime gst_ddpm_frames_get_time (const GstDdpmFrames * frames,
    guint64 frame);
/* The frame that is shown at @time; 0 if frames have no time */
guint64 gst_ddpm_frames_at_time (const GstDdpmFrames * frames,
    GstClockTime time);
/* The frame that follows if the caps change before @frame: the first one that
 * repeats no sample and no time */
guint64 gst_ddpm_frames_get_successor (const GstDdpmFrames * before,
    guint64 frame, const GstDdpmFrames * after);
/* The same of a stream that is played backwards: the last frame */
guint64 gst_ddpm_frames_get_predecessor (const GstDdpmFrames * before,
    guint64 frame, const GstDdpmFrames * after);
/* Sets PTS, duration and offsets. FALSE: @frame is past the end of the stream,
 * or its time or sample indices are too large. */
gboolean gst_ddpm_frames_stamp (const GstDdpmFrames * frames, guint64 frame,
    GstBuffer * buffer);
/* Answers CONVERT, DURATION and SEEKING queries. FALSE: not answered */
gboolean gst_ddpm_frames_query (const GstDdpmFrames * frames, GstQuery * query);

G_END_DECLS
