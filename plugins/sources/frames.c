/* gst-ddpm: conversion between frame numbers, times and samples
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/sources/frames.h"

GstClockTime
gst_ddpm_frames_get_time (const GstDdpmFrames * frames, guint64 frame)
{
  if (frames->fps_n == 0)
    return GST_CLOCK_TIME_NONE;
  /* saturates at G_MAXUINT64, which is GST_CLOCK_TIME_NONE */
  return gst_util_uint64_scale (frame, frames->fps_d * GST_SECOND,
      frames->fps_n);
}

guint64
gst_ddpm_frames_at_time (const GstDdpmFrames * frames, GstClockTime time)
{
  if (frames->fps_n == 0)
    return 0;
  /* The largest b with floor (b * fps_d / fps_n) <= time, that is with
   * b * fps_d / fps_n < time + 1. Timestamps are rounded down, so time / duration
   * would give the frame before. */
  return gst_util_uint64_scale_ceil (time + 1, frames->fps_n,
      frames->fps_d * GST_SECOND) - 1;
}

guint64
gst_ddpm_frames_get_successor (const GstDdpmFrames * before, guint64 frame,
    const GstDdpmFrames * after)
{
  guint64 next = gst_util_uint64_scale_ceil (frame, before->samples,
      after->samples);
  GstClockTime end = gst_ddpm_frames_get_time (before, frame);

  if (GST_CLOCK_TIME_IS_VALID (end))
    next = MAX (next, gst_ddpm_frames_at_time (after, end));
  return next;
}

gboolean
gst_ddpm_frames_stamp (const GstDdpmFrames * frames, guint64 frame,
    GstBuffer * buffer)
{
  GstClockTime start, end;

  if (frame >= frames->n_frames || frame >= G_MAXUINT64 / frames->samples - 1)
    return FALSE;
  start = gst_ddpm_frames_get_time (frames, frame);
  end = gst_ddpm_frames_get_time (frames, frame + 1);
  if (frames->fps_n != 0 && !GST_CLOCK_TIME_IS_VALID (end))
    return FALSE;

  GST_BUFFER_PTS (buffer) = start;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) =
      frames->fps_n != 0 ? end - start : GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET (buffer) = frame * frames->samples;
  GST_BUFFER_OFFSET_END (buffer) = (frame + 1) * frames->samples;
  return TRUE;
}

/* The frame at a position in @format. FALSE: there is none */
static gboolean
to_frame (const GstDdpmFrames * frames, GstFormat format, gint64 value,
    guint64 * frame)
{
  if (value < 0)
    return FALSE;
  switch (format) {
    case GST_FORMAT_TIME:
      *frame = gst_ddpm_frames_at_time (frames, value);
      return frames->fps_n != 0;
    case GST_FORMAT_DEFAULT:
      *frame = value / frames->samples;
      return TRUE;
    case GST_FORMAT_BUFFERS:
      *frame = value;
      return TRUE;
    default:
      return FALSE;
  }
}

/* The start of a frame in @format. FALSE: it has none, or it is too large */
static gboolean
from_frame (const GstDdpmFrames * frames, guint64 frame, GstFormat format,
    gint64 * value)
{
  guint64 result;

  if (frame == GST_DDPM_FRAMES_ENDLESS)
    return FALSE;
  switch (format) {
    case GST_FORMAT_TIME:
      result = gst_ddpm_frames_get_time (frames, frame);
      break;
    case GST_FORMAT_DEFAULT:
      if (!g_uint64_checked_mul (&result, frame, frames->samples))
        return FALSE;
      break;
    case GST_FORMAT_BUFFERS:
      result = frame;
      break;
    default:
      return FALSE;
  }
  *value = result;
  return result <= G_MAXINT64;
}

static gboolean
query_convert (const GstDdpmFrames * frames, GstQuery * query)
{
  GstFormat src, dest;
  gint64 src_value, dest_value;
  guint64 frame;

  gst_query_parse_convert (query, &src, &src_value, &dest, &dest_value);
  if (src == dest)
    dest_value = src_value;
  else if (!to_frame (frames, src, src_value, &frame)
      || !from_frame (frames, frame, dest, &dest_value))
    return FALSE;
  gst_query_set_convert (query, src, src_value, dest, dest_value);
  return TRUE;
}

static gboolean
query_duration (const GstDdpmFrames * frames, GstQuery * query)
{
  GstFormat format;
  gint64 duration;

  gst_query_parse_duration (query, &format, NULL);
  if (!from_frame (frames, frames->n_frames, format, &duration))
    return FALSE;
  gst_query_set_duration (query, format, duration);
  return TRUE;
}

static gboolean
query_seeking (const GstDdpmFrames * frames, GstQuery * query)
{
  GstFormat format;
  gint64 end;

  gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
  if (format != GST_FORMAT_TIME && format != GST_FORMAT_DEFAULT
      && format != GST_FORMAT_BUFFERS)
    return FALSE;
  if (!from_frame (frames, frames->n_frames, format, &end))
    end = -1;
  gst_query_set_seeking (query, format, frames->fps_n != 0, 0, end);
  return TRUE;
}

gboolean
gst_ddpm_frames_query (const GstDdpmFrames * frames, GstQuery * query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CONVERT:
      return query_convert (frames, query);
    case GST_QUERY_DURATION:
      return query_duration (frames, query);
    case GST_QUERY_SEEKING:
      return query_seeking (frames, query);
    default:
      return FALSE;
  }
}
