/* gst-ddpm: the names of a training run's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* location=ck.bin: one checkpoint, ck.bin. location=ck-%06u.bin: checkpoints
 * numbered by the step, such as ck-001000.bin. Both have the state
 * ck.bin.state, and lock ck.bin. */
typedef struct
{
  gchar *base;                  /* "ck.bin" */
  gchar *state;                 /* "ck.bin.state" */
  gchar *prefix, *suffix;       /* around the number; NULL: no number */
  guint width;                  /* least digits of the number */
} GstDdpmTrainFiles;

/* FALSE: location has a % that is not exactly one %u or %0<digits>u in the file
 * name; files is to be cleared all the same */
gboolean gst_ddpm_train_files_init (GstDdpmTrainFiles * files,
    const gchar * location, GError ** error);
void gst_ddpm_train_files_clear (GstDdpmTrainFiles * files);

/* Returns: (transfer full): the name of the checkpoint of a step */
gchar *gst_ddpm_train_files_get_checkpoint (const GstDdpmTrainFiles * files,
    guint64 step);
/* Returns: (transfer full) (nullable): a checkpoint of the run that exists, the
 * last one of those that are numbered */
gchar *gst_ddpm_train_files_find_checkpoint (const GstDdpmTrainFiles * files);
/* Deletes numbered checkpoints of earlier steps, all but the last n (0: all)
 * including that of step. Returns: whether all could be deleted; FALSE: errno
 * says why not */
gboolean gst_ddpm_train_files_prune (const GstDdpmTrainFiles * files,
    guint64 step, guint n);

G_END_DECLS
