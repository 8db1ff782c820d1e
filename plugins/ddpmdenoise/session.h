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

/* From READY to READY; immutable */
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
void gst_ddpm_denoise_session_free (GstDdpmDenoiseSession * session);
/* The message "ddpmdenoise-model". Returns: (transfer full) */
GstStructure *gst_ddpm_denoise_session_to_structure
    (const GstDdpmDenoiseSession * session);
/* Parses caps and fills spec for them. FALSE, with DDPM_ERROR_SETTINGS: the
 * model cannot start from such states */
gboolean gst_ddpm_denoise_session_accept (const GstDdpmDenoiseSession * session,
    const GstCaps * caps, GstDdpmTensorInfo * info, DdpmSamplerSpec * spec,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmDenoiseSession,
    gst_ddpm_denoise_session_free)

G_END_DECLS
