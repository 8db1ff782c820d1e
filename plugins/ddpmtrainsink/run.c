/* gst-ddpm: a training run: images in, steps and checkpoints out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/batch.h"
#include "plugins/ddpmtrainsink/run.h"

struct _GstDdpmTrainRun
{
  GstDdpmTrainSettings settings;
  DdpmBackend *backend;
  DdpmTrainState *state;        /* to be restored by the first format */
  DdpmModel *initial;           /* to be started from there, or NULL */
  DdpmModel *teacher;           /* to be learnt from, or NULL */
  GstVideoInfo info;

  /* of the thread that feeds */
  gchar *source_names;          /* of classes; NULL: not known */
  GstDdpmTrainBatch batch;
  guint64 to_skip;
  guint64 n_seen;               /* images passed over or added */
  guint64 n_images;
  gboolean has_sample;
  GstDdpmSample sample;         /* of the last image */
  gboolean epoch_ended;         /* with it */

  /* Threads that want to save: the steps of the other one follow so closely
   * that they would seldom get the lock. */
  gint savers;
  GMutex lock;
  GCond saved;
  /* under the lock */
  DdpmTrainer *trainer;
  guint64 epochs_done;
  guint64 saved_step;
};

/* --- start and end -------------------------------------------------------- */

/* In hours there will be a checkpoint, and a state beside it. */
static gboolean
probe_location (const gchar * location, GError ** error)
{
  g_autofree gchar *state = ddpm_train_state_path (location);

  return ddpm_checkpoint_can_save (location, error)
      && ddpm_checkpoint_can_save (state, error);
}

/* Where there is neither a state nor a checkpoint, training starts: one
 * command line serves both the first run and all that follow. States are
 * written before their checkpoints, so a checkpoint alone is of other work,
 * which the first save would replace. */
static gboolean
load_state (GstDdpmTrainRun * run, GError ** error)
{
  const gchar *location = run->settings.location;
  g_autofree gchar *path = ddpm_train_state_path (location);

  if (!run->settings.resume)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS)) {
    run->state = ddpm_train_state_load (path, error);
    return run->state != NULL;
  }
  if (!g_file_test (location, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "%s is there, but not %s, which resuming needs: choose another "
      "location, or resume=false to replace it", location, path);
  return FALSE;
}

/* A run that is resumed has begun already. */
static gboolean
load_initial_model (GstDdpmTrainRun * run, GError ** error)
{
  const gchar *name = run->settings.initial_model;

  if (name == NULL || *name == '\0' || run->state)
    return TRUE;
  run->initial = ddpm_checkpoint_load (name, error);
  return run->initial != NULL;
}

static gboolean
load_teacher (GstDdpmTrainRun * run, GError ** error)
{
  const gchar *name = run->settings.teacher_model;

  if (name == NULL || *name == '\0')
    return TRUE;
  run->teacher = ddpm_checkpoint_load (name, error);
  return run->teacher != NULL;
}

GstDdpmTrainRun *
gst_ddpm_train_run_new (const GstDdpmTrainSettings * settings,
    GstDdpmCuda * cuda, GstElement * element, GError ** error)
{
  GstDdpmTrainRun *run = g_atomic_rc_box_new0 (GstDdpmTrainRun);

  gst_ddpm_settings_copy (&gst_ddpm_train_properties, &run->settings, settings);
  gst_video_info_init (&run->info);
  g_mutex_init (&run->lock);
  g_cond_init (&run->saved);
  run->saved_step = G_MAXUINT64;

  if (!gst_ddpm_train_settings_check (&run->settings, error)
      || !probe_location (run->settings.location, error))
    goto failed;
  run->backend = gst_ddpm_cuda_backend_new (cuda, element, settings->backend,
      settings->precision, settings->threads, settings->cuda_device_id, error);
  if (run->backend == NULL || !load_state (run, error)
      || !load_initial_model (run, error) || !load_teacher (run, error))
    goto failed;
  return run;

failed:
  gst_ddpm_train_run_unref (run);
  return NULL;
}

GstDdpmTrainRun *
gst_ddpm_train_run_ref (GstDdpmTrainRun * run)
{
  return g_atomic_rc_box_acquire (run);
}

static void
run_clear (gpointer data)
{
  GstDdpmTrainRun *run = data;

  g_clear_pointer (&run->trainer, ddpm_trainer_free);
  g_clear_pointer (&run->state, ddpm_train_state_free);
  g_clear_pointer (&run->initial, ddpm_model_unref);
  g_clear_pointer (&run->teacher, ddpm_model_unref);
  g_clear_pointer (&run->backend, ddpm_backend_unref);
  g_free (run->source_names);
  gst_ddpm_train_batch_clear (&run->batch);
  gst_ddpm_settings_clear (&gst_ddpm_train_properties, &run->settings);
  g_mutex_clear (&run->lock);
  g_cond_clear (&run->saved);
}

