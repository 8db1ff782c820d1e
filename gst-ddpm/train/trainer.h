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
 * @micro_batch: images computed at once; gradients are summed over
 *   micro-batches. 0: the batch, or a part of it that fits in memory
 * @learning_rate: learning rate of Adam (betas 0.9 and 0.999, epsilon 1e-8)
 * @warmup_steps: steps over which the rate rises linearly: step n, from 0, has
 *   @learning_rate * min (1, (n + 1) / @warmup_steps). 0: no warmup
 * @grad_clip: limit of the global norm of the gradient; 0: none
 * @ema_decay: decay of the moving average of the weights; that of step n, from
 *   0, is min (@ema_decay, (1 + n) / (10 + n)). 0: no average is kept
 * @flip: whether to mirror half of the images horizontally
 * @label_dropout: fraction of images whose label is hidden, so that the model
 *   also learns to sample without labels (Ho & Salimans 2022, algorithm 1)
 * @max_loss_weight: limit of the weight of a loss in the gradient: at timestep
 *   t it is min (max (1, 1 / SNR (t)), @max_loss_weight). 1: all losses weigh
 *   the same (Ho et al. 2020, eq. 14). With more, the network learns sooner
 *   what it needs in the first steps of sampling, which decide composition and
 *   colours (Salimans & Ho 2022, section 4, "truncated SNR", here with a
 *   limit). It must be 1 for a network that predicts v, whose loss has the
 *   weight 1 + 1 / SNR already
 * @teacher_steps: steps of the teacher for one of the student, if the student
 *   is distilled to fewer steps
 * @seed: seed of initial weights, timesteps, noise, dropout and flips
 *
 * How to train a network.
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
 * @loss: mean squared error of the last batch, of eps or of v; with a teacher,
 *   the distance from the teacher's prediction
 * @loss_smoothed: exponential moving average of @loss with a time constant of
 *   100 steps; for the first 100 steps, their mean
 * @grad_norm: norm of the gradient of the last batch, before clipping
 * @learning_rate: learning rate of the last step
 *
 * Statistics of a training.
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
 * A network and the state of its training.
 *
 * Only one thread at a time may use a trainer.
 */
typedef struct _DdpmTrainer DdpmTrainer;

GType ddpm_trainer_get_type (void);

/**
 * ddpm_trainer_settings_init:
 * @settings: the settings to write
 *
 * Sets the recipe of the papers: batches of 128, learning rate 2e-4, 5000
 * warmup steps, gradient norm 1, EMA decay 0.9999, flips, label dropout 0.1,
 * losses of equal weight, 2 steps of a teacher, seed 0.
 */
void ddpm_trainer_settings_init (DdpmTrainerSettings * settings);

/**
 * ddpm_trainer_settings_check:
 * @settings: settings
 * @config: the network to train
 * @error: return location for a #GError
 *
 * Checks each setting against its range.
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
 * @error: return location for a #GError
 *
 * Finds out whether a trainer of @config and @settings, for images of the size
 * of @state, could resume from @state.
 *
 * Returns: whether it could; if not, @error is %DDPM_ERROR_SETTINGS for the
 *   state of another network or seed
 */
gboolean ddpm_trainer_can_restore (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, const DdpmTrainState * state,
    GError ** error);

/**
 * ddpm_trainer_can_start_from:
 * @config: the network to train
 * @model: a model
 * @error: return location for a #GError
 *
 * Finds out whether a trainer of @config could start from the weights of
 * @model.
 *
 * Returns: whether it could; if not, @error is %DDPM_ERROR_SETTINGS for a model
 *   of another network
 */
gboolean ddpm_trainer_can_start_from (const DdpmConfig * config,
    const DdpmModel * model, GError ** error);

/**
 * ddpm_trainer_can_learn_from:
 * @config: the network to train
 * @settings: settings
 * @model: a model
 * @error: return location for a #GError
 *
 * Finds out whether @model could be the teacher of a trainer of @config and
 * @settings, as far as their configurations show.
 *
 * Returns: whether it could; if not, @error is %DDPM_ERROR_SETTINGS for a model
 *   of other images, classes, schedule, prediction or distillation
 */
