/* gst-ddpm: the times of an element that outputs several frames per buffer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/base/gstbasesink.h>

#include "plugins/common/error.h"
#include "plugins/ddpmdenoise/timeline.h"

void
gst_ddpm_timeline_init (GstDdpmTimeline * timeline)
{
  *timeline = (GstDdpmTimeline) {
  .num = 1,.den = 1,.frames = 1,.fps_d = 1,};
}

static GstClockTime
time_of_frame (const GstDdpmTimeline * timeline, guint64 frame)
{
  return gst_util_uint64_scale (frame, timeline->fps_d * GST_SECOND,
      timeline->fps_n);
}

gboolean
gst_ddpm_timeline_configure (GstDdpmTimeline * timeline, gint in_fps_n,
    gint in_fps_d, guint64 frames, gsize buffer_size, gint fps_n, gint fps_d)
{
  guint64 num = 1, den = 1;
  GstClockTime next = timeline->anchor;

  if (timeline->fps_n > 0)
    next += time_of_frame (timeline, timeline->count);
  if (in_fps_n > 0 && fps_n > 0) {
    if (!g_uint64_checked_mul (&num, (guint64) in_fps_n * fps_d, frames))
      return FALSE;
    den = (guint64) in_fps_d *fps_n;
  }
  timeline->num = num;
  timeline->den = den;
  timeline->frames = frames;
  timeline->buffer_size = buffer_size;
  timeline->fps_n = fps_n;
  timeline->fps_d = fps_d;
  timeline->anchor = next;
  timeline->count = 0;
  return TRUE;
}

/* Finds the frame that starts at time. FALSE: none does, except for rounding. The
 * input time is off by a nanosecond, and so is the time of the frame. */
static gboolean
find_frame (const GstDdpmTimeline * timeline, GstClockTime time,
    guint64 * frame)
{
  const GstClockTimeDiff rounding = timeline->num / timeline->den + 2;
  GstClockTimeDiff error;

  if (timeline->fps_n == 0)
    return FALSE;
  *frame = gst_util_uint64_scale_round (time, timeline->fps_n,
      timeline->fps_d * GST_SECOND);
  error = GST_CLOCK_DIFF (time, time_of_frame (timeline, *frame));
  return ABS (error) <= rounding;
}

static GstClockTime
stretch (const GstDdpmTimeline * timeline, GstClockTime time)
{
  return GST_CLOCK_TIME_IS_VALID (time) ?
      gst_util_uint64_scale (time, timeline->num, timeline->den) : time;
}

GstClockTime
gst_ddpm_timeline_to_output (const GstDdpmTimeline * timeline,
    GstClockTime time)
{
  guint64 frame;

  if (!GST_CLOCK_TIME_IS_VALID (time) || timeline->num == timeline->den)
    return time;
  time = stretch (timeline, time);
  return find_frame (timeline, time, &frame) ?
      time_of_frame (timeline, frame) : time;
}

GstClockTime
gst_ddpm_timeline_to_input (const GstDdpmTimeline * timeline,
    GstClockTime time, gboolean is_start)
{
  if (!GST_CLOCK_TIME_IS_VALID (time) || timeline->num == timeline->den)
    return time;
  /* The exact time of a frame is between time and time + 1. */
  return is_start && time > 0 ?
      gst_util_uint64_scale_ceil (time + 1, timeline->den, timeline->num) :
      gst_util_uint64_scale (time, timeline->den, timeline->num);
}

/* Converts a byte offset in a file of states to the time of its first frame */
static GstClockTime
time_of_byte (const GstDdpmTimeline * timeline, guint64 byte)
{
  if (byte == G_MAXUINT64)
    return GST_CLOCK_TIME_NONE;
  if (timeline->fps_n == 0 || timeline->buffer_size == 0)
    return 0;
  return time_of_frame (timeline,
      byte / timeline->buffer_size * timeline->frames);
}

void
gst_ddpm_timeline_segment_to_output (const GstDdpmTimeline * timeline,
    const GstSegment * in, GstSegment * out)
{
  if (in->format == GST_FORMAT_TIME) {
    gst_segment_copy_into (in, out);
    out->start = gst_ddpm_timeline_to_output (timeline, in->start);
    out->stop = gst_ddpm_timeline_to_output (timeline, in->stop);
    out->time = gst_ddpm_timeline_to_output (timeline, in->time);
    out->base = stretch (timeline, in->base);
    out->offset = in->rate > 0.0 ?
        gst_ddpm_timeline_to_output (timeline, in->start + in->offset) -
        out->start : out->stop -
        gst_ddpm_timeline_to_output (timeline, in->stop - in->offset);
    out->position = gst_ddpm_timeline_to_output (timeline, in->position);
    out->duration = gst_ddpm_timeline_to_output (timeline, in->duration);
  } else {
    gst_segment_init (out, GST_FORMAT_TIME);
    out->flags = in->flags;
    if (in->format == GST_FORMAT_BYTES)
      out->start = out->time = out->position =
          time_of_byte (timeline, in->start);
  }
  out->base += timeline->delay;
}

