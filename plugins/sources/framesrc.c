/* gst-ddpm: base class of sources that can produce any frame by its number
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/caps.h"
#include "plugins/sources/framesrc.h"

typedef struct
{
  /* object lock; only the streaming thread writes it */
  GstDdpmFrames frames;

  /* streaming thread */
  GstClockTime seek_time;       /* sets next at the next buffer; NONE: no seek */
  gboolean reverse;             /* frames are output last to first */
  guint64 next;                 /* number of the next frame */

  guint64 skip_to;              /* object lock: a frame to go on with; 0: none */

  gint ended;                   /* atomic: the application has sent EOS */
  gint failed;                  /* atomic: an error has been posted */
} GstDdpmFrameSrcPrivate;

#define gst_ddpm_frame_src_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GstDdpmFrameSrc, gst_ddpm_frame_src,
    GST_TYPE_PUSH_SRC);

static gboolean gst_ddpm_frame_src_post_message (GstElement * element,
    GstMessage * message);
static gboolean gst_ddpm_frame_src_send_event (GstElement * element,
    GstEvent * event);
static gboolean gst_ddpm_frame_src_start (GstBaseSrc * src);
static gboolean gst_ddpm_frame_src_is_seekable (GstBaseSrc * src);
static gboolean gst_ddpm_frame_src_event (GstBaseSrc * src, GstEvent * event);
static gboolean gst_ddpm_frame_src_do_seek (GstBaseSrc * src,
    GstSegment * segment);
static gboolean gst_ddpm_frame_src_query (GstBaseSrc * src, GstQuery * query);
static GstFlowReturn gst_ddpm_frame_src_fill (GstPushSrc * src,
    GstBuffer * buffer);

static void
gst_ddpm_frame_src_class_init (GstDdpmFrameSrcClass * klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GstPushSrcClass *push_class = GST_PUSH_SRC_CLASS (klass);

  element_class->post_message =
      GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_post_message);
  element_class->send_event = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_send_event);
  base_class->start = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_start);
  base_class->is_seekable = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_is_seekable);
  base_class->event = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_event);
  base_class->do_seek = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_do_seek);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_query);
  push_class->fill = GST_DEBUG_FUNCPTR (gst_ddpm_frame_src_fill);

  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_FRAME_SRC, 0);
}

static GstDdpmFrameSrcPrivate *
get_private (gpointer src)
{
  return gst_ddpm_frame_src_get_instance_private (GST_DDPM_FRAME_SRC (src));
}

static void
gst_ddpm_frame_src_init (GstDdpmFrameSrc * self)
{
  GstDdpmFrameSrcPrivate *priv = get_private (self);
  const GstDdpmFrames none_yet = { 0, 1, 1, GST_DDPM_FRAMES_ENDLESS };

  priv->frames = none_yet;
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

void
gst_ddpm_frame_src_set_frames (GstDdpmFrameSrc * src,
    const GstDdpmFrames * frames)
{
  GstDdpmFrameSrcPrivate *priv = get_private (src);

  priv->next = (priv->reverse ? gst_ddpm_frames_get_predecessor :
      gst_ddpm_frames_get_successor) (&priv->frames, priv->next, frames);
  GST_OBJECT_LOCK (src);
  priv->frames = *frames;
  GST_OBJECT_UNLOCK (src);
}

void
gst_ddpm_frame_src_get_frames (GstDdpmFrameSrc * src, GstDdpmFrames * frames)
{
  gint num_buffers = GST_BASE_SRC (src)->num_buffers;

  GST_OBJECT_LOCK (src);
  *frames = get_private (src)->frames;
  GST_OBJECT_UNLOCK (src);
  if (num_buffers >= 0)
    frames->n_frames = MIN (frames->n_frames, num_buffers);
}

gint
gst_ddpm_frame_src_get_direction (GstDdpmFrameSrc * src)
{
  GstDdpmFrameSrcPrivate *priv = get_private (src);

  return priv->reverse ? -1 : 1;
}

/* After an error of the subclass, GstBaseSrc posts another error, which says only
 * that it could not start or that the stream has stopped. That one is dropped. */
static gboolean
gst_ddpm_frame_src_post_message (GstElement * element, GstMessage * message)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR
      && !g_atomic_int_compare_and_exchange (&get_private (element)->failed,
          FALSE, TRUE)) {
    gst_message_unref (message);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (parent_class)->post_message (element, message);
}

