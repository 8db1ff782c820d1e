/* gst-ddpm: how far a training run is: for people, the bus and programs
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

/* Posts GST_MESSAGE_PROGRESS: plain gst-launch-1.0 prints it. What was started
 * is always ended, and nothing is started before PLAYING, since gst-launch-1.0
 * does not go to PLAYING while something is in progress. */
typedef struct
{
  guint interval;               /* seconds, 0: each step */
  gboolean started;
  gint64 last_step, last_report;        /* microseconds, monotonic; 0: none */
  gdouble images, seconds;      /* decaying sums */
} GstDdpmTrainProgress;

void gst_ddpm_train_progress_init (GstDdpmTrainProgress * progress,
    guint interval);
void gst_ddpm_train_progress_start (GstDdpmTrainProgress * progress,
    GstElement * element, const gchar * text);
/* One more line of text */
void gst_ddpm_train_progress_tell (GstDdpmTrainProgress * progress,
    GstElement * element, const gchar * text);
/* A step on n images has been done: images a second. */
gdouble gst_ddpm_train_progress_add (GstDdpmTrainProgress * progress, guint n);
/* Time has passed that was not spent on training. */
void gst_ddpm_train_progress_pause (GstDdpmTrainProgress * progress);
gboolean gst_ddpm_train_progress_is_due (const GstDdpmTrainProgress * progress);
/* The PROGRESS message and the element message ddpmtrainsink-progress */
void gst_ddpm_train_progress_post (GstDdpmTrainProgress * progress,
    GstElement * element, const GstDdpmTrainReport * report);
/* type: COMPLETE, CANCELED or ERROR; nothing where nothing was started */
void gst_ddpm_train_progress_end (GstDdpmTrainProgress * progress,
    GstElement * element, GstProgressType type, const gchar * text);

G_END_DECLS
