/* gst-ddpm: ddpmtrainsink: from the stream to the training session
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/error.h"
#include "plugins/ddpmtrainsink/messages.h"
#include "plugins/ddpmtrainsink/private.h"

#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug
#define PARENT_CLASS \
    GST_BASE_SINK_CLASS (g_type_class_peek (GST_TYPE_BASE_SINK))

/* Saves what has been trained, ends the previews, and posts the error (transfer
 * full). Nothing is trained or saved after it. */
static GstFlowReturn
fail_training (GstDdpmTrainSink * self, GError * error)
{
  g_autoptr (GstDdpmPreviewPad) pad = gst_ddpm_train_sink_get_preview (self);

  self->session->has_failed = TRUE;
  gst_ddpm_train_session_save_after (self->session, &error);
  if (pad)
    gst_ddpm_preview_pad_end (pad, &self->cancel);
  gst_ddpm_train_session_finish (self->session, GST_PROGRESS_TYPE_ERROR);
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

/* --- start and end -------------------------------------------------------- */

gboolean
gst_ddpm_train_sink_open (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session;
  GError *error = NULL;

  session = gst_ddpm_train_session_new (&self->cuda, &self->report, &error);
  if (session == NULL)
    goto failed;

  GST_OBJECT_LOCK (self);
  self->session = session;
  GST_OBJECT_UNLOCK (self);
  return TRUE;

failed:
  gst_ddpm_cuda_release (&self->cuda);
  gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  return FALSE;
}

/* Returns: (transfer full) (nullable) */
static GstDdpmTrainSession *
get_session (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session;

  GST_OBJECT_LOCK (self);
  session = self->session ? gst_ddpm_train_session_ref (self->session) : NULL;
  GST_OBJECT_UNLOCK (self);
  return session;
}

/* gst-launch-1.0 prints no message of a pipeline that it stops, so what is told
 * from here on also goes to the terminal. */
void
gst_ddpm_train_sink_begin_close (GstDdpmTrainSink * self)
{
  g_atomic_int_set (&self->session->is_closing, self->session->has_started);
}

void
gst_ddpm_train_sink_close (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session;
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  session = g_steal_pointer (&self->session);
  GST_OBJECT_UNLOCK (self);
  if (!gst_ddpm_train_session_save_last (session, "stop", &error)) {
    g_message ("%s: %s", GST_ELEMENT_NAME (self), error->message);
    gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  }
  gst_ddpm_train_session_finish (session, GST_PROGRESS_TYPE_CANCELED);
  gst_ddpm_train_session_unref (session);
  gst_ddpm_cuda_release (&self->cuda);
}

/* EOS for the element itself, and not in the stream, ends the run after this
 * step, however many images still wait before it. */
void
gst_ddpm_train_sink_end (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session = get_session (self);

  if (session == NULL)
    return;
  g_atomic_int_set (&session->end_wanted, TRUE);
  if (g_atomic_int_get (&session->in_step))
    gst_ddpm_train_session_tell_last_step (session);
  gst_ddpm_train_session_unref (session);
}

gboolean
gst_ddpm_train_sink_save_checkpoint (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session = get_session (self);
  g_autoptr (GError) error = NULL;
  gboolean saved;

  if (session == NULL)
    return FALSE;
  saved = gst_ddpm_train_session_save (session, "signal", &error);
  if (error)
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
  gst_ddpm_train_session_unref (session);
  return saved;
}

/* --- previews ------------------------------------------------------------- */

GstDdpmPreviewPad *
gst_ddpm_train_sink_get_preview (GstDdpmTrainSink * self)
{
  GstDdpmPreviewPad *pad = NULL;

  GST_OBJECT_LOCK (self);
  if (self->preview)
    pad = GST_DDPM_PREVIEW_PAD (gst_object_ref (self->preview));
  GST_OBJECT_UNLOCK (self);
  return pad;
}

static gboolean
set_cancelled (GError ** error)
{
  g_set_error_literal (error, DDPM_ERROR, DDPM_ERROR_CANCELLED, "Interrupted");
  return FALSE;
}

static gboolean
submit_preview (GstDdpmTrainSink * self, GstDdpmPreviewPad * pad,
    GError ** error)
{
  const GstDdpmTrainSettings *s = &self->session->settings;
  DdpmModel *model = gst_ddpm_train_session_get_model (self->session, error);
  GstDdpmPreviewJob *job;

  if (model == NULL)
    return FALSE;
  job = g_new (GstDdpmPreviewJob, 1);
  job->model = model;
  job->backend = ddpm_backend_ref (self->session->backend);
  job->count = s->preview_count;
  job->steps = s->preview_steps;
  job->seed = s->preview_seed;
  return gst_ddpm_preview_pad_submit (pad, job, &self->cancel)
      || set_cancelled (error);
}

/* end: waits until all previews are output */
static gboolean
make_previews (GstDdpmTrainSink * self, gboolean end, GError ** error)
{
  GstDdpmTrainSession *session = self->session;
  g_autoptr (GstDdpmPreviewPad) pad = gst_ddpm_train_sink_get_preview (self);

  if (session->preview_due && pad && gst_ddpm_preview_pad_is_wanted (pad)
      && !submit_preview (self, pad, error))
    return FALSE;
  if (session->preview_due) {
    session->previewed_step = session->report.stats.step;
    session->previewed_samples = session->report.stats.samples;
  }
  session->preview_due = FALSE;
  return pad == NULL || !end || gst_ddpm_preview_pad_finish (pad, &self->cancel)
      || set_cancelled (error);
}

/* --- the stream ----------------------------------------------------------- */

/* The number of images in the stream; 0: unknown */
static guint64
query_n_images (GstDdpmTrainSink * self)
{
  GstPad *pad = GST_BASE_SINK_PAD (self);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstVideoInfo info;
  gint64 duration;

  if (gst_pad_peer_query_duration (pad, GST_FORMAT_DEFAULT, &duration))
    return MAX (duration, 0);
  if (!gst_video_info_from_caps (&info, caps)
      || GST_VIDEO_INFO_FPS_N (&info) <= 0
      || !gst_pad_peer_query_duration (pad, GST_FORMAT_TIME, &duration))
    return 0;
  return gst_util_uint64_scale_round (MAX (duration, 0),
      GST_VIDEO_INFO_FPS_N (&info), GST_VIDEO_INFO_FPS_D (&info) * GST_SECOND);
}

/* At EOS. Sources of files, such as multifilesrc, count what they have sent. */
static void
check_lost_images (GstDdpmTrainSink * self)
{
  GstDdpmTrainSession *session = self->session;
  gint64 n_sent;

  if (session->has_ended || g_atomic_int_get (&session->end_wanted)
      || !gst_pad_peer_query_position (GST_BASE_SINK_PAD (self),
          GST_FORMAT_BUFFERS, &n_sent) || n_sent <= (gint64) session->n_seen)
    return;
  session->n_lost = n_sent - session->n_seen;
  GST_ELEMENT_WARNING (self, STREAM, DECODE, ("%" G_GUINT64_FORMAT " of the %"
          G_GINT64_FORMAT " images that the source sent did not arrive: an "
          "element has lost them. After a truncated file, pngdec drops all that "
          "follows", session->n_lost, n_sent), (NULL));
}

static gboolean
is_upstream_live (GstDdpmTrainSink * self)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

/* Makes the step, the save and the preview that are due. After an interruption,
 * waits for PLAYING and does what is left. */
static GstFlowReturn
train_if_due (GstDdpmTrainSink * self, gboolean end)
{
  GstFlowReturn ret = GST_FLOW_OK;

  while (ret != GST_FLOW_FLUSHING) {
    GError *error = NULL;

    if (gst_ddpm_train_session_train (self->session, end, &self->cancel,
            &error) && make_previews (self, end, &error))
      return GST_FLOW_OK;
    if (!g_error_matches (error, DDPM_ERROR, DDPM_ERROR_CANCELLED))
      return fail_training (self, error);
    g_error_free (error);
    GST_DEBUG_OBJECT (self, "interrupted");
    ret = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    gst_ddpm_train_progress_restart (&self->session->progress);
  }
  return ret;
}

gboolean
gst_ddpm_train_sink_set_caps (GstBaseSink * sink, GstCaps * caps)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstVideoInfo info;
  GError *error = NULL;

  /* Upstream offers its caps again with every buffer. */
  if (self->session->has_failed || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (gst_ddpm_train_session_set_label (self->session, caps, &error)
      && gst_ddpm_train_session_set_format (self->session, &info, &error))
    return TRUE;
  fail_training (self, error);
  return FALSE;
}

GstFlowReturn
gst_ddpm_train_sink_render (GstBaseSink * sink, GstBuffer * buffer)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstDdpmTrainSession *session = self->session;
  GstDdpmSample sample;
  GError *error = NULL;
  GstFlowReturn ret = GST_FLOW_OK;

  if (session->has_failed)
    return GST_FLOW_ERROR;
  if (g_atomic_int_get (&session->end_wanted))
    return GST_FLOW_EOS;
  if (GST_VIDEO_INFO_FORMAT (&session->info) == GST_VIDEO_FORMAT_UNKNOWN)
    goto no_caps;
  if (!gst_ddpm_train_session_prepare (session, &error))
    return fail_training (self, error);
  if (!session->has_begun)
    gst_ddpm_train_session_begin (session, query_n_images (self),
        is_upstream_live (self));

  if (!gst_ddpm_train_session_read_sample (session, buffer, &sample, &error))
    return fail_training (self, error);
  if (gst_ddpm_train_session_expect (session, &sample))
    ret = train_if_due (self, FALSE);
  if (ret == GST_FLOW_OK && !session->has_ended) {
    if (!gst_ddpm_train_session_add (session, buffer, &sample, &sink->segment,
            &error))
      return fail_training (self, error);
    ret = train_if_due (self, FALSE);
  }
  return ret == GST_FLOW_OK && session->has_ended ? GST_FLOW_EOS : ret;

no_caps:
  return fail_training (self, g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
          "Cannot train on a buffer of %" G_GSIZE_FORMAT " bytes without any "
          "video caps", gst_buffer_get_size (buffer)));
}

