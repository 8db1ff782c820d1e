/* gst-ddpm: ddpmdenoise: warnings of settings that are ignored or give bad
 * images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/ddpmdenoise/session.h"

G_BEGIN_DECLS

/* Posts warnings of what does not depend on the states. */
void gst_ddpm_denoise_warn_of_settings (GstElement * element,
    const GstDdpmDenoiseSession * session);
/* Posts warnings of what does not fit states of this shape. */
void gst_ddpm_denoise_warn_of_states (GstElement * element,
    const GstDdpmDenoiseSession * session, const GstDdpmTensorInfo * info);

G_END_DECLS
