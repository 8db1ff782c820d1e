/* gst-ddpm: the CSV log of a training run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/ddpmtrainsink/progress.h"

G_BEGIN_DECLS

typedef struct _GstDdpmTrainLog GstDdpmTrainLog;

/* The run goes on behind this step: rows of later ones, which another run or a
 * killed one has left, are cut off. A file that is no such log is an error. */
GstDdpmTrainLog *gst_ddpm_train_log_open (const gchar * location, guint64 step,
    GError ** error);
void gst_ddpm_train_log_close (GstDdpmTrainLog * log);
/* A row, buffered; numbers with a decimal point in every locale */
void gst_ddpm_train_log_add (GstDdpmTrainLog * log,
    const GstDdpmTrainReport * report);
/* FALSE: something since the last flush could not be written. */
gboolean gst_ddpm_train_log_flush (GstDdpmTrainLog * log, GError ** error);

G_END_DECLS
