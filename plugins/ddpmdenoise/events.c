/* gst-ddpm: ddpmdenoise: events and queries, converted between the times of both
 * pads
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/private.h"
#include "plugins/common/error.h"

#define GST_CAT_DEFAULT gst_ddpm_denoise_debug

/* --- events --------------------------------------------------------------- */

gboolean
gst_ddpm_denoise_send_segment (GstDdpmDenoise * self)
{
  GstSegment segment;
  GstEvent *event;

  self->segment_changed = FALSE;
  gst_ddpm_timeline_segment_to_output (&self->timeline, &self->in_segment,
      &segment);
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, self->segment_seqnum);
  return GST_DDPM_DENOISE_BASE_CLASS->sink_event
      (GST_BASE_TRANSFORM (self), event);
}

static gboolean
sink_segment_event (GstDdpmDenoise * self, GstEvent * event)
{
  gst_event_copy_segment (event, &self->in_segment);
  self->segment_seqnum = gst_event_get_seqnum (event);
  gst_event_unref (event);
  gst_ddpm_timeline_start_segment (&self->timeline, &self->in_segment);
  return gst_ddpm_denoise_send_segment (self);
}

/* Converts an event (transfer full) that has a time to the times of the source
 * pad. Returns: (transfer full) */
static GstEvent *
convert_event (GstDdpmDenoise * self, GstEvent * event)
{
  GstEvent *converted;
  GstClockTime time, duration;
  GstGapFlags flags;
  GstFormat format;
  gint64 position;

  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
    gst_event_parse_gap (event, &time, &duration);
    gst_event_parse_gap_flags (event, &flags);
    converted = gst_event_new_gap (gst_ddpm_timeline_to_output (&self->timeline,
            time), gst_ddpm_timeline_to_output (&self->timeline, duration));
    gst_event_set_gap_flags (converted, flags);
  } else {
    gst_event_parse_segment_done (event, &format, &position);
    if (format != GST_FORMAT_TIME)
      return event;
    converted = gst_event_new_segment_done (format,
        gst_ddpm_timeline_to_output (&self->timeline, position));
  }
  gst_event_set_seqnum (converted, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return converted;
}

/* The end of the stream must be the end of a state. */
static void
check_rest (GstDdpmDenoise * self)
{
  gsize rest = gst_adapter_available (self->adapter);

  if (rest > 0) {
    g_autofree gchar *dimensions = gst_ddpm_tensor_get_dimensions (&self->info);

    gst_ddpm_element_post_error (GST_ELEMENT (self), g_error_new (DDPM_ERROR,
            DDPM_ERROR_FORMAT, "The stream ends in the middle of a state: "
            "dimensions=%s need %" G_GSIZE_FORMAT " bytes, but %" G_GSIZE_FORMAT
            " are left", dimensions, self->info.size, rest));
  }
  gst_adapter_clear (self->adapter);
}

gboolean
gst_ddpm_denoise_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      return gst_ddpm_denoise_caps_event (self, event);
    case GST_EVENT_SEGMENT:
      return sink_segment_event (self, event);
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_GAP:
      event = convert_event (self, event);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_ddpm_denoise_reset_stream (self);
      break;
    case GST_EVENT_STREAM_START:
      g_atomic_int_set (&self->stop, FALSE);
      break;
    case GST_EVENT_EOS:
      check_rest (self);
      g_atomic_int_set (&self->stop, FALSE);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
      if (gst_event_has_name (event, GST_DDPM_STOP_EVENT))
        g_atomic_int_set (&self->stop, TRUE);
      break;
    default:
      break;
  }
  return GST_DDPM_DENOISE_BASE_CLASS->sink_event (trans, event);
}

/* How times are converted, for events and queries in any thread */
static GstDdpmTimeline
get_stretch (GstDdpmDenoise * self)
{
  GstDdpmTimeline timeline;

  gst_ddpm_timeline_init (&timeline);
  GST_OBJECT_LOCK (self);
  timeline.num = self->timeline.num;
  timeline.den = self->timeline.den;
  timeline.fps_n = self->timeline.fps_n;
  timeline.fps_d = self->timeline.fps_d;
  GST_OBJECT_UNLOCK (self);
  return timeline;
}

/* -1 is no time; other negative times count from the end. */
static gint64
seek_to_input (const GstDdpmTimeline * stretch, gint64 time, gboolean is_start)
{
  if (time == -1)
    return -1;
  if (time < 0)
    return -(gint64) gst_ddpm_timeline_to_input (stretch, -time, !is_start);
  return gst_ddpm_timeline_to_input (stretch, time, is_start);
}

