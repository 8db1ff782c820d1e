/* gst-ddpm: the settings of ddpmdenoise, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/sample/sampler.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

typedef enum
{
  GST_DDPM_DENOISE_EMIT_FINAL,
  GST_DDPM_DENOISE_EMIT_TRAJECTORY,
} GstDdpmDenoiseEmit;

typedef struct
{
  gchar *model;
  DdpmBackendKind backend;
  DdpmPrecision precision;
  guint threads;
  gint cuda_device_id;          /* -1: any */
  DdpmSamplerKind sampler;
  gint steps;                   /* -1: as many as the sampler usually takes */
  DdpmSpacing spacing;          /* -1: what is usual for the sampler */
  gdouble eta;
  DdpmVariance variance;
  gboolean clip_x0;
  gchar *label;
  gdouble guidance;
  GstDdpmDenoiseEmit emit;
  guint trajectory_interval;
  guint columns;
  gint start_timestep;          /* -1: what the caps say */
  guint stop_timestep;
} GstDdpmDenoiseSettings;

#define GST_TYPE_DDPM_DENOISE_SAMPLER (gst_ddpm_denoise_sampler_get_type ())
/* ddpm, ddim, dpmpp-2m: DdpmSamplerKind */
GType gst_ddpm_denoise_sampler_get_type (void);
#define GST_TYPE_DDPM_DENOISE_SPACING (gst_ddpm_denoise_spacing_get_type ())
/* linear, quadratic: DdpmSpacing */
GType gst_ddpm_denoise_spacing_get_type (void);
#define GST_TYPE_DDPM_DENOISE_VARIANCE (gst_ddpm_denoise_variance_get_type ())
/* fixed-small, fixed-large: DdpmVariance */
GType gst_ddpm_denoise_variance_get_type (void);
#define GST_TYPE_DDPM_DENOISE_EMIT (gst_ddpm_denoise_emit_get_type ())
GType gst_ddpm_denoise_emit_get_type (void);    /* final, trajectory */

void gst_ddpm_denoise_settings_init (GstDdpmDenoiseSettings * settings);
void gst_ddpm_denoise_settings_clear (GstDdpmDenoiseSettings * settings);
/* to: cleared or zeroed */
void gst_ddpm_denoise_settings_copy (GstDdpmDenoiseSettings * to,
    const GstDdpmDenoiseSettings * from);
/* The sampler from state start, for a model of this config */
void gst_ddpm_denoise_settings_to_spec
    (const GstDdpmDenoiseSettings * settings, const DdpmConfig * config,
    guint start, DdpmSamplerSpec * spec);

/* Installs the properties, ids from 1 up */
void gst_ddpm_denoise_settings_install (GObjectClass * klass);
/* FALSE: there is no such id */
gboolean gst_ddpm_denoise_settings_set (GstDdpmDenoiseSettings * settings,
    guint id, const GValue * value);
gboolean gst_ddpm_denoise_settings_get
    (const GstDdpmDenoiseSettings * settings, guint id, GValue * value);

G_END_DECLS
