/* gst-ddpm: ddpmdenoise: input that is too late is not denoised
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/private.h"

#define GST_CAT_DEFAULT gst_ddpm_denoise_debug

/* Something is shown this often, even if all input is late, as base sinks do. */
#define LONGEST_PAUSE GST_SECOND

void
gst_ddpm_denoise_qos_reset (GstDdpmDenoise * self)
{
  self->qos_processed = self->qos_dropped = 0;
  self->qos_last = GST_CLOCK_TIME_NONE;
  self->qos_gap = FALSE;
  GST_OBJECT_LOCK (self);
  self->qos_earliest = GST_CLOCK_TIME_NONE;
  self->qos_proportion = 1.0;
  GST_OBJECT_UNLOCK (self);
}

/* A sink that is late by diff will be late again with the frames that are on their
 * way, so it is given twice that. */
void
gst_ddpm_denoise_qos_event (GstDdpmDenoise * self, GstEvent * event)
{
  GstClockTimeDiff diff;
  GstClockTime time;
  gdouble proportion;
  GstQOSType type;

  gst_event_parse_qos (event, &type, &proportion, &diff, &time);
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  if (diff > 0 && type != GST_QOS_TYPE_THROTTLE)
    diff = diff > G_MAXINT64 / 2 ? G_MAXINT64 : 2 * diff;
  if (diff < 0)
    time -= MIN (time, (GstClockTime) - (diff + 1) + 1);
  else if (time < G_MAXINT64)
    time += diff;
  GST_OBJECT_LOCK (self);
  self->qos_earliest = time;
  self->qos_proportion = proportion;
  GST_OBJECT_UNLOCK (self);
}

/* By how much the current input is late; not positive: it is not. Once the next
 * input is there, or must be on its way, this one is late. Times are running
 * times; what the sink says is in those of the output. */
static GstClockTimeDiff
get_lateness (GstDdpmDenoise * self, GstClockTime time, GstClockTime now,
    gdouble * proportion)
{
  GstClockTime earliest, upstream, next;
  GstClockTime shown = gst_segment_to_running_time
      (&GST_BASE_TRANSFORM (self)->segment, GST_FORMAT_TIME,
      gst_ddpm_timeline_to_output (&self->timeline,
          GST_BUFFER_PTS (self->inbuf)));
  GstClockTimeDiff lateness = 0;

  GST_OBJECT_LOCK (self);
  upstream = self->upstream_latency;
  earliest = self->qos_earliest;
  *proportion = self->qos_proportion;
  GST_OBJECT_UNLOCK (self);
  if (g_uint64_checked_add (&next, time, GST_BUFFER_DURATION (self->inbuf))
      && g_uint64_checked_add (&next, next, upstream) && next <= now)
    lateness = now - next + 1;
  if (GST_CLOCK_TIME_IS_VALID (earliest) && GST_CLOCK_TIME_IS_VALID (shown))
    lateness = MAX (lateness, GST_CLOCK_DIFF (shown, earliest));
  return lateness;
}

static void
tell_drop (GstDdpmDenoise * self, GstClockTime time, GstClockTimeDiff lateness,
    gdouble proportion)
{
  const GstClockTime pts = GST_BUFFER_PTS (self->inbuf);
  GstMessage *message = gst_message_new_qos (GST_OBJECT (self), TRUE, time,
      gst_segment_to_stream_time (&self->in_segment, GST_FORMAT_TIME, pts),
      pts, GST_BUFFER_DURATION (self->inbuf));

  gst_message_set_qos_values (message, lateness, proportion, 1000000);
  gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, self->qos_processed,
      self->qos_dropped);
  gst_element_post_message (GST_ELEMENT (self), message);
}

/* The times of the current input matter: running times of it and of now */
static gboolean
get_times (GstDdpmDenoise * self, GstClockTime * time, GstClockTime * now)
{
  gboolean live;

  GST_OBJECT_LOCK (self);
  live = self->live;
  GST_OBJECT_UNLOCK (self);
  if (!live || !self->synced || self->in_segment.format != GST_FORMAT_TIME
      || !GST_BUFFER_PTS_IS_VALID (self->inbuf)
      || !GST_BUFFER_DURATION_IS_VALID (self->inbuf))
    return FALSE;
  *now = gst_ddpm_timeline_get_running_time (GST_ELEMENT (self));
  *time = gst_segment_to_running_time (&self->in_segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (self->inbuf));
  return GST_CLOCK_TIME_IS_VALID (*now) && GST_CLOCK_TIME_IS_VALID (*time);
}

gboolean
gst_ddpm_denoise_qos_drops (GstDdpmDenoise * self)
{
  GstClockTime time, now = 0;
  GstClockTimeDiff lateness = 0;
  gdouble proportion;

  if (get_times (self, &time, &now))
    lateness = get_lateness (self, time, now, &proportion);
  if (lateness <= 0 || !GST_CLOCK_TIME_IS_VALID (self->qos_last)
      || now >= self->qos_last + LONGEST_PAUSE) {
    self->qos_last = GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
    self->qos_processed++;
    return FALSE;
  }
  self->qos_dropped++;
  self->qos_gap = TRUE;
  GST_DEBUG_OBJECT (self, "late by %" GST_STIME_FORMAT ": not denoised",
      GST_STIME_ARGS (lateness));
  tell_drop (self, time, lateness, proportion);
  return TRUE;
}
