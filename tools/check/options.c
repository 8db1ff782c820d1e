/* gst-ddpm: ddpm-check: what is to be compared
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/check/options.h"
#include "tools/common/option-choice.h"

#define MAX_IMAGES 4096
#define MAX_STEPS 65536

static gboolean
check_number (const gchar * name, gint64 number, gint64 min, gint64 max,
    GError ** error)
{
  if (number >= min && number <= max)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--%s must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", not %"
      G_GINT64_FORMAT, name, min, max, number);
  return FALSE;
}

static gboolean
check_tolerance (gdouble tolerance, GError ** error)
{
  if (tolerance >= 0.0 && tolerance <= 1.0)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--tolerance must be 0 to 1, not %g", tolerance);
  return FALSE;
}

static gboolean
check_rest (gchar ** rest, GError ** error)
{
  if (rest == NULL || rest[0] == NULL)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "\"%s\" is not an option; --help names them", rest[0]);
  return FALSE;
}

gboolean
check_options_parse (CheckOptions * o, gchar *** argv, GError ** error)
{
  g_autofree gchar *backend = NULL, *precision = NULL;
  g_autofree gchar *against = NULL, *against_precision = NULL;
  g_auto (GStrv) rest = NULL;
  gint images = 2, steps = 5, threads = 0;
  gint64 seed = 0;
  const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &o->model,
        "Checkpoint (the built-in model)", "FILE"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &backend,
        "That is checked: auto, reference, cpu or cuda (auto)", "NAME"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision,
        "Of it: auto, f32, bf16 or bf16-emulated (auto)", "NAME"},
    {"against", 0, 0, G_OPTION_ARG_STRING, &against,
        "Backend that it is held to (reference)", "NAME"},
    {"against-precision", 0, 0, G_OPTION_ARG_STRING, &against_precision,
        "Of that (f32)", "NAME"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &threads,
        "Compute threads; 0: one per core (0)", "N"},
    {"images", 'n', 0, G_OPTION_ARG_INT, &images, "How many at once (2)", "N"},
    {"steps", 's', 0, G_OPTION_ARG_INT, &steps,
        "Reverse steps from noise to image (5)", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Of the noise (0)", "N"},
    {"tolerance", 't', 0, G_OPTION_ARG_DOUBLE, &o->tolerance,
        "Relative, of an evaluation; ten times that of the images "
          "(1e-4, or 3e-2 with bf16)", "X"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &rest, NULL, NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  o->kinds[0] = DDPM_BACKEND_AUTO;
  o->kinds[1] = DDPM_BACKEND_REFERENCE;
  o->precisions[0] = DDPM_PRECISION_AUTO;
  o->precisions[1] = DDPM_PRECISION_F32;
  g_option_context_set_summary (context,
      "Evaluates and samples a model on two backends, and says how far they\n"
      "are apart. Exit status: 0: within the limits; 1: it could not be done;\n"
      "2: the command line is wrong; 3: they differ by more.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse_strv (context, argv, error)
      || !check_rest (rest, error)
      || !option_choose ("--backend", option_backends, backend, &o->kinds[0],
          error)
      || !option_choose ("--against", option_backends, against, &o->kinds[1],
          error)
      || !option_choose ("--precision", option_precisions, precision,
          &o->precisions[0], error)
      || !option_choose ("--against-precision", option_precisions,
          against_precision, &o->precisions[1], error)
      || !check_number ("threads", threads, 0, G_MAXINT, error)
      || !check_number ("images", images, 1, MAX_IMAGES, error)
      || !check_number ("steps", steps, 1, MAX_STEPS, error)
      || !check_tolerance (o->tolerance, error))
    return FALSE;
  o->threads = threads;
  o->images = images;
  o->steps = steps;
  o->seed = seed;
  return TRUE;
}

void
check_options_clear (CheckOptions * o)
{
  g_free (o->model);
}
