/* gst-ddpm: what ddpmtrainsink does in its streaming thread
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/ddpmtrainsink/preview.h"
#include "plugins/ddpmtrainsink/log.h"
#include "plugins/ddpmtrainsink/run.h"
#include "plugins/ddpmtrainsink/ddpmtrainsink.h"

G_BEGIN_DECLS

struct _GstDdpmTrainSink
{
  GstBaseSink parent;

  /* with the object lock */
  GstDdpmTrainSettings settings;
  GstDdpmTrainRun *run;         /* from READY->PAUSED to PAUSED->READY */
  GstDdpmTrainReport report;    /* of the last step */
  GstPad *preview;              /* NULL: not requested */

  /* of the streaming thread */
  GstDdpmTrainProgress progress;
  GstDdpmTrainLog *log;
  gboolean has_begun;           /* the first image has come */
  gboolean has_trained;
  gboolean reported;            /* the last step */
  gboolean preview_due;
  gboolean ended;               /* by max-steps */
  gboolean failed;              /* an error has been posted */
  guint64 previewed_step;

  GstDdpmCuda cuda;
  gint cancel;                  /* atomic: unlock was called */
};

/* ddpmtrainsink.c: the property stats. With the object lock.
 * Returns: (transfer full) */
GstStructure *gst_ddpm_train_sink_read_stats (GObject * object);

/* Between READY and PAUSED */
gboolean gst_ddpm_train_work_open (GstDdpmTrainSink * self);
void gst_ddpm_train_work_close (GstDdpmTrainSink * self);

/* Posts the error, once, and takes it: nothing is learnt or saved any more. */
GstFlowReturn gst_ddpm_train_work_fail (GstDdpmTrainSink * self,
    GError * error);
gboolean gst_ddpm_train_work_set_format (GstDdpmTrainSink * self,
    const GstVideoInfo * info);
/* Called with the preroll lock, in PLAYING. All of these can be interrupted by
 * cancel, and then wait for PLAYING to go on where they were. */
GstFlowReturn gst_ddpm_train_work_learn (GstDdpmTrainSink * self,
    GstBuffer * buffer);
GstFlowReturn gst_ddpm_train_work_finish (GstDdpmTrainSink * self);
void gst_ddpm_train_work_flush (GstDdpmTrainSink * self);

/* Any thread: the action signal */
gboolean gst_ddpm_train_work_save_checkpoint (GstDdpmTrainSink * self);
/* A reference, or NULL */
GstDdpmPreviewPad *gst_ddpm_train_work_get_preview (GstDdpmTrainSink * self);

G_END_DECLS
