/* gst-ddpm: a training run: images and optimizer steps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/messages.h"
#include "plugins/ddpmtrainsink/private.h"

#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

/* In so many steps, or in an epoch, an image with a label must have come. */
#define MAX_UNLABELLED_STEPS 1000

/* --- images --------------------------------------------------------------- */

void
gst_ddpm_train_session_begin (GstDdpmTrainSession * session, guint64 n_images,
    gboolean live)
{
  const guint64 max_steps = session->settings.max_steps;
  g_autofree gchar *text = NULL;

  session->has_begun = TRUE;
  session->n_images = n_images;
  session->has_ended = max_steps > 0 && session->report.stats.step >= max_steps;
  if (live && !session->has_ended)
    session->to_skip = 0;
  gst_ddpm_train_session_start (session);
  if (session->to_skip == 0 || session->has_ended)
    return;
  text = g_strdup_printf ("skipping %" G_GUINT64_FORMAT " images that have "
      "been trained on", session->to_skip);
  gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_CONTINUE, text);
}

gboolean
gst_ddpm_train_session_set_label (GstDdpmTrainSession * session,
    const GstCaps * caps, GError ** error)
{
  const gboolean had_label = session->of_caps.has_label;

  session->of_caps = (GstDdpmSample) {
  .label = DDPM_NO_LABEL};
  if (!gst_ddpm_sample_read_label (&session->of_caps,
          gst_caps_get_structure (caps, 0), error)) {
    g_prefix_error (error, "Cannot use the caps: ");
    return FALSE;
  }
  if (session->of_caps.has_label && !had_label
      && session->settings.config.classes == 0)
    /* gst-launch-1.0 prints the debug text alone. */
    GST_ELEMENT_INFO (session->element, RESOURCE, SETTINGS, (NULL),
        ("The labels in the caps are not learnt, because classes is 0"));
  return TRUE;
}

gboolean
gst_ddpm_train_session_read_sample (GstDdpmTrainSession * session,
    GstBuffer * buffer, GstDdpmSample * sample, GError ** error)
{
  *sample = session->of_caps;
  sample->index = session->n_seen;
  return gst_ddpm_sample_read_meta (sample, buffer, error);
}

gboolean
gst_ddpm_train_session_expect (GstDdpmTrainSession * session,
    const GstDdpmSample * sample)
{
  const gboolean is_next_epoch = sample->has_epoch
      && session->sample.has_epoch && !session->has_ended
      && sample->epoch != session->sample.epoch;

  session->epoch_ended |= is_next_epoch;
  return is_next_epoch;
}

gboolean
gst_ddpm_train_session_add (GstDdpmTrainSession * session, GstBuffer * buffer,
    const GstDdpmSample * sample, const GstSegment * segment, GError ** error)
{
  session->running_time = session->stream_time = GST_CLOCK_TIME_NONE;
  if (segment->format == GST_FORMAT_TIME) {
    session->running_time = gst_segment_to_running_time (segment,
        GST_FORMAT_TIME, segment->position);
    session->stream_time = gst_segment_to_stream_time (segment,
        GST_FORMAT_TIME, segment->position);
  }
  if (session->to_skip > 0)
    session->to_skip--;
  else if (!gst_ddpm_train_batch_add (&session->batch, &session->info, buffer,
          sample, error))
    return FALSE;

  session->n_seen++;
  session->sample = *sample;
  session->epoch_ended = sample->epoch_size > 0
      && sample->position == sample->epoch_size - 1;
  session->has_labels |= sample->has_label;
  session->has_classes |= sample->label != DDPM_NO_LABEL;
  return TRUE;
}

void
gst_ddpm_train_session_flush (GstDdpmTrainSession * session)
{
  session->n_seen -= session->batch.n;
  session->batch.n = 0;
  session->sample = (GstDdpmSample) {
  0};
  session->epoch_ended = FALSE;
  /* A seek in the middle of training chooses the position itself. */
  if (session->has_begun)
    session->to_skip = 0;
}

/* --- missing labels ------------------------------------------------------- */

#define LABELS_WANTED "give each image a label with a GstDdpmSampleMeta, or " \
    "the stream with label=(int) in its video caps. Encoders, gdppay and " \
    "compositor lose it: put capssetter caps=video/x-raw,label=(int)0 after " \
    "them, or set classes=0"

