/* gst-ddpm: the settings of a training run, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/compute.h"

G_BEGIN_DECLS

/**
 * GstDdpmTrainSettings:
 * @classes: -1: not known before the first image; then config has 0
 * @channel_mult: text, which check parses; @attention_levels and @class_names
 *   are such, too
 * @assigned: which properties were set, perhaps to their defaults
 */
typedef struct
{
  gchar *location, *log_location;
  gboolean resume;
  gchar *initial_model;
  gchar *teacher_model;
  gdouble teacher_guidance;
  gint classes;
  gchar *channel_mult, *attention_levels, *class_names;
  DdpmConfig config;
  DdpmTrainerSettings trainer;
  GstDdpmCompute compute;
  guint64 max_steps, checkpoint_interval;
  gdouble checkpoint_minutes;
  guint max_files;
  guint progress_interval;
  guint64 preview_interval, preview_seed;
  guint preview_count, preview_steps;
  guint64 assigned;
} GstDdpmTrainSettings;

extern const GstDdpmPropertyTable gst_ddpm_train_properties;

/* Parses the strings into config, makes empty strings NULL, and checks what can
 * be checked before the images are known, without touching the disk. Where a
 * state or an initial model may describe the network, that is checked later. */
gboolean gst_ddpm_train_settings_check (GstDdpmTrainSettings * settings,
    GError ** error);
/* Checks the network, and what depends on it. */
gboolean gst_ddpm_train_settings_check_network (const GstDdpmTrainSettings *
    settings, GError ** error);
/* Takes over the network of a state, with its dropout. Properties that were set
 * stay: the state is checked against them. */
void gst_ddpm_train_settings_adopt_state (GstDdpmTrainSettings * settings,
    const DdpmTrainState * state);
/* Takes over the network of an initial model. DDPM_ERROR_SETTINGS names a
 * property that was set and contradicts it. */
gboolean gst_ddpm_train_settings_adopt_model (GstDdpmTrainSettings * settings,
    const DdpmModel * model, GError ** error);
/* The number of names in a text such as "cat,dog"; 0 for NULL and "" */
guint gst_ddpm_train_count_names (const gchar * text);
/* What the state file records of the settings, for people: property name ->
 * text */
GHashTable *gst_ddpm_train_settings_to_table
    (const GstDdpmTrainSettings * settings);

G_END_DECLS
