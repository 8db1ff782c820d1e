/* gst-ddpm: ddpmnoise, a source of Gaussian noise
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/sources/framesrc.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_NOISE (gst_ddpm_noise_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmNoise, gst_ddpm_noise, GST, DDPM_NOISE,
    GstDdpmFrameSrc)

GST_ELEMENT_REGISTER_DECLARE (ddpmnoise)

G_END_DECLS
