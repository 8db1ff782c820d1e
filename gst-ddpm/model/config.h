/* gst-ddpm: what defines a model besides its weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include "kernels/error.h"

G_BEGIN_DECLS

#define DDPM_MAX_LEVELS 8
#define DDPM_GROUPS 32          /* of every group norm */
#define DDPM_NORM_EPS 1e-5f     /* PyTorch's default */
#define DDPM_MAX_TIMESTEPS 100000
#define DDPM_MAX_CHANNELS 4096  /* of any tensor in the network */
#define DDPM_MAX_RES_BLOCKS 16  /* a level */
#define DDPM_MAX_IMAGE_SIZE 4096        /* width and height */
#define DDPM_MAX_BATCH 65536    /* images computed together */
#define DDPM_MAX_CLASSES 4096
#define DDPM_MAX_GUIDANCE 100.0

typedef enum
{
  DDPM_SCHEDULE_LINEAR,         /* Ho et al. 2020, section 4 */
  DDPM_SCHEDULE_COSINE,         /* Nichol & Dhariwal 2021, eq. 17 */
} DdpmScheduleKind;

typedef enum
{
  DDPM_DATA_RANGE_SYMMETRIC,    /* pixels 0..255 are -1..1 */
  DDPM_DATA_RANGE_UNIT,         /* pixels 0..255 are 0..1, as in the notebook */
} DdpmDataRange;

typedef enum
{
  DDPM_PREDICTION_EPSILON,      /* the noise (Ho et al. 2020, eq. 14) */
  DDPM_PREDICTION_V,            /* sqrt (alphas_bar) eps - sqrt (1 - alphas_bar)
                                 * x_0 (Salimans & Ho 2022, section 4) */
} DdpmPrediction;

/**
 * DdpmConfig:
 * @image_channels: 1 or 3
 * @channels: of the first level (ch in the notebook), a multiple of 32
 * @n_levels: resolutions; each next one halves width and height
 * @channel_mult: channels of level i are @channels * @channel_mult[i]
 * @attention_levels: bit i set: attention in every block of level i
 * @res_blocks: residual blocks a level (one more on the way up)
 * @dropout: probability, while training
 * @timesteps: T
 * @schedule: kind of beta schedule
 * @beta_start: of the linear schedule
 * @beta_end: of the linear schedule
 * @data_range: how pixels map to numbers
 * @prediction: what the network is trained to predict
 * @guidance: of a teacher, that the weights have learnt (Meng et al. 2023,
 *   section 3.1); 1: none
 * @steps: of the DDIM sampler without noise, that the weights have learnt to
 *   make as a teacher makes several (Salimans & Ho 2022, section 3), @timesteps
 *   at most; 0: none
 * @classes: labels are 0 .. @classes - 1; 0: the model knows no labels
 *
 * The arguments of the notebook's UNet, with its schedule and data range, and
 * what the notebook's has not: classes, and another prediction than of eps.
 */
typedef struct
{
  guint image_channels;
  guint channels;
  guint n_levels;
  guint channel_mult[DDPM_MAX_LEVELS];
  guint attention_levels;
  guint res_blocks;
  gdouble dropout;
  guint timesteps;
  DdpmScheduleKind schedule;
  gdouble beta_start, beta_end;
  DdpmDataRange data_range;
  DdpmPrediction prediction;
  gdouble guidance;
  guint steps;
  guint classes;
} DdpmConfig;

/* The notebook's: 3 channels, 128, [1,2,2,1], attention at level 1, 2 blocks,
 * dropout 0.1, T 1000, linear 1e-4..0.02, eps, nothing learnt, no classes; data
 * range symmetric (the notebook's unit range must be asked for). */
void ddpm_config_init_defaults (DdpmConfig * config);
/* All limits above; channels a multiple of 32; betas in (0, 1), ordered. What
 * is not so is DDPM_ERROR_SETTINGS. */
gboolean ddpm_config_check (const DdpmConfig * config, GError ** error);
/* Can images of this size pass all levels? (divisible by 2^(n_levels - 1)) */
gboolean ddpm_config_check_size (const DdpmConfig * config, guint width,
    guint height, GError ** error);
/* The same alphas_bar? */
gboolean ddpm_config_same_schedule (const DdpmConfig * a,
    const DdpmConfig * b);
gboolean ddpm_config_equal (const DdpmConfig * a, const DdpmConfig * b);
/* "1,2,2,1" <-> channel_mult, n_levels; "1" or "" <-> attention_levels.
 * DDPM_ERROR_SETTINGS for another text, and config stays as it is. Strings are
 * the caller's to free. */
gboolean ddpm_config_parse_channel_mult (DdpmConfig * config,
    const gchar * text, GError ** error);
gboolean ddpm_config_parse_attention_levels (DdpmConfig * config,
    const gchar * text, GError ** error);
gchar *ddpm_config_channel_mult_to_string (const DdpmConfig * config);
gchar *ddpm_config_attention_levels_to_string (const DdpmConfig * config);
/* for people: "UNet 128x[1,2,2,1], attention at 1, 2 blocks, T 1000 linear",
 * ", predicts v", ", learnt guidance 3", ", learnt 4 steps" and ", 10 classes" where it is so */
gchar *ddpm_config_to_string (const DdpmConfig * config);

G_END_DECLS
