/* gst-ddpm: the metadata of checkpoints and training states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/metadata.h"

#include <math.h>
#include <string.h>

#include "gst-ddpm/model/model.h"

static const gchar *const schedules[] = { "linear", "cosine", "scaled_linear",
  "sigmoid", NULL
};

static const gchar *const middles[] = { "attention", "plain-attention",
  "no-attention", "none", NULL
};

static const gchar *const paddings[] = { "both", "end", NULL };
static const gchar *const booleans[] = { "false", "true", NULL };
static const gchar *const data_ranges[] = { "symmetric", "unit", NULL };

static const gchar *const predictions[] = { "epsilon", "v_prediction",
  "sample", NULL
};

static const gchar *const samplers[] = { "ddpm", "ddim", "dpmpp-2m", NULL };

static const gchar *const spacings[] = { "linear", "quadratic", "leading",
  "trailing", "linspace", NULL
};

static const gchar *const variances[] = { "fixed_small", "fixed_large",
  "learned_range", NULL
};

/* --- reading ---------------------------------------------------------- */

static gboolean
wrong_value (const DdpmMetadata * metadata, const gchar * name,
    const gchar * expected, const gchar * value, GError ** error)
{
  g_autofree gchar *found = ddpm_file_quote (value);

  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected %s as its metadata %s, found %s", metadata->location,
      expected, name, found);
  return FALSE;
}

gboolean
ddpm_metadata_check_version (const DdpmMetadata * metadata, const gchar * name,
    const gchar * expected, GError ** error)
{
  const gchar *version = g_hash_table_lookup (metadata->values, name);
  g_autofree gchar *found = NULL;

  if (g_strcmp0 (version, DDPM_METADATA_VERSION) == 0)
    return TRUE;
  found = version ? ddpm_file_quote (version) :
      g_strdup ("a file that is not one");
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected %s of version '" DDPM_METADATA_VERSION "', found %s",
      metadata->location, expected, found);
  return FALSE;
}

/* Sets *value, to NULL if the name is missing. Returns: FALSE and an error if it
 * is missing from metadata that must be complete */
static gboolean
look_up (const DdpmMetadata * metadata, const gchar * name,
    const gchar ** value, GError ** error)
{
  *value = g_hash_table_lookup (metadata->values, name);
  if (*value == NULL && metadata->complete) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected metadata %s, found none", metadata->location, name);
    return FALSE;
  }
  return TRUE;
}

gboolean
ddpm_metadata_get_uint (const DdpmMetadata * metadata, const gchar * name,
    guint64 max, guint64 * value, GError ** error)
{
  g_autofree gchar *expected = NULL;
  const gchar *text;

  if (!look_up (metadata, name, &text, error))
    return FALSE;
  if (text == NULL || g_ascii_string_to_unsigned (text, 10, 0, max, value,
          NULL))
    return TRUE;
  expected = g_strdup_printf ("a whole number up to %" G_GUINT64_FORMAT, max);
  return wrong_value (metadata, name, expected, text, error);
}

