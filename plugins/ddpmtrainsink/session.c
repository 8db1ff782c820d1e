/* gst-ddpm: a training run: its start and its model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include "plugins/common/error.h"
#include "plugins/common/ticker.h"
#include "plugins/ddpmtrainsink/messages.h"
#include "plugins/ddpmtrainsink/session.h"
#include "plugins/ddpmtrainsink/warnings.h"

/* --- errors --------------------------------------------------------------- */

/* These name the file of an error, and return FALSE. */
static gboolean
cannot_resume (GstDdpmTrainSession * session, GError ** error)
{
  g_prefix_error (error, "Cannot resume from %s: ", session->files.state);
  return FALSE;
}

static gboolean
cannot_start (GstDdpmTrainSession * session, GError ** error)
{
  g_prefix_error (error, "Cannot start from initial-model=%s: ",
      session->settings.initial_model);
  return FALSE;
}

static gboolean
cannot_learn (GstDdpmTrainSession * session, GError ** error)
{
  g_prefix_error (error, "Cannot learn from teacher-model=%s: ",
      session->settings.teacher_model);
  return FALSE;
}

/* --- start and end -------------------------------------------------------- */

/* Files that are written only after hours of training; no other run may write
 * them meanwhile. */
static gboolean
reserve_files (GstDdpmTrainSession * session, GError ** error)
{
  const GstDdpmTrainSettings *s = &session->settings;
  g_autofree gchar *first = NULL;

  if (!gst_ddpm_train_files_init (&session->files, s->location, error))
    return FALSE;
  first = gst_ddpm_train_files_get_checkpoint (&session->files, 1);
  if (!ddpm_checkpoint_can_save (first, error)
      || !ddpm_train_state_can_save (session->files.state, error)
      || (s->log_location
          && !gst_ddpm_train_log_check (s->log_location, error)))
    return FALSE;
  session->file_lock = ddpm_checkpoint_lock (session->files.base, error);
  return session->file_lock != NULL;
}

/* The files of another run are kept under other names. */
static void
warn_of_other_run (GstDdpmTrainSession * session, const gchar * checkpoint)
{
  const GstDdpmTrainFiles *files = &session->files;
  const gboolean has_state = g_file_test (files->state, G_FILE_TEST_EXISTS);

  session->keep_old = TRUE;
  if (checkpoint || has_state)
    GST_ELEMENT_WARNING (session->element, RESOURCE, WRITE,
        ("%s is there already, and this run starts from scratch "
            "(resume=false): when it saves, it renames that to %s%s",
            checkpoint ? checkpoint : files->state,
            checkpoint ? checkpoint : files->base,
            checkpoint ? ".old" : ".old.state"), (NULL));
}

/* With neither a state nor a checkpoint, training starts from scratch, so one
 * command line serves for the first run and all others. A state is written
 * before its checkpoint: a checkpoint without a state is other work. */
static gboolean
load_state (GstDdpmTrainSession * session, GError ** error)
{
  const gchar *path = session->files.state;
  g_autofree gchar *checkpoint =
      gst_ddpm_train_files_find_checkpoint (&session->files);
  g_autoptr (GstDdpmTicker) ticker = gst_ddpm_ticker_new (session->element,
      "loading", path);

  if (!session->settings.resume) {
    if (!ddpm_checkpoint_can_keep_old (checkpoint ? checkpoint :
            session->files.base, session->files.base, error))
      return FALSE;
    warn_of_other_run (session, checkpoint);
    return TRUE;
  }
  if (g_file_test (path, G_FILE_TEST_EXISTS)) {
    session->state = ddpm_train_state_load (path, error);
    return session->state != NULL;
  }
  if (checkpoint == NULL)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "Cannot resume: found %s, but not %s: choose another location, or "
      "resume=false to start from scratch", checkpoint, path);
  return FALSE;
}

/* name NULL: there is none */
static gboolean
load_model (GstDdpmTrainSession * session, const gchar * name,
    DdpmModel ** model, GError ** error)
{
  g_autoptr (GstDdpmTicker) ticker = NULL;

  if (name == NULL)
    return TRUE;
  ticker = gst_ddpm_ticker_new (session->element, "loading", name);
  *model = ddpm_checkpoint_load_shared (name, error);
  if (*model)
    gst_ddpm_element_post_info (session->element, (*model)->assumptions);
  return *model != NULL;
}

