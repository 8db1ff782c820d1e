/* gst-ddpm: the test networks of oracle/oracle.py: configurations, weights by
 * formula, comparison with the summaries in the dumps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/weights.h"

/* NETS['square'] */
void
test_net_square (DdpmConfig * config, guint * width, guint * height)
{
  ddpm_config_init_defaults (config);
  config->channels = 32;
  config->n_levels = 2;
  config->channel_mult[0] = 1;
  config->channel_mult[1] = 2;
  config->attention_levels = 1u << 1;
  config->res_blocks = 2;
  config->dropout = 0;
  config->timesteps = 20;
  *width = *height = 8;
}

/* NETS['oblong'] */
void
test_net_oblong (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->image_channels = 1;
  config->n_levels = 4;
  config->channel_mult[2] = 2;
  config->channel_mult[3] = 1;
  config->res_blocks = 1;
  config->timesteps = 50;
  *width = 32;
  *height = 16;
}

/* LABELLED_NETS['labelled'] */
void
test_net_labelled (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->res_blocks = 1;
  config->classes = 5;
}

/* The networks of oracle/make_general_dumps.py */

static void
general_net (DdpmConfig * config, guint first, guint second, guint groups)
{
  ddpm_config_init_defaults (config);
  config->channels = first;
  config->n_levels = 2;
  config->level_channels[0] = first;
  config->level_channels[1] = second;
  config->attention_levels = 0;
  config->groups = groups;
  config->res_blocks = 1;
  config->dropout = 0;
  config->timesteps = 20;
}

/* NETS['padding'] */
void
test_net_padding (DdpmConfig * config, guint * width, guint * height)
{
  general_net (config, 8, 24, 4);
  config->attention_levels = 1u << 1;
  config->norm_eps = 0.01;
  config->down_padding = DDPM_PADDING_END;
  config->middle_scale = G_SQRT2;
  *width = *height = 8;
}

/* NETS['heads'] */
void
test_net_heads (DdpmConfig * config, guint * width, guint * height)
{
  general_net (config, 8, 20, 4);
  config->image_channels = 4;
  config->res_blocks = 2;
  config->up_attention_levels = 3;
  config->head_channels = 4;
  config->center_input = TRUE;
  config->scale_shift = TRUE;
  config->middle = DDPM_MIDDLE_PLAIN_ATTENTION;
  *width = *height = 8;
}

/* NETS['variance'] */
void
test_net_variance (DdpmConfig * config, guint * width, guint * height)
{
  general_net (config, 8, 16, 8);
  config->learned_variance = TRUE;
  config->middle = DDPM_MIDDLE_NONE;
  config->attention_levels = 1u << 0;
  config->up_attention_levels = 0;
  config->time_dim = 24;
  config->classes = 5;
  *width = *height = 8;
}

/* NETS['middle'] */
void
test_net_middle (DdpmConfig * config, guint * width, guint * height)
{
  general_net (config, 6, 6, 3);
  config->image_channels = 2;
  config->middle = DDPM_MIDDLE_NO_ATTENTION;
  *width = *height = 8;
}

static guint64
test_fnv1a (const gchar * name)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (; *name; name++)
    hash = (hash ^ (guint8) * name) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* 2 u - 1 of each element; free with g_free() */
static gfloat *
test_signs (const gchar * name, guint32 stream, gsize count)
{
  gfloat *u = g_new (gfloat, count);

  ddpm_noise_uniform (TEST_WEIGHT_SEED, test_fnv1a (name), stream, 0, count, u);
  for (gsize i = 0; i < count; i++)
    u[i] = 2 * u[i] - 1;        /* exact: u is a multiple of 2^-24 */
  return u;
}

