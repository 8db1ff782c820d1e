/* gst-ddpm: training: one step of algorithm 1 of Ho et al. 2020
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A batch runs through the network in micro-batches, in order, whose gradients
 * are summed. The last one is padded with images that add nothing to the
 * gradient. Random numbers depend on the index of the sample, not on how the
 * batch is divided.
 */
#include <math.h>
#include <string.h>

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/train/private.h"
#include "kernels/optimizer-math.h"
#include "kernels/timer.h"

typedef struct _Batch Batch;
struct _Batch
{
  DdpmTrainer *trainer;
  guint n;
  /* fills t, labels, x_0 and eps of the trainer with images first ..
   * first + count - 1 of the batch */
  void (*fill) (Batch * batch, guint first, guint count);
  const DdpmDropout *drop;
  const gint *cancel;

  /* for fill: pixels to train on, or x_0, eps and t */
  const guint8 *images;
  gboolean on_device;           /* images is memory of the backend */
  const gfloat *x_0, *eps;
  const gint *t;
  const gint *labels;           /* NULL: none */

  guint first, count;           /* images of the current pass */
  gboolean cancelled;
  GError *failure;              /* of the backend, or NULL */
  gdouble squares;              /* sum of squares of the gradient */
  gdouble loss, grad_norm;
};

static gdouble
loss_scale (const Batch * batch)
{
  return 1.0 / ((gdouble) batch->n * batch->trainer->elements);
}

/* Zeroes the padding of a micro-batch, images count and above */
static void
zero_images (DdpmTrainer * trainer, float *to, guint count)
{
  gsize elements = trainer->elements;

  ddpm_backend_zero (trainer->backend, to + count * elements,
      (trainer->micro_batch - count) * elements * sizeof (gfloat));
}

/* Uploads the first count images of a micro-batch, and zeroes the padding */
static void
upload_images (DdpmTrainer * trainer, float *to, const gfloat * from,
    guint count)
{
  ddpm_backend_upload (trainer->backend, to, from,
      count * (gsize) trainer->elements * sizeof (gfloat));
  zero_images (trainer, to, count);
}

static gfloat
draw_uniform (DdpmTrainer * trainer, guint64 sample, guint32 stream)
{
  gfloat u;

  ddpm_noise_uniform (trainer->settings.seed, sample, stream, 0, 1, &u);
  return u;
}

/* Ho & Salimans 2022, algorithm 1, line 3 */
static gint
draw_label (DdpmTrainer * trainer, gint label, guint64 sample)
{
  if (label == DDPM_NO_LABEL || draw_uniform (trainer, sample,
          DDPM_STREAM_LABEL) < trainer->settings.label_dropout)
    return DDPM_NO_LABEL;
  return label;
}

static void
draw_image (DdpmTrainer * trainer, guint64 sample, guint i)
{
  gdouble u = draw_uniform (trainer, sample, DDPM_STREAM_TIMESTEP);

  trainer->t[i] = trainer->teacher ? ddpm_teacher_timestep (trainer->teacher, u)
      : (gint) (u * trainer->config.timesteps);
  trainer->flipped[i] = trainer->settings.flip
      && draw_uniform (trainer, sample, DDPM_STREAM_FLIP) < 0.5f;
}

/* Converts pixels to x_0 */
static void
convert_pixels (DdpmTrainer * trainer, guint count)
{
  const DdpmPixels p = { trainer->height, trainer->width,
    trainer->config.image_channels,
    trainer->config.data_range == DDPM_DATA_RANGE_UNIT
  };

  ddpm_timer_start (trainer->backend);
  trainer->backend->ops->from_pixels (trainer->backend, count, &p,
      trainer->pixels, trainer->flipped, trainer->x_0);
  ddpm_timer_lap (trainer->backend, DDPM_TIMER_COPY, 0.0);
  zero_images (trainer, trainer->x_0, count);
}

/* Lines 2 to 4 of the algorithm: draws x_0, t and eps */
static void
draw_micro_batch (Batch * batch, guint first, guint count)
{
  DdpmTrainer *trainer = batch->trainer;
  guint64 sample = trainer->stats.samples + first;

  for (guint i = 0; i < count; i++) {
    draw_image (trainer, sample + i, i);
    if (batch->labels)
      trainer->labels[i] =
          draw_label (trainer, batch->labels[first + i], sample + i);
  }
  convert_pixels (trainer, count);
  ddpm_timer_start (trainer->backend);
  trainer->backend->ops->noise (trainer->backend, trainer->settings.seed,
      sample, DDPM_STREAM_EPS, 0, trainer->micro_batch, trainer->elements,
      trainer->eps);
  ddpm_timer_lap (trainer->backend, DDPM_TIMER_NOISE, 0.0);
}

