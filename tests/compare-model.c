/* gst-ddpm: what networks compute, and what another program says they do
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * compare-model MODEL DUMP WIDTH HEIGHT IMAGES: loads the model, and prints the
 * relative distance of its output from that of the dump, which
 * oracle/check_models.py wrote; or why the model cannot be loaded.
 */
#include <stdlib.h>

#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/net.h"

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmBackend) backend = NULL;
  g_autoptr (DdpmModel) model = NULL;

  if (argc != 6) {
    g_printerr ("usage: compare-model MODEL DUMP WIDTH HEIGHT IMAGES\n");
    return 2;
  }
  model = ddpm_checkpoint_load (argv[1], &error);
  backend = model ? ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 0,
      &error) : NULL;
  if (backend == NULL) {
    g_print ("refused: %s\n", error->message);
    return 1;
  }
  if (model->assumptions)
    g_print ("told: %s\n", model->assumptions);
  g_print ("distance: %g\n", compare_model_with_dump (backend, model,
          atoi (argv[5]), atoi (argv[3]), atoi (argv[4]), argv[2]));
  return 0;
}
