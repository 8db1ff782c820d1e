/* gst-ddpm: training: Ho et al. 2020, algorithm 1
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/checkpoint.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DdpmTrainerSettings:
 * @batch_size: images of one optimizer step
 * @micro_batch: images computed at a time, whose gradients are added up; 0: the
 *   batch, or a part of it that fits in memory
 * @learning_rate: learning rate of Adam (betas 0.9 and 0.999, epsilon 1e-8)
 * @warmup_steps: steps over which the rate rises linearly: step n, from 0, has
 *   @learning_rate * min (1, (n + 1) / @warmup_steps); 0: no warmup
 * @grad_clip: limit of the global norm of the gradient; 0: none
 * @ema_decay: decay of the average of weights; 0: no average is kept. At first
 *   it is less: that of step n, from 0, is min (@ema_decay, (1 + n) / (10 + n))
 * @flip: mirror half of the images horizontally
 * @label_dropout: fraction of images whose label is hidden, so that the model
 *   also learns to sample without labels (Ho & Salimans 2022, algorithm 1)
 * @max_loss_weight: the loss of an image at timestep t counts
 *   min (max (1, 1 / SNR (t)), @max_loss_weight) times in the gradient. 1: all
 *   alike (Ho et al. 2020, eq. 14). With more, the first steps of sampling,
 *   which decide composition and colours, are learnt sooner (Salimans & Ho
 *   2022, section 4, "truncated SNR", with a limit, since 1 / SNR has none). It
 *   must be 1 for a network that predicts v, whose loss weighs 1 + 1 / SNR by
 *   itself
 * @teacher_steps: steps of the teacher for each of config->steps
 * @seed: seed of initial weights, timesteps, noise, dropout and flips
 */
typedef struct
{
  guint batch_size, micro_batch;
  gdouble learning_rate;
  guint64 warmup_steps;
  gdouble grad_clip;
  gdouble ema_decay;
  gboolean flip;
  gdouble label_dropout;
  gdouble max_loss_weight;
  guint teacher_steps;
  guint64 seed;
} DdpmTrainerSettings;

/**
 * DdpmTrainerStats:
 * @step: optimizer steps done
 * @samples: images trained on
 * @loss: mean squared error of the last batch: of eps, or of v, to the noise or
 *   to the prediction of the teacher
 * @loss_smoothed: exponential average of @loss with a time constant of 100
 *   steps; the mean of all steps until then
 * @grad_norm: norm of the gradient of the last batch, before clipping
 * @learning_rate: learning rate of the last step
 */
typedef struct
{
  guint64 step;
  guint64 samples;
  gdouble loss;
  gdouble loss_smoothed;
  gdouble grad_norm;
  gdouble learning_rate;
} DdpmTrainerStats;

/**
 * DdpmTrainer:
 *
 * A network and the state of its training. A trainer is for one thread at a
 * time.
 */
typedef struct _DdpmTrainer DdpmTrainer;

/**
 * ddpm_trainer_settings_init:
 * @settings: (out): the recipe of the papers: batches of 128, learning rate
 *   2e-4, 5000 warmup steps, gradient norm 1, EMA decay 0.9999, flips, label
 *   dropout 0.1, all losses alike, 2 steps of a teacher, seed 0
 */
void ddpm_trainer_settings_init (DdpmTrainerSettings * settings);

/**
 * ddpm_trainer_settings_check:
 * @settings: settings
 * @config: the network to train
 * @error: return location for a #GError
 *
 * Returns: whether the settings are in range; if not, @error is
 *   %DDPM_ERROR_SETTINGS
 */
gboolean ddpm_trainer_settings_check (const DdpmTrainerSettings * settings,
    const DdpmConfig * config, GError ** error);

/**
 * ddpm_trainer_can_restore:
 * @config: the network to train
 * @settings: settings
 * @state: a training state
 * @error: DDPM_ERROR_SETTINGS for the state of another network or seed
 *
 * Returns: whether a trainer of @config and @settings, for images of the size
 *   of @state, could continue from @state
 */
