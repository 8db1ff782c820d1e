/* gst-ddpm: the settings of a training run, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *log_location;
  gboolean resume;
  gchar *initial_model;
  gchar *teacher_model;
  gdouble teacher_guidance;
  gchar *channel_mult, *attention_levels;       /* as given, parsed by _check */
  gchar *class_names;           /* the same */
  DdpmConfig config;
  DdpmTrainerSettings trainer;
  DdpmBackendKind backend;
  DdpmPrecision precision;
  guint threads;
  gint cuda_device_id;          /* -1: any */
  guint64 max_steps, checkpoint_interval;
  guint progress_interval;
  guint64 preview_interval, preview_seed;
  guint preview_count, preview_steps;
} GstDdpmTrainSettings;

#define GST_TYPE_DDPM_SCHEDULE (gst_ddpm_schedule_get_type ())
/* linear, cosine: DdpmScheduleKind */
GType gst_ddpm_schedule_get_type (void);
#define GST_TYPE_DDPM_DATA_RANGE (gst_ddpm_data_range_get_type ())
#define GST_TYPE_DDPM_PREDICTION (gst_ddpm_prediction_get_type ())
/* symmetric, unit: DdpmDataRange */
GType gst_ddpm_data_range_get_type (void);
GType gst_ddpm_prediction_get_type (void);

void gst_ddpm_train_settings_init (GstDdpmTrainSettings * settings);
void gst_ddpm_train_settings_clear (GstDdpmTrainSettings * settings);
/* to: cleared or zeroed */
void gst_ddpm_train_settings_copy (GstDdpmTrainSettings * to,
    const GstDdpmTrainSettings * from);
/* Parses the texts into config and checks what can be checked before the
 * images are known, without touching the disk. */
gboolean gst_ddpm_train_settings_check (GstDdpmTrainSettings * settings,
    GError ** error);

/* Installs the properties, ids 1 .. n; returns n */
guint gst_ddpm_train_settings_install (GObjectClass * klass);
/* id: one of those */
void gst_ddpm_train_settings_set (GstDdpmTrainSettings * settings, guint id,
    const GValue * value);
void gst_ddpm_train_settings_get (const GstDdpmTrainSettings * settings,
    guint id, GValue * value);
/* The recipe, for the state file: property name -> text */
GHashTable *gst_ddpm_train_settings_to_table
    (const GstDdpmTrainSettings * settings);

G_END_DECLS
