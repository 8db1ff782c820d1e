/* gst-ddpm: inside of a DdpmEvaluator (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/evaluate/estimate.h"
#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/sample/private.h"

G_BEGIN_DECLS

/* weight: how many timesteps this one stands for; last: of its image */
typedef struct
{
  guint64 sample;
  gdouble weight;
  gboolean last;
} DdpmEvaluatorRow;

/* The image whose rows are being made */
typedef struct
{
  guint64 i;
  guint64 sample;
  gint label;                   /* -1: none */
  guint done;                   /* rows made of it */
  guint8 *pixels;               /* [elements] */
} DdpmEvaluatorImage;

/* Sums over the rows of an image that are evaluated, times their weights */
typedef struct
{
  gdouble loss, prior, kl, decoder;
  guint64 bin_rows[DDPM_EVALUATION_BINS];
  gdouble bin_mse[DDPM_EVALUATION_BINS];
  gdouble bin_weight[DDPM_EVALUATION_BINS];
  gdouble bin_bits[DDPM_EVALUATION_BINS];
} DdpmEvaluatorSums;

struct _DdpmEvaluator
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSchedule *schedule;
  DdpmPredictor *predictor;     /* whose x is x_t, and out eps_theta */
  DdpmEvaluatorSettings settings;       /* timesteps 0 replaced by T */
  DdpmEvaluatorRead read;
  gpointer data;
  guint elements;               /* of one image */
  guint n_bins;

  float *x_0, *eps;             /* (batch, elements), of the backend */

  /* of the host */
  guint8 *host_pixels;          /* (batch, elements), and the two below */
  gfloat *host_x_0, *host_eps, *host_eps_theta;
  gfloat *signal, *noise;       /* [batch]: x_t = signal x_0 + noise eps */
  DdpmEvaluatorRow *rows;       /* [batch] */
  guint n_rows;

  DdpmEvaluatorImage image;
  DdpmEvaluatorSums sums;
  guint64 n_done;
  DdpmMean loss, prior, kl, decoder, total;
  guint64 bin_rows[DDPM_EVALUATION_BINS];
  DdpmRatio bin_mse[DDPM_EVALUATION_BINS];
  DdpmMean bin_bits[DDPM_EVALUATION_BINS];
};

/* Adds row n to the sums of its image, and after its last row the image to the
 * sums of all images. FALSE: DDPM_ERROR_DIVERGED if its prediction is not
 * finite */
gboolean ddpm_evaluator_add_row (DdpmEvaluator * evaluator, guint n,
    GError ** error);

G_END_DECLS
