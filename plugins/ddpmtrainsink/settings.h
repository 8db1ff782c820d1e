/* gst-ddpm: the settings of a training run, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/compute.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *log_location;
  gboolean resume;
  gchar *initial_model;
  gchar *teacher_model;
  gdouble teacher_guidance;
  gchar *channel_mult, *attention_levels;       /* parsed by check */
  gchar *class_names;           /* parsed by check */
  DdpmConfig config;
  DdpmTrainerSettings trainer;
  GstDdpmCompute compute;
  guint64 max_steps, checkpoint_interval;
  gdouble checkpoint_minutes;
  guint max_files;
  guint progress_interval;
  guint64 preview_interval, preview_seed;
  guint preview_count, preview_steps;
} GstDdpmTrainSettings;

extern const GstDdpmPropertyTable gst_ddpm_train_properties;

/* Parses the strings into config, makes empty strings NULL, and checks what can
 * be checked before the images are known, without touching the disk. */
gboolean gst_ddpm_train_settings_check (GstDdpmTrainSettings * settings,
    GError ** error);
/* What the state file records of the settings, for people: property name ->
 * text */
GHashTable *gst_ddpm_train_settings_to_table
    (const GstDdpmTrainSettings * settings);

G_END_DECLS