gboolean ddpm_trainer_can_learn_from (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, const DdpmModel * model,
    GError ** error);

/**
 * ddpm_trainer_new:
 * @config: the network; it is copied
 * @settings: settings; they are copied
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @backend: the backend that computes; the trainer keeps a reference
 * @error: return location for a #GError
 *
 * Allocates all memory and draws initial weights.
 *
 * Returns: (transfer full): a trainer; %NULL and %DDPM_ERROR_SETTINGS for
 *   settings that are out of range, %DDPM_ERROR_NO_SPACE if there is not enough
 *   memory
 */
DdpmTrainer *ddpm_trainer_new (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, guint width, guint height,
    DdpmBackend * backend, GError ** error);

/**
 * ddpm_trainer_free: (skip)
 * @trainer: (nullable) (transfer full): a trainer
 *
 * Frees a trainer.
 */
void ddpm_trainer_free (DdpmTrainer * trainer);

/**
 * ddpm_trainer_restore:
 * @trainer: a trainer
 * @state: a training state from ddpm_train_state_load()
 * @error: return location for a #GError
 *
 * Resumes training from a state. The trainer may keep a reference to it until
 * the first step.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for the state of another
 *   network, image size or seed
 */
gboolean ddpm_trainer_restore (DdpmTrainer * trainer, DdpmTrainState * state,
    GError ** error);

/**
 * ddpm_trainer_set_weights:
 * @trainer: a trainer
 * @model: the model whose weights and class names are copied
 * @error: return location for a #GError
 *
 * Starts training from the weights of a model (fine-tuning). The model may
 * differ in dropout, in its prediction type and in the guidance and steps that
 * it was distilled to; these are then trained anew. If only the trainer has
 * classes, labels have no effect at first.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a model of another
 *   network, %DDPM_ERROR_NO_SPACE if there is not enough memory
 */
gboolean ddpm_trainer_set_weights (DdpmTrainer * trainer,
    const DdpmModel * model, GError ** error);

/**
 * ddpm_trainer_set_teacher:
 * @trainer: a trainer
 * @model: the teacher; the trainer keeps a reference. It may be another
 *   network, but with the same images, classes, schedule and prediction type
 * @error: return location for a #GError
 *
 * Distils a model. From now on the network learns the prediction of @model with
 * the guidance scale `guidance` of the trainer's #DdpmConfig, instead of the
 * noise: one evaluation per step replaces two (Meng et al. 2023, section 3.1,
 * for one w). If `steps` of the #DdpmConfig is not 0, each step learns to go as
 * far as the teacher goes in `teacher_steps` of the #DdpmTrainerSettings
 * (Salimans & Ho 2022, algorithm 2). The loss is then the distance from the
 * teacher.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a model that cannot
 *   be the teacher, or if T is
 *   less than steps * teacher_steps;
 *   %DDPM_ERROR_NO_SPACE if there is not enough memory
 */
gboolean ddpm_trainer_set_teacher (DdpmTrainer * trainer, DdpmModel * model,
    GError ** error);

/**
 * ddpm_trainer_set_class_names:
 * @trainer: a trainer
 * @names: (nullable) (array zero-terminated=1): the name of each class; they
 *   are copied. %NULL: unknown
 *
 * Sets the names of the classes in every model and state that is saved.
 */
void ddpm_trainer_set_class_names (DdpmTrainer * trainer, gchar ** names);

/**
 * ddpm_trainer_step: (skip)
 * @trainer: a trainer
 * @images: [n][height][width][image_channels] bytes in system memory
 * @labels: (nullable): the class of each image, [n], or %DDPM_NO_LABEL; %NULL:
 *   no image has a label
 * @n: number of images, 1 to batch_size
 * @cancel: (nullable): cancels the step when it is not 0; it is read with
 *   g_atomic_int_get() between the operations of the network; on a GPU, between
 *   micro-batches
 * @stats: (nullable): the statistics of the step to write
 * @error: return location for a #GError
 *
 * Makes one optimizer step. When it fails, the weights are as before.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_CANCELLED; %DDPM_ERROR_DIVERGED if
 *   the loss or the gradient is not finite; %DDPM_ERROR_SETTINGS for a label
 *   or a number of images that is out of range; or a failure of the backend
 */
