/* gst-ddpm: a small model for tests of files: no field has its default
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/models.h"

#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/calls.h"

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

/* A checkpoint of a small model of 20 timesteps */
void
test_model_write (const gchar * path, guint channels, guint image_channels,
    guint size, guint classes)
{
  g_autoptr (DdpmModel) model = NULL;
  DdpmConfig config;
  gsize count;

  ddpm_config_init_defaults (&config);
  config.image_channels = image_channels;
  config.channels = channels;
  config.classes = classes;
  config.n_levels = 2;
  config.channel_mult[1] = 1;
  config.attention_levels = 0;
  config.res_blocks = 1;
  config.timesteps = 20;
  model = assert_ok (ddpm_model_new (&config, &error));
  ddpm_model_init_weights (model, 1);
  /* at first a network says 0, whatever it is told */
  count = classes ? ddpm_config_count_parameters (&config) : 0;
  for (gsize i = 0; i < count; i++)
    model->weights[i] += 0.02 * (i * 7919 % 13) - 0.12;
  model->width = model->height = size;
  assert_ok (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, &error));
}

/* Bit by bit */
void
test_assert_same_weights (const DdpmModel * a, const DdpmModel * b)
{
  g_assert_cmpmem (a->weights, a->params->total * sizeof (gfloat),
      b->weights, b->params->total * sizeof (gfloat));
}
