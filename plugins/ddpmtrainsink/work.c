/* gst-ddpm: what ddpmtrainsink does in its streaming thread
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include "plugins/common/error.h"
#include "plugins/ddpmtrainsink/work.h"

GST_DEBUG_CATEGORY_EXTERN (gst_ddpm_train_sink_debug);
#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

/* --- saving --------------------------------------------------------------- */

static void
post_checkpoint (GstDdpmTrainSink * self, GstDdpmTrainRun * run,
    const gchar * reason)
{
  const gchar *location = gst_ddpm_train_run_get_settings (run)->location;
  GstDdpmTrainReport report;
  GStatBuf file = { 0 };

  g_stat (location, &file);
  GST_OBJECT_LOCK (self);
  report = self->report;
  GST_OBJECT_UNLOCK (self);
  /* *INDENT-OFF* */
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
          gst_structure_new ("ddpmtrainsink-checkpoint",
              "location", G_TYPE_STRING, location,
              "step", G_TYPE_UINT64, gst_ddpm_train_run_get_saved_step (run),
              "epoch", G_TYPE_UINT, (guint) report.epoch,
              "loss", G_TYPE_DOUBLE, report.stats.loss,
              "size", G_TYPE_UINT64, (guint64) file.st_size,
              "reason", G_TYPE_STRING, reason, NULL)));
  /* *INDENT-ON* */
}

static gboolean
save (GstDdpmTrainSink * self, const gchar * reason, GError ** error)
{
  if (!gst_ddpm_train_run_save (self->run, error))
    return FALSE;
  post_checkpoint (self, self->run, reason);
  return TRUE;
}

/* Any thread. The training goes on where it could not be saved. */
gboolean
gst_ddpm_train_work_save_checkpoint (GstDdpmTrainSink * self)
{
  GstDdpmTrainRun *run;
  g_autoptr (GError) error = NULL;
  gboolean saved = FALSE;

  GST_OBJECT_LOCK (self);
  run = self->run ? gst_ddpm_train_run_ref (self->run) : NULL;
  GST_OBJECT_UNLOCK (self);
  if (run == NULL)
    return FALSE;

  saved = gst_ddpm_train_run_save (run, &error);
  if (saved)
    post_checkpoint (self, run, "signal");
  else if (error)
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s", error->message), (NULL));
  gst_ddpm_train_run_unref (run);
  return saved;
}

/* --- previews ------------------------------------------------------------- */

GstDdpmPreviewPad *
gst_ddpm_train_work_get_preview (GstDdpmTrainSink * self)
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
  const GstDdpmTrainSettings *s = gst_ddpm_train_run_get_settings (self->run);
  g_autoptr (DdpmModel) model = gst_ddpm_train_run_get_model (self->run, error);
  GstDdpmPreviewJob job;

  if (model == NULL)
    return FALSE;
  job.model = model;
  job.backend = gst_ddpm_train_run_get_backend (self->run);
  job.width = model->width;
  job.height = model->height;
  job.count = s->preview_count;
  job.steps = s->preview_steps;
  job.seed = s->preview_seed;
  return gst_ddpm_preview_pad_submit (pad, &job, &self->cancel)
      || set_cancelled (error);
}

static gboolean
preview_if_due (GstDdpmTrainSink * self, GError ** error)
{
  GstDdpmPreviewPad *pad = gst_ddpm_train_work_get_preview (self);
  gboolean ok = TRUE;

  if (pad && self->preview_due && gst_ddpm_preview_pad_is_wanted (pad))
    ok = submit_preview (self, pad, error);
  if (ok && self->preview_due) {
    self->preview_due = FALSE;
    self->previewed_step = gst_ddpm_train_run_get_step (self->run);
  }
  gst_clear_object (&pad);
  return ok;
}

static gboolean
finish_preview (GstDdpmTrainSink * self, GError ** error)
{
  GstDdpmPreviewPad *pad = gst_ddpm_train_work_get_preview (self);
  gboolean ok = pad == NULL || gst_ddpm_preview_pad_finish (pad, &self->cancel);

  gst_clear_object (&pad);
  return ok || set_cancelled (error);
}

/* --- steps ---------------------------------------------------------------- */

static void
report_times (GstDdpmTrainSink * self, GstDdpmTrainReport * report)
{
  const GstSegment *segment = &GST_BASE_SINK (self)->segment;

  if (segment->format != GST_FORMAT_TIME)
    return;
  report->running_time = gst_segment_to_running_time (segment,
      GST_FORMAT_TIME, segment->position);
  report->stream_time = gst_segment_to_stream_time (segment,
      GST_FORMAT_TIME, segment->position);
}