static void
copy_micro_batch (Batch * batch, guint first, guint count)
{
  DdpmTrainer *trainer = batch->trainer;
  gsize offset = (gsize) first * trainer->elements;

  memcpy (trainer->t, batch->t + first, count * sizeof (gint));
  if (batch->labels)
    memcpy (trainer->labels, batch->labels + first, count * sizeof (gint));
  upload_images (trainer, trainer->x_0, batch->x_0 + offset, count);
  upload_images (trainer, trainer->eps, batch->eps + offset, count);
}

/* Salimans & Ho 2022, section 4, "truncated SNR" for a network that predicts
 * eps: max (1, 1 / SNR), here with a limit */
static gdouble
loss_weight (const DdpmTrainer * trainer, gint t)
{
  gdouble signal = trainer->schedule->sqrt_alphas_bar[t];
  gdouble noise = trainer->schedule->sqrt_one_minus_alphas_bar[t];
  gdouble inverse_snr = noise * noise / (signal * signal);

  return CLAMP (inverse_snr, 1.0, trainer->settings.max_loss_weight);
}

/* Computes the training target for x_t. NULL: it was cancelled */
static const float *
make_target (DdpmTrainer * trainer)
{
  if (trainer->teacher)
    return ddpm_teacher_run (trainer->teacher, trainer->t, trainer->labels,
        trainer->x_t);
  ddpm_prediction_from_eps (trainer->config.prediction, trainer->backend,
      trainer->micro_batch, trainer->elements, trainer->signal,
      trainer->minus_noise, trainer->x_0, trainer->eps);
  return trainer->eps;
}

/* Computes the unweighted loss of each image, and the gradient of the sum of
 * weighted losses, times scale. Both are 0 for padding, images count and
 * above. */
static void
compute_loss (DdpmTrainer * trainer, const float *target, guint count,
    gdouble scale, gdouble * losses)
{
  DdpmBackend *b = trainer->backend;

  for (guint i = 0; i < trainer->micro_batch; i++)
    trainer->scales[i] = scale * loss_weight (trainer, trainer->t[i]);
  ddpm_timer_start (b);
  b->ops->mse (b, trainer->micro_batch, count, trainer->elements,
      trainer->scales, trainer->prediction, target, trainer->dprediction,
      losses);
  ddpm_timer_lap (b, DDPM_TIMER_DIFFUSION, 0.0);
}

/* A network of learned variance is trained on its prediction alone (L_simple, Ho
 * et al. 2020, eq. 14): the second half of its output gets no gradient. */
static gboolean
run_forward (DdpmTrainer * trainer, const DdpmDropout * drop)
{
  DdpmBackend *b = trainer->backend;
  const guint c = trainer->config.image_channels;
  float *out = trainer->out ? trainer->out : trainer->prediction;

  if (!ddpm_unet_forward (trainer->unet, trainer->x_t, trainer->t,
          trainer->labels, drop, out))
    return FALSE;
  if (trainer->out)
    b->ops->split_channels (b, (gsize) trainer->micro_batch
        * trainer->elements / c, c, out, trainer->prediction, NULL);
  return TRUE;
}

static gboolean
run_backward (DdpmTrainer * trainer, const DdpmDropout * drop, gboolean add)
{
  DdpmBackend *b = trainer->backend;
  const guint c = trainer->config.image_channels;

  if (trainer->out)
    b->ops->join_channels (b, (gsize) trainer->micro_batch
        * trainer->elements / c, c, trainer->dprediction, NULL, trainer->out);
  return ddpm_unet_backward (trainer->unet, trainer->x_t, trainer->labels,
      drop, trainer->out ? trainer->out : trainer->dprediction, trainer->grads,
      add);
}

/* Line 5: adds the gradient of (target - prediction (x_t, t))^2 of one
 * micro-batch, as its part of the mean over the batch. All full micro-batches
 * except the first make the same calls, so that a graph plan can replay them. */
