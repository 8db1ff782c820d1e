/* gst-ddpm: what defines a model besides its weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/config.h"

#include <string.h>

void
ddpm_config_init_defaults (DdpmConfig * config)
{
  static const DdpmConfig notebook = {
    .image_channels = 3,
    .channels = 128,
    .n_levels = 4,
    .channel_mult = {1, 2, 2, 1},
    .attention_levels = 1u << 1,
    .res_blocks = 2,
    .dropout = 0.1,
    .timesteps = 1000,
    .schedule = DDPM_SCHEDULE_LINEAR,
    .beta_start = 1e-4,
    .beta_end = 0.02,
    .data_range = DDPM_DATA_RANGE_SYMMETRIC,
    .guidance = 1.0,
  };

  *config = notebook;
}

static gboolean
check_levels (const DdpmConfig * config, GError ** error)
{
  guint i;

  if (config->n_levels < 1 || config->n_levels > DDPM_MAX_LEVELS)
    goto wrong_n_levels;
  for (i = 0; i < config->n_levels; i++) {
    /* a division, since a product of two numbers from a file may overflow */
    if (config->channel_mult[i] < 1
        || config->channel_mult[i] > DDPM_MAX_CHANNELS / config->channels)
      goto wrong_mult;
  }
  if (config->attention_levels >> config->n_levels)
    goto wrong_attention;
  return TRUE;

wrong_n_levels:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "channel-mult must name 1 to %d levels, not %u", DDPM_MAX_LEVELS,
      config->n_levels);
  return FALSE;
wrong_mult:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "channel-mult of level %u must be 1 to %u with %u channels, not %u", i,
      DDPM_MAX_CHANNELS / config->channels, config->channels,
      config->channel_mult[i]);
  return FALSE;
wrong_attention:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "attention-levels must be below the number of levels, %u",
      config->n_levels);
  return FALSE;
}

/* Each comparison is written to fail for NaN. */
static gboolean
check_schedule (const DdpmConfig * config, GError ** error)
{
  if (config->timesteps < 1 || config->timesteps > DDPM_MAX_TIMESTEPS) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "timesteps must be 1 to %d, not %u", DDPM_MAX_TIMESTEPS,
        config->timesteps);
    return FALSE;
  }
  if (config->schedule != DDPM_SCHEDULE_LINEAR
      && config->schedule != DDPM_SCHEDULE_COSINE) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "schedule must be linear or cosine, not number %d", config->schedule);
    return FALSE;
  }
  if (!(config->beta_start > 0.0 && config->beta_end < 1.0
          && config->beta_start <= config->beta_end)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "betas must be 0 < beta-start <= beta-end < 1, not %g and %g",
        config->beta_start, config->beta_end);
    return FALSE;
  }
  return TRUE;
}

gboolean
ddpm_config_check (const DdpmConfig * config, GError ** error)
{
  if (config->image_channels != 1 && config->image_channels != 3) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "images must have 1 or 3 channels, not %u", config->image_channels);
    return FALSE;
  }
  if (config->channels < DDPM_GROUPS || config->channels > DDPM_MAX_CHANNELS
      || config->channels % DDPM_GROUPS != 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "channels must be a multiple of %d up to %d, not %u", DDPM_GROUPS,
        DDPM_MAX_CHANNELS, config->channels);
    return FALSE;
  }
  if (!check_levels (config, error))
    return FALSE;
  if (config->res_blocks < 1 || config->res_blocks > DDPM_MAX_RES_BLOCKS) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "res-blocks must be 1 to %d, not %u", DDPM_MAX_RES_BLOCKS,
        config->res_blocks);
    return FALSE;
  }
  if (!(config->dropout >= 0.0 && config->dropout < 1.0)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "dropout must be at least 0 and below 1, not %g", config->dropout);
    return FALSE;
  }
  if (config->data_range != DDPM_DATA_RANGE_SYMMETRIC
      && config->data_range != DDPM_DATA_RANGE_UNIT) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "data-range must be symmetric or unit, not number %d",
        config->data_range);
    return FALSE;
  }
  if (config->prediction != DDPM_PREDICTION_EPSILON
      && config->prediction != DDPM_PREDICTION_V) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "prediction-type must be epsilon or v-prediction, not number %d",
        config->prediction);
    return FALSE;
  }
  if (!(config->guidance >= 0.0 && config->guidance <= DDPM_MAX_GUIDANCE)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE,
        config->guidance);
    return FALSE;
  }
  if (config->steps > config->timesteps) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "a model of %u timesteps cannot have learnt %u steps",
        config->timesteps, config->steps);
    return FALSE;
  }
  if (config->classes > DDPM_MAX_CLASSES) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "classes must be 0 to %d, not %u", DDPM_MAX_CLASSES, config->classes);
    return FALSE;
  }
  return check_schedule (config, error);
}

gboolean
ddpm_config_check_size (const DdpmConfig * config, guint width, guint height,
    GError ** error)
{
  guint divisor = 1u << (config->n_levels - 1);

  if (width < 1 || width > DDPM_MAX_IMAGE_SIZE
      || height < 1 || height > DDPM_MAX_IMAGE_SIZE) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "images must be 1 to %d pixels wide and high, not %ux%u",
        DDPM_MAX_IMAGE_SIZE, width, height);
    return FALSE;
  }
  if (width % divisor != 0 || height % divisor != 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "a network of %u levels needs image sizes divisible by %u, not %ux%u",
        config->n_levels, divisor, width, height);
    return FALSE;
  }
  return TRUE;
}