void
gst_ddpm_train_run_unref (GstDdpmTrainRun * run)
{
  g_atomic_rc_box_release_full (run, run_clear);
}

/* --- what it is ----------------------------------------------------------- */

const GstDdpmTrainSettings *
gst_ddpm_train_run_get_settings (GstDdpmTrainRun * run)
{
  return &run->settings;
}

DdpmBackend *
gst_ddpm_train_run_get_backend (GstDdpmTrainRun * run)
{
  return run->backend;
}

guint64
gst_ddpm_train_run_get_step (GstDdpmTrainRun * run)
{
  DdpmTrainerStats stats = { 0 };

  if (run->trainer)
    ddpm_trainer_get_stats (run->trainer, &stats);
  return stats.step;
}

guint64
gst_ddpm_train_run_get_saved_step (GstDdpmTrainRun * run)
{
  guint64 step;

  g_mutex_lock (&run->lock);
  step = run->saved_step;
  g_mutex_unlock (&run->lock);
  return step;
}

gchar *
gst_ddpm_train_run_to_string (GstDdpmTrainRun * run)
{
  g_autofree gchar *network = ddpm_config_to_string (&run->settings.config);

  return g_strdup_printf ("%s, %" G_GUINT64_FORMAT " parameters, on %dx%d "
      "images; %s %s: %s", network,
      ddpm_config_count_parameters (&run->settings.config),
      GST_VIDEO_INFO_WIDTH (&run->info), GST_VIDEO_INFO_HEIGHT (&run->info),
      ddpm_backend_get_name (run->backend),
      ddpm_backend_get_precision_name (run->backend),
      ddpm_backend_get_device (run->backend));
}

GstStructure *
gst_ddpm_train_run_to_structure (GstDdpmTrainRun * run, const gchar * name)
{
  const GstDdpmTrainSettings *s = &run->settings;
  g_autofree gchar *network = ddpm_config_to_string (&s->config);

  /* *INDENT-OFF* */
  return gst_structure_new (name,
      "location", G_TYPE_STRING, s->location,
      "step", G_TYPE_UINT64, gst_ddpm_train_run_get_step (run),
      "architecture", G_TYPE_STRING, network,
      "parameters", G_TYPE_UINT64, ddpm_config_count_parameters (&run->settings.config),
      "width", G_TYPE_INT, GST_VIDEO_INFO_WIDTH (&run->info),
      "height", G_TYPE_INT, GST_VIDEO_INFO_HEIGHT (&run->info),
      "channels", G_TYPE_UINT, s->config.image_channels,
      "timesteps", G_TYPE_UINT, s->config.timesteps,
      "classes", G_TYPE_UINT, s->config.classes,
      "batch-size", G_TYPE_UINT, s->trainer.batch_size,
      "micro-batch", G_TYPE_UINT, ddpm_trainer_get_micro_batch (run->trainer),
      "backend", G_TYPE_STRING, ddpm_backend_get_name (run->backend),
      "precision", G_TYPE_STRING,
          ddpm_backend_get_precision_name (run->backend),
      "device", G_TYPE_STRING, ddpm_backend_get_device (run->backend), NULL);
  /* *INDENT-ON* */
}

/* --- format --------------------------------------------------------------- */

static gboolean
same_images (const GstVideoInfo * a, const GstVideoInfo * b)
{
  return GST_VIDEO_INFO_WIDTH (a) == GST_VIDEO_INFO_WIDTH (b)
      && GST_VIDEO_INFO_HEIGHT (a) == GST_VIDEO_INFO_HEIGHT (b)
      && GST_VIDEO_INFO_N_COMPONENTS (a) == GST_VIDEO_INFO_N_COMPONENTS (b);
}

static gboolean
restore (GstDdpmTrainRun * run, DdpmTrainer * trainer, GError ** error)
{
  if (!ddpm_trainer_restore (trainer, run->state, error)) {
    g_autofree gchar *path = ddpm_train_state_path (run->settings.location);

    g_prefix_error (error, "Cannot resume from %s: ", path);
    return FALSE;
  }
  run->to_skip = run->state->samples;
  run->epochs_done = run->state->epoch;
  run->saved_step = run->state->step;
  g_clear_pointer (&run->state, ddpm_train_state_free);
  return TRUE;
}

static gboolean
start_from_model (GstDdpmTrainRun * run, DdpmTrainer * trainer, GError ** error)
{
  if (!ddpm_trainer_set_weights (trainer, run->initial, error)) {
    g_prefix_error (error, "Cannot start from initial-model=%s: ",
        run->settings.initial_model);
    return FALSE;
  }
  g_clear_pointer (&run->initial, ddpm_model_unref);
  return TRUE;
}