/* A log that cannot be written any more costs the log, not the training. */
static void
flush_log (GstDdpmTrainSink * self)
{
  g_autoptr (GError) error = NULL;

  if (self->log == NULL || gst_ddpm_train_log_flush (self->log, &error))
    return;
  g_clear_pointer (&self->log, gst_ddpm_train_log_close);
  GST_ELEMENT_WARNING (self, RESOURCE, WRITE,
      ("%s; the training goes on without a log", error->message), (NULL));
}

static void
post_report (GstDdpmTrainSink * self)
{
  flush_log (self);
  gst_ddpm_train_progress_post (&self->progress, GST_ELEMENT (self),
      &self->report);
  self->reported = TRUE;
}

static void
start_progress (GstDdpmTrainSink * self)
{
  const guint64 n = gst_ddpm_train_run_get_step (self->run);
  g_autofree gchar *network = NULL, *text = NULL;

  if (self->progress.started)
    return;
  network = gst_ddpm_train_run_to_string (self->run);
  text = n == 0 ? g_strdup (network)
      : g_strdup_printf ("going on after step %" G_GUINT64_FORMAT ": %s", n,
      network);
  gst_ddpm_train_progress_start (&self->progress, GST_ELEMENT (self), text);
}

static gboolean
step (GstDdpmTrainSink * self, GError ** error)
{
  const guint n = gst_ddpm_train_run_get_n (self->run);
  GstDdpmTrainReport report;

  start_progress (self);
  if (!gst_ddpm_train_run_step (self->run, &self->cancel, &report, error))
    return FALSE;
  report.images_per_second = gst_ddpm_train_progress_add (&self->progress, n);
  report_times (self, &report);
  GST_OBJECT_LOCK (self);
  self->report = report;
  GST_OBJECT_UNLOCK (self);
  self->has_trained = TRUE;
  self->reported = FALSE;
  GST_LOG_OBJECT (self, "step %" G_GUINT64_FORMAT " on %u images: loss %g",
      report.stats.step, n, report.stats.loss);

  if (self->log)
    gst_ddpm_train_log_add (self->log, &report);
  if (gst_ddpm_train_progress_is_due (&self->progress)
      || gst_ddpm_train_run_epoch_has_ended (self->run))
    post_report (self);
  return TRUE;
}

static gboolean
step_and_save (GstDdpmTrainSink * self, GError ** error)
{
  const GstDdpmTrainSettings *s = gst_ddpm_train_run_get_settings (self->run);
  guint64 n;

  if (!step (self, error))
    return FALSE;
  n = gst_ddpm_train_run_get_step (self->run);
  if (s->preview_interval > 0 && n % s->preview_interval == 0)
    self->preview_due = TRUE;
  if (s->max_steps > 0 && n >= s->max_steps) {
    self->ended = TRUE;
    return save (self, "max-steps", error);
  }
  if (s->checkpoint_interval > 0 && n % s->checkpoint_interval == 0)
    return save (self, "interval", error);
  return TRUE;
}

static gboolean
train (GstDdpmTrainSink * self, GError ** error)
{
  const GstDdpmTrainSettings *s = gst_ddpm_train_run_get_settings (self->run);

  if (gst_ddpm_train_run_get_n (self->run) > 0 && !step_and_save (self, error))
    return FALSE;
  if (s->preview_interval == 0 && gst_ddpm_train_run_epoch_has_ended (self->run)
      && self->previewed_step != gst_ddpm_train_run_get_step (self->run))
    self->preview_due = TRUE;
  return preview_if_due (self, error);
}

static gboolean
has_learnt (GstDdpmTrainSink * self)
{
  return gst_ddpm_train_run_has_format (self->run)
      && (gst_ddpm_train_run_get_n (self->run) > 0
      || gst_ddpm_train_run_get_step (self->run) > 0);
}

/* A stream without epochs is one. */
static gboolean
is_end_of_only_epoch (GstDdpmTrainSink * self)
{
  const GstDdpmTrainSettings *s = gst_ddpm_train_run_get_settings (self->run);

  return s->preview_interval == 0 && self->has_trained
      && self->report.epoch == 0
      && self->previewed_step != gst_ddpm_train_run_get_step (self->run);
}

/* All that EOS promises */
static gboolean
finish (GstDdpmTrainSink * self, GError ** error)
{
  if (!has_learnt (self))
    return finish_preview (self, error);
  if (!train (self, error))
    return FALSE;
  if (self->has_trained && !self->reported)
    post_report (self);
  if (gst_ddpm_train_run_get_saved_step (self->run)
      != gst_ddpm_train_run_get_step (self->run)
      && !save (self, "eos", error))
    return FALSE;
  if (is_end_of_only_epoch (self))
    self->preview_due = TRUE;
  return preview_if_due (self, error) && finish_preview (self, error);
}

