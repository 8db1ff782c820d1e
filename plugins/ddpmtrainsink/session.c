/* gst-ddpm: a training session: images in, steps and checkpoints out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include "plugins/ddpmtrainsink/batch.h"
#include "plugins/ddpmtrainsink/log.h"
#include "plugins/ddpmtrainsink/session.h"

struct _GstDdpmTrainSession
{
  GstDdpmTrainSettings settings;
  const GstDdpmTrainCallbacks *callbacks;
  gpointer user_data;
  DdpmBackend *backend;
  DdpmTrainState *state;        /* to resume from; NULL: none, or restored */
  DdpmModel *initial;           /* whose weights are the first; or NULL */
  DdpmModel *teacher;           /* or NULL */

  /* of the thread that feeds */
  GstVideoInfo info;
  gchar *source_names;          /* of classes; NULL: not known */
  GstDdpmTrainBatch batch;
  GstDdpmTrainLog *log;         /* NULL: none */
  GstDdpmTrainProgress progress;
  gboolean has_begun;
  gboolean has_started;         /* PROGRESS messages, and not finished them */
  guint64 to_skip;              /* images that the resumed run trained on */
  guint64 n_seen;               /* images skipped or added */
  guint64 n_images;             /* of the stream; 0: not known */
  gboolean has_sample;
  GstDdpmSample sample;         /* of the last image */
  gboolean epoch_ended;         /* with the last image */
  GstClockTime running_time, stream_time;       /* of the last image */
  gboolean has_trained;
  gboolean has_ended;           /* by max-steps */
  gboolean has_reported;        /* the last step */
  gboolean preview_due;
  guint64 previewed_step;

  /* Threads that want to save. Without this count they would seldom get the
   * lock, since one step follows another at once. */
  gint savers;
  GMutex lock;                  /* held during a step */
  GCond saved;
  /* with the lock */
  DdpmTrainer *trainer;
  guint64 epochs_done;
  guint64 saved_step;           /* G_MAXUINT64: none */
  GstDdpmTrainReport report;    /* of the last step */
};

/* --- start and end ---------------------------------------------------------- */

/* The checkpoint and its state are written only after hours of training: that
 * they can be is checked now. */
static gboolean
check_location (const gchar * location, GError ** error)
{
  g_autofree gchar *state = ddpm_train_state_path (location);

  return ddpm_checkpoint_can_save (location, error)
      && ddpm_checkpoint_can_save (state, error);
}

/* With neither a state nor a checkpoint, training starts from scratch, so that
 * one command line serves the first run and all others. States are written
 * before their checkpoints: a checkpoint without one is of other work, which
 * the first save would replace. */
static gboolean
load_state (GstDdpmTrainSession * session, GError ** error)
{
  const gchar *location = session->settings.location;
  g_autofree gchar *path = ddpm_train_state_path (location);

  if (!session->settings.resume)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS)) {
    session->state = ddpm_train_state_load (path, error);
    return session->state != NULL;
  }
  if (!g_file_test (location, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "Cannot resume: found %s, but not %s: choose another location, or "
      "resume=false to replace the checkpoint", location, path);
  return FALSE;
}

/* name NULL or "": there is none */
static gboolean
load_model (const gchar * name, DdpmModel ** model, GError ** error)
{
  if (name && *name != '\0')
    *model = ddpm_checkpoint_load (name, error);
  return name == NULL || *name == '\0' || *model;
}

GstDdpmTrainSession *
gst_ddpm_train_session_new (const GstDdpmTrainSettings * settings,
    GstDdpmCuda * cuda,
    const GstDdpmTrainCallbacks * callbacks, gpointer user_data,
    GError ** error)
{
  GstDdpmTrainSession *session = g_atomic_rc_box_new0 (GstDdpmTrainSession);
  GstDdpmTrainSettings *s = &session->settings;

  gst_ddpm_settings_copy (&gst_ddpm_train_properties, s, settings);
  gst_video_info_init (&session->info);
  g_mutex_init (&session->lock);
  g_cond_init (&session->saved);
  session->callbacks = callbacks;
  session->user_data = user_data;
  session->saved_step = session->previewed_step = G_MAXUINT64;
  session->running_time = session->stream_time = GST_CLOCK_TIME_NONE;
  session->report.running_time = session->report.stream_time =
      GST_CLOCK_TIME_NONE;
  session->progress.interval = s->progress_interval;

  if (!gst_ddpm_train_settings_check (s, error)
      || !check_location (s->location, error))
    goto failed;
  session->backend = gst_ddpm_cuda_backend_new (cuda, &s->compute, error);
  if (session->backend == NULL || !load_state (session, error))
    goto failed;
  /* A run that is resumed has its weights. */
  if (session->state == NULL
      && !load_model (s->initial_model, &session->initial, error))
    goto failed;
  if (!load_model (s->teacher_model, &session->teacher, error))
    goto failed;
  callbacks->report (&session->report, user_data);
  return session;

failed:
  gst_ddpm_train_session_unref (session);
  return NULL;
}