gboolean
ddpm_metadata_get_double (const DdpmMetadata * metadata, const gchar * name,
    gdouble * value, GError ** error)
{
  const gchar *text;
  gchar *end;

  if (!look_up (metadata, name, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  *value = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0' || !isfinite (*value))
    return wrong_value (metadata, name, "a finite number", text, error);
  return TRUE;
}

static gboolean
get_guint (const DdpmMetadata * metadata, const gchar * name, guint * value,
    GError ** error)
{
  guint64 wide = *value;

  if (!ddpm_metadata_get_uint (metadata, name, G_MAXUINT, &wide, error))
    return FALSE;
  *value = wide;
  return TRUE;
}

static gboolean
get_choice (const DdpmMetadata * metadata, const gchar * name,
    const gchar * const *choices, guint * value, GError ** error)
{
  g_autofree gchar *expected = NULL;
  const gchar *text;

  if (!look_up (metadata, name, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  for (guint i = 0; choices[i] != NULL; i++) {
    if (strcmp (choices[i], text) == 0) {
      *value = i;
      return TRUE;
    }
  }
  expected = g_strjoinv (" or ", (gchar **) choices);
  return wrong_value (metadata, name, expected, text, error);
}

/* As get_choice (), for a boolean, or a field that may be -1 */
static gboolean
get_number (const DdpmMetadata * metadata, const gchar * name,
    const gchar * const *choices, gint * value, GError ** error)
{
  guint number = *value;

  if (!get_choice (metadata, name, choices, &number, error))
    return FALSE;
  *value = number;
  return TRUE;
}

/* A name may be missing even in a complete file: what is not said is not
 * written. */
static gboolean
get_sampling (const DdpmMetadata * metadata, DdpmSampling * sampling,
    GError ** error)
{
  DdpmMetadata m = *metadata;

  m.complete = FALSE;
  return get_number (&m, "ddpm.sampler", samplers, &sampling->sampler, error)
      && get_guint (&m, "ddpm.sampling_steps", &sampling->steps, error)
      && get_number (&m, "ddpm.spacing", spacings, &sampling->spacing, error)
      && get_guint (&m, "ddpm.steps_offset", &sampling->steps_offset, error)
      && ddpm_metadata_get_double (&m, "ddpm.eta", &sampling->eta, error)
      && get_number (&m, "ddpm.variance", variances, &sampling->variance, error)
      && get_number (&m, "ddpm.clip", booleans, &sampling->clip, error)
      && ddpm_metadata_get_double (&m, "ddpm.clip_range",
      &sampling->clip_range, error)
      && get_number (&m, "ddpm.keep_eps", booleans, &sampling->keep_eps, error)
      && get_number (&m, "ddpm.final_alpha_first", booleans,
      &sampling->final_alpha_first, error)
      && get_number (&m, "ddpm.always_labelled", booleans,
      &sampling->always_labelled, error);
}

/* These may be missing even in a complete file: older versions did not write
 * them, and defaults are not written. */
static gboolean
get_later_settings (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  DdpmMetadata incomplete = *metadata;
  guint prediction = DDPM_PREDICTION_EPSILON;

  incomplete.complete = FALSE;
  config->guidance = 1.0;
  if (!get_guint (&incomplete, "ddpm.classes", &config->classes, error)
      || !get_choice (&incomplete, "ddpm.prediction_type", predictions,
          &prediction, error)
      || !ddpm_metadata_get_double (&incomplete, "ddpm.guidance",
          &config->guidance, error)
      || !get_guint (&incomplete, "ddpm.steps", &config->steps, error)
      || !get_number (&incomplete, "ddpm.zero_snr", booleans,
          &config->zero_snr, error)
      || !get_sampling (metadata, &config->sampling, error))
    return FALSE;
  config->prediction = prediction;
  return TRUE;
}

static gboolean
get_levels (const DdpmMetadata * metadata, DdpmConfig * config, GError ** error)
{
  const gchar *mult, *attention;

  if (!look_up (metadata, "ddpm.channel_mult", &mult, error)
      || !look_up (metadata, "ddpm.attention_levels", &attention, error))
    return FALSE;
  if (mult && !ddpm_config_parse_channel_mult (config, mult, NULL))
    return wrong_value (metadata, "ddpm.channel_mult",
        "numbers such as '1,2,2,1'", mult, error);
  if (attention && !ddpm_config_parse_attention_levels (config, attention,
          NULL))
    return wrong_value (metadata, "ddpm.attention_levels",
        "levels such as '1' or '0,2'", attention, error);
  return TRUE;
}

static gboolean
get_level_list (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  DdpmConfig lists = *config;
  const gchar *channels, *up;

  if (!look_up (metadata, "ddpm.level_channels", &channels, error)
      || !look_up (metadata, "ddpm.up_attention_levels", &up, error))
    return FALSE;
  if (channels && (!ddpm_config_parse_channel_mult (&lists, channels, NULL)
          || lists.n_levels != config->n_levels))
    return wrong_value (metadata, "ddpm.level_channels",
        "a number for each level such as '24,40'", channels, error);
  if (channels)
    memcpy (config->level_channels, lists.channel_mult,
        sizeof lists.channel_mult);
  if (up && !ddpm_config_parse_attention_levels (&lists, up, NULL))
    return wrong_value (metadata, "ddpm.up_attention_levels",
        "levels such as '1' or '0,2'", up, error);
  if (up)
    config->up_attention_levels = lists.attention_levels;
  return TRUE;
}

/* What networks of other programs have. A name may be missing even in a complete
 * file: defaults are not written. */
static gboolean
get_network_options (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  DdpmMetadata m = *metadata;
  guint middle = config->middle, padding = config->down_padding;

  m.complete = FALSE;
  if (!get_level_list (&m, config, error)
      || !get_choice (&m, "ddpm.middle", middles, &middle, error)
      || !get_guint (&m, "ddpm.heads", &config->heads, error)
      || !get_guint (&m, "ddpm.head_channels", &config->head_channels, error)
      || !get_guint (&m, "ddpm.groups", &config->groups, error)
      || !ddpm_metadata_get_double (&m, "ddpm.norm_eps", &config->norm_eps,
          error)
      || !get_number (&m, "ddpm.scale_shift", booleans, &config->scale_shift,
          error)
      || !get_choice (&m, "ddpm.down_padding", paddings, &padding, error)
      || !ddpm_metadata_get_double (&m, "ddpm.middle_scale",
          &config->middle_scale, error)
      || !get_number (&m, "ddpm.center_input", booleans, &config->center_input,
          error)
      || !get_number (&m, "ddpm.learned_variance", booleans,
          &config->learned_variance, error)
      || !get_guint (&m, "ddpm.time_dim", &config->time_dim, error))
    return FALSE;
  config->middle = middle;
  config->down_padding = padding;
  return TRUE;
}

static gboolean
get_schedule (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  guint schedule = config->schedule;

  if (!get_guint (metadata, "ddpm.timesteps", &config->timesteps, error)
      || !get_choice (metadata, "ddpm.schedule", schedules, &schedule, error)
      || !ddpm_metadata_get_double (metadata, "ddpm.beta_start",
          &config->beta_start, error)
      || !ddpm_metadata_get_double (metadata, "ddpm.beta_end",
          &config->beta_end, error))
    return FALSE;
  config->schedule = schedule;
  return TRUE;
}

gboolean
ddpm_metadata_get_config (const DdpmMetadata * metadata, DdpmConfig * config,
    GError ** error)
{
  DdpmConfig found = *config;
  guint range = config->data_range;

  if (!get_guint (metadata, "ddpm.image_channels", &found.image_channels, error)
      || !get_guint (metadata, "ddpm.channels", &found.channels, error)
      || !get_levels (metadata, &found, error)
      || !get_network_options (metadata, &found, error)
      || !get_guint (metadata, "ddpm.res_blocks", &found.res_blocks, error)
      || !ddpm_metadata_get_double (metadata, "ddpm.dropout", &found.dropout,
          error)
      || !get_schedule (metadata, &found, error)
      || !get_choice (metadata, "ddpm.data_range", data_ranges, &range, error)
      || !get_later_settings (metadata, &found, error))
    return FALSE;
  found.data_range = range;
  if (!ddpm_config_check (&found, error)) {
    ddpm_metadata_blame (metadata->location, error);
    return FALSE;
  }
  *config = found;
  return TRUE;
}

gboolean
ddpm_metadata_get_size (const DdpmMetadata * metadata,
    const DdpmConfig * config, guint * width, guint * height, GError ** error)
{
  if (!get_guint (metadata, "ddpm.width", width, error)
      || !get_guint (metadata, "ddpm.height", height, error))
    return FALSE;
  if (*width == 0 && *height == 0)
    return TRUE;
  if (!ddpm_config_check_size (config, *width, *height, error)) {
    ddpm_metadata_blame (metadata->location, error);
    return FALSE;
  }
  return TRUE;
}

gboolean
ddpm_metadata_get_class_names (const DdpmMetadata * metadata,
    const DdpmConfig * config, gchar *** names, GError ** error)
{
  const gchar *text =
      g_hash_table_lookup (metadata->values, "ddpm.class_names");

  *names = NULL;
  if (text == NULL)
    return TRUE;
  *names = ddpm_class_names_parse (text, config->classes, error);
  if (*names == NULL)
    ddpm_metadata_blame (metadata->location, error);
  return *names != NULL;
}

static gboolean
says (const DdpmMetadata * metadata, const gchar * name)
{
  return g_hash_table_contains (metadata->values, name);
}

DdpmFacts
ddpm_metadata_get_assumed (const DdpmMetadata * metadata,
    const DdpmConfig * config)
{
  const gboolean ours = says (metadata, DDPM_METADATA_FORMAT);
  const gboolean betas = config->schedule == DDPM_SCHEDULE_COSINE
      || (says (metadata, "ddpm.beta_start")
      && says (metadata, "ddpm.beta_end"));
  DdpmFacts assumed = 0;

  if (!says (metadata, "ddpm.schedule") || !betas)
    assumed |= DDPM_FACT_SCHEDULE;
  if (!says (metadata, "ddpm.data_range"))
    assumed |= DDPM_FACT_DATA_RANGE;
  if (!says (metadata, "ddpm.prediction_type") && !ours)
    assumed |= DDPM_FACT_PREDICTION;
  return assumed;
}

/* Is a key another program's, such as license? */
static gboolean
is_note (const gchar * key)
{
  return !g_str_has_prefix (key, "ddpm.") && !g_str_equal (key, "format");
}

GHashTable *
ddpm_metadata_get_notes (const DdpmMetadata * metadata)
{
  GHashTable *notes =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  gpointer key, value;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, metadata->values);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (is_note (key))
      g_hash_table_insert (notes, g_strdup (key), g_strdup (value));
  return notes;
}

/* Lists what is assumed. Files of ours leave out a prediction of epsilon. NULL:
 * nothing */
static gchar *
list_assumptions (const DdpmMetadata * metadata, const DdpmConfig * config,
    gboolean has_table)
{
  const gboolean ours = says (metadata, DDPM_METADATA_FORMAT);
  const gboolean cosine = config->schedule == DDPM_SCHEDULE_COSINE;
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);

  if (!says (metadata, "ddpm.schedule"))
    g_ptr_array_add (all, g_strdup ("a linear schedule"));
  if (!cosine && (!says (metadata, "ddpm.beta_start")
          || !says (metadata, "ddpm.beta_end")))
    g_ptr_array_add (all, g_strdup_printf ("betas of %g to %g",
            config->beta_start, config->beta_end));
  if (!says (metadata, "ddpm.timesteps") && !has_table)
    g_ptr_array_add (all, g_strdup_printf ("T = %u", config->timesteps));
  if (!says (metadata, "ddpm.prediction_type") && !ours)
    g_ptr_array_add (all, g_strdup ("prediction of epsilon"));
  if (!says (metadata, "ddpm.data_range"))
    g_ptr_array_add (all, g_strdup ("pixels in [-1, 1]"));
  if (all->len == 0)
    return NULL;

  if (!ours && !says (metadata, "ddpm.steps")
      && !says (metadata, "ddpm.guidance"))
    g_ptr_array_add (all, g_strdup ("no distillation"));
  if (!says (metadata, "ddpm.width"))
    g_ptr_array_add (all, g_strdup ("images of any size"));
  if (!says (metadata, "ddpm.timesteps") && has_table)
    g_ptr_array_add (all, g_strdup_printf ("T = %u as its embedding table has",
            config->timesteps));
  g_ptr_array_add (all, NULL);
  return g_strjoinv (", ", (gchar **) all->pdata);
}

/* Is a key of metadata meant for us, but not known, like ddpm.data-range or
 * data_range? "format" is that of every file of PyTorch. */
static gboolean
is_ignored (const gchar * key)
{
  static const gchar *const known[] = {
    "format", "image_channels", "channels", "channel_mult", "attention_levels",
    "res_blocks", "dropout", "timesteps", "schedule", "beta_start", "beta_end",
    "data_range", "prediction_type", "guidance", "steps", "width", "height",
    "step", "classes", "class_names", "level_channels", "up_attention_levels",
    "middle", "heads", "head_channels", "groups", "norm_eps", "scale_shift",
    "down_padding", "middle_scale", "center_input", "learned_variance",
    "time_dim", "zero_snr", "sampler", "sampling_steps", "spacing",
    "steps_offset", "eta", "variance", "clip", "clip_range", "keep_eps",
    "final_alpha_first", "always_labelled", NULL
  };
  const gboolean ours = g_str_has_prefix (key, "ddpm.");
  g_autofree gchar *name = g_ascii_strdown (ours ? key + 5 : key, -1);

  if (ours)
    return !g_strv_contains (known, key + 5);
  return g_strv_contains (known + 1, g_strdelimit (name, "-", '_'));
}

/* Those keys, as text. NULL: there are none */
static gchar *
list_ignored (const DdpmMetadata * metadata)
{
  g_autoptr (GList) keys = g_hash_table_get_keys (metadata->values);
  g_autoptr (GList) ignored = NULL;

  for (GList * l = keys; l != NULL; l = l->next)
    if (is_ignored (l->data))
      ignored = g_list_prepend (ignored, l->data);
  return ddpm_file_quote_names (ignored);
}

gchar *
ddpm_metadata_describe_assumptions (const DdpmMetadata * metadata,
    const DdpmConfig * config, gboolean has_table)
{
  g_autofree gchar *assumed = list_assumptions (metadata, config, has_table);
  g_autofree gchar *ignored = list_ignored (metadata);

  if (assumed == NULL && ignored == NULL)
    return NULL;
  return g_strconcat ("its metadata",
      assumed ? " does not say how it was trained; assumed: " : "",
      assumed ? assumed : "", assumed && ignored ? "; it" : "",
      ignored ? " has unknown keys, which are ignored: " : "",
      ignored ? ignored : "", NULL);
}

void
ddpm_metadata_blame (const gchar * location, GError ** error)
{
  if (error == NULL || *error == NULL)
    return;
  if (g_error_matches (*error, DDPM_ERROR, DDPM_ERROR_SETTINGS))
    (*error)->code = DDPM_ERROR_FORMAT;
  g_prefix_error (error, "%s: ", location);
}

/* --- writing ---------------------------------------------------------- */

void
ddpm_metadata_add_uint (DdpmSafetensorsWriter * writer, const gchar * name,
    guint64 value)
{
  g_autofree gchar *text = g_strdup_printf ("%" G_GUINT64_FORMAT, value);

  ddpm_safetensors_writer_add_metadata (writer, name, text);
}

void
ddpm_metadata_add_double (DdpmSafetensorsWriter * writer, const gchar * name,
    gdouble value)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_dtostr (text, sizeof text, value);
  ddpm_safetensors_writer_add_metadata (writer, name, text);
}

static void
add_level_lists (DdpmSafetensorsWriter * writer, const DdpmConfig * config)
{
  DdpmConfig lists = *config;
  gboolean multiples = TRUE;

  for (guint i = 0; i < config->n_levels; i++) {
    multiples &= config->level_channels[i] == 0;
    lists.channel_mult[i] = ddpm_config_get_level_channels (config, i);
  }
  if (!multiples) {
    g_autofree gchar *text = ddpm_config_channel_mult_to_string (&lists);

    ddpm_safetensors_writer_add_metadata (writer, "ddpm.level_channels", text);
  }
  if (config->up_attention_levels != DDPM_SAME_LEVELS
      && config->up_attention_levels != config->attention_levels) {
    g_autofree gchar *text = NULL;

    lists.attention_levels = config->up_attention_levels;
    text = ddpm_config_attention_levels_to_string (&lists);
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.up_attention_levels",
        text);
  }
}

