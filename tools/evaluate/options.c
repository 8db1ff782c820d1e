/* gst-ddpm: ddpm-evaluate: what is to be evaluated
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/evaluate/options.h"
#include "tools/common/options.h"

static const gchar *const splits[] = { "train", "test", NULL };
static const gchar *const variances[] = { "fixed-small", "fixed-large", NULL };

const gchar *
evaluate_split_to_string (DdpmSplit split)
{
  return splits[split];
}

const gchar *
evaluate_variance_to_string (DdpmVariance variance)
{
  return variances[variance];
}

/* *INDENT-OFF* */
gboolean
evaluate_options_parse (EvaluateOptions * o, gchar *** argv, GError ** error)
{
  gboolean no_clip = FALSE;
  const Option options[] = {
    {"model", 'm', OPTION_FILE, &o->model,
        "Checkpoint (the built-in model)", "FILE"},
    {"split", 's', OPTION_CHOICE, &o->split,
        "Part of a folder of images", "NAME", .choices = splits},
    {"images", 'n', OPTION_LARGE_NUMBER, &o->settings.images,
        "Number of images, chosen by the seed; 0: all (500)", "N",
        0, G_MAXINT64},
    {"timesteps", 't', OPTION_NUMBER, &o->settings.timesteps,
        "Evaluations of the network for each image; 0: all T (20)", "K",
        0, DDPM_MAX_TIMESTEPS},
    {"seed", 0, OPTION_LARGE_NUMBER, &o->settings.seed,
        "Seed of images, timesteps and noise (0)", "N", 0, G_MAXUINT64},
    {"variance", 'v', OPTION_CHOICE, &o->settings.variance,
        "Variance of a reverse step", "NAME", .choices = variances},
    {"no-clip", 0, OPTION_FLAG, &no_clip,
        "Do not clip the predicted x_0 to the range of pixels"},
    {"no-labels", 0, OPTION_FLAG, &o->no_labels,
        "Do not give the labels of the images to a model that has classes"},
    {"batch", 'b', OPTION_NUMBER, &o->settings.batch,
        "Evaluations in one batch (16)", "N", 1, DDPM_MAX_BATCH},
    {"threads", 0, OPTION_NUMBER, &o->threads,
        "Compute threads; 0: one per core (0)", "N", 0, G_MAXINT},
    {"backend", 0, OPTION_CHOICE, &o->backend,
        "Compute backend", "NAME", .choices = option_backends},
    {"precision", 'p', OPTION_CHOICE, &o->precision,
        "Precision of activations", "NAME", .choices = option_precisions},
    {"json", 0, OPTION_FLAG, &o->json,
        "Print JSON, one object a line"},
    {NULL}
  };

  *o = (EvaluateOptions) { .split = DDPM_SPLIT_TEST };
  ddpm_evaluator_settings_init (&o->settings);
  if (!options_parse (options,
      "Evaluates a diffusion model on the images DATA: its loss by timestep, and\n"
      "its variational bound in bits/dim. DATA is a folder of CIFAR-10 or\n"
      "CIFAR-100, or a file of records of such a folder. Prints progress to\n"
      "stderr, figures to stdout.", "DATA", argv, error)
      || !options_expect_arguments (*argv, 1, "one folder or file of images",
          error))
    return FALSE;
  o->data = g_strdup ((*argv)[1]);
  o->settings.clip_x0 = !no_clip;
  return TRUE;
}
/* *INDENT-ON* */

void
evaluate_options_clear (EvaluateOptions * o)
{
  g_free (o->model);
  g_free (o->data);
}