GstDdpmTrainSession *
gst_ddpm_train_session_ref (GstDdpmTrainSession * session)
{
  return g_atomic_rc_box_acquire (session);
}

static void
clear_session (gpointer data)
{
  GstDdpmTrainSession *session = data;

  g_clear_pointer (&session->log, gst_ddpm_train_log_close);
  g_clear_pointer (&session->trainer, ddpm_trainer_free);
  g_clear_pointer (&session->state, ddpm_train_state_free);
  g_clear_pointer (&session->initial, ddpm_model_unref);
  g_clear_pointer (&session->teacher, ddpm_model_unref);
  gst_ddpm_train_batch_clear (&session->batch);
  g_clear_pointer (&session->backend, ddpm_backend_unref);
  g_free (session->source_names);
  gst_ddpm_settings_clear (&gst_ddpm_train_properties, &session->settings);
  g_mutex_clear (&session->lock);
  g_cond_clear (&session->saved);
}

void
gst_ddpm_train_session_unref (GstDdpmTrainSession * session)
{
  g_atomic_rc_box_release_full (session, clear_session);
}

const GstDdpmTrainSettings *
gst_ddpm_train_session_get_settings (GstDdpmTrainSession * session)
{
  return &session->settings;
}

DdpmBackend *
gst_ddpm_train_session_get_backend (GstDdpmTrainSession * session)
{
  return session->backend;
}

guint64
gst_ddpm_train_session_get_step (GstDdpmTrainSession * session)
{
  return session->report.stats.step;
}

/* --- what it tells ------------------------------------------------------------ */

static void
tell_progress (GstDdpmTrainSession * session, GstProgressType type,
    const gchar * text)
{
  session->callbacks->progress (type, text, session->user_data);
}

static void
start_progress (GstDdpmTrainSession * session)
{
  const guint64 step = session->report.stats.step;
  g_autofree gchar *network = NULL, *resumed = NULL, *text = NULL;

  if (session->has_started)
    return;
  session->has_started = TRUE;
  gst_ddpm_train_progress_restart (&session->progress);
  network = ddpm_config_to_string (&session->settings.config);
  resumed = step == 0 ? NULL :
      g_strdup_printf ("resumed after step %" G_GUINT64_FORMAT ": ", step);
  text = g_strdup_printf ("%s%s, %" G_GUINT64_FORMAT " parameters, on %dx%d "
      "images; %s %s: %s", resumed ? resumed : "", network,
      ddpm_config_count_parameters (&session->settings.config),
      GST_VIDEO_INFO_WIDTH (&session->info),
      GST_VIDEO_INFO_HEIGHT (&session->info),
      ddpm_backend_get_name (session->backend),
      ddpm_backend_get_precision_name (session->backend),
      ddpm_backend_get_device (session->backend));
  tell_progress (session, GST_PROGRESS_TYPE_START, text);
}

static void
tell_model (GstDdpmTrainSession * session)
{
  const GstDdpmTrainSettings *s = &session->settings;
  g_autofree gchar *network = ddpm_config_to_string (&s->config);

  /* *INDENT-OFF* */
  session->callbacks->message (gst_structure_new ("ddpmtrainsink-model",
      "location", G_TYPE_STRING, s->location,
      "step", G_TYPE_UINT64, session->report.stats.step,
      "architecture", G_TYPE_STRING, network,
      "parameters", G_TYPE_UINT64, ddpm_config_count_parameters (&session->settings.config),
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
      NULL), session->user_data);
  /* *INDENT-ON* */
}

static void
tell_saved (GstDdpmTrainSession * session, const GstDdpmTrainReport * report,
    const gchar * reason)
{
  const gchar *location = session->settings.location;
  GStatBuf file = { 0 };

  g_stat (location, &file);
  /* *INDENT-OFF* */
  session->callbacks->message (gst_structure_new ("ddpmtrainsink-checkpoint",
      "location", G_TYPE_STRING, location,
      "step", G_TYPE_UINT64, report->stats.step,
      "epoch", G_TYPE_UINT, (guint) report->epoch,
      "loss", G_TYPE_DOUBLE, report->stats.loss,
      "size", G_TYPE_UINT64, (guint64) file.st_size,
      "reason", G_TYPE_STRING, reason, NULL), session->user_data);
  /* *INDENT-ON* */
}

