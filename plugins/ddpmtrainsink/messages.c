/* gst-ddpm: what a training run reports: its progress, its model, its saves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include "plugins/ddpmtrainsink/messages.h"

/* --- the report ----------------------------------------------------------- */

static guint64
count_images_left (GstDdpmTrainSession * session, guint64 step)
{
  const GstDdpmTrainSettings *s = &session->settings;
  guint64 left = GST_DDPM_IMAGES_UNKNOWN;

  if (session->n_images > 0)
    left = session->n_images - MIN (session->n_images, session->n_seen);
  if (s->max_steps > 0) {
    guint64 steps = s->max_steps - MIN (s->max_steps, step);

    if (steps < left / s->trainer.batch_size)
      left = steps * s->trainer.batch_size;
  }
  return left;
}

void
gst_ddpm_train_session_update_report (GstDdpmTrainSession * session)
{
  GstDdpmTrainReport *report = &session->report;
  const GstDdpmSample *sample = &session->sample;

  if (session->trainer)
    ddpm_trainer_get_stats (session->trainer, &report->stats);
  report->batch_size = session->settings.trainer.batch_size;
  report->max_steps = session->settings.max_steps;
  report->images_left = count_images_left (session, report->stats.step);
  report->running_time = session->running_time;
  report->stream_time = session->stream_time;
  report->epoch = report->epoch_position = 0;
  if (sample->epoch_size > 0) {
    report->epoch = sample->epoch + 1;
    report->epoch_position = sample->position + 1;
    report->epoch_size = sample->epoch_size;
    report->n_epochs = session->n_images / sample->epoch_size;
  }
  GST_OBJECT_LOCK (session->element);
  *session->published = *report;
  GST_OBJECT_UNLOCK (session->element);
}

guint64
gst_ddpm_train_session_get_step (GstDdpmTrainSession * session)
{
  guint64 step;

  GST_OBJECT_LOCK (session->element);
  step = session->published->stats.step;
  GST_OBJECT_UNLOCK (session->element);
  return step;
}

/* --- progress ------------------------------------------------------------- */

/* gst-launch-1.0 prints these messages, and does not go to PLAYING between START
 * and the end: a session starts them in PLAYING. */
void
gst_ddpm_train_session_tell (GstDdpmTrainSession * session,
    GstProgressType type, const gchar * format, ...)
{
  g_autofree gchar *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (g_atomic_int_get (&session->is_closing))
    g_message ("%s: %s", GST_ELEMENT_NAME (session->element), text);
  gst_element_post_message (session->element,
      gst_message_new_progress (GST_OBJECT (session->element), type,
          GST_DDPM_TRAIN_CODE, text));
}

void
gst_ddpm_train_session_tell_last_step (GstDdpmTrainSession * session)
{
  const guint64 step = gst_ddpm_train_session_get_step (session) + 1;
  g_autofree gchar *name =
      gst_ddpm_train_files_get_checkpoint (&session->files, step);

  if (g_atomic_int_compare_and_exchange (&session->has_told_end, FALSE, TRUE))
    gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_CONTINUE,
        "finishing step %" G_GUINT64_FORMAT ", then saving %s", step, name);
}

void
gst_ddpm_train_session_start (GstDdpmTrainSession * session)
{
  const DdpmConfig *config = &session->settings.config;
  const guint64 step = session->report.stats.step;
  g_autofree gchar *network = NULL, *resumed = NULL;

  session->has_started = TRUE;
  gst_ddpm_train_progress_restart (&session->progress);
  network = ddpm_config_to_string (config);
  resumed = step == 0 ? NULL :
      g_strdup_printf ("resumed after step %" G_GUINT64_FORMAT ": ", step);
  gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_START,
      "%s%s, %" G_GUINT64_FORMAT " parameters, on %dx%d images; %s %s: %s",
      resumed ? resumed : "", network,
      ddpm_config_count_parameters (config),
      GST_VIDEO_INFO_WIDTH (&session->info),
      GST_VIDEO_INFO_HEIGHT (&session->info),
      ddpm_backend_get_name (session->backend),
      ddpm_backend_get_precision_name (session->backend),
      ddpm_backend_get_device (session->backend));
}

/* Training continues without a log that cannot be written. */
static void
flush_log (GstDdpmTrainSession * session)
{
  g_autoptr (GError) error = NULL;

  if (session->log == NULL || gst_ddpm_train_log_flush (session->log, &error))
    return;
  g_clear_pointer (&session->log, gst_ddpm_train_log_close);
  GST_ELEMENT_WARNING (session->element, RESOURCE, WRITE,
      ("Training continues without a log: %s", error->message), (NULL));
}

