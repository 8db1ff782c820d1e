/* gst-ddpm: training: settings, and how many images pass at a time
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/require.h"
#include "gst-ddpm/train/private.h"
#include "gst-ddpm/unet/plan.h"

/* Activations and gradients of one pass: in 1.25 GiB go the 32 images of the
 * notebook's batch in float. A graphics card is fast only when it has much to
 * do at once. */
#define BUDGET_HOST ((gsize) 5 << 28)
#define BUDGET_DEVICE ((gsize) 8 << 30)

/* Ho et al. 2020, appendix B; label dropout: Ho & Salimans 2022, section 4.1 */
void
ddpm_trainer_settings_init (DdpmTrainerSettings * settings)
{
  static const DdpmTrainerSettings paper = {
    .batch_size = 128,
    .learning_rate = 2e-4,
    .warmup_steps = 5000,
    .grad_clip = 1.0,
    .ema_decay = 0.9999,
    .flip = TRUE,
    .label_dropout = 0.1,
    .max_loss_weight = 1.0,
    .teacher_steps = 2,         /* Salimans & Ho 2022 */
  };

  *settings = paper;
}

/* Each comparison is written to fail for NaN. */
gboolean
ddpm_trainer_settings_check (const DdpmTrainerSettings * s,
    const DdpmConfig * config, GError ** error)
{
  const gdouble weight = s->max_loss_weight;

  return ddpm_require (s->batch_size >= 1 && s->batch_size <= DDPM_MAX_BATCH,
      error, "batch-size must be 1 to %d, not %u", DDPM_MAX_BATCH,
      s->batch_size)
      && ddpm_require (s->learning_rate > 0.0 && s->learning_rate <= 1.0, error,
      "learning-rate must be above 0 and at most 1, not %g", s->learning_rate)
      && ddpm_require (s->grad_clip >= 0.0 && s->grad_clip <= G_MAXFLOAT, error,
      "grad-clip must be 0 or a finite number above it, not %g", s->grad_clip)
      && ddpm_require (s->ema_decay >= 0.0 && s->ema_decay < 1.0, error,
      "ema-decay must be at least 0 and below 1, not %g", s->ema_decay)
      && ddpm_require (s->label_dropout >= 0.0 && s->label_dropout <= 1.0,
      error, "label-dropout must be 0 to 1, not %g", s->label_dropout)
      && ddpm_require (weight >= 1.0 && weight <= G_MAXFLOAT, error,
      "max-loss-weight must be a finite number of at least 1, not %g", weight)
      && ddpm_require (config->prediction == DDPM_PREDICTION_EPSILON
      || weight == 1.0, error,
      "max-loss-weight weighs the loss of eps, and must be 1, not %g, with "
      "another prediction-type", weight);
}

/* Memory that each image of a pass takes. Weights are not counted: their size
 * does not depend on the number of images. */
static gsize
bytes_of_one_image (const DdpmTrainer * trainer)
{
  DdpmGraph *graph = ddpm_graph_new (&trainer->config, trainer->params,
      trainer->width, trainer->height);
  DdpmMemoryPlan *plan = ddpm_memory_plan_new (graph, 1,
      ddpm_type_size (trainer->backend->act_type), TRUE);
  gsize size = plan->size;

  ddpm_memory_plan_free (plan);
  ddpm_graph_free (graph);
  return size;
}

/* Chooses the largest micro-batch that fits in the budget, or a slightly
 * smaller one that divides the batch, so that no pass is padded. */
guint
ddpm_trainer_choose_micro_batch (const DdpmTrainer * trainer, guint limit)
{
  guint batch = trainer->settings.batch_size;
  gsize budget = trainer->backend->host_memory ? BUDGET_HOST : BUDGET_DEVICE;
  gsize most = MAX (budget / bytes_of_one_image (trainer), 1);
  guint passes;

  most = MIN (most, limit);
  if (trainer->settings.micro_batch > 0)
    return MIN (trainer->settings.micro_batch, batch);
  passes = (batch + most - 1) / most;
  for (guint n = passes; n < 2 * passes; n++)
    if (batch % n == 0)
      return batch / n;
  return (batch + passes - 1) / passes;
}
