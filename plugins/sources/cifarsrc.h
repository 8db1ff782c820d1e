/* gst-ddpm: cifarsrc, a source of CIFAR images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/sources/framesrc.h"

G_BEGIN_DECLS

#define GST_TYPE_CIFAR_SRC (gst_cifar_src_get_type ())
G_DECLARE_FINAL_TYPE (GstCifarSrc, gst_cifar_src, GST, CIFAR_SRC,
    GstDdpmFrameSrc)

GST_ELEMENT_REGISTER_DECLARE (cifarsrc)

G_END_DECLS
