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
    .up_attention_levels = DDPM_SAME_LEVELS,
    .heads = 1,
    .groups = DDPM_GROUPS,
    .norm_eps = DDPM_NORM_EPS,
    .middle_scale = 1.0,
    .res_blocks = 2,
    .dropout = 0.1,
    .timesteps = 1000,
    .schedule = DDPM_SCHEDULE_LINEAR,
    .beta_start = 1e-4,
    .beta_end = 0.02,
    .data_range = DDPM_DATA_RANGE_SYMMETRIC,
    .guidance = 1.0,
    .sampling = {.sampler = -1,.spacing = -1,.eta = -1.0,.variance = -1,.clip =
          -1,.clip_range = 1.0},
  };

  *config = notebook;
}

guint
ddpm_config_get_level_channels (const DdpmConfig * config, guint level)
{
  return config->level_channels[level] > 0 ? config->level_channels[level]
      : config->channels * config->channel_mult[level];
}

gboolean
ddpm_config_has_attention (const DdpmConfig * config, guint level, gboolean up)
{
  const guint levels = up && config->up_attention_levels != DDPM_SAME_LEVELS ?
      config->up_attention_levels : config->attention_levels;

  return levels >> level & 1;
}

guint
ddpm_config_get_heads (const DdpmConfig * config, guint channels)
{
  return config->head_channels > 0 ? channels / config->head_channels
      : config->heads;
}

guint
ddpm_config_get_time_dim (const DdpmConfig * config)
{
  return config->time_dim > 0 ? config->time_dim : 4 * config->channels;
}

guint
ddpm_config_get_out_channels (const DdpmConfig * config)
{
  return config->image_channels * (config->learned_variance ? 2 : 1);
}

/* --- checks ------------------------------------------------------------- */

/* Does the attention of a level, or of the middle at the last one, exist? */
static gboolean
level_has_attention (const DdpmConfig * c, guint level)
{
  return ddpm_config_has_attention (c, level, FALSE)
      || ddpm_config_has_attention (c, level, TRUE)
      || (level + 1 == c->n_levels && (c->middle == DDPM_MIDDLE_ATTENTION
          || c->middle == DDPM_MIDDLE_PLAIN_ATTENTION));
}

static gboolean
check_level (const DdpmConfig * c, guint i, GError ** error)
{
  const guint max = DDPM_MAX_CHANNELS / c->channels;
  guint channels, per_head;

  if (c->level_channels[i] == 0 && !ddpm_require (c->channel_mult[i] >= 1
          && c->channel_mult[i] <= max, error,
          "channel-mult of level %u must be 1 to %u with %u channels, not %u",
          i, max, c->channels, c->channel_mult[i]))
    return FALSE;
  channels = ddpm_config_get_level_channels (c, i);
  per_head = c->head_channels;
  return ddpm_require (channels <= DDPM_MAX_CHANNELS, error,
      "level %u must have at most %d channels, not %u", i, DDPM_MAX_CHANNELS,
      channels)
      && ddpm_require (channels % c->groups == 0, error,
      "the channels of level %u must be a multiple of the %u groups of its "
      "norms, not %u", i, c->groups, channels)
      && ddpm_require (!level_has_attention (c, i)
      || (per_head > 0 ? channels % per_head == 0 : channels % c->heads == 0),
      error, per_head > 0 ? "the %u channels of level %u cannot be divided "
      "into heads of %u channels" : "the %u channels of level %u cannot be "
      "divided into %u heads", channels, i, per_head > 0 ? per_head : c->heads);
}

static gboolean
check_levels (const DdpmConfig * c, GError ** error)
{
  const guint beyond = c->attention_levels
      | (c->up_attention_levels == DDPM_SAME_LEVELS ? 0
      : c->up_attention_levels);

  if (!ddpm_require (c->n_levels >= 1 && c->n_levels <= DDPM_MAX_LEVELS, error,
          "channel-mult must name 1 to %d levels, not %u", DDPM_MAX_LEVELS,
          c->n_levels))
    return FALSE;
  for (guint i = 0; i < c->n_levels; i++)
    if (!check_level (c, i, error))
      return FALSE;
  return ddpm_require (beyond >> c->n_levels == 0, error,
      "attention-levels must be below the number of levels, %u", c->n_levels);
}

