/* gst-ddpm: the settings of a training run, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/settings.h"
#include "plugins/common/cuda.h"
#include "plugins/common/error.h"
#include "plugins/common/param.h"

#define DEFAULT_CHANNEL_MULT "1,2,2,1"
#define DEFAULT_ATTENTION_LEVELS "1"
#define DEFAULT_CHECKPOINT_INTERVAL 1000
#define DEFAULT_PROGRESS_INTERVAL 5
#define DEFAULT_PREVIEW_COUNT 5
#define DEFAULT_TEACHER_GUIDANCE 3.0
#define MAX_BATCH 65536
#define MAX_PREVIEW_COUNT 1024
/* Nobody lives to see more; and -1 is none of them. */
#define MAX_STEPS G_MAXINT
#define MAX_SECONDS G_MAXINT

/**
 * GstDdpmSchedule:
 * @linear: betas rise linearly, Ho et al. 2020, section 4
 * @cosine: Nichol & Dhariwal 2021, eq. 17
 *
 * How the noise grows with the timestep.
 *
 * Since: 0.1
 */
GType
gst_ddpm_schedule_get_type (void)
{
  static const GEnumValue values[] = {
    {DDPM_SCHEDULE_LINEAR, "Betas rise linearly (Ho et al. 2020)", "linear"},
    {DDPM_SCHEDULE_COSINE, "Nichol & Dhariwal 2021, eq. 17", "cosine"},
    {0, NULL, NULL},
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmSchedule", values));
  return (GType) type;
}

/**
 * GstDdpmDataRange:
 * @symmetric: -1 to 1
 * @unit: 0 to 1, as in the notebook
 *
 * The numbers that pixels are mapped to.
 *
 * Since: 0.1
 */
GType
gst_ddpm_data_range_get_type (void)
{
  static const GEnumValue values[] = {
    {DDPM_DATA_RANGE_SYMMETRIC, "Pixels are numbers -1..1", "symmetric"},
    {DDPM_DATA_RANGE_UNIT, "Pixels are numbers 0..1, as in the notebook",
        "unit"},
    {0, NULL, NULL},
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmDataRange", values));
  return (GType) type;
}

/**
 * GstDdpmPrediction:
 * @epsilon: the noise (Ho et al. 2020)
 * @v-prediction: sqrt (alphas_bar) eps - sqrt (1 - alphas_bar) x_0 (Salimans &
 *   Ho 2022)
 *
 * What a network learns to predict.
 *
 * Since: 0.1
 */
GType
gst_ddpm_prediction_get_type (void)
{
  static const GEnumValue values[] = {
    {DDPM_PREDICTION_EPSILON, "The noise", "epsilon"},
    {DDPM_PREDICTION_V, "v, of the noise and the image", "v-prediction"},
    {0, NULL, NULL},
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmPrediction", values));
  return (GType) type;
}

typedef enum
{
  TEXT,
  FLAG,
  UINT,
  COUNT,                        /* guint64 with a range */
  UINT64,
  DOUBLE,
  CHOICE,
  DEVICE,
} SettingKind;

typedef struct
{
  const gchar *name;
  SettingKind kind;
  gsize offset;                 /* in GstDdpmTrainSettings */
  const gchar *blurb;
  gdouble min, max;             /* of UINT, COUNT and DOUBLE */
    GType (*choice) (void);     /* of CHOICE */
} Setting;

#define AT(member) G_STRUCT_OFFSET (GstDdpmTrainSettings, member)

/* *INDENT-OFF* */
static const Setting settings[] = {
  {"location", TEXT, AT (location),
      "Checkpoint to write; what resuming needs stands beside it in "
      "<location>.state. A file that is there is replaced by the first save"},
  {"resume", FLAG, AT (resume),
      "Go on from <location>.state; where neither it nor <location> is there "
      "yet, start. The images that were learnt from are skipped, unless the "
      "source is live"},
  {"initial-model", TEXT, AT (initial_model),
      "Checkpoint, or name of a built-in model, whose weights training starts "
      "from (empty: random ones). Its network must be that of the other "
      "properties, but it may be without classes"},
  {"teacher-model", TEXT, AT (teacher_model),
      "Checkpoint, or name of a built-in model, whose guided predictions are "
      "learnt instead of the noise (empty: none)"},
  {"teacher-guidance", DOUBLE, AT (teacher_guidance),
      "Guidance of the teacher, which the model then needs no more", 0,
      DDPM_MAX_GUIDANCE},
  {"teacher-steps", UINT, AT (trainer.teacher_steps),
      "Steps of the teacher that the model learns to make in one, where it "
      "learns steps", 1, DDPM_MAX_TIMESTEPS},
  {"sampling-steps", UINT, AT (config.steps),
      "Steps of the ddim sampler that the model learns from its teacher to "
      "make, and is to be sampled with (0: it learns none)", 0,
      DDPM_MAX_TIMESTEPS},
  {"channels", UINT, AT (config.channels),
      "Channels of the first level, a multiple of 32", DDPM_GROUPS,
      DDPM_MAX_CHANNELS},
  {"channel-mult", TEXT, AT (channel_mult),
      "Channels of each level, as multiples of channels"},
  {"attention-levels", TEXT, AT (attention_levels),
      "Levels whose blocks have attention, counted from 0"},
  {"res-blocks", UINT, AT (config.res_blocks),
      "Residual blocks a level (one more on the way up)", 1,
      DDPM_MAX_RES_BLOCKS},
  {"dropout", DOUBLE, AT (config.dropout),
      "Probability of dropout in the residual blocks", 0, 1},
  {"timesteps", UINT, AT (config.timesteps),
      "T, the number of diffusion steps", 1, DDPM_MAX_TIMESTEPS},
  {"beta-start", DOUBLE, AT (config.beta_start),
      "First beta of the linear schedule", 0, 1},
  {"beta-end", DOUBLE, AT (config.beta_end),
      "Last beta of the linear schedule", 0, 1},
  {"schedule", CHOICE, AT (config.schedule),
      "Kind of beta schedule", .choice = gst_ddpm_schedule_get_type},
  {"data-range", CHOICE, AT (config.data_range),
      "Numbers that pixels are mapped to",
      .choice = gst_ddpm_data_range_get_type},
  {"prediction-type", CHOICE, AT (config.prediction),
      "What the network learns to predict: with v-prediction, fewer steps of "
      "sampling will do", .choice = gst_ddpm_prediction_get_type},
  {"classes", UINT, AT (config.classes),
      "Classes that the labels of images tell apart (0: labels are not "
      "learnt). An image without a label is learnt without", 0,
      DDPM_MAX_CLASSES},
  {"class-names", TEXT, AT (class_names),
      "Their names, such as \"cat,dog\", which the checkpoint keeps (empty: "
      "those of the source, where it knows any)"},
  {"backend", CHOICE, AT (backend),
      "Machine that computes", .choice = gst_ddpm_backend_get_type},
  {"precision", CHOICE, AT (precision),
      "Numbers that it computes in", .choice = gst_ddpm_precision_get_type},
  {"threads", UINT, AT (threads),
      "Compute threads (0: one per physical core)", 0, DDPM_MAX_THREADS},
  {"cuda-device-id", DEVICE, AT (cuda_device_id)},
  {"batch-size", UINT, AT (trainer.batch_size),
      "Images of one optimizer step", 1, MAX_BATCH},
  {"micro-batch", UINT, AT (trainer.micro_batch),
      "Images computed at a time, gradients added up (0: chosen)", 0,
      MAX_BATCH},
  {"learning-rate", DOUBLE, AT (trainer.learning_rate),
      "Learning rate of Adam", 0, 1},
  {"warmup-steps", COUNT, AT (trainer.warmup_steps),
      "Steps over which the learning rate rises linearly (0: none)", 0,
      MAX_STEPS},
  {"grad-clip", DOUBLE, AT (trainer.grad_clip),
      "Limit of the global norm of the gradient (0: none)", 0, G_MAXFLOAT},
  {"ema-decay", DOUBLE, AT (trainer.ema_decay),
      "Decay of the moving average of the weights (0: none is kept)", 0, 1},
  {"flip", FLAG, AT (trainer.flip),
      "Mirror half of the images horizontally"},
  {"label-dropout", DOUBLE, AT (trainer.label_dropout),
      "Part of the images whose label is left out, which guidance needs "
      "(Ho & Salimans 2022)", 0, 1},
  {"max-loss-weight", DOUBLE, AT (trainer.max_loss_weight),
      "Limit of a timestep's weight in the loss, which is 1 / SNR (1: all "
      "weigh the same; more: composition and colours are learnt sooner)", 1,
      G_MAXFLOAT},
  {"max-steps", COUNT, AT (max_steps),
      "End the stream when so many optimizer steps have been done, those "
      "before a resume included (0: at EOS)", 0, MAX_STEPS},
  {"checkpoint-interval", COUNT, AT (checkpoint_interval),
      "Steps from one checkpoint to the next (0: only at the end)", 0,
      MAX_STEPS},
  {"seed", UINT64, AT (trainer.seed),
      "Seed of initial weights, timesteps, noise, flips and both kinds of "
      "dropout"},
  {"progress-interval", UINT, AT (progress_interval),
      "Seconds from one report to the next (0: one every step)", 0,
      MAX_SECONDS},
  {"log-location", TEXT, AT (log_location),
      "CSV file with a row for each step; appended to when resuming"},
  {"preview-interval", COUNT, AT (preview_interval),
      "Steps from one preview to the next (0: one after each epoch)", 0,
      MAX_STEPS},
  {"preview-count", UINT, AT (preview_count),
      "Images of a preview", 1, MAX_PREVIEW_COUNT},
  {"preview-steps", UINT, AT (preview_steps),
      "Steps of the DDIM sampler of previews, of eta=1 (0: DDPM, all T)", 0,
      DDPM_MAX_TIMESTEPS},
  {"preview-seed", UINT64, AT (preview_seed),
      "Seed of the noise that every preview starts from"},
};
/* *INDENT-ON* */

/* Those that the state file records, for people */
static const gchar *const recipe[] = {
  "precision", "batch-size", "micro-batch", "learning-rate", "warmup-steps",
  "grad-clip", "ema-decay", "flip", "label-dropout", "max-loss-weight",
  "initial-model", "teacher-model", "teacher-guidance", "teacher-steps",
  "sampling-steps", NULL
};

void
gst_ddpm_train_settings_init (GstDdpmTrainSettings * s)
{
  memset (s, 0, sizeof (*s));
  ddpm_config_init_defaults (&s->config);
  ddpm_trainer_settings_init (&s->trainer);
  s->channel_mult = g_strdup (DEFAULT_CHANNEL_MULT);
  s->attention_levels = g_strdup (DEFAULT_ATTENTION_LEVELS);
  s->backend = DDPM_BACKEND_AUTO;
  s->precision = DDPM_PRECISION_AUTO;
  s->cuda_device_id = -1;
  s->checkpoint_interval = DEFAULT_CHECKPOINT_INTERVAL;
  s->progress_interval = DEFAULT_PROGRESS_INTERVAL;
  s->preview_count = DEFAULT_PREVIEW_COUNT;
  s->teacher_guidance = DEFAULT_TEACHER_GUIDANCE;
}

void
gst_ddpm_train_settings_clear (GstDdpmTrainSettings * s)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (settings); i++) {
    if (settings[i].kind == TEXT)
      g_clear_pointer ((gchar **) G_STRUCT_MEMBER_P (s, settings[i].offset),
          g_free);
  }
}

void
gst_ddpm_train_settings_copy (GstDdpmTrainSettings * to,
    const GstDdpmTrainSettings * from)
{
  guint i;

  *to = *from;
  for (i = 0; i < G_N_ELEMENTS (settings); i++) {
    if (settings[i].kind == TEXT)
      G_STRUCT_MEMBER (gchar *, to, settings[i].offset) =
          g_strdup (G_STRUCT_MEMBER (gchar *, from, settings[i].offset));
  }
}

static gboolean
has_text (const gchar * text)
{
  return text != NULL && *text != '\0';
}

static gboolean
is_same_path (const gchar * a, const gchar * b)
{
  g_autofree gchar *path_a = g_canonicalize_filename (a, NULL);
  g_autofree gchar *path_b = g_canonicalize_filename (b, NULL);

  return g_str_equal (path_a, path_b);
}

/* The log may not be written over the checkpoint, nor over its state. */
static gboolean
check_log_location (const GstDdpmTrainSettings * s, GError ** error)
{
  g_autofree gchar *state = ddpm_train_state_path (s->location);

  if (!has_text (s->log_location)
      || (!is_same_path (s->log_location, s->location)
          && !is_same_path (s->log_location, state)))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "log-location=%s is a file of location=%s too", s->log_location,
      s->location);
  return FALSE;
}