/* The weights of one parameter, of which the name and the shape matter */
void
test_weights_fill_param (const DdpmParam * p, gfloat * w)
{
  gfloat *r = test_signs (p->name, TEST_STREAM_WEIGHTS, p->count);
  gdouble offset = 0, scale = 1. / 5;

  if (p->n_dims > 1) {
    scale = sqrt (3. * p->shape[0] / p->count);
  } else if (g_str_has_suffix (p->name, ".weight")) {
    offset = 1;
    scale = 1. / 2;
  }
  for (gsize i = 0; i < p->count; i++)
    w[i] = offset + scale * r[i];
  g_free (r);
}

/* arena [params->total] */
void
test_weights_fill (const DdpmParams * params, const DdpmConfig * config,
    gfloat * arena)
{
  for (guint i = 0; i < params->n_params; i++) {
    const DdpmParam *p = &params->params[i];

    if (p->offset < params->trainable)
      test_weights_fill_param (p, arena + p->offset);
  }
  ddpm_params_compute_time_table (config->timesteps, config->channels,
      arena + params->trainable);
}

/* Holds values [p->count] to the summary that the dump keeps of the tensor
 * prefix + name: 18 floats: norm, projection on the signs, 16 elements.
 * tolerance is relative to the norm, for elements to the root mean square. */
void
test_summary_check (TestDump * dump, const gchar * prefix, const DdpmParam * p,
    const gfloat * values, gdouble tolerance)
{
  gchar *key = g_strconcat (prefix, p->name, NULL);
  const gfloat *expected = test_dump_get_floats (dump, key, TEST_SUMMARY);
  gfloat *signs = test_signs (p->name, TEST_STREAM_PROJECTION, p->count);
  gdouble norm = 0, projection = 0, zero = TEST_ZERO_NORM;
  gdouble limit = tolerance * expected[0] + zero;

  for (gsize i = 0; i < p->count; i++) {
    norm += (gdouble) values[i] * values[i];
    projection += (gdouble) values[i] * signs[i];
  }
  norm = sqrt (norm);
  if (!(fabs (norm - expected[0]) <= limit
          && fabs (projection - expected[1]) <= limit))
    g_error ("%s: norm %g, projection %g, expected %g, %g", key, norm,
        projection, expected[0], expected[1]);
  for (guint k = 0; k < 16; k++) {
    gfloat value = values[k * p->count / 16];
    gdouble rms = expected[0] / sqrt (p->count);
    gdouble largest = MAX (fabs (expected[2 + k]), 3 * rms);

    if (!(fabs (value - expected[2 + k]) <= tolerance * largest + zero))
      g_error ("%s: element %" G_GSIZE_FORMAT " is %g, expected %g", key,
          k * p->count / 16, value, expected[2 + k]);
  }
  g_free (signs);
  g_free (key);
}

void
test_net_square_dropout (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->dropout = 0.3;
}

void
test_net_notebook (DdpmConfig * config, guint * width, guint * height)
{
  ddpm_config_init_defaults (config);
  config->dropout = 0;
  *width = *height = 32;
}

/* The smallest network: one level of 32 channels, attention in the middle */
void
test_net_tiny (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square (config, width, height);
  config->n_levels = 1;
  config->channel_mult[0] = 1;
  config->attention_levels = 0;
  config->res_blocks = 1;
  config->dropout = 0.1;
  config->timesteps = 10;
  *width = 6;
  *height = 4;
}

/* A model with the weights of the oracle */
DdpmModel *
test_model_new (const DdpmConfig * config)
{
  DdpmModel *model = assert_ok (ddpm_model_new (config, &error));

  test_weights_fill (model->params, config, model->weights);
  return model;
}

DdpmModel *
test_model_of (TestNet net, guint * width, guint * height)
{
  DdpmConfig config;

  net (&config, width, height);
  return test_model_new (&config);
}

/* |a - b| / |b| */
gdouble
test_relative_distance (const gfloat * a, const gfloat * b, gsize count)
{
  gdouble distance = 0, norm = 0;

  for (gsize i = 0; i < count; i++) {
    distance += ((gdouble) a[i] - b[i]) * ((gdouble) a[i] - b[i]);
    norm += (gdouble) b[i] * b[i];
  }
  return sqrt (distance / norm);
}
