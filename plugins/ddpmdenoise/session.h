/* gst-ddpm: the model of a ddpmdenoise, and what it takes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"
#include "plugins/common/caps.h"
#include "plugins/common/cuda.h"
#include "plugins/ddpmdenoise/settings.h"

G_BEGIN_DECLS

/* Immutable once loaded */
typedef struct
{
  GstDdpmDenoiseSettings settings;
  DdpmModel *model;
  DdpmLabels *labels;           /* what samples show */
  DdpmBackend *backend;
} GstDdpmDenoiseSession;

/* Loads the model, checks the settings against it, makes the backend, in the
 * CUDA context of the element. */
GstDdpmDenoiseSession *gst_ddpm_denoise_session_new
    (const GstDdpmDenoiseSettings * settings, GstDdpmCuda * cuda,
    GError ** error);
void gst_ddpm_denoise_session_free (GstDdpmDenoiseSession * session);
/* The message "ddpmdenoise-model". Returns: (transfer full) */
GstStructure *gst_ddpm_denoise_session_to_structure
    (const GstDdpmDenoiseSession * session);
/* Parses caps and fills the sampler for them; DDPM_ERROR_SETTINGS: says what
 * came and what the model wants. */
gboolean gst_ddpm_denoise_session_accept (const GstDdpmDenoiseSession * session,
    const GstCaps * caps, GstDdpmTensorInfo * info, DdpmSamplerSpec * spec,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmDenoiseSession,
    gst_ddpm_denoise_session_free)

G_END_DECLS