/* Does it; where it was interrupted, waits for PLAYING and does the rest. */
static GstFlowReturn
until_done (GstDdpmTrainSink * self,
    gboolean (*work) (GstDdpmTrainSink * self, GError ** error))
{
  GstFlowReturn ret = GST_FLOW_OK;

  while (ret != GST_FLOW_FLUSHING) {
    GError *error = NULL;

    if (work (self, &error))
      return GST_FLOW_OK;
    if (!g_error_matches (error, DDPM_ERROR, DDPM_ERROR_CANCELLED))
      return gst_ddpm_train_work_fail (self, error);
    g_error_free (error);
    GST_DEBUG_OBJECT (self, "interrupted");
    ret = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    gst_ddpm_train_progress_pause (&self->progress);
  }
  return ret;
}

/* --- the stream ----------------------------------------------------------- */

/* Images that upstream has in all; 0: it does not know */
static guint64
query_n_images (GstDdpmTrainSink * self)
{
  GstPad *pad = GST_BASE_SINK_PAD (self);
  GstCaps *caps;
  GstVideoInfo info;
  gboolean has_rate = FALSE;
  gint64 duration;

  if (gst_pad_peer_query_duration (pad, GST_FORMAT_DEFAULT, &duration))
    return MAX (duration, 0);
  caps = gst_pad_get_current_caps (pad);
  if (caps) {
    has_rate = gst_video_info_from_caps (&info, caps)
        && GST_VIDEO_INFO_FPS_N (&info) > 0;
    gst_caps_unref (caps);
  }
  if (!has_rate
      || !gst_pad_peer_query_duration (pad, GST_FORMAT_TIME, &duration))
    return 0;
  return gst_util_uint64_scale_round (MAX (duration, 0),
      GST_VIDEO_INFO_FPS_N (&info), GST_VIDEO_INFO_FPS_D (&info) * GST_SECOND);
}

static gboolean
upstream_is_live (GstDdpmTrainSink * self)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

static void
begin (GstDdpmTrainSink * self)
{
  const guint64 to_skip = gst_ddpm_train_run_get_to_skip (self->run);
  const guint64 max_steps =
      gst_ddpm_train_run_get_settings (self->run)->max_steps;
  g_autofree gchar *text = NULL;

  self->has_begun = TRUE;
  self->ended = max_steps > 0
      && gst_ddpm_train_run_get_step (self->run) >= max_steps;
  gst_ddpm_train_run_set_n_images (self->run, query_n_images (self));
  start_progress (self);
  if (to_skip == 0 || self->ended)
    return;
  if (upstream_is_live (self)) {
    gst_ddpm_train_run_set_to_skip (self->run, 0);
    return;
  }
  text = g_strdup_printf ("passing over %" G_GUINT64_FORMAT
      " images that have been learnt from", to_skip);
  gst_ddpm_train_progress_tell (&self->progress, GST_ELEMENT (self), text);
}

static gboolean
must_train (GstDdpmTrainSink * self, const GstDdpmSample * sample)
{
  return sample && gst_ddpm_train_run_begins_epoch (self->run, sample);
}

GstFlowReturn
gst_ddpm_train_work_learn (GstDdpmTrainSink * self, GstBuffer * buffer)
{
  GstDdpmSample meta;
  const GstDdpmSample *sample =
      gst_ddpm_buffer_get_sample (buffer, &meta) ? &meta : NULL;
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;

  if (self->failed)
    return GST_FLOW_ERROR;
  if (!gst_ddpm_train_run_has_format (self->run))
    return gst_ddpm_train_work_fail (self, g_error_new (DDPM_ERROR,
            DDPM_ERROR_SETTINGS, "Expected video caps before the first image, "
            "got a buffer of %" G_GSIZE_FORMAT " bytes without any",
            gst_buffer_get_size (buffer)));
  if (!self->has_begun)
    begin (self);
  /* Nobody saw the end of the epoch before, but here is the next one. */
  if (!self->ended && must_train (self, sample))
    ret = until_done (self, train);
  if (ret != GST_FLOW_OK)
    return ret;
  if (self->ended)
    return GST_FLOW_EOS;
  if (!gst_ddpm_train_run_add (self->run, buffer, sample, &error))
    return gst_ddpm_train_work_fail (self, error);
  if (gst_ddpm_train_run_is_complete (self->run))
    ret = until_done (self, train);
  return ret == GST_FLOW_OK && self->ended ? GST_FLOW_EOS : ret;
}