gboolean ddpm_trainer_can_restore (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, const DdpmTrainState * state,
    GError ** error);

/**
 * ddpm_trainer_can_start_from:
 * @config: the network to train
 * @model: a model
 * @error: DDPM_ERROR_SETTINGS for a model of another network
 *
 * Returns: whether a trainer of @config could start from the weights of @model
 */
gboolean ddpm_trainer_can_start_from (const DdpmConfig * config,
    const DdpmModel * model, GError ** error);

/**
 * ddpm_trainer_new:
 * @config: the network, which is copied
 * @settings: settings, which are copied
 * @width: pixels of an image
 * @height: pixels of an image
 * @backend: the backend that computes, which is referenced
 * @error: DDPM_ERROR_SETTINGS for settings out of range; DDPM_ERROR_NO_SPACE if
 *   there is not enough memory
 *
 * Allocates all memory, and draws initial weights.
 *
 * Returns: (transfer full): a trainer, or NULL
 */
DdpmTrainer *ddpm_trainer_new (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, guint width, guint height,
    DdpmBackend * backend, GError ** error);
void ddpm_trainer_free (DdpmTrainer * trainer);

/**
 * ddpm_trainer_restore:
 * @trainer: a trainer
 * @state: a training state
 * @error: DDPM_ERROR_SETTINGS for the state of another network, image size or
 *   seed
 *
 * Continues from a state.
 *
 * Returns: TRUE if the trainer is in that state
 */
gboolean ddpm_trainer_restore (DdpmTrainer * trainer,
    const DdpmTrainState * state, GError ** error);

/**
 * ddpm_trainer_set_weights:
 * @trainer: a trainer
 * @model: the model whose weights and class names are copied
 * @error: DDPM_ERROR_SETTINGS for a model of another network;
 *   DDPM_ERROR_NO_SPACE if there is not enough memory
 *
 * Starts from the weights of a model (fine-tuning). The model may differ in
 * dropout, in what it predicts and in what it has learnt from a teacher: then
 * these are learnt anew. Where the model has no classes and the trainer has,
 * labels have no effect at first.
 *
 * Returns: TRUE if the trainer has these weights
 */
gboolean ddpm_trainer_set_weights (DdpmTrainer * trainer,
    const DdpmModel * model, GError ** error);

/**
 * ddpm_trainer_set_teacher:
 * @trainer: a trainer
 * @model: the teacher, which is referenced. It may be another network, but of
 *   the same images, classes, schedule and prediction
 * @error: DDPM_ERROR_SETTINGS for a model that cannot be the teacher, and where
 *   T is too short for so many steps; DDPM_ERROR_NO_SPACE if there is not
 *   enough memory
 *
 * Distils a model: from now on the network learns what @model predicts with the
 * guidance scale config->guidance, instead of what the noise was, so that one
 * evaluation a step does for two (Meng et al. 2023, section 3.1, for one w).
 * Where config->steps is not 0, each of these steps learns to go as far as the
 * teacher goes in settings->teacher_steps (Salimans & Ho 2022, algorithm 2).
 * The loss is then the distance from the teacher.
 *
 * Returns: TRUE if the trainer has that teacher
 */
gboolean ddpm_trainer_set_teacher (DdpmTrainer * trainer, DdpmModel * model,
    GError ** error);

/**
 * ddpm_trainer_set_class_names:
 * @trainer: a trainer
 * @names: (nullable): [config->classes] names, which are copied, for every
 *   model and state that is saved; NULL: not known
 */
void ddpm_trainer_set_class_names (DdpmTrainer * trainer, gchar ** names);