/* Without its log, the training goes on. */
static void
flush_log (GstDdpmTrainSession * session)
{
  GError *error = NULL;

  if (session->log == NULL || gst_ddpm_train_log_flush (session->log, &error))
    return;
  g_clear_pointer (&session->log, gst_ddpm_train_log_close);
  g_prefix_error (&error, "Training continues without a log: ");
  session->callbacks->warn (error, session->user_data);
}

static void
tell_report (GstDdpmTrainSession * session)
{
  g_autofree gchar *text = gst_ddpm_train_report_to_string (&session->report);

  flush_log (session);
  gst_ddpm_train_progress_set_reported (&session->progress);
  tell_progress (session, GST_PROGRESS_TYPE_CONTINUE, text);
  session->callbacks->message (gst_ddpm_train_report_to_structure
      (&session->report, "ddpmtrainsink-progress"), session->user_data);
  session->has_reported = TRUE;
}

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

/* With the lock, or before other threads have anything to save */
static void
update_report (GstDdpmTrainSession * session)
{
  GstDdpmTrainReport *report = &session->report;

  ddpm_trainer_get_stats (session->trainer, &report->stats);
  report->batch_size = session->settings.trainer.batch_size;
  report->max_steps = session->settings.max_steps;
  report->images_left = count_images_left (session, report->stats.step);
  report->epoch = report->epoch_position = 0;
  if (!session->has_sample || session->sample.epoch_size == 0)
    return;
  report->epoch = session->sample.epoch + 1;
  report->epoch_position = session->sample.position + 1;
  report->epoch_size = session->sample.epoch_size;
  report->n_epochs = session->n_images / session->sample.epoch_size;
}

/* --- format ------------------------------------------------------------------- */

static gboolean
is_same_size (const GstVideoInfo * a, const GstVideoInfo * b)
{
  return GST_VIDEO_INFO_WIDTH (a) == GST_VIDEO_INFO_WIDTH (b)
      && GST_VIDEO_INFO_HEIGHT (a) == GST_VIDEO_INFO_HEIGHT (b)
      && GST_VIDEO_INFO_N_COMPONENTS (a) == GST_VIDEO_INFO_N_COMPONENTS (b);
}

static gboolean
restore_state (GstDdpmTrainSession * session, DdpmTrainer * trainer,
    GError ** error)
{
  const DdpmTrainState *state = session->state;

  if (!ddpm_trainer_restore (trainer, state, error)) {
    g_autofree gchar *path = ddpm_train_state_path (session->settings.location);

    g_prefix_error (error, "Cannot resume from %s: ", path);
    return FALSE;
  }
  session->to_skip = state->samples;
  session->epochs_done = state->epoch;
  session->saved_step = state->step;
  return TRUE;
}

static gboolean
set_initial_weights (GstDdpmTrainSession * session, DdpmTrainer * trainer,
    GError ** error)
{
  if (ddpm_trainer_set_weights (trainer, session->initial, error))
    return TRUE;
  g_prefix_error (error, "Cannot start from initial-model=%s: ",
      session->settings.initial_model);
  return FALSE;
}

static gboolean
set_teacher (GstDdpmTrainSession * session, DdpmTrainer * trainer,
    GError ** error)
{
  if (ddpm_trainer_set_teacher (trainer, session->teacher, error))
    return TRUE;
  g_prefix_error (error, "Cannot learn from teacher-model=%s: ",
      session->settings.teacher_model);
  return FALSE;
}

/* The property names the classes, or else the source, or else what the state or
 * the initial model said. Names of another number of classes are ignored. */
static void
apply_class_names (GstDdpmTrainSession * session, DdpmTrainer * trainer)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const gchar *text = s->class_names && *s->class_names != '\0' ?
      s->class_names : session->source_names;
  g_auto (GStrv) names = NULL;

  if (s->config.classes > 0 && text)
    names = ddpm_class_names_parse (text, s->config.classes, NULL);
  if (names)
    ddpm_trainer_set_class_names (trainer, names);
}

