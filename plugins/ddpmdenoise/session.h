/* gst-ddpm: ddpmdenoise: the model, its backend, and the states that it accepts
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"
#include "plugins/common/caps.h"
#include "plugins/common/cuda.h"
#include "plugins/ddpmdenoise/settings.h"

G_BEGIN_DECLS

/* From READY to READY. The streaming thread changes labels, and the settings
 * that it alone reads */
typedef struct
{
  GstDdpmDenoiseSettings settings;
  DdpmModel *model;
  DdpmLabels *labels;           /* of the samples */
  DdpmBackend *backend;
} GstDdpmDenoiseSession;

/* Copies the settings of the element, loads the model, checks the settings
 * against it, and makes the backend. */
GstDdpmDenoiseSession *gst_ddpm_denoise_session_new
    (GstDdpmCuda * cuda, GError ** error);
/* The same, for these settings, with the backend of another session */
GstDdpmDenoiseSession *gst_ddpm_denoise_session_new_beside
    (const GstDdpmDenoiseSession * other, GstElement * element,
    const GstDdpmDenoiseSettings * settings, GError ** error);
/* Posts what there is to tell of the model and of the settings. */
void gst_ddpm_denoise_session_tell (const GstDdpmDenoiseSession * session,
    GstElement * element);
void gst_ddpm_denoise_session_free (GstDdpmDenoiseSession * session);
/* FALSE, with DDPM_ERROR_SETTINGS: the model has no such class */
gboolean gst_ddpm_denoise_check_label_position (const DdpmModel * model,
    const GstDdpmDenoiseSettings * settings, GError ** error);
/* Fills spec for states of info from timestep start on. settings and labels may
 * differ from those of the session */
void gst_ddpm_denoise_session_get_spec (const GstDdpmDenoiseSession * session,
    const GstDdpmDenoiseSettings * settings, const DdpmLabels * labels,
    guint start, const GstDdpmTensorInfo * info, DdpmSamplerSpec * spec);
/* Parses caps and fills spec for them. FALSE, with DDPM_ERROR_SETTINGS: the
 * model cannot start from such states */
gboolean gst_ddpm_denoise_session_accept (const GstDdpmDenoiseSession * session,
    const GstCaps * caps, GstDdpmTensorInfo * info, DdpmSamplerSpec * spec,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmDenoiseSession,
    gst_ddpm_denoise_session_free)

G_END_DECLS
