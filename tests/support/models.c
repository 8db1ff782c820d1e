/* gst-ddpm: a small model for tests of files: no field has its default
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/models.h"

void
test_model_config (DdpmConfig * config)
{
  ddpm_config_init_defaults (config);
  config->image_channels = 1;
  config->channels = 32;
  config->n_levels = 2;
  config->channel_mult[0] = 1;
  config->channel_mult[1] = 1;
  config->channel_mult[2] = 0;
  config->channel_mult[3] = 0;
  config->attention_levels = 1u << 0;
  config->res_blocks = 1;
  config->dropout = 1.0 / 3.0;
  config->timesteps = 17;
  config->schedule = DDPM_SCHEDULE_COSINE;
  config->beta_start = 0.1 + 1e-17;
  config->beta_end = 1.0 / 7.0;
  config->data_range = DDPM_DATA_RANGE_UNIT;
}

DdpmModel *
test_unusual_model_new (void)
{
  DdpmConfig config;
  DdpmModel *model;

  test_model_config (&config);
  model = ddpm_model_new (&config, NULL);
  ddpm_model_init_weights (model, 1);
  model->width = 6;
  model->height = 4;
  model->step = G_MAXUINT64;
  return model;
}

/* Bit by bit */
void
test_assert_same_weights (const DdpmModel * a, const DdpmModel * b)
{
  g_assert_cmpmem (a->weights, a->params->total * sizeof (gfloat),
      b->weights, b->params->total * sizeof (gfloat));
}