GstFlowReturn
gst_ddpm_train_work_finish (GstDdpmTrainSink * self)
{
  g_autofree gchar *text = NULL;
  GstFlowReturn ret;

  if (self->failed)
    return GST_FLOW_ERROR;
  ret = until_done (self, finish);
  if (ret != GST_FLOW_OK)
    return ret;
  if (!has_learnt (self))
    GST_ELEMENT_WARNING (self, STREAM, FAILED,
        ("No image came: nothing was learnt, and nothing saved"), (NULL));

  text = g_strdup_printf (self->has_trained ?
      "step %" G_GUINT64_FORMAT ": saved %s" :
      "step %" G_GUINT64_FORMAT ": nothing left to do for %s",
      gst_ddpm_train_run_get_step (self->run),
      gst_ddpm_train_run_get_settings (self->run)->location);
  gst_ddpm_train_progress_end (&self->progress, GST_ELEMENT (self),
      GST_PROGRESS_TYPE_COMPLETE, text);
  return GST_FLOW_OK;
}

void
gst_ddpm_train_work_flush (GstDdpmTrainSink * self)
{
  GstDdpmPreviewPad *pad = gst_ddpm_train_work_get_preview (self);

  if (self->run) {
    gst_ddpm_train_run_drop_batch (self->run);
    /* A seek after the beginning has chosen the place. */
    if (self->has_begun)
      gst_ddpm_train_run_set_to_skip (self->run, 0);
  }
  if (pad)
    gst_ddpm_preview_pad_restart (pad);
  gst_clear_object (&pad);
}

GstFlowReturn
gst_ddpm_train_work_fail (GstDdpmTrainSink * self, GError * error)
{
  self->failed = TRUE;
  flush_log (self);
  gst_ddpm_train_progress_end (&self->progress, GST_ELEMENT (self),
      GST_PROGRESS_TYPE_ERROR, "failed");
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

/* --- start and end -------------------------------------------------------- */

gboolean
gst_ddpm_train_work_open (GstDdpmTrainSink * self)
{
  GstDdpmTrainSettings settings;
  GstDdpmTrainRun *run = NULL;
  GError *error = NULL;

  if (gst_ddpm_element_copy_settings (GST_ELEMENT (self), &settings, &error))
    run = gst_ddpm_train_run_new (&settings, &self->cuda, GST_ELEMENT (self),
        &error);
  gst_ddpm_train_progress_init (&self->progress, settings.progress_interval);
  self->has_begun = self->has_trained = self->reported = FALSE;
  self->preview_due = self->ended = self->failed = FALSE;
  self->previewed_step = G_MAXUINT64;
  gst_ddpm_settings_clear (&gst_ddpm_train_properties, &settings);
  if (run == NULL) {
    gst_ddpm_cuda_release (&self->cuda);
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }

  GST_OBJECT_LOCK (self);
  self->run = run;
  gst_ddpm_train_run_get_report (run, &self->report);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

void
gst_ddpm_train_work_close (GstDdpmTrainSink * self)
{
  GstDdpmTrainRun *run;

  flush_log (self);
  g_clear_pointer (&self->log, gst_ddpm_train_log_close);
  gst_ddpm_train_progress_end (&self->progress, GST_ELEMENT (self),
      GST_PROGRESS_TYPE_CANCELED, "stopped");

  GST_OBJECT_LOCK (self);
  run = g_steal_pointer (&self->run);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&run, gst_ddpm_train_run_unref);
  gst_ddpm_cuda_release (&self->cuda);
}

/* After the first format, which has made the trainer */
static gboolean
describe_and_log (GstDdpmTrainSink * self, GError ** error)
{
  const GstDdpmTrainSettings *s = gst_ddpm_train_run_get_settings (self->run);
  const guint64 n = gst_ddpm_train_run_get_step (self->run);

  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
          gst_ddpm_train_run_to_structure (self->run, "ddpmtrainsink-model")));
  if (s->log_location == NULL || *s->log_location == '\0')
    return TRUE;
  self->log = gst_ddpm_train_log_open (s->log_location, n, error);
  return self->log != NULL;
}

gboolean
gst_ddpm_train_work_set_format (GstDdpmTrainSink * self,
    const GstVideoInfo * info)
{
  const gboolean first = !gst_ddpm_train_run_has_format (self->run);
  GstDdpmTrainReport report;
  GError *error = NULL;

  /* Upstream offers its caps again with every buffer. */
  if (self->failed)
    return FALSE;
  if (!gst_ddpm_train_run_set_format (self->run, info, &error)
      || (first && !describe_and_log (self, &error))) {
    gst_ddpm_train_work_fail (self, error);
    return FALSE;
  }
  if (first) {
    gst_ddpm_train_run_get_report (self->run, &report);
    GST_OBJECT_LOCK (self);
    self->report = report;
    GST_OBJECT_UNLOCK (self);
  }
  return TRUE;
}
