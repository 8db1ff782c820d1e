/* gst-ddpm: what defines a model besides its weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/model.h"

#include <string.h>

#include "gst-ddpm/model/require.h"

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
check_levels (const DdpmConfig * c, GError ** error)
{
  guint max = DDPM_MAX_CHANNELS / c->channels;

  if (!ddpm_require (c->n_levels >= 1 && c->n_levels <= DDPM_MAX_LEVELS, error,
          "channel-mult must name 1 to %d levels, not %u", DDPM_MAX_LEVELS,
          c->n_levels))
    return FALSE;
  for (guint i = 0; i < c->n_levels; i++)
    if (!ddpm_require (c->channel_mult[i] >= 1
            && c->channel_mult[i] <= max, error,
            "channel-mult of level %u must be 1 to %u with %u channels, not %u",
            i, max, c->channels, c->channel_mult[i]))
      return FALSE;
  return ddpm_require (c->attention_levels >> c->n_levels == 0, error,
      "attention-levels must be below the number of levels, %u", c->n_levels);
}

/* Each comparison of floating-point numbers is written to fail for NaN. */
static gboolean
check_schedule (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->timesteps >= 1 && c->timesteps <= DDPM_MAX_TIMESTEPS,
      error, "timesteps must be 1 to %d, not %u", DDPM_MAX_TIMESTEPS,
      c->timesteps)
      && ddpm_require (c->schedule == DDPM_SCHEDULE_LINEAR
      || c->schedule == DDPM_SCHEDULE_COSINE, error,
      "schedule must be linear or cosine, not number %d", c->schedule)
      && ddpm_require (c->beta_start > 0.0 && c->beta_end < 1.0
      && c->beta_start <= c->beta_end, error,
      "betas must be 0 < beta-start <= beta-end < 1, not %g and %g",
      c->beta_start, c->beta_end);
}

static gboolean
check_network (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->image_channels == 1 || c->image_channels == 3, error,
      "images must have 1 or 3 channels, not %u", c->image_channels)
      && ddpm_require (c->channels >= DDPM_GROUPS
      && c->channels <= DDPM_MAX_CHANNELS
      && c->channels % DDPM_GROUPS == 0, error,
      "channels must be a multiple of %d up to %d, not %u", DDPM_GROUPS,
      DDPM_MAX_CHANNELS, c->channels)
      && check_levels (c, error)
      && ddpm_require (c->res_blocks >= 1
      && c->res_blocks <= DDPM_MAX_RES_BLOCKS, error,
      "res-blocks must be 1 to %d, not %u", DDPM_MAX_RES_BLOCKS, c->res_blocks)
      && ddpm_require (c->dropout >= 0.0
      && c->dropout < 1.0, error,
      "dropout must be at least 0 and below 1, not %g", c->dropout)
      && ddpm_require (c->classes <= DDPM_MAX_CLASSES, error,
      "classes must be 0 to %d, not %u", DDPM_MAX_CLASSES, c->classes);
}

