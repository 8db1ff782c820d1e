/* gst-ddpm: the settings of ddpmdenoise, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/compute.h"

G_BEGIN_DECLS

typedef enum
{
  GST_DDPM_DENOISE_EMIT_FINAL,
  GST_DDPM_DENOISE_EMIT_TRAJECTORY,
} GstDdpmDenoiseEmit;

typedef struct
{
  gchar *model;
  GstDdpmCompute compute;
  gint sampler;                 /* DdpmSamplerKind; -1: chosen by the model */
  gint steps;                   /* 0: all timesteps, -1: by the sampler */
  gint spacing;                 /* DdpmSpacing; -1: by the sampler */
  gdouble eta;                  /* -1: by the model */
  gint variance;                /* DdpmVariance; -1: by the model */
  gint clip_x0;                 /* 0 or 1; -1: by the model */
  DdpmTrained trained;
  gchar *label;
  gdouble label_position;       /* -1: as label says */
  gdouble guidance;             /* -1: by the model */
  GstDdpmDenoiseEmit emit;
  guint trajectory_interval;
  guint columns;
  gint start_timestep;          /* -1: as in the caps */
  guint stop_timestep;
  guint resample;
} GstDdpmDenoiseSettings;

extern const GstDdpmPropertyTable gst_ddpm_denoise_properties;

/* Frees the strings. */
void gst_ddpm_denoise_settings_clear (GstDdpmDenoiseSettings * settings);
/* Fills spec for sampling from timestep start with a model of this config. */
void gst_ddpm_denoise_settings_to_spec
    (const GstDdpmDenoiseSettings * settings, const DdpmConfig * config,
    guint start, DdpmSamplerSpec * spec);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstDdpmDenoiseSettings,
    gst_ddpm_denoise_settings_clear)

G_END_DECLS