static gboolean
check_class_names (const GstDdpmTrainSettings * s, GError ** error)
{
  g_auto (GStrv) names = NULL;

  if (!has_text (s->class_names))
    return TRUE;
  names = ddpm_class_names_parse (s->class_names, s->config.classes, error);
  if (names == NULL)
    g_prefix_error (error, "class-names=%s with classes=%u: ", s->class_names,
        s->config.classes);
  return names != NULL;
}

gboolean
gst_ddpm_train_settings_check (GstDdpmTrainSettings * s, GError ** error)
{
  const gchar *mult = s->channel_mult ? s->channel_mult : "";
  const gchar *levels = s->attention_levels ? s->attention_levels : "";

  if (!has_text (s->location)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
        "The property location is not set: it names the checkpoint to "
        "train, for example location=ckpt.bin");
    return FALSE;
  }
  if (s->config.steps > 0 && !has_text (s->teacher_model)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "sampling-steps=%u are learnt from a teacher: teacher-model names it",
        s->config.steps);
    return FALSE;
  }
  s->config.guidance = has_text (s->teacher_model) ? s->teacher_guidance : 1.0;
  if (!check_log_location (s, error)
      || !ddpm_config_parse_channel_mult (&s->config, mult, error)
      || !ddpm_config_parse_attention_levels (&s->config, levels, error)
      || !ddpm_config_check (&s->config, error)
      || !check_class_names (s, error))
    return FALSE;
  if (s->preview_steps > s->config.timesteps) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "preview-steps is %u, and a model of timesteps=%u has no more than "
        "these", s->preview_steps, s->config.timesteps);
    return FALSE;
  }
  return TRUE;
}

