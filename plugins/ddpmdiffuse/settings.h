/* gst-ddpm: the settings of ddpmdiffuse, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef enum
{
  GST_DDPM_DIFFUSE_NOISE_FIXED,
  GST_DDPM_DIFFUSE_NOISE_PER_FRAME,
  GST_DDPM_DIFFUSE_NOISE_KEYFRAMES,
} GstDdpmDiffuseNoise;

typedef struct
{
  gchar *model;
  DdpmTrained trained;
  gint timestep;                /* -1: by the model */
  guint64 seed;
  GstDdpmDiffuseNoise noise;
  guint keyframe_interval;
} GstDdpmDiffuseSettings;

extern const GstDdpmPropertyTable gst_ddpm_diffuse_properties;

G_END_DECLS