/* EOS from the application must not wait until downstream has processed the
 * current buffer. GstBaseSrc would wait, with the state lock held. So this class
 * outputs no further frame, and tells downstream to finish early. */
static gboolean
gst_ddpm_frame_src_send_event (GstElement * element, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);

  g_atomic_int_set (&get_private (element)->ended, TRUE);
  gst_pad_push_event (GST_BASE_SRC_PAD (element),
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_OOB,
          gst_structure_new_empty (GST_DDPM_STOP_EVENT)));
  gst_event_unref (event);
  return TRUE;
}

static gboolean
gst_ddpm_frame_src_start (GstBaseSrc * src)
{
  GstDdpmFrameSrcPrivate *priv = get_private (src);

  g_atomic_int_set (&priv->ended, FALSE);
  g_atomic_int_set (&priv->failed, FALSE);
  priv->next = priv->skip_to = 0;
  priv->reverse = FALSE;
  priv->seek_time = GST_CLOCK_TIME_NONE;
  return TRUE;
}

static gboolean
gst_ddpm_frame_src_is_seekable (GstBaseSrc * src)
{
  return TRUE;
}

/* --- seeks ---------------------------------------------------------------- */

/* GST_CLOCK_TIME_NONE: the stream is endless, or its framerate is unknown */
static GstClockTime
get_end (const GstDdpmFrames * frames)
{
  return frames->n_frames == GST_DDPM_FRAMES_ENDLESS ? GST_CLOCK_TIME_NONE :
      gst_ddpm_frames_get_time (frames, frames->n_frames);
}

/* The same, where num-buffers ends the stream */
static GstClockTime
get_end_of_output (GstDdpmFrameSrc * self)
{
  GstDdpmFrames frames;

  gst_ddpm_frame_src_get_frames (self, &frames);
  return get_end (&frames);
}

/* Only the sinks change their speed. */
static gboolean
change_rate_instantly (GstBaseSrc * src, GstEvent * event, gdouble rate,
    GstSeekFlags flags)
{
  GstEvent *change;
  gdouble current;

  GST_OBJECT_LOCK (src);
  current = src->segment.rate;
  GST_OBJECT_UNLOCK (src);
  if (rate / current < 0.0)
    return FALSE;
  change = gst_event_new_instant_rate_change (rate / current,
      (GstSegmentFlags) flags);
  gst_event_set_seqnum (change, gst_event_get_seqnum (event));
  return gst_pad_push_event (GST_BASE_SRC_PAD (src), change);
}

/* Remembers which frame the sink wants next. With num-buffers, GstBaseSrc counts
 * what is output, so nothing is skipped. */
static gboolean
remember_skip (GstBaseSrc * src, GstEvent * event)
{
  guint64 frame;

  if (!gst_structure_get_uint64 (gst_event_get_structure (event), "frame",
          &frame))
    return FALSE;
  GST_OBJECT_LOCK (src);
  if (src->num_buffers < 0)
    get_private (src)->skip_to = frame;
  GST_OBJECT_UNLOCK (src);
  return TRUE;
}

/* Refuses to play backwards from the end of an endless stream before anything is
 * flushed. */
static gboolean
gst_ddpm_frame_src_event (GstBaseSrc * src, GstEvent * event)
{
  GstDdpmFrameSrc *self = GST_DDPM_FRAME_SRC (src);
  GstSeekType stop_type;
  GstSeekFlags flags;
  gdouble rate;
  gint64 stop;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM
      && gst_event_has_name (event, GST_DDPM_SKIP_EVENT))
    return remember_skip (src, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    gst_event_parse_seek (event, &rate, NULL, &flags, NULL, NULL, &stop_type,
        &stop);
    if (flags & GST_SEEK_FLAG_INSTANT_RATE_CHANGE)
      return change_rate_instantly (src, event, rate, flags);
    if (rate < 0.0 && stop_type == GST_SEEK_TYPE_SET && stop == -1
        && !GST_CLOCK_TIME_IS_VALID (get_end_of_output (self))) {
      GST_DEBUG_OBJECT (src, "cannot play backwards from an unknown end");
      return FALSE;
    }
  }
  return GST_BASE_SRC_CLASS (parent_class)->event (src, event);
}

