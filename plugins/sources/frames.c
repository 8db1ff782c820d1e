/* gst-ddpm: conversion between frame numbers, times and samples
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/sources/frames.h"

/* The start of the n-th of units that divide each frame evenly */
static GstClockTime
get_time (const GstDdpmFrames * frames, guint64 n, guint units)
{
  if (frames->fps_n == 0)
    return GST_CLOCK_TIME_NONE;
  /* saturates at G_MAXUINT64, which is GST_CLOCK_TIME_NONE */
  return gst_util_uint64_scale (n, frames->fps_d * GST_SECOND,
      (guint64) frames->fps_n * units);
}

/* The unit at a time */
static guint64
at_time (const GstDdpmFrames * frames, GstClockTime time, guint units)
{
  if (frames->fps_n == 0)
    return 0;
  /* The largest n with floor (n * fps_d / (fps_n * units)) <= time, that is
   * with n * fps_d / (fps_n * units) < time + 1. Timestamps are rounded down, so
   * time / duration would give the unit before. */
  return gst_util_uint64_scale_ceil (time + 1, (guint64) frames->fps_n * units,
      frames->fps_d * GST_SECOND) - 1;
}

GstClockTime
gst_ddpm_frames_get_time (const GstDdpmFrames * frames, guint64 frame)
{
  return get_time (frames, frame, 1);
}

guint64
gst_ddpm_frames_at_time (const GstDdpmFrames * frames, GstClockTime time)
{
  return at_time (frames, time, 1);
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

guint64
gst_ddpm_frames_get_predecessor (const GstDdpmFrames * before, guint64 frame,
    const GstDdpmFrames * after)
{
  /* of frames before the first one that has been output */
  guint64 n = gst_util_uint64_scale (frame + 1, before->samples,
      after->samples);
  GstClockTime end = gst_ddpm_frames_get_time (before, frame + 1);

  if (GST_CLOCK_TIME_IS_VALID (end))
    n = MIN (n, gst_ddpm_frames_at_time (after, end));
  return n - 1;
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

/* The sample at a position in @format. FALSE: there is none */
static gboolean
to_sample (const GstDdpmFrames * frames, GstFormat format, gint64 value,
    guint64 * sample)
{
  if (value < 0)
    return FALSE;
  switch (format) {
    case GST_FORMAT_TIME:
      *sample = at_time (frames, value, frames->samples);
      return frames->fps_n != 0;
    case GST_FORMAT_DEFAULT:
      *sample = value;
      return TRUE;
    case GST_FORMAT_BUFFERS:
      return g_uint64_checked_mul (sample, value, frames->samples);
    default:
      return FALSE;
  }
}

/* The position of a sample in @format. FALSE: it is too large, or has no time */
static gboolean
from_sample (const GstDdpmFrames * frames, guint64 sample, GstFormat format,
    gint64 * value)
{
  guint64 result;

  switch (format) {
    case GST_FORMAT_TIME:
      result = get_time (frames, sample, frames->samples);
      break;
    case GST_FORMAT_DEFAULT:
      result = sample;
      break;
    case GST_FORMAT_BUFFERS:
      result = sample / frames->samples;
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
  guint64 sample;

  gst_query_parse_convert (query, &src, &src_value, &dest, &dest_value);
  if (src == dest)
    dest_value = src_value;
  else if (!to_sample (frames, src, src_value, &sample)
      || !from_sample (frames, sample, dest, &dest_value))
    return FALSE;
  gst_query_set_convert (query, src, src_value, dest, dest_value);
  return TRUE;
}

/* FALSE: the stream has no end, or none in @format */
static gboolean
get_end (const GstDdpmFrames * frames, GstFormat format, gint64 * end)
{
  guint64 n_samples;

  return frames->n_frames != GST_DDPM_FRAMES_ENDLESS
      && g_uint64_checked_mul (&n_samples, frames->n_frames, frames->samples)
      && from_sample (frames, n_samples, format, end);
}

static gboolean
query_duration (const GstDdpmFrames * frames, GstQuery * query)
{
  GstFormat format;
  gint64 duration;

  gst_query_parse_duration (query, &format, NULL);
  if (!get_end (frames, format, &duration))
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
  if (!get_end (frames, format, &end))
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