static gboolean
make_trainer (GstDdpmTrainSession * session, GError ** error)
{
  const guint width = GST_VIDEO_INFO_WIDTH (&session->info);
  const guint height = GST_VIDEO_INFO_HEIGHT (&session->info);
  GstDdpmTrainSettings *s = &session->settings;
  g_autoptr (DdpmTrainer) trainer = NULL;

  s->config.image_channels = GST_VIDEO_INFO_N_COMPONENTS (&session->info);
  if (!ddpm_config_check_size (&s->config, width, height, error)
      || !gst_ddpm_train_batch_init (&session->batch, s->trainer.batch_size,
          &session->info, s->config.classes, session->backend, error))
    return FALSE;
  trainer = ddpm_trainer_new (&s->config, &s->trainer, width, height,
      session->backend, error);
  if (trainer == NULL
      || (session->state && !restore_state (session, trainer, error))
      || (session->initial && !set_initial_weights (session, trainer, error))
      || (session->teacher && !set_teacher (session, trainer, error)))
    return FALSE;
  apply_class_names (session, trainer);
  g_clear_pointer (&session->state, ddpm_train_state_free);
  g_clear_pointer (&session->initial, ddpm_model_unref);
  g_clear_pointer (&session->teacher, ddpm_model_unref);

  g_mutex_lock (&session->lock);
  session->trainer = g_steal_pointer (&trainer);
  update_report (session);
  g_mutex_unlock (&session->lock);
  session->callbacks->report (&session->report, session->user_data);
  tell_model (session);
  return TRUE;
}

static gboolean
open_log (GstDdpmTrainSession * session, GError ** error)
{
  const gchar *location = session->settings.log_location;

  if (location && *location != '\0')
    session->log = gst_ddpm_train_log_open (location,
        session->report.stats.step, error);
  return location == NULL || *location == '\0' || session->log;
}

gboolean
gst_ddpm_train_session_set_format (GstDdpmTrainSession * session,
    const GstVideoInfo * info, GError ** error)
{
  const gboolean is_first = session->trainer == NULL;

  if (!is_first && !is_same_size (info, &session->info)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "Images changed from %dx%d %s to %dx%d %s: expected images of one "
        "size in a run", GST_VIDEO_INFO_WIDTH (&session->info),
        GST_VIDEO_INFO_HEIGHT (&session->info),
        GST_VIDEO_INFO_NAME (&session->info), GST_VIDEO_INFO_WIDTH (info),
        GST_VIDEO_INFO_HEIGHT (info), GST_VIDEO_INFO_NAME (info));
    return FALSE;
  }
  session->info = *info;
  return !is_first || (make_trainer (session, error)
      && open_log (session, error));
}

gboolean
gst_ddpm_train_session_has_format (GstDdpmTrainSession * session)
{
  return session->trainer != NULL;
}

void
gst_ddpm_train_session_set_class_names (GstDdpmTrainSession * session,
    const gchar * names)
{
  g_free (session->source_names);
  session->source_names = g_strdup (names);
  g_mutex_lock (&session->lock);
  if (session->trainer)
    apply_class_names (session, session->trainer);
  g_mutex_unlock (&session->lock);
}

/* --- images ------------------------------------------------------------------- */

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
  start_progress (session);
  if (session->to_skip == 0 || session->has_ended)
    return;
  text = g_strdup_printf ("skipping %" G_GUINT64_FORMAT " images that have "
      "been trained on", session->to_skip);
  tell_progress (session, GST_PROGRESS_TYPE_CONTINUE, text);
}

void
gst_ddpm_train_session_expect (GstDdpmTrainSession * session,
    const GstDdpmSample * sample)
{
  if (sample && session->has_sample && !session->has_ended
      && sample->epoch != session->sample.epoch)
    session->epoch_ended = TRUE;
}

gboolean
gst_ddpm_train_session_add (GstDdpmTrainSession * session, GstBuffer * buffer,
    const GstDdpmSample * sample, GstClockTime running_time,
    GstClockTime stream_time, GError ** error)
{
  if (session->to_skip > 0)
    session->to_skip--;
  else if (!gst_ddpm_train_batch_add (&session->batch, &session->info, buffer,
          sample, error))
    return FALSE;

  session->n_seen++;
  session->running_time = running_time;
  session->stream_time = stream_time;
  session->has_sample = sample != NULL;
  session->epoch_ended = sample && sample->epoch_size > 0
      && sample->position == sample->epoch_size - 1;
  if (sample)
    session->sample = *sample;
  return TRUE;
}

void
gst_ddpm_train_session_flush (GstDdpmTrainSession * session)
{
  session->n_seen -= session->batch.n;
  session->batch.n = 0;
  session->has_sample = session->epoch_ended = FALSE;
  /* A seek after the beginning has chosen the place. */
  if (session->has_begun)
    session->to_skip = 0;
}

/* --- steps -------------------------------------------------------------------- */