/* Before the first step */
static void
warn_of_missing_labels (GstDdpmTrainSession * session)
{
  if (session->settings.config.classes > 0 && !session->has_labels
      && !session->has_trained)
    GST_ELEMENT_WARNING (session->element, STREAM, FAILED,
        ("The first batch has no labels, but classes is %u: " LABELS_WANTED,
            session->settings.config.classes), (NULL));
}

/* After a step */
static gboolean
check_labels (GstDdpmTrainSession * session, GError ** error)
{
  if (session->settings.config.classes == 0 || session->has_classes)
    return TRUE;
  session->unlabelled_steps++;
  if (session->unlabelled_steps < MAX_UNLABELLED_STEPS && !session->epoch_ended)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "No image had a label in %u steps, but classes is %u: " LABELS_WANTED,
      session->unlabelled_steps, session->settings.config.classes);
  return FALSE;
}

/* --- steps ---------------------------------------------------------------- */

static gboolean
train_batch (GstDdpmTrainSession * session, const gint * cancel,
    GError ** error)
{
  GstDdpmTrainBatch *batch = &session->batch;
  GstDdpmTrainReport *report = &session->report;
  gboolean ok;

  if (!session->has_started)
    gst_ddpm_train_session_start (session);
  g_mutex_lock (&session->lock);
  while (g_atomic_int_get (&session->savers) > 0)
    g_cond_wait (&session->saved, &session->lock);
  ok = ddpm_trainer_step_from (session->trainer, batch->pixels, batch->labels,
      batch->n, cancel, NULL, error);
  if (ok) {
    if (session->sample.has_epoch)
      session->epochs_done = session->sample.epoch + session->epoch_ended;
    report->images_per_second =
        gst_ddpm_train_progress_add (&session->progress, batch->n);
    gst_ddpm_train_session_update_report (session);
    batch->n = 0;
    /* before any save of this step */
    if (session->log)
      gst_ddpm_train_log_add (session->log, report);
  }
  g_mutex_unlock (&session->lock);
  if (!ok)
    return FALSE;

  GST_LOG_OBJECT (session->element, "step %" G_GUINT64_FORMAT ": loss %g",
      report->stats.step, report->stats.loss);
  session->has_trained = TRUE;
  session->has_reported = FALSE;
  if (gst_ddpm_train_progress_is_due (&session->progress)
      || session->epoch_ended)
    gst_ddpm_train_session_post_report (session);
  return TRUE;
}

/* After a step */
static gboolean
save_if_due (GstDdpmTrainSession * session, GError ** error)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint64 step = session->report.stats.step;

  session->has_ended = s->max_steps > 0 && step >= s->max_steps;
  if (session->has_ended)
    return gst_ddpm_train_session_save (session, "max-steps", error);
  if (s->checkpoint_interval > 0 && step % s->checkpoint_interval == 0)
    return gst_ddpm_train_session_save (session, "interval", error);
  return TRUE;
}

static gboolean
save_at_end (GstDdpmTrainSession * session, GError ** error)
{
  const guint64 step = session->report.stats.step;
  gboolean saved;

  if (session->has_trained && !session->has_reported)
    gst_ddpm_train_session_post_report (session);
  g_mutex_lock (&session->lock);
  saved = step == session->saved_step;
  g_mutex_unlock (&session->lock);
  return step == 0 || saved
      || gst_ddpm_train_session_save (session, "eos", error);
}

gboolean
gst_ddpm_train_session_train (GstDdpmTrainSession * session, gboolean end,
    const gint * cancel, GError ** error)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint n = session->batch.n;

  if (n > 0 && (n == s->trainer.batch_size || session->epoch_ended || end)) {
    warn_of_missing_labels (session);
    if (!train_batch (session, cancel, error) || !save_if_due (session, error)
        || !check_labels (session, error))
      return FALSE;
    if (s->preview_interval > 0
        && session->report.stats.step % s->preview_interval == 0)
      session->preview_due = TRUE;
  }
  if (end && !save_at_end (session, error))
    return FALSE;
  /* A stream without epochs is one epoch. */
  if (s->preview_interval == 0 && session->has_trained
      && session->previewed_step != session->report.stats.step
      && (session->epoch_ended || (end && session->report.epoch == 0)))
    session->preview_due = TRUE;
  return TRUE;
}