static gboolean
take_teacher (GstDdpmTrainRun * run, DdpmTrainer * trainer, GError ** error)
{
  if (!ddpm_trainer_set_teacher (trainer, run->teacher, error)) {
    g_prefix_error (error, "Cannot learn from teacher-model=%s: ",
        run->settings.teacher_model);
    return FALSE;
  }
  g_clear_pointer (&run->teacher, ddpm_model_unref);
  return TRUE;
}

/* What the property says, else the source, else what the state or the initial
 * model said. Names of a source of other classes are none. */
static void
set_class_names (GstDdpmTrainRun * run, DdpmTrainer * trainer)
{
  const GstDdpmTrainSettings *s = &run->settings;
  const gchar *text = s->class_names && *s->class_names != '\0' ?
      s->class_names : run->source_names;
  g_auto (GStrv) names = NULL;

  if (s->config.classes > 0 && text)
    names = ddpm_class_names_parse (text, s->config.classes, NULL);
  if (names)
    ddpm_trainer_set_class_names (trainer, names);
}

static gboolean
make_trainer (GstDdpmTrainRun * run, GError ** error)
{
  const guint width = GST_VIDEO_INFO_WIDTH (&run->info);
  const guint height = GST_VIDEO_INFO_HEIGHT (&run->info);
  GstDdpmTrainSettings *s = &run->settings;
  g_autoptr (DdpmTrainer) trainer = NULL;

  s->config.image_channels = GST_VIDEO_INFO_N_COMPONENTS (&run->info);
  if (!ddpm_config_check_size (&s->config, width, height, error))
    return FALSE;
  if (!gst_ddpm_train_batch_init (&run->batch, s->trainer.batch_size,
          &run->info, s->config.classes, run->backend, error))
    return FALSE;
  trainer = ddpm_trainer_new (&s->config, &s->trainer, width, height,
      run->backend, error);
  if (trainer == NULL || (run->state && !restore (run, trainer, error))
      || (run->initial && !start_from_model (run, trainer, error))
      || (run->teacher && !take_teacher (run, trainer, error)))
    return FALSE;
  set_class_names (run, trainer);

  g_mutex_lock (&run->lock);
  run->trainer = g_steal_pointer (&trainer);
  g_mutex_unlock (&run->lock);
  return TRUE;
}

gboolean
gst_ddpm_train_run_set_format (GstDdpmTrainRun * run,
    const GstVideoInfo * info, GError ** error)
{
  if (run->trainer && !same_images (info, &run->info)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "Images changed from %dx%d %s to %dx%d %s: a run learns from images "
        "of one size", GST_VIDEO_INFO_WIDTH (&run->info),
        GST_VIDEO_INFO_HEIGHT (&run->info), GST_VIDEO_INFO_NAME (&run->info),
        GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info),
        GST_VIDEO_INFO_NAME (info));
    return FALSE;
  }
  run->info = *info;
  return run->trainer != NULL || make_trainer (run, error);
}

void
gst_ddpm_train_run_set_class_names (GstDdpmTrainRun * run, const gchar * names)
{
  g_free (run->source_names);
  run->source_names = g_strdup (names);
  g_mutex_lock (&run->lock);
  if (run->trainer)
    set_class_names (run, run->trainer);
  g_mutex_unlock (&run->lock);
}

gboolean
gst_ddpm_train_run_has_format (GstDdpmTrainRun * run)
{
  return run->trainer != NULL;
}

/* --- images --------------------------------------------------------------- */

guint64
gst_ddpm_train_run_get_to_skip (GstDdpmTrainRun * run)
{
  return run->to_skip;
}

void
gst_ddpm_train_run_set_to_skip (GstDdpmTrainRun * run, guint64 n)
{
  run->to_skip = n;
}

gboolean
gst_ddpm_train_run_begins_epoch (GstDdpmTrainRun * run,
    const GstDdpmSample * sample)
{
  if (!run->has_sample || sample->epoch == run->sample.epoch
      || run->epoch_ended)
    return FALSE;
  run->epoch_ended = TRUE;
  return TRUE;
}

static void
note_sample (GstDdpmTrainRun * run, const GstDdpmSample * sample)
{
  run->n_seen++;
  run->has_sample = sample != NULL;
  run->epoch_ended = FALSE;
  if (sample == NULL)
    return;
  run->sample = *sample;
  run->epoch_ended = sample->epoch_size > 0
      && sample->position == sample->epoch_size - 1;
}

