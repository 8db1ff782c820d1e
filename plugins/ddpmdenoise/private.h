/* gst-ddpm: ddpmdenoise: the element (private to its files)
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

#define GST_DDPM_DENOISE_BASE_CLASS \
    GST_BASE_TRANSFORM_CLASS (g_type_class_peek (GST_TYPE_BASE_TRANSFORM))

struct _GstDdpmDenoise
{
  GstBaseTransform parent;

  /* object lock; start, stop and the streaming thread change session */
  GstDdpmDenoiseSettings settings;
  GstDdpmDenoiseSession *session;
  gboolean live;
  GstClockTime latency;         /* of this element, as last reported */
  GstClockTime sink_latency;    /* of the whole pipeline */
  GstClockTime upstream_latency;
  GstClockTime qos_earliest;    /* running time, said by a sink */
  gdouble qos_proportion;

  GstDdpmCuda cuda;
  gint stop;                    /* atomic: abandon the current batch */

  /* all below: streaming thread */
  GstDdpmDenoiseSettings tried; /* the last ones: in effect, or refused */

  /* depends on the caps */
  GstCaps *refused;             /* an error has been posted for these */
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  DdpmDenoiser *denoiser;
  gboolean spec_changed;        /* since the denoiser was made */
  gint *labels;                 /* [batch] */
  gint *others;                 /* [batch]: what labels are mixed with */
  gfloat *weights;              /* [batch]: of others */
  gboolean is_video;
  gboolean to_cuda;             /* the output is in GPU memory */
  GstVideoInfo video;
  gboolean synced;              /* a sink waits for the clock */
  gboolean has_told_delay;
  gboolean has_warned_of_known; /* that it is missing */
  guint n_steps;
  guint interval;               /* steps from one output state to the next */
  guint frames_per_state;

  /* depends on the stream */
  GstSegment in_segment;
  guint32 segment_seqnum;
  gboolean segment_changed;     /* and has to be sent again */
  GstDdpmTimeline timeline;     /* rates: written with the object lock */
  GstAdapter *adapter;
  guint64 next_sample;
  GstClockTime smooth_cost;     /* time per buffer, smoothed */
  GstClockTime delay_latency;   /* sink_latency that the delay counts on */
  guint64 qos_processed, qos_dropped;   /* input buffers */
  GstClockTime qos_last;        /* running time when one was last begun */
  gboolean qos_gap;             /* since the last frame, input was dropped */

  /* the current batch */
  GstBuffer *inbuf;
  gboolean sampling;
  guint64 first_sample;
  guint step;
  GstClockTime cost;            /* time until now */
  guint frame, n_frames;        /* of the current state; equal: none is left */
  GQueue held;                  /* its frames, to be output last to first */
};

/* ddpmdenoise.c */

/* Drops the current batch and the input that waits. */
void gst_ddpm_denoise_drop_batch (GstDdpmDenoise * self);
/* Resets the times and the stop request, too. */
void gst_ddpm_denoise_reset_stream (GstDdpmDenoise * self);
/* Is either pad flushing or inactive? */
gboolean gst_ddpm_denoise_is_flushing (GstDdpmDenoise * self);
/* Handles a CAPS event (transfer full) on the sink pad. */
gboolean gst_ddpm_denoise_caps_event (GstDdpmDenoise * self, GstEvent * event);

/* events.c: GstBaseTransformClass */

gboolean gst_ddpm_denoise_sink_event (GstBaseTransform * trans,
    GstEvent * event);
gboolean gst_ddpm_denoise_src_event (GstBaseTransform * trans,
    GstEvent * event);
gboolean gst_ddpm_denoise_query (GstBaseTransform * trans,
    GstPadDirection direction, GstQuery * query);
/* Sends the input's segment downstream, converted to output times. */
gboolean gst_ddpm_denoise_send_segment (GstDdpmDenoise * self);

/* live.c */

/* Takes over settings that can change in PLAYING, as they are at this stream
 * time, before a batch begins. */
void gst_ddpm_denoise_update_settings (GstDdpmDenoise * self,
    GstClockTime time);

/* qos.c */

void gst_ddpm_denoise_qos_reset (GstDdpmDenoise * self);
void gst_ddpm_denoise_qos_event (GstDdpmDenoise * self, GstEvent * event);
/* Is the current input too late to be denoised? Then tells so on the bus. Only
 * where the pipeline is live and a sink waits for the clock */
gboolean gst_ddpm_denoise_qos_drops (GstDdpmDenoise * self);

/* run.c: GstBaseTransformClass */

GstFlowReturn gst_ddpm_denoise_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * inbuf);
GstFlowReturn gst_ddpm_denoise_generate_output (GstBaseTransform * trans,
    GstBuffer ** outbuf);
GstFlowReturn gst_ddpm_denoise_transform (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);
gboolean gst_ddpm_denoise_transform_meta (GstBaseTransform * trans,
    GstBuffer * outbuf, GstMeta * meta, GstBuffer * inbuf);
gboolean gst_ddpm_denoise_decide_allocation (GstBaseTransform * trans,
    GstQuery * query);

G_END_DECLS
