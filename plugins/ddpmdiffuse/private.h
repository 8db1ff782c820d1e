/* gst-ddpm: ddpmdiffuse: the element (private to its files)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "plugins/common/caps.h"
#include "plugins/ddpmdiffuse/settings.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_DIFFUSE (gst_ddpm_diffuse_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmDiffuse, gst_ddpm_diffuse, GST, DDPM_DIFFUSE,
    GstBaseTransform);
GST_ELEMENT_REGISTER_DECLARE (ddpmdiffuse);

struct _GstDdpmDiffuse
{
  GstBaseTransform parent;

  /* object lock; only start and stop change the others */
  GstDdpmDiffuseSettings settings;
  /* as they were at start; the timestep as for the current caps */
  GstDdpmDiffuseSettings running;
  DdpmModel *model;
  DdpmBackend *backend;

  /* streaming thread; depends on the caps */
  GstVideoInfo video;
  GstDdpmTensorInfo info;
  DdpmDiffuser *diffuser;
  guint8 *pixels;               /* of a frame, (height, width, channels) */
  guint8 *alpha;                /* the same, (height, width), or NULL */
  guint64 n_frames;             /* since the caps or a flush */
  GstCaps *refused;             /* an error has been posted for these */
  gboolean has_told_timestep;   /* that another one is taken */
  gboolean has_told_opaque;     /* that nothing is generated */
};

G_END_DECLS