/* Where nothing is said of the network, it is that of the state or of the initial
 * model. */
static gboolean
adopt_network (GstDdpmTrainSession * session, GError ** error)
{
  GstDdpmTrainSettings *s = &session->settings;

  if (session->state)
    gst_ddpm_train_settings_adopt_state (s, session->state);
  if (session->initial
      && !gst_ddpm_train_settings_adopt_model (s, session->initial, error))
    return cannot_start (session, error);
  return gst_ddpm_train_settings_check_network (s, error);
}

/* The number of classes that nobody has set is that of the models, or else of the
 * names. Otherwise it stays open until the source has named its classes. */
static void
settle_classes (GstDdpmTrainSession * session)
{
  GstDdpmTrainSettings *s = &session->settings;
  guint classes = s->config.classes;

  if (classes == 0 && session->state == NULL && session->teacher)
    classes = session->teacher->config.classes;
  if (classes == 0 && session->state == NULL && s->class_names)
    classes = gst_ddpm_train_count_names (s->class_names);
  if (s->classes < 0 && (classes > 0 || session->state))
    s->config.classes = s->classes = classes;
}

/* Checks that state and models fit the network, and asks for images that fit
 * them. Other images may come, and are checked then. */
static gboolean
check_models (GstDdpmTrainSession * session, GError ** error)
{
  const GstDdpmTrainSettings *s = &session->settings;
  GstDdpmTrainImages *images = &session->images;
  DdpmConfig config = s->config;

  if (session->state) {
    images->channels = config.image_channels =
        session->state->config.image_channels;
    images->width = session->state->width;
    images->height = session->state->height;
    if (!ddpm_trainer_can_restore (&config, &s->trainer, session->state, error))
      return cannot_resume (session, error);
  }
  if (session->initial) {
    images->channels = config.image_channels =
        session->initial->config.image_channels;
    images->width = session->initial->width;
    images->height = session->initial->height;
    if (!ddpm_trainer_can_start_from (&config, session->initial, error))
      return cannot_start (session, error);
  }
  if (session->teacher) {
    images->channels = config.image_channels =
        session->teacher->config.image_channels;
    if (!ddpm_trainer_can_learn_from (&config, &s->trainer, session->teacher,
            error))
      return cannot_learn (session, error);
  }
  return TRUE;
}

GstDdpmTrainSession *
gst_ddpm_train_session_new (GstDdpmCuda * cuda, GstDdpmTrainReport * published,
    GError ** error)
{
  GstDdpmTrainSession *session = g_atomic_rc_box_new0 (GstDdpmTrainSession);
  GstDdpmTrainSettings *s = &session->settings;

  gst_video_info_init (&session->info);
  g_mutex_init (&session->lock);
  g_cond_init (&session->saved);
  session->element = cuda->element;
  session->published = published;
  session->saved_step = session->previewed_step = NO_STEP;
  session->running_time = session->stream_time = GST_CLOCK_TIME_NONE;

  if (!gst_ddpm_element_copy_settings (cuda->element, s, error)
      || !gst_ddpm_train_settings_check (s, error)
      || !reserve_files (session, error)
      || !load_state (session, error))
    goto failed;
  /* A resumed run has its weights. */
  if (session->state == NULL
      && !load_model (session, s->initial_model, &session->initial, error))
    goto failed;
  if (!adopt_network (session, error)
      || !load_model (session, s->teacher_model, &session->teacher, error))
    goto failed;
  settle_classes (session);
  if (!check_models (session, error))
    goto failed;
  session->backend = gst_ddpm_cuda_backend_new (cuda, &s->compute, error);
  if (session->backend == NULL)
    goto failed;
  session->progress.interval = s->progress_interval;
  gst_ddpm_train_session_update_report (session);
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
  g_free (session->kept_name);
  g_clear_pointer (&session->file_lock, ddpm_checkpoint_unlock);
  gst_ddpm_train_files_clear (&session->files);
  gst_ddpm_settings_clear (&gst_ddpm_train_properties, &session->settings);
  g_mutex_clear (&session->lock);
  g_cond_clear (&session->saved);
}

