/* gst-ddpm: ddpm-evaluate: what is to be evaluated
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/evaluate/options.h"
#include "tools/common/option-choice.h"

static const gchar *const splits[] = { "train", "test", NULL };
static const gchar *const variances[] = { "fixed-small", "fixed-large", NULL };

/* The command line as it stands; NULL: not given */
typedef struct
{
  gchar *model, **data;
  gchar *split, *variance, *backend, *precision;
  gchar *images, *timesteps, *batch, *seed, *threads;
  gboolean no_clip, no_labels, json;
} CommandLine;

static void
command_line_clear (CommandLine * line)
{
  g_free (line->model);
  g_strfreev (line->data);
  g_free (line->split);
  g_free (line->variance);
  g_free (line->backend);
  g_free (line->precision);
  g_free (line->images);
  g_free (line->timesteps);
  g_free (line->batch);
  g_free (line->seed);
  g_free (line->threads);
}

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

/* Left as it is where text is NULL */
static gboolean
take_big_number (const gchar * name, const gchar * text, guint64 min,
    guint64 max, guint64 * number, GError ** error)
{
  if (text == NULL || g_ascii_string_to_unsigned (text, 10, min, max, number,
          NULL))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--%s must be a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
      ", not \"%s\"", name, min, max, text);
  return FALSE;
}

static gboolean
take_number (const gchar * name, const gchar * text, guint min, guint max,
    guint * number, GError ** error)
{
  guint64 big = *number;

  if (!take_big_number (name, text, min, max, &big, error))
    return FALSE;
  *number = big;
  return TRUE;
}

/* 0 of --images: all of them, which main () counts; of --timesteps: all T */
static gboolean
read_numbers (const CommandLine * line, EvaluateOptions * o, GError ** error)
{
  DdpmEvaluatorSettings *s = &o->settings;

  return take_big_number ("images", line->images, 0, G_MAXINT64, &s->images,
      error)
      && take_number ("timesteps", line->timesteps, 0, DDPM_MAX_TIMESTEPS,
      &s->timesteps, error)
      && take_number ("batch", line->batch, 1, DDPM_MAX_BATCH, &s->batch, error)
      && take_big_number ("seed", line->seed, 0, G_MAXUINT64, &s->seed, error)
      && take_number ("threads", line->threads, 0, G_MAXINT, &o->threads,
      error);
}

static gboolean
read_choices (const CommandLine * line, EvaluateOptions * o, GError ** error)
{
  return option_choose ("--split", splits, line->split, &o->split, error)
      && option_choose ("--variance", variances, line->variance,
      &o->settings.variance, error)
      && option_choose ("--backend", option_backends, line->backend,
      &o->backend, error)
      && option_choose ("--precision", option_precisions, line->precision,
      &o->precision, error);
}

static gboolean
read_data (const CommandLine * line, EvaluateOptions * o, GError ** error)
{
  guint n = line->data ? g_strv_length (line->data) : 0;

  if (n != 1) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "expected one folder or file of images, found %u; --help says more", n);
    return FALSE;
  }
  o->data = g_strdup (line->data[0]);
  return TRUE;
}

gboolean
evaluate_options_parse (EvaluateOptions * o, gchar *** argv, GError ** error)
{
  CommandLine line = { NULL };
  const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &line.model,
        "Checkpoint (the built-in model)", "FILE"},
    {"split", 's', 0, G_OPTION_ARG_STRING, &line.split,
        "Part of a folder: test or train (test)", "NAME"},
    {"images", 'n', 0, G_OPTION_ARG_STRING, &line.images,
        "How many, chosen by the seed; 0: all (500)", "N"},
    {"timesteps", 't', 0, G_OPTION_ARG_STRING, &line.timesteps,
        "Evaluations of the network for each image; 0: all T (20)", "K"},
    {"seed", 0, 0, G_OPTION_ARG_STRING, &line.seed,
        "Of images, timesteps and noise (0)", "N"},
    {"variance", 'v', 0, G_OPTION_ARG_STRING, &line.variance,
        "Of a reverse step: fixed-small or fixed-large (fixed-small)", "NAME"},
    {"no-clip", 0, 0, G_OPTION_ARG_NONE, &line.no_clip,
        "Take the predicted x_0 as it is, without clipping it", NULL},
    {"no-labels", 0, 0, G_OPTION_ARG_NONE, &line.no_labels,
        "Leave the labels out that a model of classes would be given", NULL},
    {"batch", 'b', 0, G_OPTION_ARG_STRING, &line.batch,
        "Evaluations at a time (16)", "N"},
    {"threads", 0, 0, G_OPTION_ARG_STRING, &line.threads,
        "Compute threads; 0: one per core (0)", "N"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &line.backend,
        "auto, reference, cpu or cuda (auto)", "NAME"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &line.precision,
        "auto, f32, bf16 or bf16-emulated (auto)", "NAME"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &line.json,
        "JSON, one object a line", NULL},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line.data, NULL,
        "DATA"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  gboolean ok;

  *o = (EvaluateOptions) {
  .split = DDPM_SPLIT_TEST};
  ddpm_evaluator_settings_init (&o->settings);
  g_option_context_set_summary (context,
      "Loss by timestep and variational bits/dim of a diffusion model on the\n"
      "images DATA: a folder of CIFAR-10 or CIFAR-100, or one file of records\n"
      "like theirs. Progress goes to stderr, figures to stdout.");
  g_option_context_add_main_entries (context, entries, NULL);
  ok = g_option_context_parse_strv (context, argv, error)
      && read_data (&line, o, error) && read_choices (&line, o, error)
      && read_numbers (&line, o, error);
  o->model = g_steal_pointer (&line.model);
  o->settings.clip_x0 = !line.no_clip;
  o->no_labels = line.no_labels;
  o->json = line.json;
  command_line_clear (&line);
  return ok;
}

void
evaluate_options_clear (EvaluateOptions * o)
{
  g_free (o->model);
  g_free (o->data);
}
