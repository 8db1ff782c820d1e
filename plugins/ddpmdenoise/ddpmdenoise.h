/* gst-ddpm: ddpmdenoise, from noise to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_DDPM_DENOISE (gst_ddpm_denoise_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmDenoise, gst_ddpm_denoise, GST, DDPM_DENOISE,
    GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (ddpmdenoise);

G_END_DECLS