static void
train_micro_batch (gpointer data)
{
  Batch *batch = data;
  DdpmTrainer *trainer = batch->trainer;
  guint first = batch->first, count = batch->count;
  DdpmBackend *b = trainer->backend;
  const DdpmOps *ops = b->ops;
  DdpmDropout drop_here, *drop = NULL;
  const float *target = NULL;

  for (guint i = 0; i < trainer->micro_batch; i++) {
    trainer->t[i] = 0;
    trainer->labels[i] = DDPM_NO_LABEL;
  }
  batch->fill (batch, first, count);
  for (guint i = 0; i < trainer->micro_batch; i++) {
    guint t = trainer->t[i];

    trainer->signal[i] = trainer->schedule->sqrt_alphas_bar[t];
    trainer->noise[i] = trainer->schedule->sqrt_one_minus_alphas_bar[t];
    trainer->minus_noise[i] = -trainer->noise[i];
  }
  if (batch->drop) {
    drop_here = *batch->drop;
    drop_here.first_sample += first;
    drop = &drop_here;
  }

  ddpm_timer_start (b);
  ops->q_sample (b, trainer->micro_batch, trainer->elements, trainer->signal,
      trainer->noise, trainer->x_0, trainer->eps, trainer->x_t);
  ddpm_timer_lap (b, DDPM_TIMER_DIFFUSION, 0.0);
  if (run_forward (trainer, drop))
    target = make_target (trainer);
  if (target)
    compute_loss (trainer, target, count, loss_scale (batch),
        trainer->losses + first);
  batch->cancelled = target == NULL || !run_backward (trainer, drop, first > 0);
}

/* Copies the images of the pass to where a graph plan reads them */
static void
load_pixels (Batch * batch)
{
  DdpmTrainer *trainer = batch->trainer;
  const gsize elements = trainer->elements;
  void (*load) (DdpmBackend *, gpointer, gconstpointer, gsize) =
      batch->on_device ? ddpm_backend_copy : ddpm_backend_upload;

  load (trainer->backend, trainer->pixels,
      batch->images + batch->first * elements, batch->count * elements);
}

static gboolean
is_flag_set (gpointer flag)
{
  return g_atomic_int_get ((const gint *) flag);
}

/* Lets the networks look at a flag; NULL: none */
static void
watch_flag (DdpmTrainer * trainer, const gint * flag)
{
  DdpmCancelFunc func = flag ? is_flag_set : NULL;

  ddpm_unet_set_cancel (trainer->unet, func, (gpointer) flag);
  if (trainer->teacher)
    ddpm_teacher_set_cancel (trainer->teacher, func, (gpointer) flag);
}

/* Computes the gradient of the batch. use_graphs: run each pass as a graph plan,
 * since the passes of a training make the same calls. Returns: FALSE if
 * cancelled */
static gboolean
compute_gradient (Batch * batch, gboolean use_graphs)
{
  DdpmTrainer *trainer = batch->trainer;
  guint n = trainer->micro_batch;

  for (batch->first = 0; batch->first < batch->n; batch->first += n) {
    DdpmPlan *pass = batch->first ? trainer->next_pass : trainer->first_pass;

    if (batch->cancel && g_atomic_int_get (batch->cancel))
      batch->cancelled = TRUE;
    if (batch->cancelled)
      return FALSE;
    batch->count = MIN (n, batch->n - batch->first);
    if (batch->images)
      load_pixels (batch);
    ddpm_graph_plan_run (use_graphs ? pass : NULL, train_micro_batch, batch);
  }
  return !batch->cancelled;
}

/* Sums the losses, which are in memory of the host. The order of the sum does
 * not depend on the backend. */
static void
sum_losses (Batch * batch)
{
  const DdpmTrainer *trainer = batch->trainer;

  batch->grad_norm = sqrt (batch->squares);
  batch->loss = 0.0;
  for (guint first = 0; first < batch->n; first += trainer->micro_batch) {
    guint end = first + MIN (trainer->micro_batch, batch->n - first);
    gdouble sum = 0.0;

    for (guint i = first; i < end; i++)
      sum += trainer->losses[i];
    batch->loss += sum * loss_scale (batch);
  }
}

static gdouble
learning_rate (const DdpmTrainer * trainer)
{
  const DdpmTrainerSettings *s = &trainer->settings;
  gdouble done = trainer->stats.step + 1.0;

  return s->learning_rate * (done <
      s->warmup_steps ? done / s->warmup_steps : 1);
}

static gdouble
clip_factor (const Batch * batch)
{
  return ddpm_clip_factor (batch->trainer->settings.grad_clip,
      batch->grad_norm);
}

static gboolean
is_finite (const Batch * batch)
{
  return isfinite (batch->loss)
      && ddpm_gradient_is_sane (batch->grad_norm, clip_factor (batch));
}

/* The average follows the weights closely at first, and more slowly with each
 * step. */
