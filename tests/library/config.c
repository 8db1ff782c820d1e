/* gst-ddpm: limits and text forms of the configuration
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "gst-ddpm/model/model.h"
#include "tests/support/test.h"

static DdpmConfig
defaults (void)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  return config;
}

static void
assert_refused (const DdpmConfig * config, const gchar * word)
{
  assert_fails (ddpm_config_check (config, &error), DDPM_ERROR_SETTINGS, word);
}

static void
assert_accepted (const DdpmConfig * config)
{
  assert_ok (ddpm_config_check (config, &error));
}

TEST (defaults_are_the_notebooks)
{
  DdpmConfig config = defaults ();
  g_autofree gchar *text = ddpm_config_to_string (&config);

  assert_accepted (&config);
  g_assert_cmpstr (text, ==,
      "UNet 128x[1,2,2,1], attention at 1, 2 blocks, T 1000 linear");
  g_assert_cmpuint (config.image_channels, ==, 3);
  g_assert_cmpfloat (config.dropout, ==, 0.1);
  g_assert_cmpfloat (config.beta_start, ==, 1e-4);
  g_assert_cmpfloat (config.beta_end, ==, 0.02);
  g_assert_cmpint (config.data_range, ==, DDPM_DATA_RANGE_SYMMETRIC);
}

TEST (to_string_names_what_differs)
{
  DdpmConfig config = defaults ();
  g_autofree gchar *text = NULL;

  config.image_channels = 1;
  config.attention_levels = 0;
  config.res_blocks = 1;
  config.schedule = DDPM_SCHEDULE_COSINE;
  config.data_range = DDPM_DATA_RANGE_UNIT;
  text = ddpm_config_to_string (&config);
  g_assert_cmpstr (text, ==, "UNet 128x[1,2,2,1], attention at no level, "
      "1 block, T 1000 cosine, one image channel, data in 0..1");
}

#define ASSERT_REFUSED_WITH(field, value, word) G_STMT_START { \
    DdpmConfig config = defaults (); \
    config.field = (value); \
    assert_refused (&config, word); \
  } G_STMT_END

TEST (network_out_of_range_is_refused)
{
  ASSERT_REFUSED_WITH (image_channels, 0, "channels");
  ASSERT_REFUSED_WITH (image_channels, 5, "channels");
  ASSERT_REFUSED_WITH (channels, 0, "channels");
  ASSERT_REFUSED_WITH (channels, 48, "multiple of the 32 groups");
  ASSERT_REFUSED_WITH (channels, 33, "even number");
  ASSERT_REFUSED_WITH (level_channels[1], 100, "level 1 must be a multiple");
  ASSERT_REFUSED_WITH (level_channels[1], DDPM_MAX_CHANNELS + 32, "level 1");
  ASSERT_REFUSED_WITH (groups, 0, "groups");
  ASSERT_REFUSED_WITH (groups, 48, "48 groups");
  ASSERT_REFUSED_WITH (norm_eps, 0.0, "eps");
  ASSERT_REFUSED_WITH (norm_eps, NAN, "eps");
  ASSERT_REFUSED_WITH (heads, 0, "heads");
  ASSERT_REFUSED_WITH (heads, 3, "3 heads");
  ASSERT_REFUSED_WITH (head_channels, 24, "heads of 24 channels");
  ASSERT_REFUSED_WITH (middle, 4, "middle");
  ASSERT_REFUSED_WITH (middle_scale, 0.0, "scale of the middle");
  ASSERT_REFUSED_WITH (down_padding, 2, "padding");
  ASSERT_REFUSED_WITH (time_dim, 4 * DDPM_MAX_CHANNELS + 1, "time embedding");
  ASSERT_REFUSED_WITH (up_attention_levels, 1u << 4, "attention-levels");
  ASSERT_REFUSED_WITH (channels, DDPM_MAX_CHANNELS + 32, "channels");
  ASSERT_REFUSED_WITH (channels, G_MAXUINT - 31, "channels");
  ASSERT_REFUSED_WITH (n_levels, 0, "levels");
  ASSERT_REFUSED_WITH (n_levels, DDPM_MAX_LEVELS + 1, "levels");
  ASSERT_REFUSED_WITH (n_levels, G_MAXUINT, "levels");
  ASSERT_REFUSED_WITH (channel_mult[2], 0, "level 2");
  ASSERT_REFUSED_WITH (channel_mult[3], 33, "level 3");
  /* 128 times this is 0 in 32 bits */
  ASSERT_REFUSED_WITH (channel_mult[0], 1u << 25, "level 0");
  ASSERT_REFUSED_WITH (attention_levels, 1u << 4, "attention-levels");
  ASSERT_REFUSED_WITH (attention_levels, G_MAXUINT, "attention-levels");
  ASSERT_REFUSED_WITH (res_blocks, 0, "res-blocks");
  ASSERT_REFUSED_WITH (res_blocks, DDPM_MAX_RES_BLOCKS + 1, "res-blocks");
  ASSERT_REFUSED_WITH (dropout, -0.1, "dropout");
  ASSERT_REFUSED_WITH (dropout, 1.0, "dropout");
  ASSERT_REFUSED_WITH (dropout, NAN, "dropout");
}

