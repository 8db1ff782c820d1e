/* gst-ddpm: loss by timestep and variational bits/dim of a model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   ddpm-evaluate [OPTION ...] DATA
 *
 * Exit status: 0: done; 1: an error; 2: the command line is wrong; 130:
 * interrupted: the figures are of the images until then.
 */
#include <math.h>
#include <signal.h>

#include "tools/common/model.h"
#include "tools/evaluate/report.h"
#include "gst-ddpm/ddpm.h"

#define PROGRESS_INTERVAL (5 * G_TIME_SPAN_SECOND)
#define EXIT_INTERRUPTED 130

/* The images in the order in which they are evaluated */
typedef struct
{
  DdpmCifar *cifar;
  guint64 *order;
  gboolean labelled;            /* the model gets the labels */
} Images;

static volatile sig_atomic_t interrupted;

static void
interrupt (int number)
{
  interrupted = 1;
}

/* The first Ctrl-C ends the loop; a second one kills the process. */
static void
catch_interrupt (void)
{
  struct sigaction action = {.sa_handler = interrupt,.sa_flags = SA_RESETHAND };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

static gboolean
read_image (gpointer data, guint64 i, guint64 * sample, gint * label,
    guint8 * pixels, GError ** error)
{
  Images *images = data;
  const guint plane = DDPM_CIFAR_SIZE * DDPM_CIFAR_SIZE;
  guint8 planes[DDPM_CIFAR_PIXELS];
  guint class;

  *sample = images->order[i];
  if (!ddpm_cifar_read (images->cifar, *sample, planes, &class, error))
    return FALSE;
  if (images->labelled)
    *label = class;
  for (guint p = 0; p < plane; p++)
    for (guint c = 0; c < 3; c++)
      pixels[3 * p + c] = planes[c * plane + p];
  return TRUE;
}

/* In random order, so that the first n images are a fair sample of all */
static gboolean
open_images (EvaluateOptions * o, Images * images, GError ** error)
{
  guint64 n;

  images->cifar = ddpm_cifar_open (o->data, o->split, error);
  if (images->cifar == NULL)
    return FALSE;
  if (ddpm_cifar_get_notes (images->cifar))
    g_printerr ("%s\n", ddpm_cifar_get_notes (images->cifar));
  n = ddpm_cifar_get_n_images (images->cifar);
  if (o->settings.images > n)
    o->settings.images = n;
  if (o->settings.images == 0)
    o->settings.images = n;
  images->order = g_try_new (guint64, n);
  if (images->order == NULL)
    goto no_memory;
  ddpm_cifar_shuffle (o->settings.seed, 0, n, images->order);
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the order of %" G_GUINT64_FORMAT " images", n);
  return FALSE;
}

static void
close_images (Images * images)
{
  ddpm_cifar_free (images->cifar);
  g_free (images->order);
}

static gboolean
check_model (const DdpmModel * model, GError ** error)
{
  gboolean known = model->width && model->height;

  if (model->config.image_channels != 3
      || (known && (model->width != DDPM_CIFAR_SIZE
              || model->height != DDPM_CIFAR_SIZE)))
    goto other_images;
  return TRUE;

other_images:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s generates images of %ux%u pixels with %u channels, but those of the "
      "data have %dx%d with 3",
      model->location, model->width, model->height,
      model->config.image_channels, DDPM_CIFAR_SIZE, DDPM_CIFAR_SIZE);
  return FALSE;
}

static gchar *
describe_time (gdouble seconds)
{
  return seconds < 90.0 ? g_strdup_printf ("%.0f s", seconds) :
      seconds < 5400.0 ? g_strdup_printf ("%.1f minutes", seconds / 60.0) :
      g_strdup_printf ("%.1f hours", seconds / 3600.0);
}

static gdouble
seconds_since (gint64 start)
{
  return (g_get_monotonic_time () - start) / (gdouble) G_TIME_SPAN_SECOND;
}