/* Adds what differs from the networks that programs of old versions know. */
static void
add_network_options (DdpmSafetensorsWriter * writer, const DdpmConfig * config)
{
  add_level_lists (writer, config);
  if (config->middle != DDPM_MIDDLE_ATTENTION)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.middle",
        middles[config->middle]);
  if (config->head_channels > 0)
    ddpm_metadata_add_uint (writer, "ddpm.head_channels",
        config->head_channels);
  else if (config->heads != 1)
    ddpm_metadata_add_uint (writer, "ddpm.heads", config->heads);
  if (config->groups != DDPM_GROUPS)
    ddpm_metadata_add_uint (writer, "ddpm.groups", config->groups);
  if (config->norm_eps != DDPM_NORM_EPS)
    ddpm_metadata_add_double (writer, "ddpm.norm_eps", config->norm_eps);
  if (config->scale_shift)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.scale_shift", "true");
  if (config->down_padding != DDPM_PADDING_BOTH)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.down_padding",
        paddings[config->down_padding]);
  if (config->middle_scale != 1.0)
    ddpm_metadata_add_double (writer, "ddpm.middle_scale",
        config->middle_scale);
  if (config->center_input)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.center_input", "true");
  if (config->learned_variance)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.learned_variance",
        "true");
  if (config->time_dim > 0)
    ddpm_metadata_add_uint (writer, "ddpm.time_dim", config->time_dim);
}

