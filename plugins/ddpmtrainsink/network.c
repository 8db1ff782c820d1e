/* gst-ddpm: the network of a training run that does not begin from scratch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/settings.h"

#include <string.h>

/* The properties that describe a network, its schedule and its images */
static const gchar *const names[] = { "channels", "channel-mult",
  "attention-levels", "res-blocks", "timesteps", "schedule", "beta-start",
  "beta-end", "data-range", "prediction-type", "classes"
};

static gboolean
was_set (const GstDdpmTrainSettings * s, const gchar * name)
{
  return gst_ddpm_settings_is_assigned (&gst_ddpm_train_properties, s, name);
}

/* Sets what a property describes to what the settings say. */
static void
apply (const GstDdpmTrainSettings * s, const gchar * name, DdpmConfig * c)
{
  const DdpmConfig *from = &s->config;

  if (g_str_equal (name, "channels")) {
    c->channels = from->channels;
  } else if (g_str_equal (name, "channel-mult")) {
    c->n_levels = from->n_levels;
    memcpy (c->channel_mult, from->channel_mult, sizeof c->channel_mult);
    memset (c->level_channels, 0, sizeof c->level_channels);
  } else if (g_str_equal (name, "attention-levels")) {
    c->attention_levels = from->attention_levels;
    c->up_attention_levels = DDPM_SAME_LEVELS;
  } else if (g_str_equal (name, "res-blocks")) {
    c->res_blocks = from->res_blocks;
  } else if (g_str_equal (name, "timesteps")) {
    c->timesteps = from->timesteps;
  } else if (g_str_equal (name, "schedule")) {
    c->schedule = from->schedule;
  } else if (g_str_equal (name, "beta-start")) {
    c->beta_start = from->beta_start;
  } else if (g_str_equal (name, "beta-end")) {
    c->beta_end = from->beta_end;
  } else if (g_str_equal (name, "data-range")) {
    c->data_range = from->data_range;
  } else if (g_str_equal (name, "prediction-type")) {
    c->prediction = from->prediction;
  } else if (g_str_equal (name, "classes") && s->classes >= 0) {
    c->classes = from->classes;
  }
}

/* Replaces the configuration by another one, in which properties that were set
 * stay. What they do not describe, such as distillation, is that of the run. */
static void
adopt_config (GstDdpmTrainSettings * s, const DdpmConfig * other)
{
  DdpmConfig merged = *other;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (was_set (s, names[i]))
      apply (s, names[i], &merged);
  merged.dropout = s->config.dropout;
  merged.guidance = s->config.guidance;
  merged.steps = s->config.steps;
  s->config = merged;
}

void
gst_ddpm_train_settings_adopt_state (GstDdpmTrainSettings * s,
    const DdpmTrainState * state)
{
  if (!was_set (s, "dropout"))
    s->config.dropout = state->config.dropout;
  adopt_config (s, &state->config);
}

/* The first property that was set to something that training cannot begin with.
 * NULL: none */
static const gchar *
find_contradiction (const GstDdpmTrainSettings * s, const DdpmModel * model)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    DdpmConfig changed = model->config;

    if (was_set (s, names[i]))
      apply (s, names[i], &changed);
    if (!ddpm_trainer_can_start_from (&changed, model, NULL))
      return names[i];
  }
  return NULL;
}

/* The property as the model has it. Returns: (transfer full) */
static gchar *
get_text_of_model (const DdpmModel * model, const gchar * name)
{
  g_autofree gchar *mult = ddpm_config_channel_mult_to_string (&model->config);
  g_autofree gchar *levels =
      ddpm_config_attention_levels_to_string (&model->config);
  GstDdpmTrainSettings settings = {.config = model->config,
    .classes = model->config.classes,
    .channel_mult = mult,.attention_levels = levels
  };

  return gst_ddpm_settings_get_text (&gst_ddpm_train_properties, &settings,
      name);
}

gboolean
gst_ddpm_train_settings_adopt_model (GstDdpmTrainSettings * s,
    const DdpmModel * model, GError ** error)
{
  const gchar *name = find_contradiction (s, model);
  g_autofree gchar *expected = NULL, *found = NULL;

  if (name != NULL)
    goto contradiction;
  adopt_config (s, &model->config);
  return TRUE;

contradiction:
  expected = gst_ddpm_settings_get_text (&gst_ddpm_train_properties, s, name);
  found = get_text_of_model (model, name);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "expected a model with %s=%s, found %s: leave the property out, or choose "
      "another model", name, expected, found);
  return FALSE;
}
