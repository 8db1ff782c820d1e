/* gst-ddpm: the settings of a training run, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/settings.h"
#include "plugins/common/caps.h"
#include "plugins/common/trained.h"
#include "plugins/ddpmtrainsink/files.h"
#include "plugins/ddpmtrainsink/private.h"

#define MAX_PREVIEW_COUNT 1024
/* More than any run takes, and small enough to exclude -1, which GStreamer
 * parses as the largest unsigned number */
#define MAX_STEPS G_MAXINT
#define MAX_SECONDS G_MAXINT

#define AT(member) G_STRUCT_OFFSET (GstDdpmTrainSettings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"location", "Location",
      "Checkpoint file to write; <location>.state beside it holds what resuming "
      "needs. A name with %u or %06u makes numbered checkpoints: ck-%06u.bin "
      "becomes ck-001000.bin after step 1000, with the state ck.bin.state",
      GST_DDPM_STRING, AT (location)},
  {"resume", "Resume",
      "Continue the training of <location>.state, or start one if neither that "
      "file nor <location> exists. Images that were already trained on are "
      "skipped, unless the source is live", GST_DDPM_BOOLEAN, AT (resume)},
  {"initial-model", "Initial model",
      "Checkpoint file, or name of a built-in model, with the initial weights "
      "(empty: random weights). It also says the network, the noise schedule, "
      "the data range and the prediction type, where their properties are not "
      "set",
      GST_DDPM_STRING, AT (initial_model)},
  {"teacher-model", "Teacher model",
      "Checkpoint file, or name of a built-in model, whose guided predictions "
      "are the training target instead of the noise (empty: no teacher)",
      GST_DDPM_STRING, AT (teacher_model)},
  {"teacher-guidance", "Teacher guidance scale",
      "Classifier-free guidance scale of the teacher; the trained model then "
      "needs no guidance", GST_DDPM_DOUBLE, AT (teacher_guidance), 0,
      DDPM_MAX_GUIDANCE},
  {"teacher-steps", "Teacher steps",
      "Number of steps of the teacher that the model learns to make in one "
      "step, if sampling-steps is not 0", GST_DDPM_UINT,
      AT (trainer.teacher_steps), 1, DDPM_MAX_TIMESTEPS},
  {"sampling-steps", "Distilled sampling steps",
      "Number of ddim steps that the model learns from its teacher and should "
      "be sampled with (Salimans & Ho 2022; 0: no step distillation)",
      GST_DDPM_UINT, AT (config.steps), 0, DDPM_MAX_TIMESTEPS},
  {"channels", "Channels",
      "Number of channels at the first level, a multiple of 32",
      GST_DDPM_UINT, AT (config.channels), DDPM_GROUPS, DDPM_MAX_CHANNELS},
  {"channel-mult", "Channel multipliers",
      "Comma-separated numbers of channels of the levels, as multiples of "
      "channels", GST_DDPM_STRING, AT (channel_mult)},
  {"attention-levels", "Attention levels",
      "Comma-separated levels, counted from 0, whose blocks have attention",
      GST_DDPM_STRING, AT (attention_levels)},
  {"res-blocks", "Residual blocks",
      "Number of residual blocks per level (one more in the upsampling half)",
      GST_DDPM_UINT, AT (config.res_blocks), 1, DDPM_MAX_RES_BLOCKS},
  {"dropout", "Dropout", "Dropout probability in the residual blocks",
      GST_DDPM_DOUBLE, AT (config.dropout), 0, 1},
  {"timesteps", "Timesteps", "Number T of diffusion timesteps",
      GST_DDPM_UINT, AT (config.timesteps), 1, DDPM_MAX_TIMESTEPS},
  {"beta-start", "Beta start", "First beta of a schedule that is not cosine",
      GST_DDPM_DOUBLE, AT (config.beta_start), 0, 1},
  {"beta-end", "Beta end", "Last beta of a schedule that is not cosine",
      GST_DDPM_DOUBLE, AT (config.beta_end), 0, 1},
  {"schedule", "Noise schedule", "How the noise grows with the timestep",
      GST_DDPM_ENUM, AT (config.schedule), .enum_name = "GstDdpmSchedule",
      .enum_values = gst_ddpm_schedule_values + 1},
  {"data-range", "Data range", "Range of numbers that pixels are mapped to",
      GST_DDPM_ENUM, AT (config.data_range), .enum_name = "GstDdpmDataRange",
      .enum_values = gst_ddpm_data_range_values + 1},
  {"prediction-type", "Prediction type",
      "What the network learns to predict; v-prediction needs fewer sampling "
      "steps", GST_DDPM_ENUM, AT (config.prediction),
      .enum_name = "GstDdpmPrediction",
      .enum_values = gst_ddpm_prediction_values + 1},
  {"classes", "Classes",
      "Number of classes that the model learns from the labels of images (0: "
      "ignore labels, -1: those of the model that training starts or learns "
      "from, if it has any, otherwise as many as class-names or the source "
      "names). Images without a label are trained without one", GST_DDPM_INT,
      AT (classes), -1, DDPM_MAX_CLASSES},
  {"class-names", "Class names",
      "Comma-separated names of the classes, which the checkpoint stores "
      "(empty: those that the source announces, if any)", GST_DDPM_STRING,
      AT (class_names)},
  GST_DDPM_COMPUTE_PROPERTIES (GstDdpmTrainSettings),
  {"batch-size", "Batch size", "Number of images per optimizer step",
      GST_DDPM_UINT, AT (trainer.batch_size), 1, DDPM_MAX_BATCH},
  {"micro-batch", "Micro-batch size",
      "Number of images that are computed at a time, whose gradients are added "
      "up (0: automatic)", GST_DDPM_UINT, AT (trainer.micro_batch), 0,
      DDPM_MAX_BATCH},
  {"learning-rate", "Learning rate", "Learning rate of the Adam optimizer",
      GST_DDPM_DOUBLE, AT (trainer.learning_rate), 0, 1},
  {"warmup-steps", "Warm-up steps",
      "Number of steps over which the learning rate rises linearly from 0 "
      "(0: no warm-up)", GST_DDPM_UINT64, AT (trainer.warmup_steps), 0,
      MAX_STEPS},
  {"grad-clip", "Gradient clipping",
      "Maximum global norm of the gradient (0: no clipping)",
      GST_DDPM_DOUBLE, AT (trainer.grad_clip), 0, G_MAXFLOAT},
  {"ema-decay", "EMA decay",
      "Decay of the exponential moving average of the weights (0: no average)",
      GST_DDPM_DOUBLE, AT (trainer.ema_decay), 0, 1},
  {"flip", "Random flip", "Flip half of the images horizontally, at random",
      GST_DDPM_BOOLEAN, AT (trainer.flip)},
  {"label-dropout", "Label dropout",
      "Fraction of the images whose label is hidden, so that the model also "
      "learns to sample without labels, as guidance needs (Ho & Salimans 2022)",
      GST_DDPM_DOUBLE, AT (trainer.label_dropout), 0, 1},
  {"max-loss-weight", "Maximum loss weight",
      "Limit of the weight of a timestep in the loss, which is 1 / SNR (1: "
      "equal weights; more: the model learns composition and colours sooner)",
      GST_DDPM_DOUBLE, AT (trainer.max_loss_weight), 1, G_MAXFLOAT},
  {"max-steps", "Maximum steps",
      "Number of optimizer steps, including those before a resume, after which "
      "to end the stream (0: train until EOS)", GST_DDPM_UINT64,
      AT (max_steps), 0, MAX_STEPS},
  {"checkpoint-interval", "Checkpoint interval",
      "Number of steps from one checkpoint to the next (0: no limit)",
      GST_DDPM_UINT64, AT (checkpoint_interval), 0, MAX_STEPS},
  {"checkpoint-minutes", "Checkpoint minutes",
      "Minutes from one checkpoint to the next, if checkpoint-interval steps "
      "take longer (0: no limit)", GST_DDPM_DOUBLE, AT (checkpoint_minutes), 0,
      MAX_SECONDS},
  {"max-files", "Maximum files",
      "Number of numbered checkpoints to keep; older ones are deleted (0: keep "
      "all)", GST_DDPM_UINT, AT (max_files), 0, MAX_STEPS},
  {"seed", "Seed",
      "Seed of the initial weights, timesteps, noise, flips, dropout and label "
      "dropout", GST_DDPM_UINT64, AT (trainer.seed)},
  {"progress-interval", "Progress interval",
      "Seconds from one progress report to the next (0: report every step)",
      GST_DDPM_UINT, AT (progress_interval), 0, MAX_SECONDS},
  {"log-location", "Log location",
      "CSV file to write, one row per step; resuming appends to it (empty: "
      "none)", GST_DDPM_STRING, AT (log_location)},
  {"preview-interval", "Preview interval",
      "Number of steps from one preview to the next (0: one after an epoch, "
      "if that takes at most 5 % of the computing, and one at the end)",
      GST_DDPM_UINT64, AT (preview_interval), 0, MAX_STEPS},
  {"preview-count", "Preview count", "Number of images in a preview",
      GST_DDPM_UINT, AT (preview_count), 1, MAX_PREVIEW_COUNT},
  {"preview-steps", "Preview sampling steps",
      "Number of ddim steps of a preview (0: sample as ddpmdenoise does by "
      "default; as many as timesteps: ddpm)", GST_DDPM_UINT,
      AT (preview_steps), 0, DDPM_MAX_TIMESTEPS},
  {"preview-seed", "Preview seed",
      "Seed of the noise that every preview starts from", GST_DDPM_UINT64,
      AT (preview_seed), 0, GST_DDPM_MAX_SEED},
  /**
   * GstDdpmTrainSink:stats:
   *
   * `step`, `epoch` (from 1; 0 if the source has none), `samples-seen`, `loss`,
   * `loss-ema`, `learning-rate`, `grad-norm`, `images-per-second`, `time-left`
   * and the times of the last image.
   *
   * Since: 0.1
   */
  {"stats", "Statistics", "Statistics of the last step", GST_DDPM_STRUCTURE,
      .read = gst_ddpm_train_sink_read_stats},
};
/* *INDENT-ON* */