gboolean
gst_ddpm_train_run_add (GstDdpmTrainRun * run, GstBuffer * buffer,
    const GstDdpmSample * sample, GError ** error)
{
  if (run->to_skip > 0)
    run->to_skip--;
  else if (!gst_ddpm_train_batch_add (&run->batch, &run->info, buffer, sample,
          error))
    return FALSE;
  note_sample (run, sample);
  return TRUE;
}

guint
gst_ddpm_train_run_get_n (GstDdpmTrainRun * run)
{
  return run->batch.n;
}

gboolean
gst_ddpm_train_run_is_complete (GstDdpmTrainRun * run)
{
  return run->batch.n == run->settings.trainer.batch_size
      || (run->batch.n > 0 && run->epoch_ended);
}

gboolean
gst_ddpm_train_run_epoch_has_ended (GstDdpmTrainRun * run)
{
  return run->epoch_ended;
}

void
gst_ddpm_train_run_drop_batch (GstDdpmTrainRun * run)
{
  run->n_seen -= run->batch.n;
  run->batch.n = 0;
  run->has_sample = run->epoch_ended = FALSE;
}

void
gst_ddpm_train_run_set_n_images (GstDdpmTrainRun * run, guint64 n)
{
  run->n_images = n;
}

/* --- steps ---------------------------------------------------------------- */

static guint64
images_left (GstDdpmTrainRun * run, guint64 step)
{
  const GstDdpmTrainSettings *s = &run->settings;
  guint64 left = GST_DDPM_IMAGES_UNKNOWN;

  if (run->n_images > 0)
    left = run->n_images - MIN (run->n_images, run->n_seen);
  if (s->max_steps > 0) {
    guint64 steps = s->max_steps - MIN (s->max_steps, step);

    if (steps < left / s->trainer.batch_size)
      left = steps * s->trainer.batch_size;
  }
  return left;
}

void
gst_ddpm_train_run_get_report (GstDdpmTrainRun * run,
    GstDdpmTrainReport * report)
{
  memset (report, 0, sizeof (*report));
  if (run->trainer)
    ddpm_trainer_get_stats (run->trainer, &report->stats);
  report->batch_size = run->settings.trainer.batch_size;
  report->max_steps = run->settings.max_steps;
  report->images_left = images_left (run, report->stats.step);
  report->running_time = report->stream_time = GST_CLOCK_TIME_NONE;
  if (!run->has_sample || run->sample.epoch_size == 0)
    return;
  report->epoch = run->sample.epoch + 1;
  report->epoch_position = run->sample.position + 1;
  report->epoch_size = run->sample.epoch_size;
  report->n_epochs = run->n_images / run->sample.epoch_size;
}

gboolean
gst_ddpm_train_run_step (GstDdpmTrainRun * run, const gint * cancel,
    GstDdpmTrainReport * report, GError ** error)
{
  GstDdpmTrainBatch *batch = &run->batch;
  DdpmTrainerStats stats;
  gboolean ok;

  g_mutex_lock (&run->lock);
  while (g_atomic_int_get (&run->savers) > 0)
    g_cond_wait (&run->saved, &run->lock);
  ok = ddpm_trainer_step_from (run->trainer, batch->pixels, batch->labels,
      batch->n, cancel, &stats, error);
  if (ok && run->has_sample)
    run->epochs_done = run->sample.epoch + (run->epoch_ended ? 1 : 0);
  g_mutex_unlock (&run->lock);

  if (!ok)
    return FALSE;
  run->batch.n = 0;
  gst_ddpm_train_run_get_report (run, report);
  report->stats = stats;
  return TRUE;
}

static gboolean
save_unlocked (GstDdpmTrainRun * run, GError ** error)
{
  g_autoptr (GHashTable) table =
      gst_ddpm_train_settings_to_table (&run->settings);
  DdpmTrainerStats stats;

  ddpm_trainer_get_stats (run->trainer, &stats);
  if (!ddpm_trainer_save (run->trainer, run->settings.location,
          run->epochs_done, table, error))
    return FALSE;
  run->saved_step = stats.step;
  return TRUE;
}

gboolean
gst_ddpm_train_run_save (GstDdpmTrainRun * run, GError ** error)
{
  gboolean ok = FALSE;

  g_atomic_int_inc (&run->savers);
  g_mutex_lock (&run->lock);
  if (run->trainer)
    ok = save_unlocked (run, error);
  g_atomic_int_add (&run->savers, -1);
  g_cond_broadcast (&run->saved);
  g_mutex_unlock (&run->lock);
  return ok;
}

DdpmModel *
gst_ddpm_train_run_get_model (GstDdpmTrainRun * run, GError ** error)
{
  DdpmModel *model;

  g_mutex_lock (&run->lock);
  model = ddpm_trainer_get_model (run->trainer, TRUE, error);
  g_mutex_unlock (&run->lock);
  return model;
}