TEST (sampling_out_of_range_is_refused)
{
  ASSERT_REFUSED_WITH (sampling.sampler, 3, "no sampler number 3");
  ASSERT_REFUSED_WITH (sampling.sampler, -2, "no sampler number -2");
  ASSERT_REFUSED_WITH (sampling.spacing, 5, "no spacing number 5");
  ASSERT_REFUSED_WITH (sampling.variance, 3, "no variance number 3");
  ASSERT_REFUSED_WITH (sampling.clip, 2, "clip");
  ASSERT_REFUSED_WITH (sampling.clip_range, 0.0, "range of clipping");
  ASSERT_REFUSED_WITH (sampling.clip_range, NAN, "range of clipping");
  ASSERT_REFUSED_WITH (sampling.eta, 1.5, "eta");
  ASSERT_REFUSED_WITH (sampling.eta, -0.5, "eta");
  ASSERT_REFUSED_WITH (sampling.eta, NAN, "eta");
  ASSERT_REFUSED_WITH (sampling.steps, 1001, "1001 steps");
  ASSERT_REFUSED_WITH (sampling.steps_offset, 1001, "offset of 1001");
}

/* With alphas_bar 0, x_t is eps, and says nothing of the image. */
TEST (zero_snr_needs_a_prediction_of_the_image)
{
  DdpmConfig config = defaults ();

  config.zero_snr = TRUE;
  assert_refused (&config, "not epsilon");
  config.prediction = DDPM_PREDICTION_V;
  assert_accepted (&config);
  config.prediction = DDPM_PREDICTION_SAMPLE;
  assert_accepted (&config);
  config.timesteps = 1;
  assert_refused (&config, "at least 2 timesteps");
}

TEST (schedule_out_of_range_is_refused)
{
  ASSERT_REFUSED_WITH (timesteps, 0, "timesteps");
  ASSERT_REFUSED_WITH (timesteps, DDPM_MAX_TIMESTEPS + 1, "timesteps");
  ASSERT_REFUSED_WITH (schedule, 4, "schedule");
  ASSERT_REFUSED_WITH (schedule, -1, "schedule");
  ASSERT_REFUSED_WITH (beta_start, 0.0, "beta");
  ASSERT_REFUSED_WITH (beta_start, 0.03, "beta");
  ASSERT_REFUSED_WITH (beta_start, NAN, "beta");
  ASSERT_REFUSED_WITH (beta_end, 1.0, "beta");
  ASSERT_REFUSED_WITH (beta_end, NAN, "beta");
  ASSERT_REFUSED_WITH (beta_end, INFINITY, "beta");
  ASSERT_REFUSED_WITH (data_range, 2, "data-range");
  ASSERT_REFUSED_WITH (steps, 1001, "1001 steps");
}

TEST (to_string_names_networks_of_other_programs)
{
  DdpmConfig config = defaults ();
  g_autofree gchar *text = NULL;

  config.level_channels[2] = 192;
  config.up_attention_levels = 3;
  config.head_channels = 8;
  config.middle = DDPM_MIDDLE_NO_ATTENTION;
  config.norm_eps = 1e-6;
  config.down_padding = DDPM_PADDING_END;
  config.image_channels = 4;
  text = ddpm_config_to_string (&config);
  g_assert_cmpstr (text, ==, "UNet [128,256,192,128], attention at 1 (on the "
      "way up at 0,1), heads of 8 channels, no attention in the middle, eps "
      "1e-06, padding (0,1,0,1), 2 blocks, T 1000 linear, 4 image channels");
}

TEST (limits_themselves_are_accepted)
{
  DdpmConfig config = defaults ();
  guint i;

  config.channels = 32;
  config.n_levels = DDPM_MAX_LEVELS;
  for (i = 0; i < DDPM_MAX_LEVELS; i++)
    config.channel_mult[i] = DDPM_MAX_CHANNELS / 32;
  config.attention_levels = (1u << DDPM_MAX_LEVELS) - 1;
  config.res_blocks = DDPM_MAX_RES_BLOCKS;
  config.timesteps = DDPM_MAX_TIMESTEPS;
  config.dropout = 0.0;
  config.beta_start = config.beta_end = 0.5;
  assert_accepted (&config);
}

TEST (heads_matter_where_there_is_attention)
{
  DdpmConfig config = defaults ();

  config.level_channels[0] = 96;
  config.head_channels = 64;
  assert_accepted (&config);
  config.up_attention_levels = 1;
  assert_refused (&config, "96 channels of level 0");
}

