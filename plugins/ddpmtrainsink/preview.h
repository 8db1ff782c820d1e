/* gst-ddpm: ddpmtrainsink: the pad that outputs previews of the model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* A source pad with a task, which samples and pushes while training continues.
 * The backend alternates between their steps. The framerate is 1/1, so that a
 * player shows each frame. */
#define GST_TYPE_DDPM_PREVIEW_PAD (gst_ddpm_preview_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmPreviewPad, gst_ddpm_preview_pad, GST,
    DDPM_PREVIEW_PAD, GstPad)

typedef struct
{
  DdpmModel *model;             /* owned */
  DdpmBackend *backend;         /* owned */
  guint count;                  /* images */
  guint steps;                  /* preview-steps */
  guint64 seed;
} GstDdpmPreviewJob;

/* Steps of the sampler, if preview-steps=steps (0: the model's default) */
guint gst_ddpm_preview_count_steps (const DdpmConfig * config, guint steps);

GstPad *gst_ddpm_preview_pad_new (GstPadTemplate * templ, const gchar * name);
/* For both pads of the element: the previews are a stream of their own. */
GstIterator *gst_ddpm_preview_pad_iterate_no_links (GstPad * pad,
    GstObject * parent);
/* Is the pad linked and running? If not, submit no job. */
gboolean gst_ddpm_preview_pad_is_wanted (GstDdpmPreviewPad * pad);
/* Hands over a job (transfer full), allocated with g_new (). Waits until the
 * task has begun the previous job, so no preview is left out. FALSE: *cancel
 * was set meanwhile, and the job has been freed */
gboolean gst_ddpm_preview_pad_submit (GstDdpmPreviewPad * pad,
    GstDdpmPreviewJob * job, const gint * cancel);
/* Waits until all frames and EOS have been pushed. FALSE: *cancel was set */
gboolean gst_ddpm_preview_pad_finish (GstDdpmPreviewPad * pad,
    const gint * cancel);
/* Drops the frames that have not been pushed, and waits for EOS for a second */
void gst_ddpm_preview_pad_end (GstDdpmPreviewPad * pad, const gint * cancel);
/* Wakes submit, finish and end, after *cancel has been set. */
void gst_ddpm_preview_pad_wake (GstDdpmPreviewPad * pad);
/* Flushes downstream and starts again, if finish has ended the stream. */
void gst_ddpm_preview_pad_restart (GstDdpmPreviewPad * pad);

G_END_DECLS
