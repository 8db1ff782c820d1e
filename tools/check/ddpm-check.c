/* gst-ddpm: do two backends compute the same from a model?
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   ddpm-check --model ckpt.bin --backend cuda --against cpu
 */
#include <math.h>
#include <stdlib.h>

#include "tools/check/options.h"
#include "tools/common/model.h"
#include "gst-ddpm/ddpm.h"

#define EXIT_USAGE 2
#define EXIT_DIFFERENT 3
#define DEFAULT_SIZE 32
#define N_TIMESTEPS 5
#define TOLERANCE_F32 1e-4
#define TOLERANCE_BF16 3e-2
/* Later steps magnify a difference of the first. */
#define SAMPLE_FACTOR 10

/* What is computed on both */
typedef struct
{
  const CheckOptions *options;
  DdpmModel *model;
  guint width, height;
  gsize count;                  /* floats of all images */
  gfloat *x;                    /* [count]: x_T */
  gint *labels;                 /* [images]: the classes in turn, or none */
} Task;

/* One backend's results: eps at N_TIMESTEPS timesteps, and images */
typedef struct
{
  const Task *task;
  DdpmBackend *backend;
  gfloat *results[N_TIMESTEPS + 1];
} Side;

/* From 0 to T - 1 */
static gint
timestep_of (const Task * task, guint i)
{
  return (guint64) (task->model->config.timesteps - 1) * i / (N_TIMESTEPS - 1);
}

/* --- one side --------------------------------------------------------------- */

