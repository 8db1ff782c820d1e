/* gst-ddpm: the CSV log of a training run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/ddpmtrainsink/progress.h"

G_BEGIN_DECLS

typedef struct _GstDdpmTrainLog GstDdpmTrainLog;

/* Can the log be written, or continued? A file that is not a log is an error.
 * Changes nothing on disk. */
gboolean gst_ddpm_train_log_check (const gchar * location, GError ** error);
/* Opens a log that continues after this step. Deletes the rows of later steps,
 * which remain of a run that was killed. A log of another run, where step is 0,
 * is renamed to <location>.old. */
GstDdpmTrainLog *gst_ddpm_train_log_open (const gchar * location, guint64 step,
    GError ** error);
void gst_ddpm_train_log_close (GstDdpmTrainLog * log);
/* Writes a row, with decimal points in every locale. */
void gst_ddpm_train_log_add (GstDdpmTrainLog * log,
    const GstDdpmTrainReport * report);
/* Whether all rows could be written */
gboolean gst_ddpm_train_log_flush (GstDdpmTrainLog * log, GError ** error);

G_END_DECLS
