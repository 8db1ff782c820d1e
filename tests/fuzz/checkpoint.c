/* gst-ddpm: fuzzing checkpoints
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/checkpoint.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_one (FuzzInput * in)
{
  g_autoptr (GBytes) bytes = fuzz_take_safetensors (in);
  GError *error = NULL;
  DdpmModel *model = ddpm_checkpoint_load_bytes (bytes, "fuzz", &error);

  fuzz_check_error (model != NULL, error);
  if (model == NULL)
    return;
  g_assert_true (ddpm_config_check (&model->config, NULL));
  if (model->class_names)
    g_assert_cmpuint (g_strv_length (model->class_names), ==,
        model->config.classes);
  ddpm_model_unref (model);
}
