/* gst-ddpm: writes a checkpoint with its weights in bf16: half the size
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   shrink-checkpoint INPUT OUTPUT
 */
#include "tools/common/model.h"

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmModel) model = NULL;

  if (argc != 3) {
    g_printerr ("usage: %s INPUT OUTPUT\n", argv[0]);
    return 2;
  }
  model = load_model (argv[1], &error);
  if (model == NULL
      || !ddpm_checkpoint_save (model, DDPM_TYPE_BF16, argv[2], &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  return 0;
}