/* The base class posts EOS after this, so EOS means "saved". */
GstFlowReturn
gst_ddpm_train_sink_wait_event (GstBaseSink * sink, GstEvent * event)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstFlowReturn ret = PARENT_CLASS->wait_event (sink, event);
  gboolean end_wanted;

  if (ret != GST_FLOW_OK || GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return ret;
  if (self->session->has_failed)
    return GST_FLOW_ERROR;
  end_wanted = g_atomic_int_get (&self->session->end_wanted);
  if (end_wanted)
    gst_ddpm_train_session_drop_batch (self->session);
  ret = train_if_due (self, TRUE);
  if (ret != GST_FLOW_OK)
    return ret;
  if (self->session->report.stats.step == 0 && !end_wanted)
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("The stream ended before the "
            "first image: nothing was trained or saved"), (NULL));
  check_lost_images (self);
  gst_ddpm_train_session_finish (self->session, GST_PROGRESS_TYPE_COMPLETE);
  return GST_FLOW_OK;
}

static void
read_tags (GstDdpmTrainSink * self, GstEvent * event)
{
  g_autofree gchar *names = NULL;
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  if (gst_tag_list_get_string (tags, GST_DDPM_TAG_CLASS_NAMES, &names))
    gst_ddpm_train_session_set_class_names (self->session, names);
}

/* Resuming counts images from the start of the stream, and epochs end with their
 * last image. */
static void
check_direction (GstDdpmTrainSink * self, GstEvent * event)
{
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  if (segment->rate < 0.0)
    fail_training (self, g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
            "Cannot train on a stream that is played backwards: expected a "
            "segment with a positive rate, got rate %g", segment->rate));
}

static void
flush_session (GstDdpmTrainSink * self)
{
  g_autoptr (GstDdpmPreviewPad) pad = gst_ddpm_train_sink_get_preview (self);

  gst_ddpm_train_session_flush (self->session);
  if (pad)
    gst_ddpm_preview_pad_restart (pad);
}

gboolean
gst_ddpm_train_sink_event (GstBaseSink * sink, GstEvent * event)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);

  if (self->session && GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    flush_session (self);
  else if (self->session && GST_EVENT_TYPE (event) == GST_EVENT_TAG)
    read_tags (self, event);
  else if (self->session && GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
    check_direction (self, event);
  return PARENT_CLASS->event (sink, event);
}