static gboolean
train_batch (GstDdpmTrainSession * session, const gint * cancel,
    GError ** error)
{
  GstDdpmTrainBatch *batch = &session->batch;
  GstDdpmTrainReport *report = &session->report;
  gboolean ok;

  start_progress (session);
  g_mutex_lock (&session->lock);
  while (g_atomic_int_get (&session->savers) > 0)
    g_cond_wait (&session->saved, &session->lock);
  ok = ddpm_trainer_step_from (session->trainer, batch->pixels, batch->labels,
      batch->n, cancel, NULL, error);
  if (ok) {
    if (session->has_sample)
      session->epochs_done = session->sample.epoch + session->epoch_ended;
    update_report (session);
    report->images_per_second =
        gst_ddpm_train_progress_add (&session->progress, batch->n);
    report->running_time = session->running_time;
    report->stream_time = session->stream_time;
    batch->n = 0;
  }
  g_mutex_unlock (&session->lock);
  if (!ok)
    return FALSE;

  session->has_trained = TRUE;
  session->has_reported = FALSE;
  session->callbacks->report (report, session->user_data);
  if (session->log)
    gst_ddpm_train_log_add (session->log, report);
  if (gst_ddpm_train_progress_is_due (&session->progress)
      || session->epoch_ended)
    tell_report (session);
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
    tell_report (session);
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
  guint64 step;

  if (n > 0 && (n == s->trainer.batch_size || session->epoch_ended || end)) {
    if (!train_batch (session, cancel, error) || !save_if_due (session, error))
      return FALSE;
    step = session->report.stats.step;
    if (s->preview_interval > 0 && step % s->preview_interval == 0)
      session->preview_due = TRUE;
  }
  if (end && !save_at_end (session, error))
    return FALSE;
  /* A stream without epochs is one. */
  if (s->preview_interval == 0 && session->has_trained
      && session->previewed_step != session->report.stats.step
      && (session->epoch_ended || (end && session->report.epoch == 0)))
    session->preview_due = TRUE;
  return TRUE;
}

gboolean
gst_ddpm_train_session_has_ended (GstDdpmTrainSession * session)
{
  return session->has_ended;
}

gboolean
gst_ddpm_train_session_is_preview_due (GstDdpmTrainSession * session)
{
  return session->preview_due;
}

void
gst_ddpm_train_session_set_previewed (GstDdpmTrainSession * session)
{
  session->preview_due = FALSE;
  session->previewed_step = session->report.stats.step;
}

void
gst_ddpm_train_session_pause (GstDdpmTrainSession * session)
{
  gst_ddpm_train_progress_restart (&session->progress);
}

void
gst_ddpm_train_session_finish (GstDdpmTrainSession * session,
    GstProgressType type)
{
  g_autofree gchar *text = NULL;

  flush_log (session);
  if (!session->has_started)
    return;
  session->has_started = FALSE;
  if (type == GST_PROGRESS_TYPE_COMPLETE)
    text = g_strdup_printf (session->has_trained ?
        "step %" G_GUINT64_FORMAT ": saved %s" :
        "step %" G_GUINT64_FORMAT ": nothing left to do for %s",
        session->report.stats.step, session->settings.location);
  tell_progress (session, type, text ? text :
      type == GST_PROGRESS_TYPE_ERROR ? "failed" : "stopped");
}

/* --- any thread --------------------------------------------------------------- */

static gboolean
save_unlocked (GstDdpmTrainSession * session, GError ** error)
{
  g_autoptr (GHashTable) table =
      gst_ddpm_train_settings_to_table (&session->settings);

  if (!ddpm_trainer_save (session->trainer, session->settings.location,
          session->epochs_done, table, error))
    return FALSE;
  session->saved_step = session->report.stats.step;
  return TRUE;
}

gboolean
gst_ddpm_train_session_save (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error)
{
  GstDdpmTrainReport report;
  gboolean ok;

  g_atomic_int_inc (&session->savers);
  g_mutex_lock (&session->lock);
  ok = session->trainer && save_unlocked (session, error);
  report = session->report;
  g_atomic_int_add (&session->savers, -1);
  g_cond_broadcast (&session->saved);
  g_mutex_unlock (&session->lock);
  if (ok)
    tell_saved (session, &report, reason);
  return ok;
}

DdpmModel *
gst_ddpm_train_session_get_model (GstDdpmTrainSession * session,
    GError ** error)
{
  DdpmModel *model;

  g_mutex_lock (&session->lock);
  model = ddpm_trainer_get_model (session->trainer, TRUE, error);
  g_mutex_unlock (&session->lock);
  return model;
}
