/* gst-ddpm: ddpmdiffuse: which caps can be converted to which
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/caps.h"

G_BEGIN_DECLS

#define GST_DDPM_DIFFUSE_SINK_CAPS \
    GST_VIDEO_CAPS_MAKE ("{ RGB, RGBP, GRAY8, RGBA }") ", " \
    "width = (int) [ 1, " G_STRINGIFY (DDPM_MAX_IMAGE_SIZE) " ], " \
    "height = (int) [ 1, " G_STRINGIFY (DDPM_MAX_IMAGE_SIZE) " ]"

/* How the caps of the two pads depend on each other */
typedef struct
{
  guint image_channels;         /* of the model; 0: no model yet */
  guint width, height;          /* of the model's images; 0: unknown */
  guint timestep;               /* of the states */
  guint known_timestep;         /* of those of which a part is known */
  guint64 seed;
  guint keyframe_interval;      /* 0: no keyframes */
} GstDdpmDiffuseLink;

/* In RGBA for a model of three channels, alpha says which part is known.
 * Returns: (transfer full): the states of video caps */
GstCaps *gst_ddpm_diffuse_caps_to_src (const GstDdpmDiffuseLink * link,
    const GstCaps * caps);
/* Returns: (transfer full): the video that becomes such states. The size of the
 * model's images comes first, and RGBA last. */
GstCaps *gst_ddpm_diffuse_caps_to_sink (const GstDdpmDiffuseLink * link,
    const GstCaps * caps);

G_END_DECLS
