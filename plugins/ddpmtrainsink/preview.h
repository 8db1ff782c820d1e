/* gst-ddpm: the pad that shows what a model in training makes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* A source pad with a task of its own, which samples and pushes while training
 * goes on; the backend takes turns between them, step by step. Frames come at
 * one a second, so that a player downstream shows each. */
#define GST_TYPE_DDPM_PREVIEW_PAD (gst_ddpm_preview_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmPreviewPad, gst_ddpm_preview_pad, GST,
    DDPM_PREVIEW_PAD, GstPad)

typedef struct
{
  DdpmModel *model;             /* owned */
  DdpmBackend *backend;         /* owned */
  guint count;                  /* images */
  guint steps;                  /* of ddim; 0: ddpm with all timesteps */
  guint64 seed;
} GstDdpmPreviewJob;

GstPad *gst_ddpm_preview_pad_new (GstPadTemplate * templ, const gchar * name);
/* Is anybody looking? If not, don't make a job. */
gboolean gst_ddpm_preview_pad_is_wanted (GstDdpmPreviewPad * pad);
/* Hands over a job (transfer full), allocated with g_new (). Waits until the
 * task has begun the previous job, so no preview is left out. FALSE: *cancel
 * was set meanwhile, and the job has been freed */
gboolean gst_ddpm_preview_pad_submit (GstDdpmPreviewPad * pad,
    GstDdpmPreviewJob * job, const gint * cancel);
/* Waits until all has been pushed, then EOS. FALSE: *cancel was set. */
gboolean gst_ddpm_preview_pad_finish (GstDdpmPreviewPad * pad,
    const gint * cancel);
/* *cancel has been set: submit and finish return. */
void gst_ddpm_preview_pad_wake (GstDdpmPreviewPad * pad);
/* The stream goes on after finish: flushes downstream and begins again. */
void gst_ddpm_preview_pad_restart (GstDdpmPreviewPad * pad);

G_END_DECLS