static GParamSpec *
setting_to_pspec (const Setting * setting, const GstDdpmTrainSettings * def)
{
  const gchar *name = setting->name, *blurb = setting->blurb;
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
      | GST_PARAM_MUTABLE_READY;
  gconstpointer p = G_STRUCT_MEMBER_P (def, setting->offset);

  switch (setting->kind) {
    case TEXT:
      return g_param_spec_string (name, name, blurb,
          *(const gchar * const *) p, flags);
    case FLAG:
      return g_param_spec_boolean (name, name, blurb, *(const gboolean *) p,
          flags);
    case UINT:
      return gst_ddpm_param_spec_uint (name, name, blurb, setting->min,
          setting->max, *(const guint *) p, flags);
    case COUNT:
      return gst_ddpm_param_spec_uint64 (name, name, blurb, setting->min,
          setting->max, *(const guint64 *) p, flags);
    case UINT64:
      return g_param_spec_uint64 (name, name, blurb, 0, G_MAXUINT64,
          *(const guint64 *) p, flags);
    case DOUBLE:
      return gst_ddpm_param_spec_double (name, name, blurb, setting->min,
          setting->max, *(const gdouble *) p, flags);
    case CHOICE:
      return g_param_spec_enum (name, name, blurb, setting->choice (),
          *(const gint *) p, flags);
    case DEVICE:
      return gst_ddpm_cuda_param_spec_device_id ();
  }
  return NULL;
}