/**
 * ddpm_trainer_step:
 * @trainer: a trainer
 * @images: (n, height, width, image_channels) bytes in memory of the host
 * @labels: (nullable): [n] class of each image, or DDPM_NO_LABEL; NULL: none
 *   has a label
 * @n: images, 1 to batch_size
 * @cancel: (nullable): cancels the step when it is not 0; it is read with
 *   g_atomic_int_get () between micro-batches
 * @stats: (out) (nullable): what the step gave
 * @error: DDPM_ERROR_CANCELLED: the weights are as before the step;
 *   DDPM_ERROR_DIVERGED: the loss or the gradient is not finite, and the
 *   weights are as before the step; DDPM_ERROR_SETTINGS for a label or a number
 *   of images out of range
 *
 * Makes one optimizer step.
 *
 * Returns: TRUE if the step was made
 */
gboolean ddpm_trainer_step (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error);

/**
 * ddpm_trainer_step_from:
 * @trainer: a trainer
 * @images: (n, height, width, image_channels) bytes in memory of the backend
 * @labels: (nullable): [n] class of each image, or DDPM_NO_LABEL; NULL: none
 *   has a label
 * @n: images, 1 to batch_size
 * @cancel: (nullable): cancels the step when it is not 0
 * @stats: (out) (nullable): what the step gave
 * @error: as ddpm_trainer_step ()
 *
 * Makes the same step as ddpm_trainer_step (), to the bit.
 *
 * Returns: TRUE if the step was made
 */
gboolean ddpm_trainer_step_from (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error);

/**
 * ddpm_trainer_gradient:
 * @trainer: a trainer
 * @x_0: (n, height, width, image_channels) images
 * @t: [n] timesteps
 * @labels: (nullable): [n] class of each image, or DDPM_NO_LABEL
 * @eps: noise, of the size of @x_0
 * @n: images, 1 to batch_size
 * @loss: (out): the loss
 * @grads: (out): its gradient by each weight, in the order of the weights
 * @error: as ddpm_trainer_step ()
 *
 * Computes loss and gradient of given images and noise, without dropout and
 * without a step. All arrays are memory of the host.
 *
 * Returns: TRUE if they were computed
 */
gboolean ddpm_trainer_gradient (DdpmTrainer * trainer, const gfloat * x_0,
    const gint * t, const gint * labels, const gfloat * eps, guint n,
    gdouble * loss, gfloat * grads, GError ** error);

/**
 * ddpm_trainer_get_stats:
 * @trainer: a trainer
 * @stats: (out): statistics of the last step
 */
void ddpm_trainer_get_stats (DdpmTrainer * trainer, DdpmTrainerStats * stats);

/**
 * ddpm_trainer_get_micro_batch:
 * @trainer: a trainer
 *
 * Returns: images computed at a time
 */
guint ddpm_trainer_get_micro_batch (DdpmTrainer * trainer);

/**
 * ddpm_trainer_get_model:
 * @trainer: a trainer
 * @ema: take the average of weights, if one is kept
 * @error: DDPM_ERROR_NO_SPACE, or a failure of the backend
 *
 * Returns: (transfer full): a copy of the model, or NULL
 */
DdpmModel *ddpm_trainer_get_model (DdpmTrainer * trainer, gboolean ema,
    GError ** error);

/**
 * ddpm_trainer_save:
 * @trainer: a trainer
 * @checkpoint_path: path of the checkpoint; ddpm_train_state_path () is that of
 *   the state
 * @epoch: epochs done, for the state
 * @settings: (nullable): further settings for the state, name to text
 * @error: DDPM_ERROR_WRITE or DDPM_ERROR_NO_SPACE, or a failure of the backend
 *
 * Writes the state, then the checkpoint. Each replaces its file as a whole.
 *
 * Returns: TRUE if both were written
 */
gboolean ddpm_trainer_save (DdpmTrainer * trainer,
    const gchar * checkpoint_path, guint64 epoch, GHashTable * settings,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTrainer, ddpm_trainer_free)

G_END_DECLS
