/* gst-ddpm: a training run: images and optimizer steps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/caps.h"
#include "plugins/common/error.h"
#include "plugins/common/ticker.h"
#include "plugins/ddpmtrainsink/messages.h"
#include "plugins/ddpmtrainsink/private.h"

#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

/* In so many steps, or in an epoch, an image with a label must have come. */
#define MAX_UNLABELLED_STEPS 1000

/* From a save that failed to the next attempt, at the latest */
#define RETRY_MINUTES 1.0

/* --- places in all epochs -------------------------------------------------- */

/* A source may have left images out: then the next place is not the number of
 * images, and the state has this key. */
#define PLACE "place"

void
gst_ddpm_train_session_write_place (GstDdpmTrainSession * session,
    GHashTable * settings)
{
  if (session->places_done > session->report.stats.samples)
    g_hash_table_insert (settings, (gpointer) PLACE,
        g_strdup_printf ("%" G_GUINT64_FORMAT, session->places_done));
}

void
gst_ddpm_train_session_read_place (GstDdpmTrainSession * session,
    GHashTable * settings)
{
  const gchar *text = settings ? g_hash_table_lookup (settings, PLACE) : NULL;

  if (text)
    g_ascii_string_to_unsigned (text, 10, session->to_skip, G_MAXINT64,
        &session->first_place, NULL);
  session->places_done = session->first_place;
}

/* FALSE: the image has no place */
static gboolean
get_place (const GstDdpmSample * sample, guint64 * place)
{
  return sample->has_epoch && sample->epoch_size > 0
      && g_uint64_checked_mul (place, sample->epoch, sample->epoch_size)
      && g_uint64_checked_add (place, *place, sample->position);
}

/* --- images --------------------------------------------------------------- */

void
gst_ddpm_train_session_begin (GstDdpmTrainSession * session, guint64 n_images,
    gboolean live)
{
  const guint64 max_steps = session->settings.max_steps;

  session->has_begun = TRUE;
  session->save_time = g_get_monotonic_time ();
  session->previewed_samples = session->report.stats.samples;
  session->n_images = n_images;
  session->has_ended = max_steps > 0 && session->report.stats.step >= max_steps;
  if (live && !session->has_ended)
    session->to_skip = 0;
  gst_ddpm_train_session_start (session);
  if (session->to_skip == 0 || session->has_ended)
    return;
  gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_CONTINUE,
      "skipping %" G_GUINT64_FORMAT " images that have been trained on",
      session->to_skip);
}

gboolean
gst_ddpm_train_session_set_label (GstDdpmTrainSession * session,
    const GstCaps * caps, GError ** error)
{
  session->of_caps = (GstDdpmSample) {
  .label = DDPM_NO_LABEL};
  if (!gst_ddpm_sample_read_label (&session->of_caps,
          gst_caps_get_structure (caps, 0), error)) {
    g_prefix_error (error, "Cannot use the caps: ");
    return FALSE;
  }
  return TRUE;
}

/* Once a run: images have labels, and nobody has said that they are not to be
 * learnt. */
static void
tell_of_labels (GstDdpmTrainSession * session, const GstDdpmSample * sample)
{
  const GstDdpmTrainSettings *s = &session->settings;

  if (s->config.classes == 0 && sample->label != DDPM_NO_LABEL
      && !session->has_classes)
    gst_ddpm_element_post_info (session->element, gst_ddpm_settings_is_assigned
        (&gst_ddpm_train_properties, s, "classes")
        ? "The labels of the images are not learnt, because classes is 0"
        : "The labels of the images are not learnt: the property classes can "
        "say how many classes there are");
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

static void
ask_source_to_skip (GstDdpmTrainSession * session)
{
  session->has_asked_to_skip = TRUE;
  gst_pad_push_event (GST_BASE_SINK_PAD (session->element),
      gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
          gst_structure_new (GST_DDPM_SKIP_EVENT, "frame", G_TYPE_UINT64,
              session->first_place, NULL)));
}

/* Whether the resumed run trained on this image: among the first ones, by its
 * place or else by counting */
static gboolean
was_trained_on (GstDdpmTrainSession * session, const GstDdpmSample * sample)
{
  guint64 place;

  if (session->to_skip == 0)
    return FALSE;
  if (!get_place (sample, &place)) {
    session->to_skip--;
    return TRUE;
  }
  if (place < session->first_place) {
    if (!session->has_asked_to_skip)
      ask_source_to_skip (session);
    return TRUE;
  }
  session->to_skip = 0;
  session->n_seen = place;
  return FALSE;
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
  if (!was_trained_on (session, sample)
      && !gst_ddpm_train_batch_add (&session->batch, &session->info, buffer,
          sample, error))
    return FALSE;

  session->n_seen++;
  session->sample = *sample;
  session->epoch_ended = sample->epoch_size > 0
      && sample->position == sample->epoch_size - 1;
  tell_of_labels (session, sample);
  session->has_labels |= sample->has_label;
  session->has_classes |= sample->label != DDPM_NO_LABEL;
  return TRUE;
}

void
gst_ddpm_train_session_drop_batch (GstDdpmTrainSession * session)
{
  session->n_seen -= session->batch.n;
  session->batch.n = 0;
}

