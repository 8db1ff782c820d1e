/* gst-ddpm: ddpm-check: what is to be compared
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/check/options.h"
#include "tools/common/options.h"

#define MAX_IMAGES 4096
#define MAX_STEPS 65536

/* *INDENT-OFF* */
gboolean
check_options_parse (CheckOptions * o, gchar *** argv, GError ** error)
{
  const Option options[] = {
    {"model", 'm', OPTION_FILE, &o->model,
        "Checkpoint (the built-in model)", "FILE"},
    {"backend", 0, OPTION_CHOICE, &o->kinds[0],
        "Backend to check", "NAME", .choices = option_backends},
    {"precision", 'p', OPTION_CHOICE, &o->precisions[0],
        "Its precision", "NAME", .choices = option_precisions},
    {"against", 0, OPTION_CHOICE, &o->kinds[1],
        "Backend to compare it with", "NAME", .choices = option_backends},
    {"against-precision", 0, OPTION_CHOICE, &o->precisions[1],
        "Its precision", "NAME", .choices = option_precisions},
    {"threads", 0, OPTION_NUMBER, &o->threads,
        "Compute threads; 0: one per core (0)", "N", 0, G_MAXINT},
    {"images", 'n', OPTION_NUMBER, &o->images,
        "Images in one batch (2)", "N", 1, MAX_IMAGES},
    {"steps", 's', OPTION_NUMBER, &o->steps,
        "Reverse steps from noise to image (5)", "N", 1, MAX_STEPS},
    {"seed", 0, OPTION_LARGE_NUMBER, &o->seed,
        "Seed of the noise (0)", "N", 0, G_MAXUINT64},
    {"tolerance", 't', OPTION_REAL, &o->tolerance,
        "Largest relative difference of an evaluation; images may differ ten "
          "times as much (1e-4, or 3e-2 with bf16)", "X", 0, 1},
    {NULL}
  };

  *o = (CheckOptions) {
    .kinds = {DDPM_BACKEND_AUTO, DDPM_BACKEND_REFERENCE},
    .precisions = {DDPM_PRECISION_AUTO, DDPM_PRECISION_F32},
    .images = 2, .steps = 5,
  };
  return options_parse (options,
      "Evaluates a model and samples from it on two backends, and prints how\n"
      "far the results differ. Exit status: 0: within the limits; 1: it could\n"
      "not be done; 2: the command line is wrong; 3: they differ by more.",
      NULL, argv, error)
      && options_expect_arguments (*argv, 0, "no arguments but options", error);
}
/* *INDENT-ON* */

void
check_options_clear (CheckOptions * o)
{
  g_free (o->model);
}