static gdouble
ema_decay (const DdpmTrainer * trainer)
{
  gdouble n = trainer->stats.step;

  return MIN (trainer->settings.ema_decay, (1 + n) / (10 + n));
}

/* The bias corrections use Adam's betas as float has them, like the update, so
 * that the weights of each corrected average add up to 1. */
static DdpmAdam
adam_of_step (const DdpmTrainer * trainer, gdouble grad_scale)
{
  gdouble step = trainer->stats.step + 1.0;
  DdpmAdam adam = {
    .grad_scale = grad_scale,
    .beta1 = DDPM_ADAM_BETA1,.beta2 = DDPM_ADAM_BETA2,.eps = DDPM_ADAM_EPS,
    .step_size = learning_rate (trainer) / (1 - pow (DDPM_ADAM_BETA1, step)),
    .sqrt_bias2 = sqrt (1 - pow (DDPM_ADAM_BETA2, step)),
    .ema_decay = ema_decay (trainer),
  };

  return adam;
}

/* The smoothed loss is the plain mean of the first DDPM_LOSS_STEPS steps. */
static void
update_stats (Batch * batch)
{
  DdpmTrainer *trainer = batch->trainer;
  DdpmTrainerStats *stats = &trainer->stats;

  stats->learning_rate = learning_rate (trainer);
  stats->loss = batch->loss;
  stats->grad_norm = batch->grad_norm;
  stats->samples += batch->n;
  stats->step++;
  stats->loss_smoothed += (batch->loss - stats->loss_smoothed)
      / MIN (stats->step, DDPM_LOSS_STEPS);
}

static gboolean
check_failure (Batch * batch)
{
  return batch->failure == NULL
      && ddpm_backend_check (batch->trainer->backend, &batch->failure);
}

static void
measure_gradient (Batch * batch)
{
  DdpmTrainer *trainer = batch->trainer;

  ddpm_timer_start (trainer->backend);
  batch->squares = trainer->backend->ops->sum_of_squares (trainer->backend,
      trainer->params->trainable, trainer->grads);
  ddpm_timer_lap (trainer->backend, DDPM_TIMER_OPTIMIZER, 0.0);
  sum_losses (batch);
}

static void
update_by_the_host (Batch * batch)
{
  DdpmTrainer *trainer = batch->trainer;
  DdpmAdam adam;

  measure_gradient (batch);
  if (!check_failure (batch) || !is_finite (batch))
    return;
  adam = adam_of_step (trainer, clip_factor (batch));
  ddpm_timer_start (trainer->backend);
  trainer->backend->ops->adam (trainer->backend, &adam,
      trainer->params->trainable, trainer->grads, trainer->weights,
      trainer->adam_m, trainer->adam_v, trainer->ema);
  ddpm_timer_lap (trainer->backend, DDPM_TIMER_OPTIMIZER, 0.0);
  ddpm_unet_set_weights (trainer->unet, trainer->weights);
}

/* If the loss is not finite, neither is the gradient, and the operation changes
 * no weight. */
static void
update_on_the_device (gpointer data)
{
  Batch *batch = data;
  DdpmTrainer *trainer = batch->trainer;
  DdpmAdam adam = adam_of_step (trainer, 1.0);

  ddpm_timer_start (trainer->backend);
  trainer->backend->ops->adam_clipped (trainer->backend, &adam,
      trainer->settings.grad_clip, trainer->params->trainable, trainer->grads,
      trainer->weights, trainer->adam_m, trainer->adam_v, trainer->ema,
      &batch->squares);
  ddpm_timer_lap (trainer->backend, DDPM_TIMER_OPTIMIZER, 0.0);
  ddpm_unet_set_weights (trainer->unet, trainer->weights);
}

static void
run_step (gpointer data)
{
  Batch *batch = data;
  DdpmTrainer *trainer = batch->trainer;
  const DdpmOps *ops = trainer->backend->ops;

  if (trainer->update == NULL) {
    trainer->first_pass = ddpm_graph_plan_new (trainer->backend);
    trainer->next_pass = ddpm_graph_plan_new (trainer->backend);
    trainer->update = ddpm_graph_plan_new (trainer->backend);
  }
  if (!compute_gradient (batch, TRUE) || !check_failure (batch))
    return;
  if (ops->adam_clipped) {
    ddpm_graph_plan_run (trainer->update, update_on_the_device, batch);
    ddpm_backend_wait (trainer->backend);
    sum_losses (batch);
  } else {
    update_by_the_host (batch);
  }
  if (check_failure (batch) && is_finite (batch))
    update_stats (batch);
}