void
gst_ddpm_timeline_start_segment (GstDdpmTimeline * timeline,
    const GstSegment * in)
{
  GstSegment out;

  gst_ddpm_timeline_segment_to_output (timeline, in, &out);
  timeline->reverse = out.rate < 0.0;
  timeline->anchor = out.start;
  timeline->count = 0;
}

/* If time is that of a frame, a multiple of 1 / f, continue with that frame, so
 * that errors do not add up. */
static void
set_anchor (GstDdpmTimeline * timeline, GstClockTime time)
{
  guint64 frame;

  if (find_frame (timeline, time, &frame)) {
    timeline->anchor = 0;
    timeline->count = frame;
  } else {
    timeline->anchor = time;
    timeline->count = 0;
  }
}

void
gst_ddpm_timeline_start_buffer (GstDdpmTimeline * timeline, GstClockTime pts)
{
  GstClockTime time = stretch (timeline, pts);
  GstClockTime next;

  if (!GST_CLOCK_TIME_IS_VALID (time)) {
    if (timeline->reverse)
      timeline->count -= MIN (timeline->count, 2 * timeline->frames);
    return;
  }
  if (timeline->fps_n == 0) {
    timeline->anchor = time;
    return;
  }
  /* The first buffer, and one that comes more than half a frame later than
   * expected, sets the time anew. Otherwise frames stay evenly spaced, also if the
   * times of buffers jitter. Backwards, every buffer sets it. */
  next = timeline->anchor + time_of_frame (timeline, timeline->count);
  if (time > next + time_of_frame (timeline, 1) / 2 || timeline->count == 0
      || timeline->reverse)
    set_anchor (timeline, time);
}

void
gst_ddpm_timeline_next_frame (GstDdpmTimeline * timeline, GstClockTime * pts,
    GstClockTime * duration)
{
  GstClockTime start, end;

  if (timeline->fps_n == 0) {
    *pts = timeline->anchor;
    *duration = GST_CLOCK_TIME_NONE;
    return;
  }
  start = time_of_frame (timeline, timeline->count);
  end = time_of_frame (timeline, ++timeline->count);
  *pts = timeline->anchor + start;
  *duration = end - start;
}

/* --- the clock ------------------------------------------------------------ */

/* Limits the search, for chains of elements that form a loop */
#define MAX_DEPTH 256

typedef struct
{
  gboolean sync;                /* of the sink that is searched */
  guint depth;
} Search;

static gboolean leads_to_sink (GstPad * srcpad, Search search);

static gint
compare_link (gconstpointer srcpad, gconstpointer search)
{
  return !leads_to_sink (g_value_get_object (srcpad), *(const Search *) search);
}

/* Whether such a sink is downstream of an internal link of a sink pad. The
 * internal link of a bin's ghost pad is the pad inside or outside the bin. */
static gboolean
any_link_leads_to_sink (GstPad * sinkpad, const Search * search)
{
  GstIterator *links = gst_pad_iterate_internal_links (sinkpad);
  GValue link = G_VALUE_INIT;
  gboolean found;

  if (links == NULL)
    return FALSE;
  found = gst_iterator_find_custom (links, compare_link, &link,
      (gpointer) search);
  g_value_unset (&link);
  gst_iterator_free (links);
  return found;
}

static gboolean
leads_to_sink (GstPad * srcpad, Search search)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (srcpad);
  g_autoptr (GstObject) parent =
      peer ? gst_object_get_parent (GST_OBJECT (peer)) : NULL;

  if (parent != NULL && GST_IS_BASE_SINK (parent))
    return gst_base_sink_get_sync (GST_BASE_SINK (parent)) == search.sync;
  search.depth++;
  return parent != NULL && search.depth <= MAX_DEPTH
      && any_link_leads_to_sink (peer, &search);
}

gboolean
gst_ddpm_timeline_leads_to_sink (GstPad * srcpad, gboolean sync)
{
  const Search search = { sync, 0 };

  return leads_to_sink (srcpad, search);
}

/* While a sink waits for the first frame after a flush, the element is PLAYING,
 * but still has the base time of before, and the pipeline is not PLAYING. */
GstClockTime
gst_ddpm_timeline_get_running_time (GstElement * element)
{
  g_autoptr (GstElement) top = gst_ddpm_element_get_toplevel (element);
  gboolean playing;

  GST_OBJECT_LOCK (top);
  playing = GST_STATE (top) == GST_STATE_PLAYING;
  GST_OBJECT_UNLOCK (top);

  return playing ? gst_element_get_current_running_time (element) :
      GST_CLOCK_TIME_NONE;
}