/* Each comparison of floating-point numbers is written to fail for NaN. */
static gboolean
check_schedule (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->timesteps >= 1 && c->timesteps <= DDPM_MAX_TIMESTEPS,
      error, "timesteps must be 1 to %d, not %u", DDPM_MAX_TIMESTEPS,
      c->timesteps)
      && ddpm_require (c->schedule >= DDPM_SCHEDULE_LINEAR
      && c->schedule <= DDPM_SCHEDULE_SIGMOID, error,
      "schedule must be linear, cosine, scaled-linear or sigmoid, not number "
      "%d", c->schedule)
      && ddpm_require (c->beta_start > 0.0 && c->beta_end < 1.0
      && c->beta_start <= c->beta_end, error,
      "betas must be 0 < beta-start <= beta-end < 1, not %g and %g",
      c->beta_start, c->beta_end)
      && ddpm_require (!c->zero_snr || c->timesteps >= 2, error,
      "a schedule rescaled to zero SNR needs at least 2 timesteps");
}

/* With alphas_bar 0, x_t is eps, and an eps predicted from it says nothing of
 * the image. */
static gboolean
check_prediction (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->prediction >= DDPM_PREDICTION_EPSILON
      && c->prediction <= DDPM_PREDICTION_SAMPLE, error,
      "prediction-type must be epsilon, v-prediction or sample, not number %d",
      c->prediction)
      && ddpm_require (!c->zero_snr
      || c->prediction != DDPM_PREDICTION_EPSILON, error,
      "prediction-type must be v-prediction or sample, not epsilon, with a "
      "schedule rescaled to zero SNR: its last state is pure noise, whose eps "
      "says nothing of the image");
}

static gboolean
check_sampling (const DdpmSampling * s, guint timesteps, GError ** error)
{
  return ddpm_require (s->sampler >= -1 && s->sampler <= DDPM_SAMPLER_DPMPP_2M,
      error, "there is no sampler number %d", s->sampler)
      && ddpm_require (s->spacing >= -1 && s->spacing <= DDPM_SPACING_LINSPACE,
      error, "there is no spacing number %d", s->spacing)
      && ddpm_require (s->variance >= -1
      && s->variance <= DDPM_VARIANCE_LEARNED_RANGE, error,
      "there is no variance number %d", s->variance)
      && ddpm_require (s->clip >= -1 && s->clip <= 1, error,
      "clip must be 0, 1 or -1, not %d", s->clip)
      && ddpm_require (s->clip_range > 0.0 && s->clip_range <= 1e6, error,
      "the range of clipping must be above 0 and at most 1e6, not %g",
      s->clip_range)
      && ddpm_require (s->eta == -1.0 || (s->eta >= 0.0 && s->eta <= 1.0),
      error, "eta must be 0 to 1, not %g", s->eta)
      && ddpm_require (s->steps <= timesteps && s->steps_offset <= timesteps,
      error, "a model of %u timesteps cannot be sampled in %u steps with an "
      "offset of %u", timesteps, s->steps, s->steps_offset);
}