void
gst_ddpm_train_session_unref (GstDdpmTrainSession * session)
{
  g_atomic_rc_box_release_full (session, clear_session);
}

/* --- the model ------------------------------------------------------------ */

/* The names are those of the property, or else of the source, or else of the
 * state or the initial model. Another number of names is ignored, of which
 * warn_of_class_names () warns. */
static void
apply_class_names (GstDdpmTrainSession * session, DdpmTrainer * trainer)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const gchar *text = s->class_names ? s->class_names : session->source_names;
  g_auto (GStrv) names = NULL;

  if (s->config.classes > 0 && text)
    names = ddpm_class_names_parse (text, s->config.classes, NULL);
  if (names)
    ddpm_trainer_set_class_names (trainer, names);
}

/* Sources repeat their tags. */
static void
warn_of_class_names (GstDdpmTrainSession * session, const gchar * text)
{
  const GstDdpmTrainSettings *s = &session->settings;
  const guint classes = s->classes < 0 ? gst_ddpm_train_count_names (text)
      : s->config.classes;
  g_auto (GStrv) names = NULL;
  g_autoptr (GError) error = NULL;

  if (classes == 0 || s->class_names
      || g_strcmp0 (text, session->source_names) == 0)
    return;
  names = ddpm_class_names_parse (text, classes, &error);
  if (names == NULL)
    GST_ELEMENT_WARNING (session->element, STREAM, FORMAT, ("The class names "
            "that the source announces are ignored with classes=%d: %s",
            s->classes, error->message), (NULL));
}

void
gst_ddpm_train_session_set_class_names (GstDdpmTrainSession * session,
    const gchar * names)
{
  warn_of_class_names (session, names);
  g_free (session->source_names);
  session->source_names = g_strdup (names);
  g_mutex_lock (&session->lock);
  if (session->trainer)
    apply_class_names (session, session->trainer);
  g_mutex_unlock (&session->lock);
}

/* A process that is killed may have written the state and not the checkpoint,
 * which is then older. */
static gboolean
is_checkpoint_complete (const GstDdpmTrainFiles * files, guint64 step)
{
  g_autofree gchar *path = gst_ddpm_train_files_get_checkpoint (files, step);
  GStatBuf state, checkpoint;

  return g_stat (path, &checkpoint) == 0 && g_stat (files->state, &state) == 0
      && (checkpoint.st_mtim.tv_sec > state.st_mtim.tv_sec
      || (checkpoint.st_mtim.tv_sec == state.st_mtim.tv_sec
          && checkpoint.st_mtim.tv_nsec >= state.st_mtim.tv_nsec));
}

static gboolean
restore_state (GstDdpmTrainSession * session, DdpmTrainer * trainer,
    GError ** error)
{
  DdpmTrainState *state = session->state;

  if (!ddpm_trainer_restore (trainer, state, error))
    return cannot_resume (session, error);
  session->to_skip = session->first_place = state->samples;
  gst_ddpm_train_session_read_place (session, state->settings);
  session->epochs_done = state->epoch;
  if (is_checkpoint_complete (&session->files, state->step))
    session->saved_step = state->step;
  return TRUE;
}

/* Loads the state, or the initial weights, and the teacher. */
static gboolean
load_trainer (GstDdpmTrainSession * session, DdpmTrainer * trainer,
    GError ** error)
{
  if (session->state && !restore_state (session, trainer, error))
    return FALSE;
  if (session->initial
      && !ddpm_trainer_set_weights (trainer, session->initial, error))
    return cannot_start (session, error);
  if (session->teacher
      && !ddpm_trainer_set_teacher (trainer, session->teacher, error))
    return cannot_learn (session, error);
  apply_class_names (session, trainer);
  g_clear_pointer (&session->state, ddpm_train_state_free);
  g_clear_pointer (&session->initial, ddpm_model_unref);
  g_clear_pointer (&session->teacher, ddpm_model_unref);
  return TRUE;
}