gboolean ddpm_trainer_step (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error);

/**
 * ddpm_trainer_step_from: (skip)
 * @trainer: a trainer
 * @images: [n][height][width][image_channels] bytes in memory of the backend
 * @labels: (nullable): the class of each image, [n], or %DDPM_NO_LABEL; %NULL:
 *   no image has a label
 * @n: number of images, 1 to batch_size
 * @cancel: (nullable): cancels the step when it is not 0
 * @stats: (nullable): the statistics of the step to write
 * @error: return location for a #GError
 *
 * Makes the same step as ddpm_trainer_step(), to the bit.
 *
 * Returns: %TRUE, or %FALSE and an error as from ddpm_trainer_step()
 */
gboolean ddpm_trainer_step_from (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error);

/**
 * ddpm_trainer_gradient: (skip)
 * @trainer: a trainer
 * @x_0: images, [n][height][width][image_channels]
 * @t: the timestep of each image, [n]
 * @labels: (nullable): the class of each image, [n], or %DDPM_NO_LABEL
 * @eps: noise, of the size of @x_0
 * @n: number of images, 1 to batch_size
 * @loss: the loss to write
 * @grads: its gradient to write, in the order of the weights
 * @error: return location for a #GError
 *
 * Computes loss and gradient of given images and noise, without dropout and
 * without a step. All arrays are in system memory.
 *
 * Returns: %TRUE, or %FALSE and an error as from ddpm_trainer_step()
 */
gboolean ddpm_trainer_gradient (DdpmTrainer * trainer, const gfloat * x_0,
    const gint * t, const gint * labels, const gfloat * eps, guint n,
    gdouble * loss, gfloat * grads, GError ** error);

/**
 * ddpm_trainer_get_stats:
 * @trainer: a trainer
 * @stats: (out caller-allocates): the statistics to write
 *
 * Gets the statistics of the last step.
 */
void ddpm_trainer_get_stats (DdpmTrainer * trainer, DdpmTrainerStats * stats);

/**
 * ddpm_trainer_get_micro_batch:
 * @trainer: a trainer
 *
 * Gets the size of a micro-batch: that of the settings, or the one chosen.
 *
 * Returns: number of images
 */
guint ddpm_trainer_get_micro_batch (DdpmTrainer * trainer);

/**
 * ddpm_trainer_get_model:
 * @trainer: a trainer
 * @ema: whether to take the moving average of the weights, if one is kept
 * @error: return location for a #GError
 *
 * Copies the model in training.
 *
 * Returns: (transfer full): the copy; %NULL and %DDPM_ERROR_NO_SPACE, or a
 *   failure of the backend
 */
DdpmModel *ddpm_trainer_get_model (DdpmTrainer * trainer, gboolean ema,
    GError ** error);

/**
 * ddpm_trainer_save:
 * @trainer: a trainer
 * @checkpoint_path: (type filename): path of the checkpoint
 * @state_path: (nullable) (type filename): path of the training state; %NULL:
 *   the path that ddpm_train_state_path() returns
 * @epoch: epochs done, for the state
 * @settings: (nullable) (element-type utf8 utf8): further settings for the
 *   state, name to value
 * @error: return location for a #GError
 *
 * Writes the training state, then the checkpoint. Each replaces its file whole.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE, or
 *   a failure of the backend
 */
gboolean ddpm_trainer_save (DdpmTrainer * trainer,
    const gchar * checkpoint_path, const gchar * state_path, guint64 epoch,
    GHashTable * settings, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTrainer, ddpm_trainer_free)

G_END_DECLS