static gboolean
check_blocks (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->middle >= DDPM_MIDDLE_ATTENTION
      && c->middle <= DDPM_MIDDLE_NONE, error,
      "there is no kind of middle number %d", c->middle)
      && ddpm_require (c->down_padding == DDPM_PADDING_BOTH
      || c->down_padding == DDPM_PADDING_END, error,
      "there is no padding number %d", c->down_padding)
      && ddpm_require (c->middle_scale > 0.0 && c->middle_scale <= 1e6, error,
      "the scale of the middle must be above 0 and at most 1e6, not %g",
      c->middle_scale)
      && ddpm_require (c->heads >= 1 && c->heads <= DDPM_MAX_CHANNELS, error,
      "heads must be 1 to %d, not %u", DDPM_MAX_CHANNELS, c->heads)
      && ddpm_require (c->groups >= 1 && c->groups <= DDPM_MAX_CHANNELS, error,
      "the groups of norms must be 1 to %d, not %u", DDPM_MAX_CHANNELS,
      c->groups)
      && ddpm_require (c->norm_eps > 0.0 && c->norm_eps <= 1.0, error,
      "the eps of norms must be above 0 and at most 1, not %g", c->norm_eps)
      && ddpm_require (c->time_dim <= 4 * DDPM_MAX_CHANNELS, error,
      "the time embedding must have at most %d channels, not %u",
      4 * DDPM_MAX_CHANNELS, c->time_dim);
}