/* Of a cosine schedule the betas say nothing, and so they are not compared. */
gboolean
ddpm_config_same_schedule (const DdpmConfig * a, const DdpmConfig * b)
{
  return a->timesteps == b->timesteps && a->schedule == b->schedule
      && (a->schedule == DDPM_SCHEDULE_COSINE
      || (a->beta_start == b->beta_start && a->beta_end == b->beta_end));
}

gboolean
ddpm_config_equal (const DdpmConfig * a, const DdpmConfig * b)
{
  return a->image_channels == b->image_channels
      && a->channels == b->channels
      && a->n_levels == b->n_levels
      && memcmp (a->channel_mult, b->channel_mult,
      a->n_levels * sizeof a->channel_mult[0]) == 0
      && a->attention_levels == b->attention_levels
      && a->res_blocks == b->res_blocks
      && a->dropout == b->dropout
      && ddpm_config_same_schedule (a, b) && a->data_range == b->data_range
      && a->prediction == b->prediction && a->guidance == b->guidance
      && a->steps == b->steps && a->classes == b->classes;
}

/* "1,2,2" to numbers of min..max; -1: it is no such list */
static gint
parse_list (const gchar * text, guint min, guint max,
    guint list[DDPM_MAX_LEVELS])
{
  gchar **items = g_strsplit (text, ",", DDPM_MAX_LEVELS + 1);
  guint n = g_strv_length (items);
  gboolean ok = n <= DDPM_MAX_LEVELS;
  guint64 number;
  guint i;

  for (i = 0; ok && i < n; i++) {
    ok = g_ascii_string_to_unsigned (g_strstrip (items[i]), 10, min, max,
        &number, NULL);
    if (ok)
      list[i] = number;
  }
  g_strfreev (items);
  return ok ? (gint) n : -1;
}

gboolean
ddpm_config_parse_channel_mult (DdpmConfig * config, const gchar * text,
    GError ** error)
{
  guint mult[DDPM_MAX_LEVELS] = { 0, };
  gint n = parse_list (text, 1, DDPM_MAX_CHANNELS, mult);

  if (n < 1) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "channel-mult must be 1 to %d whole numbers such as \"1,2,2,1\", "
        "not \"%s\"", DDPM_MAX_LEVELS, text);
    return FALSE;
  }
  memcpy (config->channel_mult, mult, sizeof mult);
  config->n_levels = n;
  return TRUE;
}

gboolean
ddpm_config_parse_attention_levels (DdpmConfig * config, const gchar * text,
    GError ** error)
{
  guint levels[DDPM_MAX_LEVELS];
  gint i, n = parse_list (text, 0, DDPM_MAX_LEVELS - 1, levels);

  if (n < 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "attention-levels must be empty or level numbers from 0 to %d such as "
        "\"1\" or \"1,2\", not \"%s\"", DDPM_MAX_LEVELS - 1, text);
    return FALSE;
  }
  config->attention_levels = 0;
  for (i = 0; i < n; i++)
    config->attention_levels |= 1u << levels[i];
  return TRUE;
}

gchar *
ddpm_config_channel_mult_to_string (const DdpmConfig * config)
{
  GString *s = g_string_new (NULL);
  guint i;

  for (i = 0; i < MIN (config->n_levels, DDPM_MAX_LEVELS); i++)
    g_string_append_printf (s, "%s%u", i ? "," : "", config->channel_mult[i]);
  return g_string_free (s, FALSE);
}

gchar *
ddpm_config_attention_levels_to_string (const DdpmConfig * config)
{
  GString *s = g_string_new (NULL);
  guint i;

  for (i = 0; i < DDPM_MAX_LEVELS; i++)
    if (config->attention_levels >> i & 1)
      g_string_append_printf (s, "%s%u", s->len ? "," : "", i);
  return g_string_free (s, FALSE);
}

gchar *
ddpm_config_to_string (const DdpmConfig * config)
{
  gchar *mult = ddpm_config_channel_mult_to_string (config);
  gchar *attention = ddpm_config_attention_levels_to_string (config);
  gchar *classes = config->classes ?
      g_strdup_printf (", %u classes", config->classes) : g_strdup ("");
  gchar *guidance = config->guidance != 1.0 ?
      g_strdup_printf (", learnt guidance %g", config->guidance) :
      g_strdup ("");
  gchar *steps = config->steps ?
      g_strdup_printf (", learnt %u step%s", config->steps,
      config->steps == 1 ? "" : "s") : g_strdup ("");
  gchar *s = g_strdup_printf ("UNet %ux[%s], attention at %s, %u block%s, "
      "T %u %s%s%s%s%s%s%s", config->channels, mult,
      *attention ? attention : "no level",
      config->res_blocks, config->res_blocks == 1 ? "" : "s",
      config->timesteps,
      config->schedule == DDPM_SCHEDULE_COSINE ? "cosine" : "linear",
      config->image_channels == 1 ? ", one image channel" : "",
      config->data_range == DDPM_DATA_RANGE_UNIT ? ", data in 0..1" : "",
      config->prediction == DDPM_PREDICTION_V ? ", predicts v" : "",
      guidance, steps, classes);

  g_free (steps);
  g_free (guidance);
  g_free (classes);
  g_free (attention);
  g_free (mult);
  return s;
}
