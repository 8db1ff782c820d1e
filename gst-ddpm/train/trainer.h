/* gst-ddpm: training: Ho et al. 2020, algorithm 1
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/checkpoint.h"

G_BEGIN_DECLS

/**
 * DdpmTrainerSettings:
 * @batch_size: images of one optimizer step
 * @micro_batch: images computed at a time, gradients added up; 0: chosen
 *   (the batch, or a part of it that fits in memory)
 * @learning_rate: of Adam (0.9, 0.999, 1e-8)
 * @warmup_steps: the rate rises linearly over so many steps: lr * min (1,
 *   (step + 1) / warmup_steps), step from 0; 0: none
 * @grad_clip: limit of the global norm of the gradient; 0: none
 * @ema_decay: of the average of weights; 0: none is kept. Warm start: the
 *   decay of step n, from 0, is min (ema_decay, (1 + n) / (10 + n))
 * @flip: mirror half of the images horizontally
 * @label_dropout: of what part of the images the label is left out, so that the
 *   model learns both to use labels and to do without (Ho & Salimans 2022,
 *   algorithm 1)
 * @max_loss_weight: the loss of an image at timestep t counts min (max (1,
 *   1 / SNR (t)), @max_loss_weight) times in the gradient: 1: all the same (Ho
 *   et al. 2020, eq. 14); more: early steps of sampling, where composition and
 *   colours are decided, are learnt sooner (Salimans & Ho 2022, section 4,
 *   "truncated SNR", with a limit, since 1 / SNR has none). Of a network that
 *   predicts v, whose loss weighs 1 + 1 / SNR by itself, it must be 1
 * @teacher_steps: of config->steps, each is so many of the teacher's
 * @seed: of initialisation, timesteps, noise, dropout and flips
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

typedef struct
{
  guint64 step;                 /* optimizer steps done */
  guint64 samples;              /* images learnt from */
  gdouble loss;                 /* mean of (eps - eps_theta)^2 over the batch, or
                                 * of the same with v, or from a teacher's */
  gdouble loss_smoothed;        /* exponential average, time constant 100 steps;
                                 * until then their mean */
  gdouble grad_norm;            /* before clipping */
  gdouble learning_rate;        /* of this step */
} DdpmTrainerStats;

typedef struct _DdpmTrainer DdpmTrainer;

/* The papers' recipe: 128, chosen, 2e-4, 5000, 1, 0.9999, flip, 0.1, 1,
 * seed 0; and two steps of a teacher */
void ddpm_trainer_settings_init (DdpmTrainerSettings * settings);

/* A trainer with initial weights (ddpm_params_init_weights ()), for images of
 * width x height pixels; all memory is taken here. References backend.
 * DDPM_ERROR_SETTINGS for what is out of range, DDPM_ERROR_NO_SPACE where
 * memory is short. A trainer is for one thread at a time. */
DdpmTrainer *ddpm_trainer_new (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, guint width, guint height,
    DdpmBackend * backend, GError ** error);
void ddpm_trainer_free (DdpmTrainer * trainer);

/* Continues from a state; config, image size and seed must be those of the
 * trainer, or DDPM_ERROR_SETTINGS says which is not. */
gboolean ddpm_trainer_restore (DdpmTrainer * trainer,
    const DdpmTrainState * state, GError ** error);
/* Starts from the weights of a model (fine-tuning, tests), which may differ in
 * dropout and in what it predicts, which is then learnt anew. Where it has no classes and the trainer has, labels say nothing at
 * first. Class names are taken over. */
gboolean ddpm_trainer_set_weights (DdpmTrainer * trainer,
    const DdpmModel * model, GError ** error);

/* From now on the network learns what the model, with guidance
 * config->guidance, predicts, instead of what the noise was: so it needs one
 * evaluation a step where guidance takes two (Meng et al. 2023, section 3.1, for
 * one w). Where config->steps is not 0, it learns to go in each of these as far
 * as the model goes in settings->teacher_steps (Salimans & Ho 2022, algorithm 2).
 * The teacher may be another network, but one of the same images, classes,
 * schedule and prediction, which has learnt the same guidance or none, and no
 * steps or as many as it is to take; else DDPM_ERROR_SETTINGS, as where T is too
 * short for so many. References model. The loss is then the distance from the
 * teacher. */
gboolean ddpm_trainer_set_teacher (DdpmTrainer * trainer, DdpmModel * model,
    GError ** error);

/* names [config->classes], which are copied; NULL: not known. They go with
 * every model and state. */
void ddpm_trainer_set_class_names (DdpmTrainer * trainer, gchar ** names);

/* One optimizer step on n images, 1 <= n <= batch_size, host memory
 * (n, height, width, image_channels) bytes. labels [n]: classes, or -1, as all
 * are where it is NULL: none. *cancel, tested between
 * micro-batches with g_atomic_int_get, gives DDPM_ERROR_CANCELLED: the step is
 * then undone, nothing but time is lost. A loss or gradient that is not
 * finite gives DDPM_ERROR_DIVERGED and leaves weights as they were. */
gboolean ddpm_trainer_step (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel, DdpmTrainerStats * stats, GError ** error);

/* The same of images in memory of the trainer's backend, to the same bits */
gboolean ddpm_trainer_step_from (DdpmTrainer * trainer, const guint8 * images,
    const gint * labels, guint n, const gint * cancel,
    DdpmTrainerStats * stats, GError ** error);

/* Gradient and loss of given x_0, t, labels (or NULL) and eps, without any
 * dropout and without a step: for tests. x_0, eps host floats (n, h, w, c), n <= batch_size; grads
 * host [trainable] */
gboolean ddpm_trainer_gradient (DdpmTrainer * trainer, const gfloat * x_0,
    const gint * t, const gint * labels, const gfloat * eps, guint n,
    gdouble * loss, gfloat * grads, GError ** error);

void ddpm_trainer_get_stats (DdpmTrainer * trainer, DdpmTrainerStats * stats);
/* Images computed at a time, also where that was left to be chosen */
guint ddpm_trainer_get_micro_batch (DdpmTrainer * trainer);
/* Weights to sample with: the EMA where there is one (ema TRUE), else the raw
 * ones. Returns: (transfer full): a copy */
DdpmModel *ddpm_trainer_get_model (DdpmTrainer * trainer, gboolean ema,
    GError ** error);
/* Writes the state file, then the checkpoint, both whole. epoch and settings
 * (name -> text, or NULL) are stored beside what the trainer knows. */
gboolean ddpm_trainer_save (DdpmTrainer * trainer,
    const gchar * checkpoint_path, guint64 epoch, GHashTable * settings,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTrainer, ddpm_trainer_free)

G_END_DECLS