/* Estimates the time of all evaluations from that of the first batch. */
static void
announce (DdpmEvaluator * evaluator, gdouble seconds)
{
  gdouble n = ddpm_evaluator_get_n_evaluations (evaluator);
  g_autofree gchar *time =
      describe_time (seconds / ddpm_evaluator_get_n_done (evaluator) * n);

  g_printerr ("%.0f network evaluations, about %s\n", n, time);
}

static void
print_progress (DdpmEvaluator * evaluator, gdouble seconds)
{
  gdouble n = ddpm_evaluator_get_n_evaluations (evaluator);
  gdouble done = ddpm_evaluator_get_n_done (evaluator);
  g_autofree gchar *time = describe_time (seconds / done * (n - done));
  DdpmEvaluation results;

  ddpm_evaluator_get_results (evaluator, &results);
  g_printerr ("%.0f of %.0f evaluations, %s left", done, n, time);
  if (results.images > 1)
    g_printerr (", %.3f +- %.3f bits/dim", results.total.value,
        results.total.error);
  g_printerr ("\n");
}

static gboolean
run (DdpmEvaluator * evaluator, GError ** error)
{
  guint64 n = ddpm_evaluator_get_n_evaluations (evaluator);
  gint64 start = g_get_monotonic_time (), told = start;

  while (ddpm_evaluator_get_n_done (evaluator) < n && !interrupted) {
    gboolean first = ddpm_evaluator_get_n_done (evaluator) == 0;

    if (!ddpm_evaluator_step (evaluator, error))
      return FALSE;
    if (first)
      announce (evaluator, seconds_since (start));
    if (g_get_monotonic_time () - told < PROGRESS_INTERVAL)
      continue;
    told = g_get_monotonic_time ();
    print_progress (evaluator, seconds_since (start));
  }
  return TRUE;
}

static gboolean
evaluate (EvaluateOptions * o, GError ** error)
{
  Images images = { NULL };
  g_autoptr (DdpmModel) model = NULL;
  g_autoptr (DdpmBackend) backend = NULL;
  g_autoptr (DdpmEvaluator) evaluator = NULL;
  EvaluateReport report = {.options = o };
  gint64 start;
  gboolean ok = FALSE;

  model = load_model (o->model, error);
  if (model == NULL || !check_model (model, error)
      || !open_images (o, &images, error))
    goto out;
  backend = ddpm_backend_new (o->backend, o->precision, o->threads, error);
  if (backend == NULL)
    goto out;
  evaluator = ddpm_evaluator_new (model, backend, DDPM_CIFAR_SIZE,
      DDPM_CIFAR_SIZE, &o->settings, read_image, &images, error);
  if (evaluator == NULL)
    goto out;

  images.labelled = model->config.classes > 0 && !o->no_labels;
  start = g_get_monotonic_time ();
  catch_interrupt ();
  if (!run (evaluator, error))
    goto out;
  report.model = model;
  report.backend = backend;
  report.n_images = ddpm_cifar_get_n_images (images.cifar);
  report.seconds = seconds_since (start);
  ddpm_evaluator_get_results (evaluator, &report.results);
  if (interrupted)
    g_printerr ("interrupted after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
        " images\n", report.results.images, o->settings.images);
  if (report.results.images > 0)
    (o->json ? evaluate_report_print_json : evaluate_report_print_table)
        (&report);
  ok = TRUE;

out:
  close_images (&images);
  return ok;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = NULL;
  g_autoptr (GError) error = NULL;
  EvaluateOptions options;
  int status = 0;

  arguments = g_strdupv (argv);
  if (!evaluate_options_parse (&options, &arguments, &error))
    status = 2;
  else if (!evaluate (&options, &error))
    status = 1;
  else if (interrupted)
    status = EXIT_INTERRUPTED;
  if (error)
    g_printerr ("ddpm-evaluate: %s\n", error->message);
  evaluate_options_clear (&options);
  return status;
}
