/* gst-ddpm: video frames as pictures of the library
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/picture.h"

void
gst_ddpm_picture_from_frame (DdpmPicture * picture,
    const GstVideoFrame * frame, guint n, guint columns)
{
  const guint n_components = GST_VIDEO_FRAME_N_COMPONENTS (frame);
  guint c;

  *picture = (DdpmPicture) {
  .n = n,.columns = columns};
  picture->width = GST_VIDEO_FRAME_WIDTH (frame) / columns;
  picture->height = GST_VIDEO_FRAME_HEIGHT (frame) / ((n - 1) / columns + 1);
  picture->channels = n_components;
  picture->pixel_stride = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0);
  for (c = 0; c < n_components; c++) {
    picture->component[c] = GST_VIDEO_FRAME_COMP_DATA (frame, c);
    picture->stride[c] = GST_VIDEO_FRAME_COMP_STRIDE (frame, c);
  }
}