static gboolean
make_trainer (GstDdpmTrainSession * session, GError ** error)
{
  GstDdpmTrainSettings *s = &session->settings;
  const guint width = GST_VIDEO_INFO_WIDTH (&session->info);
  const guint height = GST_VIDEO_INFO_HEIGHT (&session->info);
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (GstDdpmTicker) ticker = gst_ddpm_ticker_new (session->element,
      "preparing", "the network");

  s->config.image_channels = GST_VIDEO_INFO_N_COMPONENTS (&session->info);
  if (!ddpm_config_check_size (&s->config, width, height, error)
      || !gst_ddpm_train_batch_init (&session->batch, s->trainer.batch_size,
          &session->info, s->config.classes, session->backend, error))
    return FALSE;
  trainer = ddpm_trainer_new (&s->config, &s->trainer, width, height,
      session->backend, error);
  if (trainer == NULL || !load_trainer (session, trainer, error))
    return FALSE;

  g_mutex_lock (&session->lock);
  session->trainer = g_steal_pointer (&trainer);
  gst_ddpm_train_session_update_report (session);
  g_mutex_unlock (&session->lock);
  gst_ddpm_train_session_post_model (session);
  return TRUE;
}

/* Before the first image, if the source has named its classes by then */
static void
learn_named_classes (GstDdpmTrainSession * session)
{
  GstDdpmTrainSettings *s = &session->settings;

  g_autofree gchar *text = NULL;

  s->classes = gst_ddpm_train_count_names (session->source_names);
  s->config.classes = s->classes;
  if (s->classes == 0)
    return;
  text = g_strdup_printf ("The model learns the %d classes that the source "
      "names: %s. With classes=0 it would learn none", s->classes,
      session->source_names);
  gst_ddpm_element_post_info (session->element, text);
}

static gboolean
open_log (GstDdpmTrainSession * session, GError ** error)
{
  const gchar *location = session->settings.log_location;

  if (location)
    session->log = gst_ddpm_train_log_open (location,
        session->report.stats.step, error);
  return location == NULL || session->log;
}

/* Once a run */
static void
warn_of_pixels (GstDdpmTrainSession * session)
{
  const gint n = GST_VIDEO_INFO_PAR_N (&session->info);
  const gint d = GST_VIDEO_INFO_PAR_D (&session->info);

  if (n == d || session->has_warned_of_pixels)
    return;
  session->has_warned_of_pixels = TRUE;
  GST_ELEMENT_WARNING (session->element, STREAM, FORMAT,
      ("The pixels of this stream are not square (pixel-aspect-ratio=%d/%d), so "
          "the model learns distorted images: put videoscale method=lanczos "
          "before the element", n, d), (NULL));
}

gboolean
gst_ddpm_train_session_set_format (GstDdpmTrainSession * session,
    const GstVideoInfo * info, GError ** error)
{
  const GstVideoInfo before = session->info;

  if (session->trainer && (GST_VIDEO_INFO_WIDTH (info) != before.width
          || GST_VIDEO_INFO_HEIGHT (info) != before.height
          || GST_VIDEO_INFO_N_COMPONENTS (info)
          != GST_VIDEO_INFO_N_COMPONENTS (&before)))
    goto other_size;
  session->info = *info;
  GST_OBJECT_LOCK (session->element);
  session->images.channels = GST_VIDEO_INFO_N_COMPONENTS (info);
  session->images.width = GST_VIDEO_INFO_WIDTH (info);
  session->images.height = GST_VIDEO_INFO_HEIGHT (info);
  GST_OBJECT_UNLOCK (session->element);
  warn_of_pixels (session);
  return session->settings.classes < 0
      || gst_ddpm_train_session_prepare (session, error);

other_size:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Images changed from %dx%d %s to %dx%d %s: expected images of one size "
      "in a run: put videoconvert ! videoscale method=lanczos before the "
      "element",
      before.width, before.height, GST_VIDEO_INFO_NAME (&before),
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info),
      GST_VIDEO_INFO_NAME (info));
  return FALSE;
}

gboolean
gst_ddpm_train_session_prepare (GstDdpmTrainSession * session, GError ** error)
{
  if (session->trainer)
    return TRUE;
  if (session->settings.classes < 0)
    learn_named_classes (session);
  gst_ddpm_train_warn_of_settings (session->element, &session->settings);
  return make_trainer (session, error) && open_log (session, error);
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