static gboolean
evaluate (Side * side, GError ** error)
{
  const Task *task = side->task;
  const guint n = task->options->images;
  g_autofree gint *t = g_new (gint, n);
  g_autoptr (DdpmPredictor) predictor = ddpm_predictor_new (task->model,
      side->backend, n, task->width, task->height, 1.0, error);

  if (predictor == NULL)
    return FALSE;
  for (guint i = 0; i < N_TIMESTEPS; i++) {
    for (guint image = 0; image < n; image++)
      t[image] = timestep_of (task, i);
    if (!ddpm_predictor_predict (predictor, task->x, t, task->labels,
            side->results[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
sample (Side * side, GError ** error)
{
  const Task *task = side->task;
  const DdpmConfig *config = &task->model->config;
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, config);
  spec.kind = DDPM_SAMPLER_DDPM;
  spec.spacing = ddpm_sampler_get_default_spacing (spec.kind);
  spec.steps = MIN (task->options->steps, config->timesteps);
  denoiser = ddpm_denoiser_new (task->model, side->backend,
      task->options->images, task->width, task->height, &spec, error);
  if (denoiser == NULL
      || !ddpm_denoiser_set_labels (denoiser, task->labels, error))
    return FALSE;
  ddpm_denoiser_begin (denoiser, task->x, task->options->seed, 0);
  while (ddpm_denoiser_step (denoiser));
  return ddpm_denoiser_read (denoiser, side->results[N_TIMESTEPS], error);
}

static gboolean
run_side (const Task * task, guint which, Side * side, GError ** error)
{
  const CheckOptions *o = task->options;

  side->task = task;
  for (guint i = 0; i <= N_TIMESTEPS; i++) {
    side->results[i] = g_try_new (gfloat, task->count);
    if (side->results[i] == NULL) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
          "no memory for %u images", o->images);
      return FALSE;
    }
  }
  side->backend = ddpm_backend_new (o->kinds[which], o->precisions[which],
      o->threads, error);
  if (side->backend == NULL)
    return FALSE;
  g_print ("%-8s %s, %s: %s\n", which == 0 ? "checked" : "against",
      ddpm_backend_get_name (side->backend),
      ddpm_backend_get_precision_name (side->backend),
      ddpm_backend_get_device (side->backend));
  return evaluate (side, error) && sample (side, error);
}

static void
side_clear (Side * side)
{
  for (guint i = 0; i <= N_TIMESTEPS; i++)
    g_free (side->results[i]);
  g_clear_pointer (&side->backend, ddpm_backend_unref);
}

/* --- both -------------------------------------------------------------------- */

/* Prints the root mean square and the largest of the differences, divided by the
 * root mean square of the expected numbers. The margin is limit : rms. NaN is not
 * within a limit. */
static gboolean
compare (const gchar * name, const gfloat * got, const gfloat * expected,
    gsize count, gdouble limit)
{
  gdouble sum = 0.0, power = 0.0, largest = 0.0, error;
  gboolean within;

  for (gsize i = 0; i < count; i++) {
    const gdouble difference = (gdouble) got[i] - expected[i];

    sum += difference * difference;
    power += (gdouble) expected[i] * expected[i];
    largest = MAX (largest, fabs (difference));
  }
  error = sum > 0.0 ? sqrt (sum / power) : sum;
  within = error <= limit;
  g_print ("%-24s %10.3g %10.3g %10.3g %9.3g  %s\n", name, error,
      largest > 0.0 ? largest / sqrt (power / count) : largest, limit,
      limit / error, within ? "ok" : "DIFFERENT");
  return within;
}

static gdouble
tolerance_of (const CheckOptions * o, const Side sides[2])
{
  if (o->tolerance > 0.0)
    return o->tolerance;
  for (guint i = 0; i < 2; i++) {
    if (ddpm_backend_get_precision (sides[i].backend) != DDPM_PRECISION_F32)
      return TOLERANCE_BF16;
  }
  return TOLERANCE_F32;
}

static gboolean
compare_all (const Task * task, const Side sides[2])
{
  const gdouble tolerance = tolerance_of (task->options, sides);
  gboolean within = TRUE;

  g_print ("\n%-24s %10s %10s %10s %9s\n", "relative difference", "rms",
      "largest", "limit", "margin");
  for (guint i = 0; i <= N_TIMESTEPS; i++) {
    g_autofree gchar *name = i < N_TIMESTEPS
        ? g_strdup_printf ("eps, timestep %d", timestep_of (task, i))
        : g_strdup_printf ("images, after %u steps",
        MIN (task->options->steps, task->model->config.timesteps));

    within &= compare (name, sides[0].results[i], sides[1].results[i],
        task->count, i < N_TIMESTEPS ? tolerance : SAMPLE_FACTOR * tolerance);
  }
  return within;
}

static void
make_labels (Task * task)
{
  const guint n = task->options->images;
  g_autoptr (DdpmLabels) all = ddpm_labels_new (task->model, "", NULL);

  task->labels = g_new (gint, n);
  for (guint i = 0; i < n; i++)
    task->labels[i] = ddpm_labels_get (all, i);
}

static gboolean
prepare (Task * task, GError ** error)
{
  const CheckOptions *o = task->options;
  gsize elements;

  task->model = load_model (o->model, error);
  if (task->model == NULL)
    return FALSE;
  task->width = task->model->width ? task->model->width : DEFAULT_SIZE;
  task->height = task->model->height ? task->model->height : DEFAULT_SIZE;
  if (!ddpm_config_check_size (&task->model->config, task->width, task->height,
          error))
    return FALSE;
  elements = (gsize) task->width * task->height
      * task->model->config.image_channels;
  task->count = elements * o->images;
  task->x = g_try_new (gfloat, task->count);
  if (task->x == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for %u images", o->images);
    return FALSE;
  }
  make_labels (task);
  for (guint i = 0; i < o->images; i++)
    ddpm_noise_normal (o->seed, i, DDPM_STREAM_X_T, 0, elements,
        task->x + i * elements);
  return TRUE;
}

static int
check (const CheckOptions * options, GError ** error)
{
  Task task = {.options = options };
  Side sides[2] = { {NULL}, };
  int status = EXIT_FAILURE;

  if (prepare (&task, error) && run_side (&task, 0, &sides[0], error)
      && run_side (&task, 1, &sides[1], error))
    status = compare_all (&task, sides) ? EXIT_SUCCESS : EXIT_DIFFERENT;
  side_clear (&sides[0]);
  side_clear (&sides[1]);
  g_free (task.x);
  g_free (task.labels);
  g_clear_pointer (&task.model, ddpm_model_unref);
  return status;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  CheckOptions options = { NULL };
  int status = EXIT_USAGE;

  if (check_options_parse (&options, &arguments, &error))
    status = check (&options, &error);
  if (error)
    g_printerr ("ddpm-check: %s\n", error->message);
  check_options_clear (&options);
  return status;
}
