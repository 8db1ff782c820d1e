/* gst-ddpm: base class of sources that can produce any frame by its number
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstpushsrc.h>
#include "plugins/sources/frames.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_FRAME_SRC (gst_ddpm_frame_src_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstDdpmFrameSrc, gst_ddpm_frame_src, GST,
    DDPM_FRAME_SRC, GstPushSrc)

/* Returned by fill_frame: there is no such frame. The one after it is output
 * instead, with its own number and time. */
#define GST_DDPM_FLOW_SKIP GST_FLOW_CUSTOM_SUCCESS

/**
 * GstDdpmFrameSrcClass:
 * @fill_frame: writes the data of a frame, whose times and offsets are set
 *
 * This class counts and timestamps frames, seeks (in time, samples and buffers,
 * forward and backward) and answers queries. Subclasses chain up in start().
 */
struct _GstDdpmFrameSrcClass
{
  GstPushSrcClass parent_class;

  GstFlowReturn (*fill_frame) (GstDdpmFrameSrc * src, guint64 frame,
      GstBuffer * buffer);
};

/* To be called in set_caps, or while stopped. If the caps change in a stream,
 * it continues without repeating a sample or a time. */
void gst_ddpm_frame_src_set_frames (GstDdpmFrameSrc * src,
    const GstDdpmFrames * frames);
/* n_frames is at most num-buffers. */
void gst_ddpm_frame_src_get_frames (GstDdpmFrameSrc * src,
    GstDdpmFrames * frames);
/* 1, or -1 while the stream is played backwards: the frame after frame n is
 * n + 1 or n - 1. To be called in fill_frame. */
gint gst_ddpm_frame_src_get_direction (GstDdpmFrameSrc * src);

G_END_DECLS
