/* gst-ddpm: ddpmdenoise, between its own files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstadapter.h>
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "plugins/common/caps.h"
#include "plugins/common/cuda.h"
#include "plugins/ddpmdenoise/session.h"
#include "plugins/ddpmdenoise/settings.h"
#include "plugins/ddpmdenoise/timeline.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_DENOISE (gst_ddpm_denoise_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmDenoise, gst_ddpm_denoise, GST, DDPM_DENOISE,
    GstBaseTransform);
GST_ELEMENT_REGISTER_DECLARE (ddpmdenoise);

GST_DEBUG_CATEGORY_EXTERN (gst_ddpm_denoise_debug);

/* What is not overridden is done by GstBaseTransform. */
#define GST_DDPM_DENOISE_BASE_CLASS \
    GST_BASE_TRANSFORM_CLASS (g_type_class_peek (GST_TYPE_BASE_TRANSFORM))

struct _GstDdpmDenoise
{
  GstBaseTransform parent;

  /* with the object lock; session is changed by start and stop only */
  GstDdpmDenoiseSettings settings;
  GstDdpmDenoiseSession *session;
  gboolean live;
  GstClockTime latency;         /* own, as last told */
  GstClockTime sink_latency;    /* of the whole pipeline */

  GstDdpmCuda cuda;
  gint stop;                    /* atomic: GST_DDPM_STOP_EVENT came */

  /* of the streaming thread, from here on: of the caps */
  GstCaps *refused;             /* an error has been posted for */
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  DdpmDenoiser *denoiser;
  gint *labels;                 /* [batch] */
  gboolean is_video;
  gboolean to_cuda;             /* frames and states leave on the device */
  GstVideoInfo video;
  gboolean synced;              /* a sink waits for the clock */
  guint n_steps;
  guint interval;               /* steps from one output state to the next */
  guint frames_per_state;

  /* of the stream */
  GstSegment in_segment;
  guint32 segment_seqnum;
  gboolean segment_changed;     /* and is to be sent again */
  /* num and den are written with the object lock */
  GstDdpmTimeline timeline;
  GstAdapter *adapter;
  guint64 next_sample;
  GstClockTime smooth_cost;

  /* of the sample */
  GstBuffer *inbuf;
  gboolean sampling;
  guint64 first_sample;
  guint step;
  /* of the state that was reached; frame == n_frames: all out */
  guint frame, n_frames;
  GstClockTime cost;
};

/* ddpmdenoise.c */

/* Forgets the sample in work, and the input that waits. */
void gst_ddpm_denoise_drop_sample (GstDdpmDenoise * self);
/* Also the times, and an end that was asked for */
void gst_ddpm_denoise_reset_stream (GstDdpmDenoise * self);
/* Is either pad flushing, or being shut down? */
gboolean gst_ddpm_denoise_is_flushing (GstDdpmDenoise * self);
/* CAPS (transfer full) on the sink pad */
gboolean gst_ddpm_denoise_caps_event (GstDdpmDenoise * self, GstEvent * event);
/* Posts error (transfer full), once for the same caps. */
void gst_ddpm_denoise_refuse_caps (GstDdpmDenoise * self, GstCaps * caps,
    GError * error);

/* events.c: GstBaseTransformClass */

gboolean gst_ddpm_denoise_sink_event (GstBaseTransform * trans,
    GstEvent * event);
gboolean gst_ddpm_denoise_src_event (GstBaseTransform * trans,
    GstEvent * event);
gboolean gst_ddpm_denoise_query (GstBaseTransform * trans,
    GstPadDirection direction, GstQuery * query);
/* The segment of the input, as it is behind the element, downstream */
gboolean gst_ddpm_denoise_send_segment (GstDdpmDenoise * self);

/* run.c: GstBaseTransformClass */

GstFlowReturn gst_ddpm_denoise_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * inbuf);
GstFlowReturn gst_ddpm_denoise_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf);
GstFlowReturn gst_ddpm_denoise_transform (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);
gboolean gst_ddpm_denoise_decide_allocation (GstBaseTransform * trans,
    GstQuery * query);

G_END_DECLS