gboolean
ddpm_config_check (const DdpmConfig * config, GError ** error)
{
  const DdpmConfig *c = config;

  return check_network (c, error) && check_schedule (c, error)
      && ddpm_require (c->data_range == DDPM_DATA_RANGE_SYMMETRIC
      || c->data_range == DDPM_DATA_RANGE_UNIT, error,
      "data-range must be symmetric or unit, not number %d", c->data_range)
      && ddpm_require (c->prediction == DDPM_PREDICTION_EPSILON
      || c->prediction == DDPM_PREDICTION_V, error,
      "prediction-type must be epsilon or v-prediction, not number %d",
      c->prediction)
      && ddpm_require (c->guidance >= 0.0
      && c->guidance <= DDPM_MAX_GUIDANCE, error,
      "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, c->guidance)
      && ddpm_require (c->steps <= c->timesteps, error,
      "a model of %u timesteps cannot be distilled to %u steps", c->timesteps,
      c->steps);
}

gboolean
ddpm_config_check_size (const DdpmConfig * config, guint width, guint height,
    GError ** error)
{
  guint divisor = 1u << (config->n_levels - 1);

  return ddpm_require (width >= 1 && width <= DDPM_MAX_IMAGE_SIZE
      && height >= 1 && height <= DDPM_MAX_IMAGE_SIZE, error,
      "images must be 1 to %d pixels wide and high, not %ux%u",
      DDPM_MAX_IMAGE_SIZE, width, height)
      && ddpm_require (width % divisor == 0 && height % divisor == 0, error,
      "a network of %u levels needs image sizes divisible by %u, not %ux%u",
      config->n_levels, divisor, width, height);
}

/* A cosine schedule does not use the betas, so they are not compared. */
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

/* "1,2,2" to numbers from min to max. Returns how many, or -1 for another
 * text */
static gint
parse_list (const gchar * text, guint min, guint max,
    guint list[DDPM_MAX_LEVELS])
{
  g_auto (GStrv) items = g_strsplit (text, ",", DDPM_MAX_LEVELS + 1);
  guint n = g_strv_length (items);
  gboolean ok = n <= DDPM_MAX_LEVELS;
  guint64 number;

  for (guint i = 0; ok && i < n; i++) {
    ok = g_ascii_string_to_unsigned (g_strstrip (items[i]), 10, min, max,
        &number, NULL);
    if (ok)
      list[i] = number;
  }
  return ok ? (gint) n : -1;
}

gboolean
ddpm_config_parse_channel_mult (DdpmConfig * config, const gchar * text,
    GError ** error)
{
  guint mult[DDPM_MAX_LEVELS] = { 0, };
  gint n = parse_list (text, 1, DDPM_MAX_CHANNELS, mult);

  if (n < 1) {
    g_autofree gchar *shown = g_utf8_make_valid (text, -1);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "channel-mult must be 1 to %d whole numbers such as \"1,2,2,1\", "
        "not \"%s\"", DDPM_MAX_LEVELS, shown);
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
    g_autofree gchar *shown = g_utf8_make_valid (text, -1);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "attention-levels must be empty or level numbers from 0 to %d such as "
        "\"1\" or \"1,2\", not \"%s\"", DDPM_MAX_LEVELS - 1, shown);
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

  for (guint i = 0; i < MIN (config->n_levels, DDPM_MAX_LEVELS); i++)
    g_string_append_printf (s, "%s%u", i ? "," : "", config->channel_mult[i]);
  return g_string_free (s, FALSE);
}

gchar *
ddpm_config_attention_levels_to_string (const DdpmConfig * config)
{
  GString *s = g_string_new (NULL);

  for (guint i = 0; i < DDPM_MAX_LEVELS; i++)
    if (config->attention_levels >> i & 1)
      g_string_append_printf (s, "%s%u", s->len ? "," : "", i);
  return g_string_free (s, FALSE);
}

gchar *
ddpm_config_to_string (const DdpmConfig * config)
{
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (config);
  g_autofree gchar *attention = ddpm_config_attention_levels_to_string (config);
  GString *s = g_string_new (NULL);

  g_string_printf (s, "UNet %ux[%s], attention at %s, %u block%s, T %u %s",
      config->channels, mult, *attention ? attention : "no level",
      config->res_blocks, config->res_blocks == 1 ? "" : "s",
      config->timesteps,
      config->schedule == DDPM_SCHEDULE_COSINE ? "cosine" : "linear");
  if (config->image_channels == 1)
    g_string_append (s, ", one image channel");
  if (config->data_range == DDPM_DATA_RANGE_UNIT)
    g_string_append (s, ", data in 0..1");
  if (config->prediction == DDPM_PREDICTION_V)
    g_string_append (s, ", predicts v");
  if (config->guidance != 1.0)
    g_string_append_printf (s, ", distilled from guidance %g",
        config->guidance);
  if (config->steps > 0)
    g_string_append_printf (s, ", distilled to %u step%s", config->steps,
        config->steps == 1 ? "" : "s");
  if (config->classes > 0)
    g_string_append_printf (s, ", %u classes", config->classes);
  return g_string_free (s, FALSE);
}
