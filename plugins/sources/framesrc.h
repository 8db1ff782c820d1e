/* gst-ddpm: the base of sources whose frames are functions of their number
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstpushsrc.h>
#include "plugins/sources/frames.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_FRAME_SRC (gst_ddpm_frame_src_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstDdpmFrameSrc, gst_ddpm_frame_src, GST,
    DDPM_FRAME_SRC, GstPushSrc)

/**
 * GstDdpmFrameSrcClass:
 * @fill_frame: writes the data of a frame; times and offsets are already set
 *
 * Sources that can make any frame at once: this class counts, stamps, seeks
 * (in time, samples and buffers, forwards only) and answers queries.
 */
struct _GstDdpmFrameSrcClass
{
  GstPushSrcClass parent_class;

  GstFlowReturn (*fill_frame) (GstDdpmFrameSrc * src, guint64 frame,
      GstBuffer * buffer);
};

/* From set_caps, or while stopped. Where frames were given before, it goes on
 * without repeating a sample or a time. */
void gst_ddpm_frame_src_set_frames (GstDdpmFrameSrc * src,
    const GstDdpmFrames * frames);
/* n_frames is cut to num-buffers */
void gst_ddpm_frame_src_get_frames (GstDdpmFrameSrc * src,
    GstDdpmFrames * frames);

G_END_DECLS
