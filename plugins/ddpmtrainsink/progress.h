/* gst-ddpm: the progress of a training run, as text and as a structure
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_DDPM_IMAGES_UNKNOWN G_MAXUINT64

/**
 * GstDdpmTrainReport:
 * @stats: statistics of the step
 * @epoch: epoch of the step, from 1; 0: the source has no epochs
 * @n_epochs: number of epochs in the stream; 0: unknown
 * @epoch_position: number of images of the epoch that were trained on
 * @epoch_size: number of images in an epoch
 * @images_left: images to the end of the run, or GST_DDPM_IMAGES_UNKNOWN
 * @batch_size: number of images in a full batch
 * @images_per_second: speed, smoothed over about 20 steps
 * @max_steps: step at which the run ends; 0: none
 * @running_time: running time of the last image
 * @stream_time: stream time of the last image
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
  guint interval;               /* seconds between reports; 0: every step */
  gint64 last_step, last_report;        /* monotonic microseconds; 0: none */
  gdouble images, seconds;      /* decaying sums */
} GstDdpmTrainProgress;

/* Excludes the time until now from the speed. */
void gst_ddpm_train_progress_restart (GstDdpmTrainProgress * progress);
/* Adds a step on n images. Returns: images per second */
gdouble gst_ddpm_train_progress_add (GstDdpmTrainProgress * progress, guint n);
gboolean gst_ddpm_train_progress_is_due (const GstDdpmTrainProgress * progress);
void gst_ddpm_train_progress_set_reported (GstDdpmTrainProgress * progress);

G_END_DECLS