void
gst_ddpm_train_session_flush (GstDdpmTrainSession * session)
{
  gst_ddpm_train_session_drop_batch (session);
  session->sample = (GstDdpmSample) {
  0};
  session->epoch_ended = FALSE;
  g_atomic_int_set (&session->end_wanted, FALSE);
  g_atomic_int_set (&session->has_told_end, FALSE);
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
      && session->n_trained == 0)
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

/* The first step of a run also plans, which may take long. */
static GstDdpmTicker *
tick_first_step (GstDdpmTrainSession * session)
{
  g_autofree gchar *number = NULL;

  if (session->n_trained > 0)
    return NULL;
  number = g_strdup_printf ("%" G_GUINT64_FORMAT,
      session->report.stats.step + 1);
  return gst_ddpm_ticker_new (session->element, "step", number);
}

static gboolean
train_batch (GstDdpmTrainSession * session, const gint * cancel,
    GError ** error)
{
  GstDdpmTrainBatch *batch = &session->batch;
  GstDdpmTrainReport *report = &session->report;
  GstDdpmTicker *ticker;
  gboolean ok;

  if (!session->has_started)
    gst_ddpm_train_session_start (session);
  ticker = tick_first_step (session);
  g_mutex_lock (&session->lock);
  while (g_atomic_int_get (&session->savers) > 0)
    g_cond_wait (&session->saved, &session->lock);
  g_atomic_int_set (&session->in_step, TRUE);
  ok = ddpm_trainer_step_from (session->trainer, batch->pixels, batch->labels,
      batch->n, cancel, NULL, error);
  g_atomic_int_set (&session->in_step, FALSE);
  if (ok) {
    if (session->sample.has_epoch)
      session->epochs_done = session->sample.epoch + session->epoch_ended;
    if (get_place (&session->sample, &session->places_done))
      session->places_done++;
    else
      session->places_done = 0;
    report->images_per_second =
        gst_ddpm_train_progress_add (&session->progress, batch->n);
    gst_ddpm_train_session_update_report (session);
    session->n_trained += batch->n;
    batch->n = 0;
    /* before any save of this step */
    if (session->log)
      gst_ddpm_train_log_add (session->log, report);
  }
  g_mutex_unlock (&session->lock);
  g_clear_pointer (&ticker, gst_ddpm_ticker_free);
  if (!ok)
    return FALSE;

  GST_LOG_OBJECT (session->element, "step %" G_GUINT64_FORMAT ": loss %g",
      report->stats.step, report->stats.loss);
  session->has_reported = FALSE;
  if (gst_ddpm_train_progress_is_due (&session->progress)
      || session->epoch_ended)
    gst_ddpm_train_session_post_report (session);
  return TRUE;
}

/* After a step. Returns: why to save it; NULL: there is no need to */
static const gchar *
get_save_reason (GstDdpmTrainSession * session)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint64 step = session->report.stats.step;
  const gdouble minutes = (g_get_monotonic_time () - session->save_time)
      / (60.0 * G_USEC_PER_SEC);

  if (s->checkpoint_interval > 0 && step % s->checkpoint_interval == 0)
    return "interval";
  if (s->checkpoint_minutes > 0.0 && minutes >= s->checkpoint_minutes)
    return "minutes";
  return session->save_failed && minutes >= RETRY_MINUTES ? "retry" : NULL;
}

static gboolean
save_if_due (GstDdpmTrainSession * session, GError ** error)
{
  const guint64 max_steps = session->settings.max_steps;
  g_autoptr (GError) problem = NULL;
  const gchar *reason;

  session->has_ended = max_steps > 0 && session->report.stats.step >= max_steps;
  if (session->has_ended)
    return gst_ddpm_train_session_save_last (session, "max-steps", error);
  reason = get_save_reason (session);
  if (reason && !gst_ddpm_train_session_save (session, reason, &problem))
    GST_ELEMENT_WARNING (session->element, RESOURCE, WRITE,
        ("Step %" G_GUINT64_FORMAT " is not saved, and training continues: %s",
            session->report.stats.step, problem->message), (NULL));
  return TRUE;
}

static gboolean
save_at_end (GstDdpmTrainSession * session, GError ** error)
{
  if (session->n_trained > 0 && !session->has_reported)
    gst_ddpm_train_session_post_report (session);
  return gst_ddpm_train_session_save_last (session, "eos", error);
}

/* To train on an image takes as much as three evaluations of the network: the
 * backward pass takes two. Previews of epochs may take a twentieth of that. */
static gboolean
is_automatic_preview_due (GstDdpmTrainSession * session, gboolean end)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint64 evaluations = (guint64) s->preview_count
      * gst_ddpm_preview_count_steps (&s->config, s->preview_steps);
  const guint64 trained = 3 * (session->report.stats.samples
      - session->previewed_samples);

  return session->n_trained > 0
      && session->previewed_step != session->report.stats.step
      && (end ? !g_atomic_int_get (&session->end_wanted)
      : session->epoch_ended && 20 * evaluations <= trained);
}

gboolean
gst_ddpm_train_session_train (GstDdpmTrainSession * session, gboolean end,
    const gint * cancel, GError ** error)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint n = session->batch.n;

  if (end && n > 0)
    gst_ddpm_train_session_tell_last_step (session);
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
  session->preview_due |= s->preview_interval == 0
      && is_automatic_preview_due (session, end);
  return TRUE;
}