guint
gst_ddpm_train_settings_install (GObjectClass * klass)
{
  GstDdpmTrainSettings def;
  guint i;

  gst_ddpm_train_settings_init (&def);
  for (i = 0; i < G_N_ELEMENTS (settings); i++)
    g_object_class_install_property (klass, i + 1,
        setting_to_pspec (&settings[i], &def));
  gst_ddpm_train_settings_clear (&def);

  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_SCHEDULE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_DATA_RANGE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_PREDICTION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_BACKEND, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_PRECISION, 0);
  return i;
}

void
gst_ddpm_train_settings_set (GstDdpmTrainSettings * s, guint id,
    const GValue * value)
{
  gpointer p = G_STRUCT_MEMBER_P (s, settings[id - 1].offset);

  switch (settings[id - 1].kind) {
    case TEXT:
      g_free (*(gchar **) p);
      *(gchar **) p = g_value_dup_string (value);
      break;
    case FLAG:
      *(gboolean *) p = g_value_get_boolean (value);
      break;
    case UINT:
      *(guint *) p = g_value_get_uint (value);
      break;
    case COUNT:
    case UINT64:
      *(guint64 *) p = g_value_get_uint64 (value);
      break;
    case DOUBLE:
      *(gdouble *) p = g_value_get_double (value);
      break;
    case CHOICE:
      *(gint *) p = g_value_get_enum (value);
      break;
    case DEVICE:
      *(gint *) p = g_value_get_int (value);
      break;
  }
}