static void
run_gradient (gpointer data)
{
  Batch *batch = data;

  if (compute_gradient (batch, FALSE))
    measure_gradient (batch);
}

static gboolean
check_outcome (Batch * batch, GError ** error)
{
  guint64 step = batch->trainer->stats.step;

  if (batch->failure) {
    g_propagate_error (error, g_steal_pointer (&batch->failure));
    return FALSE;
  }
  if (batch->cancelled) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_CANCELLED,
        "training step %" G_GUINT64_FORMAT " was cancelled", step + 1);
    return FALSE;
  }
  if (!is_finite (batch)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_DIVERGED,
        "training diverged after %" G_GUINT64_FORMAT " steps: the loss is %g, "
        "the norm of the gradient %g, expected numbers of a sane size", step,
        batch->loss, batch->grad_norm);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_batch (const Batch * batch, GError ** error)
{
  const DdpmTrainer *trainer = batch->trainer;
  guint i = 0;

  if ((trainer->config.guidance != 1.0 || trainer->config.steps > 0)
      && trainer->teacher == NULL)
    goto no_teacher;
  if (batch->n < 1 || batch->n > trainer->settings.batch_size)
    goto wrong_number;
  for (i = 0; batch->labels && i < batch->n; i++)
    if (batch->labels[i] < DDPM_NO_LABEL
        || batch->labels[i] >= (gint) trainer->config.classes)
      goto wrong_label;
  return TRUE;

no_teacher:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "distillation (guidance %g, %u steps) needs a teacher, and none was set",
      trainer->config.guidance, trainer->config.steps);
  return FALSE;
wrong_number:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "a training step takes 1 to %u images, found %u",
      trainer->settings.batch_size, batch->n);
  return FALSE;
wrong_label:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "image %u of the batch has label %d: expected 0 to %d, or -1 for none",
      i, batch->labels[i], (gint) trainer->config.classes - 1);
  return FALSE;
}

static gboolean
trainer_step (DdpmTrainer * trainer, const guint8 * images, gboolean on_device,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error)
{
  DdpmDropout drop = {.seed = trainer->settings.seed,
    .first_sample = trainer->stats.samples
  };
  Batch batch = {.trainer = trainer,.n = n,.fill = draw_micro_batch,
    .drop = &drop,.cancel = cancel,.images = images,.on_device = on_device,
    .labels = labels
  };

  if (!check_batch (&batch, error))
    return FALSE;
  batch.cancelled = !ddpm_trainer_draw_weights (trainer, cancel);
  if (!batch.cancelled) {
    watch_flag (trainer, cancel);
    ddpm_backend_run (trainer->backend, run_step, &batch);
    watch_flag (trainer, NULL);
  }
  if (!check_outcome (&batch, error))
    return FALSE;
  if (stats)
    *stats = trainer->stats;
  return TRUE;
}

gboolean
ddpm_trainer_step (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error)
{
  return trainer_step (trainer, images, FALSE, labels, n, cancel, stats, error);
}

gboolean
ddpm_trainer_step_from (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error)
{
  return trainer_step (trainer, images, TRUE, labels, n, cancel, stats, error);
}

gboolean
ddpm_trainer_gradient (DdpmTrainer * trainer, const gfloat * x_0,
    const gint * t, const gint * labels, const gfloat * eps, guint n,
    gdouble * loss, gfloat * grads, GError ** error)
{
  Batch batch = {.trainer = trainer,.n = n,.fill = copy_micro_batch,
    .x_0 = x_0,.eps = eps,.t = t,.labels = labels
  };
  guint i;

  if (!check_batch (&batch, error))
    return FALSE;
  for (i = 0; i < n; i++)
    if (t[i] < 0 || t[i] >= (gint) trainer->config.timesteps
        || (trainer->teacher
            && !ddpm_teacher_has_timestep (trainer->teacher, t[i])))
      goto wrong_timestep;

  ddpm_trainer_draw_weights (trainer, NULL);
  ddpm_backend_run (trainer->backend, run_gradient, &batch);
  ddpm_backend_download (trainer->backend, grads, trainer->grads,
      trainer->params->trainable * sizeof (gfloat));
  check_failure (&batch);
  *loss = batch.loss;
  return check_outcome (&batch, error);

wrong_timestep:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "timestep %d of image %u: expected 0 to %u, or in step distillation one "
      "at which a step of the student begins", t[i], i,
      trainer->config.timesteps - 1);
  return FALSE;
}