static void
add_choice (DdpmSafetensorsWriter * writer, const gchar * name,
    const gchar * const *choices, gint value)
{
  if (value >= 0)
    ddpm_safetensors_writer_add_metadata (writer, name, choices[value]);
}

/* Adds what is said. */
static void
add_sampling (DdpmSafetensorsWriter * writer, const DdpmSampling * sampling)
{
  const DdpmSampling *s = sampling;

  add_choice (writer, "ddpm.sampler", samplers, s->sampler);
  if (s->steps > 0)
    ddpm_metadata_add_uint (writer, "ddpm.sampling_steps", s->steps);
  add_choice (writer, "ddpm.spacing", spacings, s->spacing);
  if (s->steps_offset > 0)
    ddpm_metadata_add_uint (writer, "ddpm.steps_offset", s->steps_offset);
  if (s->eta >= 0.0)
    ddpm_metadata_add_double (writer, "ddpm.eta", s->eta);
  add_choice (writer, "ddpm.variance", variances, s->variance);
  add_choice (writer, "ddpm.clip", booleans, s->clip);
  if (s->clip_range != 1.0)
    ddpm_metadata_add_double (writer, "ddpm.clip_range", s->clip_range);
  add_choice (writer, "ddpm.keep_eps", booleans, s->keep_eps ? 1 : -1);
  add_choice (writer, "ddpm.final_alpha_first", booleans,
      s->final_alpha_first ? 1 : -1);
  add_choice (writer, "ddpm.always_labelled", booleans,
      s->always_labelled ? 1 : -1);
}