/* The properties that the state file records as information for the user */
static const gchar *const recipe[] = {
  "precision", "batch-size", "micro-batch", "learning-rate", "warmup-steps",
  "grad-clip", "ema-decay", "flip", "label-dropout", "max-loss-weight",
  "initial-model", "teacher-model", "teacher-guidance", "teacher-steps",
  "sampling-steps"
};

static void
settings_init (gpointer settings)
{
  GstDdpmTrainSettings *s = settings;

  memset (s, 0, sizeof (*s));
  ddpm_config_init_defaults (&s->config);
  ddpm_trainer_settings_init (&s->trainer);
  s->classes = -1;
  s->channel_mult = g_strdup ("1,2,2,1");
  s->attention_levels = g_strdup ("1");
  s->compute.device_id = -1;
  s->checkpoint_interval = 1000;
  s->checkpoint_minutes = 15.0;
  s->progress_interval = 5;
  s->preview_count = 5;
  s->teacher_guidance = 3.0;
}

const GstDdpmPropertyTable gst_ddpm_train_properties = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstDdpmTrainSink, settings), sizeof (GstDdpmTrainSettings),
  settings_init, AT (assigned)
};

static void
clear_if_empty (gchar ** text)
{
  if (*text && **text == '\0')
    g_clear_pointer (text, g_free);
}