static gboolean
check_network (const DdpmConfig * c, GError ** error)
{
  return ddpm_require (c->image_channels >= 1
      && c->image_channels <= DDPM_MAX_IMAGE_CHANNELS, error,
      "images must have 1 to %d channels, not %u", DDPM_MAX_IMAGE_CHANNELS,
      c->image_channels)
      && ddpm_require (c->channels >= 2
      && c->channels <= DDPM_MAX_CHANNELS && c->channels % 2 == 0, error,
      "channels must be an even number from 2 to %d, not %u",
      DDPM_MAX_CHANNELS, c->channels)
      && check_blocks (c, error) && check_levels (c, error)
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
      && check_prediction (c, error)
      && ddpm_require (c->guidance >= 0.0
      && c->guidance <= DDPM_MAX_GUIDANCE, error,
      "guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, c->guidance)
      && ddpm_require (c->steps <= c->timesteps, error,
      "a model of %u timesteps cannot be distilled to %u steps", c->timesteps,
      c->steps)
      && check_sampling (&c->sampling, c->timesteps, error);
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
      && !a->zero_snr == !b->zero_snr
      && (a->schedule == DDPM_SCHEDULE_COSINE
      || (a->beta_start == b->beta_start && a->beta_end == b->beta_end));
}

static gboolean
same_level (const DdpmConfig * a, const DdpmConfig * b, guint i)
{
  const guint channels = ddpm_config_get_level_channels (a, i);

  return channels == ddpm_config_get_level_channels (b, i)
      && ddpm_config_has_attention (a, i, FALSE)
      == ddpm_config_has_attention (b, i, FALSE)
      && ddpm_config_has_attention (a, i, TRUE)
      == ddpm_config_has_attention (b, i, TRUE)
      && (!level_has_attention (a, i) || ddpm_config_get_heads (a, channels)
      == ddpm_config_get_heads (b, channels));
}

gboolean
ddpm_config_same_network (const DdpmConfig * a, const DdpmConfig * b)
{
  gboolean same = a->image_channels == b->image_channels
      && a->channels == b->channels && a->n_levels == b->n_levels
      && a->middle == b->middle && a->groups == b->groups
      && a->norm_eps == b->norm_eps && !a->scale_shift == !b->scale_shift
      && a->down_padding == b->down_padding
      && a->middle_scale == b->middle_scale
      && !a->center_input == !b->center_input
      && !a->learned_variance == !b->learned_variance
      && ddpm_config_get_time_dim (a) == ddpm_config_get_time_dim (b)
      && a->res_blocks == b->res_blocks && a->classes == b->classes;

  for (guint i = 0; same && i < a->n_levels; i++)
    same = same_level (a, b, i);
  return same;
}

gboolean
ddpm_config_equal (const DdpmConfig * a, const DdpmConfig * b)
{
  return ddpm_config_same_network (a, b) && a->dropout == b->dropout
      && ddpm_config_same_schedule (a, b) && a->data_range == b->data_range
      && a->prediction == b->prediction && a->guidance == b->guidance
      && a->steps == b->steps;
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
  memset (config->level_channels, 0, sizeof config->level_channels);
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
    g_string_append_printf (s, "%s%u", i ? "," : "",
        MAX (config->channel_mult[i], 1));
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

/* What a network has that the notebook's does not */
static void
describe_network (const DdpmConfig * config, GString * s)
{
  static const gchar *const middles[] = { NULL,
    ", no norm before the middle's attention", ", no attention in the middle",
    ", no middle"
  };

  if (config->up_attention_levels != DDPM_SAME_LEVELS
      && config->up_attention_levels != config->attention_levels) {
    DdpmConfig up = *config;
    g_autofree gchar *levels = NULL;

    up.attention_levels = config->up_attention_levels;
    levels = ddpm_config_attention_levels_to_string (&up);
    g_string_append_printf (s, " (on the way up at %s)",
        *levels ? levels : "no level");
  }
  if (config->head_channels > 0)
    g_string_append_printf (s, ", heads of %u channels", config->head_channels);
  else if (config->heads != 1)
    g_string_append_printf (s, ", %u heads", config->heads);
  if (config->middle > 0 && config->middle < G_N_ELEMENTS (middles))
    g_string_append (s, middles[config->middle]);
  if (config->groups != DDPM_GROUPS)
    g_string_append_printf (s, ", %u groups", config->groups);
  if (config->norm_eps != DDPM_NORM_EPS)
    g_string_append_printf (s, ", eps %g", config->norm_eps);
  if (config->scale_shift)
    g_string_append (s, ", scale-shift norms");
  if (config->down_padding == DDPM_PADDING_END)
    g_string_append (s, ", padding (0,1,0,1)");
  if (config->middle_scale != 1.0)
    g_string_append_printf (s, ", middle scaled by 1/%g", config->middle_scale);
  if (config->center_input)
    g_string_append (s, ", centred input");
  if (config->learned_variance)
    g_string_append (s, ", learned variance");
}

static gchar *
describe_levels (const DdpmConfig * config)
{
  g_autofree gchar *mult = NULL;
  g_autoptr (GString) list = g_string_new (NULL);
  gboolean multiples = TRUE;

  for (guint i = 0; i < MIN (config->n_levels, DDPM_MAX_LEVELS); i++) {
    multiples &= config->level_channels[i] == 0;
    g_string_append_printf (list, "%s%u", i ? "," : "",
        ddpm_config_get_level_channels (config, i));
  }
  if (!multiples)
    return g_strdup_printf ("[%s]", list->str);
  mult = ddpm_config_channel_mult_to_string (config);
  return g_strdup_printf ("%ux[%s]", config->channels, mult);
}

gchar *
ddpm_config_to_string (const DdpmConfig * config)
{
  static const gchar *const schedules[] = { "linear", "cosine",
    "scaled linear", "sigmoid"
  };
  g_autofree gchar *levels = describe_levels (config);
  g_autofree gchar *attention = ddpm_config_attention_levels_to_string (config);
  GString *s = g_string_new (NULL);

  g_string_printf (s, "UNet %s, attention at %s", levels,
      *attention ? attention : "no level");
  describe_network (config, s);
  g_string_append_printf (s, ", %u block%s, T %u %s%s", config->res_blocks,
      config->res_blocks == 1 ? "" : "s", config->timesteps,
      schedules[MIN (config->schedule, DDPM_SCHEDULE_SIGMOID)],
      config->zero_snr ? " to zero SNR" : "");
  if (config->image_channels == 1)
    g_string_append (s, ", one image channel");
  else if (config->image_channels != 3)
    g_string_append_printf (s, ", %u image channels", config->image_channels);
  if (config->data_range == DDPM_DATA_RANGE_UNIT)
    g_string_append (s, ", data in 0..1");
  if (config->prediction == DDPM_PREDICTION_V)
    g_string_append (s, ", predicts v");
  else if (config->prediction == DDPM_PREDICTION_SAMPLE)
    g_string_append (s, ", predicts x_0");
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