void
ddpm_metadata_add_config (DdpmSafetensorsWriter * writer,
    const DdpmConfig * config, guint width, guint height)
{
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (config);
  g_autofree gchar *attention = ddpm_config_attention_levels_to_string (config);

  ddpm_metadata_add_uint (writer, "ddpm.image_channels",
      config->image_channels);
  ddpm_metadata_add_uint (writer, "ddpm.channels", config->channels);
  ddpm_safetensors_writer_add_metadata (writer, "ddpm.channel_mult", mult);
  ddpm_safetensors_writer_add_metadata (writer, "ddpm.attention_levels",
      attention);
  ddpm_metadata_add_uint (writer, "ddpm.res_blocks", config->res_blocks);
  add_network_options (writer, config);
  ddpm_metadata_add_double (writer, "ddpm.dropout", config->dropout);
  ddpm_metadata_add_uint (writer, "ddpm.timesteps", config->timesteps);
  ddpm_safetensors_writer_add_metadata (writer, "ddpm.schedule",
      schedules[config->schedule]);
  ddpm_metadata_add_double (writer, "ddpm.beta_start", config->beta_start);
  ddpm_metadata_add_double (writer, "ddpm.beta_end", config->beta_end);
  ddpm_safetensors_writer_add_metadata (writer, "ddpm.data_range",
      data_ranges[config->data_range]);
  ddpm_metadata_add_uint (writer, "ddpm.width", width);
  ddpm_metadata_add_uint (writer, "ddpm.height", height);
  if (config->prediction != DDPM_PREDICTION_EPSILON)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.prediction_type",
        predictions[config->prediction]);
  if (config->guidance != 1.0)
    ddpm_metadata_add_double (writer, "ddpm.guidance", config->guidance);
  if (config->steps > 0)
    ddpm_metadata_add_uint (writer, "ddpm.steps", config->steps);
  if (config->classes > 0)
    ddpm_metadata_add_uint (writer, "ddpm.classes", config->classes);
  add_choice (writer, "ddpm.zero_snr", booleans, config->zero_snr ? 1 : -1);
  add_sampling (writer, &config->sampling);
}

void
ddpm_metadata_add_notes (DdpmSafetensorsWriter * writer, GHashTable * notes)
{
  g_autoptr (GList) keys = notes ? g_list_sort (g_hash_table_get_keys (notes),
      (GCompareFunc) strcmp) : NULL;

  for (GList * l = keys; l != NULL; l = l->next)
    ddpm_safetensors_writer_add_metadata (writer, l->data,
        g_hash_table_lookup (notes, l->data));
}

void
ddpm_metadata_add_class_names (DdpmSafetensorsWriter * writer, gchar ** names)
{
  g_autofree gchar *text = names ? g_strjoinv (",", names) : NULL;

  if (text != NULL)
    ddpm_safetensors_writer_add_metadata (writer, "ddpm.class_names", text);
}
