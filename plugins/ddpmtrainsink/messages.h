/* gst-ddpm: what a training run reports: its progress, its model, its saves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For people there are PROGRESS messages, for programs element messages and the
 * property stats. The caller must not hold the session's lock, except for
 * gst_ddpm_train_session_update_report (), which needs it.
 */
#pragma once

#include "plugins/ddpmtrainsink/session.h"

G_BEGIN_DECLS

/* Any thread. Returns: the last finished step */
guint64 gst_ddpm_train_session_get_step (GstDdpmTrainSession * session);

/* Fills session->report for the present step, and publishes it as stats. */
void gst_ddpm_train_session_update_report (GstDdpmTrainSession * session);

/* Of progress messages */
#define GST_DDPM_TRAIN_CODE "ddpm-train"

/* Starts a PROGRESS. */
void gst_ddpm_train_session_start (GstDdpmTrainSession * session);
void gst_ddpm_train_session_tell (GstDdpmTrainSession * session,
    GstProgressType type, const gchar * format, ...) G_GNUC_PRINTF (3, 4);
/* Any thread: the step that is being made, or comes next, is the last. Tells it
 * once in a run. */
void gst_ddpm_train_session_tell_last_step (GstDdpmTrainSession * session);
/* Ends the PROGRESS, if one has been started; type: COMPLETE, CANCELED or
 * ERROR */
void gst_ddpm_train_session_finish (GstDdpmTrainSession * session,
    GstProgressType type);

void gst_ddpm_train_session_post_model (GstDdpmTrainSession * session);
void gst_ddpm_train_session_post_saved (GstDdpmTrainSession * session,
    const GstDdpmTrainReport * report, const gchar * name,
    const gchar * reason);
/* The last step; writes the log, too. */
void gst_ddpm_train_session_post_report (GstDdpmTrainSession * session);

G_END_DECLS
