/* gst-ddpm: video frames as pictures of the library
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* The pixels of a mapped frame that shows n images, columns of them side by
 * side. The frame must stay mapped while picture is used. */
void gst_ddpm_picture_from_frame (DdpmPicture * picture,
    const GstVideoFrame * frame, guint n, guint columns);

G_END_DECLS