static gboolean
is_same_path (const gchar * a, const gchar * b)
{
  g_autofree gchar *path_a = g_canonicalize_filename (a, NULL);
  g_autofree gchar *path_b = g_canonicalize_filename (b, NULL);

  return g_str_equal (path_a, path_b);
}

/* The log must not overwrite a checkpoint or the state. */
static gboolean
check_locations (const GstDdpmTrainSettings * s, GError ** error)
{
  GstDdpmTrainFiles files;
  gboolean ok = gst_ddpm_train_files_init (&files, s->location, error);

  if (ok && s->log_location && (is_same_path (s->log_location, files.base)
          || is_same_path (s->log_location, files.state))) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "log-location=%s is a file that location=%s writes: expected another "
        "file", s->log_location, s->location);
    ok = FALSE;
  }
  gst_ddpm_train_files_clear (&files);
  return ok;
}

guint
gst_ddpm_train_count_names (const gchar * text)
{
  g_auto (GStrv) names = g_strsplit (text ? text : "", ",", -1);

  return g_strv_length (names);
}

static gboolean
check_class_names (const GstDdpmTrainSettings * s, GError ** error)
{
  const guint classes = s->classes < 0 && s->config.classes == 0
      ? gst_ddpm_train_count_names (s->class_names) : s->config.classes;
  g_auto (GStrv) names = NULL;

  if (s->class_names == NULL)
    return TRUE;
  names = ddpm_class_names_parse (s->class_names, classes, error);
  if (names == NULL)
    g_prefix_error (error, "class-names=%s with classes=%u: ", s->class_names,
        classes);
  return names != NULL;
}