/* Converts a seek (transfer full) to the times of the sink pad. */
static GstEvent *
convert_seek (GstDdpmDenoise * self, GstEvent * event)
{
  GstDdpmTimeline stretch = get_stretch (self);
  GstEvent *converted;
  GstSeekType start_type, stop_type;
  GstSeekFlags flags;
  GstFormat format;
  gint64 start, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME)
    return event;
  converted = gst_event_new_seek (rate, format, flags, start_type,
      seek_to_input (&stretch, start, TRUE), stop_type,
      seek_to_input (&stretch, stop, FALSE));
  gst_event_set_seqnum (converted, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return converted;
}

gboolean
gst_ddpm_denoise_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstClockTime latency;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      event = convert_seek (self, event);
      break;
    case GST_EVENT_LATENCY:
      gst_event_parse_latency (event, &latency);
      GST_OBJECT_LOCK (self);
      self->sink_latency = latency;
      GST_OBJECT_UNLOCK (self);
      break;
    case GST_EVENT_QOS:
      gst_ddpm_denoise_qos_event (self, event);
      break;
    default:
      break;
  }
  return GST_DDPM_DENOISE_BASE_CLASS->src_event (trans, event);
}

/* --- queries -------------------------------------------------------------- */

static gboolean
query_latency (GstDdpmDenoise * self, GstQuery * query)
{
  GstClockTime min, max;
  gboolean live;

  if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  self->live = live;
  self->upstream_latency = min;
  if (live) {
    min += self->latency;
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += self->latency;
  }
  GST_OBJECT_UNLOCK (self);
  gst_query_set_latency (query, live, min, max);
  return TRUE;
}

/* Converts upstream's answer to the times of the source pad. */
static gboolean
query_times (GstDdpmDenoise * self, GstQuery * query)
{
  GstDdpmTimeline stretch = get_stretch (self);
  GstFormat format;
  gboolean seekable;
  gint64 start, stop;
  gdouble rate;

  if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    return FALSE;
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_duration (query, format,
            gst_ddpm_timeline_to_output (&stretch, stop));
      break;
    case GST_QUERY_SEEKING:
      gst_query_parse_seeking (query, &format, &seekable, &start, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_seeking (query, format, seekable,
            gst_ddpm_timeline_to_output (&stretch, start),
            gst_ddpm_timeline_to_output (&stretch, stop));
      break;
    case GST_QUERY_SEGMENT:
      gst_query_parse_segment (query, &rate, &format, &start, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_segment (query, rate, format,
            gst_ddpm_timeline_to_output (&stretch, start),
            gst_ddpm_timeline_to_output (&stretch, stop));
      break;
    default:
      break;
  }
  return TRUE;
}

/* Upstream converts between its own times and other formats. */
static gboolean
query_convert (GstDdpmDenoise * self, GstQuery * query)
{
  GstDdpmTimeline stretch = get_stretch (self);
  GstFormat src, dest;
  gint64 src_value, dest_value;

  gst_query_parse_convert (query, &src, &src_value, &dest, NULL);
  if (src == dest)
    dest_value = src_value;
  else if (!gst_pad_peer_query_convert (GST_BASE_TRANSFORM_SINK_PAD (self), src,
          src == GST_FORMAT_TIME ? gst_ddpm_timeline_to_input (&stretch,
              src_value, TRUE) : src_value, dest, &dest_value))
    return FALSE;
  else if (dest == GST_FORMAT_TIME)
    dest_value = gst_ddpm_timeline_to_output (&stretch, dest_value);
  gst_query_set_convert (query, src, src_value, dest, dest_value);
  return TRUE;
}

/* If downstream accepts none of our formats, upstream would only see empty caps.
 * Let upstream send its caps instead: the error about them says more. */
static void
open_empty_caps (GstDdpmDenoise * self, GstQuery * query)
{
  GstCaps *filter, *caps;

  gst_query_parse_caps_result (query, &caps);
  if (caps != NULL && !gst_caps_is_empty (caps))
    return;
  caps = gst_pad_get_pad_template_caps (GST_BASE_TRANSFORM_SINK_PAD (self));
  gst_query_parse_caps (query, &filter);
  caps = gst_ddpm_caps_filter (caps, filter);
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
}

gboolean
gst_ddpm_denoise_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  if (gst_ddpm_cuda_answer (&self->cuda, query))
    return TRUE;
  if (direction == GST_PAD_SRC) {
    switch (GST_QUERY_TYPE (query)) {
      case GST_QUERY_LATENCY:
        return query_latency (self, query);
      case GST_QUERY_DURATION:
      case GST_QUERY_SEEKING:
      case GST_QUERY_SEGMENT:
        return query_times (self, query);
      case GST_QUERY_CONVERT:
        return query_convert (self, query);
      default:
        break;
    }
  }
  if (!GST_DDPM_DENOISE_BASE_CLASS->query (trans, direction, query))
    return FALSE;
  if (direction == GST_PAD_SINK && GST_QUERY_TYPE (query) == GST_QUERY_CAPS)
    open_empty_caps (self, query);
  return TRUE;
}