TEST (levels_may_have_any_channels)
{
  DdpmConfig config = defaults ();

  config.groups = 8;
  config.channels = 24;
  for (guint i = 0; i < 4; i++)
    config.level_channels[i] = 24 + 8 * i;
  assert_accepted (&config);
  g_assert_cmpuint (ddpm_config_get_level_channels (&config, 3), ==, 48);
  config.head_channels = 16;
  g_assert_cmpuint (ddpm_config_get_heads (&config, 48), ==, 3);
}

TEST (sizes_must_halve_at_each_level)
{
  DdpmConfig config = defaults ();

  assert_ok (ddpm_config_check_size (&config, 32, 40, &error));
  assert_fails (ddpm_config_check_size (&config, 32, 36, &error),
      DDPM_ERROR_SETTINGS, NULL);
  assert_fails (ddpm_config_check_size (&config, 0, 32, &error),
      DDPM_ERROR_SETTINGS, NULL);
  assert_fails (ddpm_config_check_size (&config, 32, DDPM_MAX_IMAGE_SIZE + 8,
          &error), DDPM_ERROR_SETTINGS, NULL);
  config.n_levels = 1;
  assert_ok (ddpm_config_check_size (&config, 31, 1, &error));
}

TEST (lists_survive_a_round_trip)
{
  DdpmConfig config = defaults ();
  g_autofree gchar *mult = NULL;
  g_autofree gchar *attention = NULL;

  assert_ok (ddpm_config_parse_channel_mult (&config, "1, 2,4", &error));
  g_assert_cmpuint (config.n_levels, ==, 3);
  assert_ok (ddpm_config_parse_attention_levels (&config, "2,0", &error));
  g_assert_cmphex (config.attention_levels, ==, 5);

  mult = ddpm_config_channel_mult_to_string (&config);
  attention = ddpm_config_attention_levels_to_string (&config);
  g_assert_cmpstr (mult, ==, "1,2,4");
  g_assert_cmpstr (attention, ==, "0,2");
}

TEST (no_attention_is_the_empty_text)
{
  DdpmConfig config = defaults ();
  g_autofree gchar *text = NULL;

  assert_ok (ddpm_config_parse_attention_levels (&config, "", &error));
  g_assert_cmphex (config.attention_levels, ==, 0);
  text = ddpm_config_attention_levels_to_string (&config);
  g_assert_cmpstr (text, ==, "");
}

TEST (bad_lists_are_refused_and_change_nothing)
{
  static const gchar *const bad_mult[] = { "", ",", "1,,2", "1,2,", "0,1", "-1",
    "1.5", "a", "1;2", "4097", "99999999999999999999", "1,1,1,1,1,1,1,1,1", NULL
  };
  static const gchar *const bad_attention[] = { ",", "8", "-1", "1,,2", "x",
    "0,1,2,3,4,5,6,7,0", NULL
  };
  const DdpmConfig before = defaults ();
  DdpmConfig config = defaults ();
  guint i;

  for (i = 0; bad_mult[i]; i++)
    assert_fails (ddpm_config_parse_channel_mult (&config, bad_mult[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
  for (i = 0; bad_attention[i]; i++)
    assert_fails (ddpm_config_parse_attention_levels (&config, bad_attention[i],
            &error), DDPM_ERROR_SETTINGS, NULL);
  g_assert_true (ddpm_config_equal (&before, &config));
}

#define ASSERT_UNEQUAL_WITH(field, value) G_STMT_START { \
    DdpmConfig other = defaults (); \
    other.field = (value); \
    g_assert_false (ddpm_config_equal (&a, &other)); \
  } G_STMT_END

TEST (equal_compares_every_field)
{
  DdpmConfig a = defaults (), b = defaults ();

  g_assert_true (ddpm_config_equal (&a, &b));
  ASSERT_UNEQUAL_WITH (image_channels, 1);
  ASSERT_UNEQUAL_WITH (channels, 64);
  ASSERT_UNEQUAL_WITH (n_levels, 3);
  ASSERT_UNEQUAL_WITH (channel_mult[3], 2);
  ASSERT_UNEQUAL_WITH (attention_levels, 4);
  ASSERT_UNEQUAL_WITH (res_blocks, 3);
  ASSERT_UNEQUAL_WITH (dropout, 0.0);
  ASSERT_UNEQUAL_WITH (timesteps, 100);
  ASSERT_UNEQUAL_WITH (schedule, DDPM_SCHEDULE_COSINE);
  ASSERT_UNEQUAL_WITH (beta_start, 2e-4);
  ASSERT_UNEQUAL_WITH (beta_end, 0.01);
  ASSERT_UNEQUAL_WITH (data_range, DDPM_DATA_RANGE_UNIT);
}

TEST (equal_ignores_what_means_nothing)
{
  DdpmConfig a = defaults (), b = defaults ();

  b.channel_mult[4] = 7;        /* there are four levels */
  g_assert_true (ddpm_config_equal (&a, &b));
  a.schedule = b.schedule = DDPM_SCHEDULE_COSINE;
  b.beta_end = 0.01;
  g_assert_true (ddpm_config_equal (&a, &b));
}