/* A state of version 0.1 may have a larger seed than is allowed now. */
static gboolean
check_seed (const GstDdpmTrainSettings * s, GError ** error)
{
  g_autofree gchar *state = ddpm_train_state_path (s->location);

  if (s->trainer.seed <= GST_DDPM_MAX_SEED
      || (s->resume && g_file_test (state, G_FILE_TEST_EXISTS)))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "The property seed must be 0 to %" G_GUINT64_FORMAT ", not %"
      G_GUINT64_FORMAT "%s", GST_DDPM_MAX_SEED, s->trainer.seed,
      s->trainer.seed == G_MAXUINT64 ? " (-1)" : "");
  return FALSE;
}

gboolean
gst_ddpm_train_settings_check (GstDdpmTrainSettings * s, GError ** error)
{
  const gchar *mult = s->channel_mult ? s->channel_mult : "";
  const gchar *levels = s->attention_levels ? s->attention_levels : "";

  clear_if_empty (&s->location);
  clear_if_empty (&s->log_location);
  clear_if_empty (&s->initial_model);
  clear_if_empty (&s->teacher_model);
  clear_if_empty (&s->class_names);
  if (s->location == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
        "The property location is not set: expected a checkpoint file to "
        "write, for example location=ckpt.bin");
    return FALSE;
  }
  if (s->config.steps > 0 && s->teacher_model == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "sampling-steps=%u needs a teacher to learn from, but teacher-model is "
        "empty", s->config.steps);
    return FALSE;
  }
  s->config.classes = MAX (s->classes, 0);
  s->config.guidance = s->teacher_model ? s->teacher_guidance : 1.0;
  if (!check_seed (s, error) || !check_locations (s, error)
      || !ddpm_config_parse_channel_mult (&s->config, mult, error)
      || !ddpm_config_parse_attention_levels (&s->config, levels, error))
    return FALSE;
  return s->initial_model != NULL || s->resume
      || gst_ddpm_train_settings_check_network (s, error);
}

gboolean
gst_ddpm_train_settings_check_network (const GstDdpmTrainSettings * s,
    GError ** error)
{
  if (!ddpm_config_check (&s->config, error)
      || !ddpm_trainer_settings_check (&s->trainer, &s->config, error)
      || !check_class_names (s, error))
    return FALSE;
  if (s->preview_steps > s->config.timesteps) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "preview-steps is %u, but must be at most timesteps=%u",
        s->preview_steps, s->config.timesteps);
    return FALSE;
  }
  return TRUE;
}

GHashTable *
gst_ddpm_train_settings_to_table (const GstDdpmTrainSettings * s)
{
  GHashTable *table =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (recipe); i++)
    g_hash_table_insert (table, (gpointer) recipe[i],
        gst_ddpm_settings_get_text (&gst_ddpm_train_properties, s, recipe[i]));
  return table;
}
