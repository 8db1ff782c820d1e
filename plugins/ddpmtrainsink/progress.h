/* gst-ddpm: how far a training run is, as text and as a structure
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_DDPM_IMAGES_UNKNOWN G_MAXUINT64

/**
 * GstDdpmTrainReport:
 * @stats: of the step
 * @epoch: the one that the step belongs to, from 1; 0: the source has none
 * @n_epochs: of the whole stream; 0: not known
 * @epoch_position: images of the epoch learnt from
 * @epoch_size: images of an epoch
 * @images_left: to the end of the run; GST_DDPM_IMAGES_UNKNOWN: not known
 * @batch_size: images of a full batch
 * @images_per_second: smoothed over about 20 steps
 * @max_steps: 0: none
 * @running_time: of the last image
 * @stream_time: of the last image
 */
typedef struct
{
  DdpmTrainerStats stats;
  guint64 epoch, n_epochs;
  guint64 epoch_position, epoch_size;
  guint64 images_left;
  guint batch_size;
  gdouble images_per_second;
  guint64 max_steps;
  GstClockTime running_time, stream_time;
} GstDdpmTrainReport;

/* "epoch 3/10 iter 120/391 loss 0.0312 (smoothed 0.0330) 410 images/s,
 * 0:12:30 left" */
gchar *gst_ddpm_train_report_to_string (const GstDdpmTrainReport * report);
GstStructure *gst_ddpm_train_report_to_structure
    (const GstDdpmTrainReport * report, const gchar * name);

/* The speed of training, and when to report it */
typedef struct
{
  guint interval;               /* between reports, in seconds; 0: each step */
  gint64 last_step, last_report;        /* microseconds, monotonic; 0: none */
  gdouble images, seconds;      /* decaying sums */
} GstDdpmTrainProgress;

/* The time until now was not spent on training. */
void gst_ddpm_train_progress_restart (GstDdpmTrainProgress * progress);
/* A step on n images has been made. Returns: images a second */
gdouble gst_ddpm_train_progress_add (GstDdpmTrainProgress * progress, guint n);
gboolean gst_ddpm_train_progress_is_due (const GstDdpmTrainProgress * progress);
void gst_ddpm_train_progress_set_reported (GstDdpmTrainProgress * progress);

G_END_DECLS
