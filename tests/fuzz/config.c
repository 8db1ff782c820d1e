/* gst-ddpm: fuzzing the settings of a network
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: eight numbers, a line of channel-mult, one of attention-levels
 */
#include <string.h>

#include "gst-ddpm/model/params.h"
#include "tests/fuzz/fuzz.h"

/* What is written is read again. */
static void
check_round_trip (const DdpmConfig * config)
{
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (config);
  g_autofree gchar *levels = ddpm_config_attention_levels_to_string (config);
  g_autofree gchar *description = ddpm_config_to_string (config);
  DdpmConfig again = *config;

  g_assert_true (ddpm_config_parse_channel_mult (&again, mult, NULL));
  g_assert_true (ddpm_config_parse_attention_levels (&again, levels, NULL));
  g_assert_true (ddpm_config_equal (config, &again));
  g_assert_true (g_utf8_validate (description, -1, NULL));
}

static void
check_params (const DdpmConfig * config)
{
  GError *error = NULL;
  DdpmParams *params = ddpm_params_new (config, &error);

  fuzz_check_error (params != NULL, error);
  if (params == NULL)
    return;
  g_assert_cmpuint (params->trainable, ==,
      ddpm_config_count_parameters (config));
  ddpm_params_free (params);
}

void
fuzz_one (FuzzInput * in)
{
  DdpmConfig config;
  guint width, height;
  g_autofree gchar *mult = NULL, *levels = NULL;
  GError *error = NULL;
  gboolean ok;

  ddpm_config_init_defaults (&config);
  config.image_channels = fuzz_take_uint32 (in);
  config.channels = fuzz_take_uint32 (in);
  config.res_blocks = fuzz_take_uint32 (in);
  config.timesteps = fuzz_take_uint32 (in);
  config.classes = fuzz_take_uint32 (in);
  config.steps = fuzz_take_uint32 (in);
  width = fuzz_take_uint32 (in);
  height = fuzz_take_uint32 (in);
  mult = fuzz_take_line (in);
  levels = fuzz_take_line (in);

  ok = ddpm_config_parse_channel_mult (&config, mult, &error);
  fuzz_check_error (ok, error);
  error = NULL;
  ok = ddpm_config_parse_attention_levels (&config, levels, &error);
  fuzz_check_error (ok, error);
  error = NULL;
  ok = ddpm_config_check (&config, &error);
  fuzz_check_error (ok, error);
  if (!ok)
    return;
  check_round_trip (&config);
  check_params (&config);
  error = NULL;
  ok = ddpm_config_check_size (&config, width, height, &error);
  fuzz_check_error (ok, error);
}
