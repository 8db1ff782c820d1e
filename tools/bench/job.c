/* gst-ddpm: ddpm-bench: the step that is timed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/bench/job.h"
#include "gst-ddpm/ddpm.h"

struct _BenchJob
{
  BenchMode mode;
  DdpmModel *model;
  DdpmBackend *backend;
  guint batch, elements;        /* images; floats of one */

  /* forward */
  DdpmPredictor *predictor;
  gint *t;
  gboolean uploaded;
  gint *labels;                 /* for all three: the classes in turn, or none */
  guint passes;                 /* of an image through the network, in a step */
  /* sample: from noise to images, both in memory of the host */
  DdpmDenoiser *denoiser;
  gfloat *noise, *images;
  /* train */
  DdpmTrainer *trainer;
  guint8 *pictures;
};

static gboolean
report_no_memory (BenchJob * job, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for a batch of %u", job->batch);
  return FALSE;
}

/* x_T of the samples 0 .. batch - 1 of seed 0 */
static gboolean
make_noise (BenchJob * job, GError ** error)
{
  job->noise = g_try_new (gfloat, (gsize) job->batch * job->elements);
  if (job->noise == NULL)
    return report_no_memory (job, error);
  for (guint i = 0; i < job->batch; i++)
    ddpm_noise_normal (0, i, DDPM_STREAM_X_T, 0, job->elements,
        job->noise + (gsize) i * job->elements);
  return TRUE;
}

/* --- forward -------------------------------------------------------------- */

static gboolean
prepare_forward (BenchJob * job, const BenchOptions * o, GError ** error)
{
  job->predictor = ddpm_predictor_new (job->model, job->backend, job->batch,
      o->width, o->height, 1.0, error);
  if (job->predictor == NULL || !make_noise (job, error))
    return FALSE;
  job->t = g_new (gint, job->batch);
  for (guint i = 0; i < job->batch; i++)
    job->t[i] = (gint) ((guint64) i * job->model->config.timesteps
        / job->batch);
  return TRUE;
}

/* The first evaluation uploads the states. */
static gboolean
step_forward (BenchJob * job, GError ** error)
{
  const gfloat *x_t = job->uploaded ? NULL : job->noise;

  job->uploaded = TRUE;
  return ddpm_predictor_predict (job->predictor, x_t, job->t, job->labels,
      NULL, error);
}

/* --- sample --------------------------------------------------------------- */

static gboolean
prepare_sample (BenchJob * job, const BenchOptions * o, GError ** error)
{
  const DdpmSamplerSpec spec = {.kind = o->sampler,.steps = o->steps,
    .spacing = ddpm_sampler_get_default_spacing (o->sampler),.eta =
        1.0,.clip_x0 = TRUE,.start = job->model->config.timesteps,
    .guidance = o->guidance
  };

  job->denoiser = ddpm_denoiser_new (job->model, job->backend, job->batch,
      o->width, o->height, &spec, error);
  if (job->denoiser == NULL
      || !ddpm_denoiser_set_labels (job->denoiser, job->labels, error))
    return FALSE;
  if (job->model->config.classes > 0 && o->guidance != 0.0
      && o->guidance != 1.0)
    job->passes = 2;
  job->images = g_try_new (gfloat, (gsize) job->batch * job->elements);
  return job->images ? make_noise (job, error)
      : report_no_memory (job, error);
}

static gboolean
step_sample (BenchJob * job, GError ** error)
{
  ddpm_denoiser_begin (job->denoiser, job->noise, 0, 0);
  while (ddpm_denoiser_step (job->denoiser));
  return ddpm_denoiser_read (job->denoiser, job->images, error);
}

/* --- train ---------------------------------------------------------------- */

static gboolean
make_pictures (BenchJob * job, GError ** error)
{
  job->pictures = g_try_new (guint8, (gsize) job->batch * job->elements);
  if (job->pictures == NULL)
    return report_no_memory (job, error);
  if (!make_noise (job, error))
    return FALSE;
  for (gsize i = 0; i < (gsize) job->batch * job->elements; i++)
    job->pictures[i] = CLAMP (127.5f + 64.0f * job->noise[i], 0.0f, 255.0f);
  return TRUE;
}

static gboolean
prepare_train (BenchJob * job, const BenchOptions * o, GError ** error)
{
  DdpmConfig config = job->model->config;
  DdpmTrainerSettings settings;

  /* on images: only a teacher can train guidance and steps */
  config.guidance = 1.0;
  config.steps = 0;
  ddpm_trainer_settings_init (&settings);
  settings.batch_size = job->batch;
  settings.micro_batch = o->micro_batch;
  job->trainer = ddpm_trainer_new (&config, &settings, o->width, o->height,
      job->backend, error);
  if (job->trainer == NULL)
    return FALSE;
  /* a checkpoint's weights; a trainer has random ones at first */
  if (job->model->location
      && !ddpm_trainer_set_weights (job->trainer, job->model, error))
    return FALSE;
  return make_pictures (job, error);
}

/* --- all of them ---------------------------------------------------------- */

static void
make_labels (BenchJob * job)
{
  g_autoptr (DdpmLabels) all = ddpm_labels_new (job->model, "", NULL);

  job->labels = g_new (gint, job->batch);
  for (guint i = 0; i < job->batch; i++)
    job->labels[i] = ddpm_labels_get (all, i);
}

BenchJob *
bench_job_new (const BenchOptions * options, DdpmBackend * backend,
    guint batch, GError ** error)
{
  static gboolean (*const prepare[]) (BenchJob *, const BenchOptions *,
      GError **) = {
    prepare_forward, prepare_sample, prepare_train
  };
  BenchJob *job = g_new0 (BenchJob, 1);

  job->mode = options->mode;
  job->model = ddpm_model_ref (options->model);
  job->backend = ddpm_backend_ref (backend);
  job->batch = batch;
  job->elements = options->width * options->height
      * job->model->config.image_channels;
  job->passes = 1;
  make_labels (job);
  if (prepare[job->mode] (job, options, error))
    return job;
  bench_job_free (job);
  return NULL;
}

void
bench_job_free (BenchJob * job)
{
  if (job == NULL)
    return;
  ddpm_predictor_free (job->predictor);
  ddpm_denoiser_free (job->denoiser);
  ddpm_trainer_free (job->trainer);
  g_free (job->t);
  g_free (job->labels);
  g_free (job->noise);
  g_free (job->images);
  g_free (job->pictures);
  ddpm_backend_unref (job->backend);
  ddpm_model_unref (job->model);
  g_free (job);
}

static gboolean
step_train (BenchJob * job, GError ** error)
{
  return ddpm_trainer_step (job->trainer, job->pictures, job->labels,
      job->batch, NULL, NULL, error);
}

gboolean
bench_job_step (BenchJob * job, DdpmTimer * timer, GError ** error)
{
  static gboolean (*const step[]) (BenchJob *, GError **) = {
    step_forward, step_sample, step_train
  };
  gboolean ok;

  ddpm_timer_attach (timer, job->backend);
  ok = step[job->mode] (job, error);
  ddpm_timer_attach (NULL, job->backend);
  return ok;
}

guint
bench_job_get_evaluations (BenchJob * job)
{
  return job->denoiser ?
      job->passes * ddpm_denoiser_get_n_steps (job->denoiser) : 1;
}

guint
bench_job_get_pass (BenchJob * job)
{
  return job->trainer ? ddpm_trainer_get_micro_batch (job->trainer) :
      job->passes * job->batch;
}