/* Backwards, the running time is counted from the stop. It must be known, and no
 * later than the end: a sink would wait for it. If it was set to "the end",
 * position is 0. */
static void
set_stop (GstDdpmFrameSrc * self, GstSegment * segment)
{
  const GstClockTime end = get_end_of_output (self);

  if (segment->stop == GST_CLOCK_TIME_NONE) {
    if (segment->position == 0 && GST_CLOCK_TIME_IS_VALID (end))
      segment->position = end;
    segment->stop = segment->position;
  }
  segment->stop = MIN (segment->stop, get_end (&get_private (self)->frames));
  segment->stop = MAX (segment->stop, segment->start);
  segment->position = MIN (segment->position, segment->stop);
  segment->offset = segment->stop - segment->position;
}

/* The framerate may not be known yet, so the frame of this time is computed for
 * the next buffer. */
static gboolean
gst_ddpm_frame_src_do_seek (GstBaseSrc * src, GstSegment * segment)
{
  GstDdpmFrameSrcPrivate *priv = get_private (src);

  g_atomic_int_set (&priv->ended, FALSE);
  priv->reverse = segment->rate < 0.0;
  if (priv->reverse)
    set_stop (GST_DDPM_FRAME_SRC (src), segment);
  priv->seek_time = segment->position;
  return TRUE;
}

/* The first frame of a seek. Backwards it is the last one that starts before
 * this time. */
static guint64
get_first_frame (GstDdpmFrameSrcPrivate * priv)
{
  if (!priv->reverse)
    return gst_ddpm_frames_at_time (&priv->frames, priv->seek_time);
  return MIN (gst_ddpm_frames_at_time (&priv->frames,
          MAX (priv->seek_time, 1) - 1), priv->frames.n_frames - 1);
}

/* --- queries and data ----------------------------------------------------- */

static gboolean
gst_ddpm_frame_src_query (GstBaseSrc * src, GstQuery * query)
{
  GstDdpmFrames frames;

  gst_ddpm_frame_src_get_frames (GST_DDPM_FRAME_SRC (src), &frames);
  return gst_ddpm_frames_query (&frames, query)
      || GST_BASE_SRC_CLASS (parent_class)->query (src, query);
}

/* Does what remember_skip () has left to do. */
static void
skip_frames (GstDdpmFrameSrc * self)
{
  GstDdpmFrameSrcPrivate *priv = get_private (self);
  guint64 frame;

  GST_OBJECT_LOCK (self);
  frame = priv->skip_to;
  priv->skip_to = 0;
  GST_OBJECT_UNLOCK (self);
  if (!priv->reverse)
    priv->next = MAX (priv->next, frame);
}

static GstFlowReturn
gst_ddpm_frame_src_fill (GstPushSrc * src, GstBuffer * buffer)
{
  GstDdpmFrameSrc *self = GST_DDPM_FRAME_SRC (src);
  GstDdpmFrameSrcPrivate *priv = get_private (self);
  GstFlowReturn ret;

  if (GST_CLOCK_TIME_IS_VALID (priv->seek_time))
    priv->next = get_first_frame (priv);
  priv->seek_time = GST_CLOCK_TIME_NONE;
  skip_frames (self);
  do {
    if (g_atomic_int_get (&priv->ended)
        || !gst_ddpm_frames_stamp (&priv->frames, priv->next, buffer))
      return GST_FLOW_EOS;

    ret = GST_DDPM_FRAME_SRC_GET_CLASS (self)->fill_frame (self, priv->next,
        buffer);
    /* The number before 0 is GST_DDPM_FRAMES_ENDLESS, which has no stamp. */
    if (ret == GST_FLOW_OK || ret == GST_DDPM_FLOW_SKIP)
      priv->next += priv->reverse ? -1 : 1;
  } while (ret == GST_DDPM_FLOW_SKIP);
  return ret;
}
