/* gst-ddpm: fuzzing training states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/files/checkpoint.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_one (FuzzInput * in)
{
  g_autoptr (GBytes) bytes = fuzz_take_safetensors (in);
  GError *error = NULL;
  DdpmTrainState *state =
      ddpm_train_state_load (fuzz_write_file (g_bytes_get_data (bytes, NULL),
          g_bytes_get_size (bytes)), &error);

  fuzz_check_error (state != NULL, error);
  if (state == NULL)
    return;
  g_assert_true (ddpm_config_check (&state->config, NULL));
  g_assert_nonnull (state->weights);
  g_assert_nonnull (state->adam_m);
  g_assert_nonnull (state->adam_v);
  g_assert_true (isfinite (state->loss_smoothed));
  ddpm_train_state_free (state);
}