/* Returns: (transfer full): the end of a sentence */
static gchar *
count_images (GstDdpmTrainSession * session)
{
  const guint64 n = session->n_trained;

  if (n == 0)
    return g_strdup ("");
  if (session->n_lost > 0)
    return g_strdup_printf (", trained on %" G_GUINT64_FORMAT " of %"
        G_GUINT64_FORMAT " images in this run", n, n + session->n_lost);
  return g_strdup_printf (", trained on %" G_GUINT64_FORMAT " images in this "
      "run", n);
}

/* What has become of the last step. type: how the run has ended */
static gchar *
describe_end (GstDdpmTrainSession * session, GstProgressType type)
{
  const guint64 step = session->report.stats.step;
  g_autofree gchar *name =
      gst_ddpm_train_files_get_checkpoint (&session->files, step);
  g_autofree gchar *count = count_images (session);
  const gchar *what = step != session->saved_step ? "did not save" :
      type == GST_PROGRESS_TYPE_COMPLETE && session->n_trained == 0 ?
      "nothing left to do for" : "saved";

  if (step == 0)
    return g_strdup ("no step was finished");
  return g_strdup_printf ("step %" G_GUINT64_FORMAT ": %s %s%s", step, what,
      name, count);
}

void
gst_ddpm_train_session_finish (GstDdpmTrainSession * session,
    GstProgressType type)
{
  const gchar *prefix = type == GST_PROGRESS_TYPE_COMPLETE ? "" :
      type == GST_PROGRESS_TYPE_ERROR ? "failed; " : "stopped; ";
  g_autofree gchar *end = describe_end (session, type);

  flush_log (session);
  if (!session->has_started)
    return;
  session->has_started = FALSE;
  gst_ddpm_train_session_tell (session, type, "%s%s", prefix, end);
}

/* --- element messages ----------------------------------------------------- */

static void
post_structure (GstDdpmTrainSession * session, GstStructure * structure)
{
  gst_element_post_message (session->element,
      gst_message_new_element (GST_OBJECT (session->element), structure));
}

void
gst_ddpm_train_session_post_model (GstDdpmTrainSession * session)
{
  const GstDdpmTrainSettings *s = &session->settings;
  g_autofree gchar *network = ddpm_config_to_string (&s->config);

  /* *INDENT-OFF* */
  post_structure (session, gst_structure_new ("ddpmtrainsink-model",
      "location", G_TYPE_STRING, s->location,
      "step", G_TYPE_UINT64, session->report.stats.step,
      "architecture", G_TYPE_STRING, network,
      "parameters", G_TYPE_UINT64, ddpm_config_count_parameters (&s->config),
      "width", G_TYPE_INT, GST_VIDEO_INFO_WIDTH (&session->info),
      "height", G_TYPE_INT, GST_VIDEO_INFO_HEIGHT (&session->info),
      "channels", G_TYPE_UINT, s->config.image_channels,
      "timesteps", G_TYPE_UINT, s->config.timesteps,
      "classes", G_TYPE_UINT, s->config.classes,
      "batch-size", G_TYPE_UINT, s->trainer.batch_size,
      "micro-batch", G_TYPE_UINT,
          ddpm_trainer_get_micro_batch (session->trainer),
      "backend", G_TYPE_STRING, ddpm_backend_get_name (session->backend),
      "precision", G_TYPE_STRING,
          ddpm_backend_get_precision_name (session->backend),
      "device", G_TYPE_STRING, ddpm_backend_get_device (session->backend),
      NULL));
  /* *INDENT-ON* */
}

void
gst_ddpm_train_session_post_saved (GstDdpmTrainSession * session,
    const GstDdpmTrainReport * report, const gchar * name, const gchar * reason)
{
  GStatBuf file = { 0 };

  g_stat (name, &file);
  /* *INDENT-OFF* */
  post_structure (session, gst_structure_new ("ddpmtrainsink-checkpoint",
      "location", G_TYPE_STRING, name,
      "step", G_TYPE_UINT64, report->stats.step,
      "epoch", G_TYPE_UINT, (guint) report->epoch,
      "loss", G_TYPE_DOUBLE, report->stats.loss,
      "size", G_TYPE_UINT64, (guint64) file.st_size,
      "reason", G_TYPE_STRING, reason, NULL));
  /* *INDENT-ON* */
}

void
gst_ddpm_train_session_post_report (GstDdpmTrainSession * session)
{
  g_autofree gchar *text = gst_ddpm_train_report_to_string (&session->report);

  flush_log (session);
  gst_ddpm_train_progress_set_reported (&session->progress);
  gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_CONTINUE, "%s", text);
  post_structure (session, gst_ddpm_train_report_to_structure
      (&session->report, "ddpmtrainsink-progress"));
  session->has_reported = TRUE;
}