void
gst_ddpm_train_settings_get (const GstDdpmTrainSettings * s, guint id,
    GValue * value)
{
  gconstpointer p = G_STRUCT_MEMBER_P (s, settings[id - 1].offset);

  switch (settings[id - 1].kind) {
    case TEXT:
      g_value_set_string (value, *(const gchar * const *) p);
      break;
    case FLAG:
      g_value_set_boolean (value, *(const gboolean *) p);
      break;
    case UINT:
      g_value_set_uint (value, *(const guint *) p);
      break;
    case COUNT:
    case UINT64:
      g_value_set_uint64 (value, *(const guint64 *) p);
      break;
    case DOUBLE:
      g_value_set_double (value, *(const gdouble *) p);
      break;
    case CHOICE:
      g_value_set_enum (value, *(const gint *) p);
      break;
    case DEVICE:
      g_value_set_int (value, *(const gint *) p);
      break;
  }
}

static gchar *
choice_to_text (GType type, gint value)
{
  GEnumClass *klass = g_type_class_ref (type);
  GEnumValue *choice = g_enum_get_value (klass, value);
  gchar *text = g_strdup (choice ? choice->value_nick : "");

  g_type_class_unref (klass);
  return text;
}

static gchar *
setting_to_text (const Setting * setting, const GstDdpmTrainSettings * s)
{
  gconstpointer p = G_STRUCT_MEMBER_P (s, setting->offset);
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (setting->kind) {
    case TEXT:
      return g_strdup (*(const gchar * const *) p ? *(const gchar * const *) p
          : "");
    case FLAG:
      return g_strdup (*(const gboolean *) p ? "true" : "false");
    case UINT:
      return g_strdup_printf ("%u", *(const guint *) p);
    case COUNT:
    case UINT64:
      return g_strdup_printf ("%" G_GUINT64_FORMAT, *(const guint64 *) p);
    case DOUBLE:
      return g_strdup (g_ascii_dtostr (number, sizeof (number),
              *(const gdouble *) p));
    case CHOICE:
      return choice_to_text (setting->choice (), *(const gint *) p);
    case DEVICE:
      return g_strdup_printf ("%d", *(const gint *) p);
  }
  return NULL;
}

GHashTable *
gst_ddpm_train_settings_to_table (const GstDdpmTrainSettings * s)
{
  GHashTable *table =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (settings); i++) {
    if (g_strv_contains (recipe, settings[i].name))
      g_hash_table_insert (table, (gpointer) settings[i].name,
          setting_to_text (&settings[i], s));
  }
  return table;
}
