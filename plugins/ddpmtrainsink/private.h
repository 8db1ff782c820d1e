/* gst-ddpm: ddpmtrainsink: the element (private to its files)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstbasesink.h>
#include "plugins/ddpmtrainsink/preview.h"
#include "plugins/ddpmtrainsink/session.h"

G_BEGIN_DECLS

#define GST_TYPE_DDPM_TRAIN_SINK (gst_ddpm_train_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmTrainSink, gst_ddpm_train_sink, GST,
    DDPM_TRAIN_SINK, GstBaseSink);
GST_ELEMENT_REGISTER_DECLARE (ddpmtrainsink);

GST_DEBUG_CATEGORY_EXTERN (gst_ddpm_train_sink_debug);

struct _GstDdpmTrainSink
{
  GstBaseSink parent;

  /* with the object lock */
  GstDdpmTrainSettings settings;
  GstDdpmTrainSession *session; /* from READY->PAUSED to PAUSED->READY */
  GstDdpmTrainReport report;    /* of the last step */
  GstPad *preview;              /* NULL: not requested */

  GstDdpmCuda cuda;
  gint cancel;                  /* atomic: unlock was called */
};

/* ddpmtrainsink.c: the property stats; called with the object lock. Returns:
 * (transfer full) */
GstStructure *gst_ddpm_train_sink_read_stats (GObject * object);

/* train.c: READY to PAUSED, and the begin and end of PAUSED to READY */
gboolean gst_ddpm_train_sink_open (GstDdpmTrainSink * self);
void gst_ddpm_train_sink_begin_close (GstDdpmTrainSink * self);
void gst_ddpm_train_sink_close (GstDdpmTrainSink * self);
/* EOS that was sent to the element, in any thread */
void gst_ddpm_train_sink_end (GstDdpmTrainSink * self);
/* Returns: (transfer full) (nullable): the preview pad */
GstDdpmPreviewPad *gst_ddpm_train_sink_get_preview (GstDdpmTrainSink * self);
/* The action signal save-checkpoint, in any thread */
gboolean gst_ddpm_train_sink_save_checkpoint (GstDdpmTrainSink * self);

/* train.c: GstBaseSinkClass */
gboolean gst_ddpm_train_sink_set_caps (GstBaseSink * sink, GstCaps * caps);
gboolean gst_ddpm_train_sink_event (GstBaseSink * sink, GstEvent * event);
GstFlowReturn gst_ddpm_train_sink_wait_event (GstBaseSink * sink,
    GstEvent * event);
GstFlowReturn gst_ddpm_train_sink_render (GstBaseSink * sink,
    GstBuffer * buffer);

G_END_DECLS
