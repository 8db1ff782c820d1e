/* gst-ddpm: inside of a DdpmTrainer (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/train/teacher.h"
#include "gst-ddpm/train/trainer.h"
#include "gst-ddpm/unet/unet.h"

G_BEGIN_DECLS

#define DDPM_ADAM_BETA1 0.9f
#define DDPM_ADAM_BETA2 0.999f
#define DDPM_ADAM_EPS 1e-8f
#define DDPM_LOSS_STEPS 100     /* time constant of the smoothed loss */

/* elements: of one image, height * width * image_channels */
struct _DdpmTrainer
{
  DdpmConfig config;
  DdpmTrainerSettings settings;
  DdpmBackend *backend;
  DdpmParams *params;
  DdpmSchedule *schedule;
  DdpmUnet *unet;
  DdpmTeacher *teacher;         /* of micro_batch images; NULL: none */
  /* of a batch's first pass through the network, of those whose gradients are
   * added to it, and of the update of weights; NULL: there are none */
  DdpmPlan *first_pass, *next_pass, *update;
  guint width, height, elements;
  guint micro_batch;            /* images of one pass through the network */
  gchar **class_names;          /* [config.classes]; NULL: not known */

  /* memory of the backend */
  float *weights;               /* [total] */
  guint n_drawn;                /* parameters that have weights */
  DdpmTrainState *restored;     /* their source; NULL: they are drawn */
  float *grads, *adam_m, *adam_v;       /* [trainable] */
  float *ema;                   /* [trainable], or NULL */
  /* [micro_batch][elements] */
  float *x_0, *x_t, *prediction, *dprediction;
  /* output of a network of learned variance, then its gradient; else NULL */
  float *out;
  float *eps;                   /* then in its place what is to be predicted */
  guint8 *pixels;

  /* of the host, for one micro-batch */
  gfloat *scales;               /* [micro_batch]: of the losses' gradients */
  guint8 *flipped;              /* [micro_batch]: not 0: mirrored */
  gint *t;                      /* [micro_batch] */
  gint *labels;                 /* [micro_batch]: -1: none */
  /* [micro_batch]: x_t = signal x_0 + noise eps */
  gfloat *signal, *noise, *minus_noise;
  gdouble *losses;              /* of a batch, in whole micro-batches */

  DdpmTrainerStats stats;
};

/* Draws the weights that training begins with, or copies them from the state
 * that was restored, unless others were set. Returns: FALSE if *cancel was set;
 * the next call continues. cancel NULL: never */
gboolean ddpm_trainer_draw_weights (DdpmTrainer * trainer,
    const gint * cancel);
/* For ddpm_trainer_new(): images of one pass, from the settings or chosen, of
 * which there is then room for limit at most */
guint ddpm_trainer_choose_micro_batch (const DdpmTrainer * trainer,
    guint limit);

G_END_DECLS
