/* gst-ddpm: a training run: images in, steps and checkpoints out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/meta.h"
#include "plugins/ddpmtrainsink/progress.h"
#include "plugins/common/cuda.h"
#include "plugins/ddpmtrainsink/settings.h"

G_BEGIN_DECLS

/* Knows images, but no element: posts nothing, waits for nobody. One thread
 * feeds it; save and get_model may be called from others, and get their turn
 * after the step that is being done. Reference counted. */
typedef struct _GstDdpmTrainRun GstDdpmTrainRun;

/* Checks settings, that the checkpoint can be written, and the machine; loads
 * the state to resume from. Nothing on disk is changed. */
GstDdpmTrainRun *gst_ddpm_train_run_new (const GstDdpmTrainSettings * settings,
    GstDdpmCuda * cuda, GstElement * element, GError ** error);
GstDdpmTrainRun *gst_ddpm_train_run_ref (GstDdpmTrainRun * run);
void gst_ddpm_train_run_unref (GstDdpmTrainRun * run);

const GstDdpmTrainSettings *gst_ddpm_train_run_get_settings
    (GstDdpmTrainRun * run);
DdpmBackend *gst_ddpm_train_run_get_backend (GstDdpmTrainRun * run);
/* Steps behind it: 0 before the first format. */
guint64 gst_ddpm_train_run_get_step (GstDdpmTrainRun * run);
/* The step of the last checkpoint; G_MAXUINT64: none */
guint64 gst_ddpm_train_run_get_saved_step (GstDdpmTrainRun * run);
/* What the terminal and the bus are told at the start */
gchar *gst_ddpm_train_run_to_string (GstDdpmTrainRun * run);
GstStructure *gst_ddpm_train_run_to_structure (GstDdpmTrainRun * run,
    const gchar * name);

/* The first format makes the trainer and, if there is a state, restores it;
 * later ones may only differ in layout. */
gboolean gst_ddpm_train_run_set_format (GstDdpmTrainRun * run,
    const GstVideoInfo * info, GError ** error);
/* Of the source: they count where the property says none. */
void gst_ddpm_train_run_set_class_names (GstDdpmTrainRun * run,
    const gchar * names);
gboolean gst_ddpm_train_run_has_format (GstDdpmTrainRun * run);

/* Images to be passed over, since the run that is resumed has learnt them */
guint64 gst_ddpm_train_run_get_to_skip (GstDdpmTrainRun * run);
void gst_ddpm_train_run_set_to_skip (GstDdpmTrainRun * run, guint64 n);
/* The image before it was the last of an epoch, and nobody knew. Once. */
gboolean gst_ddpm_train_run_begins_epoch (GstDdpmTrainRun * run,
    const GstDdpmSample * sample);
/* Passes over an image or adds it to the batch. sample NULL: no data set */
gboolean gst_ddpm_train_run_add (GstDdpmTrainRun * run, GstBuffer * buffer,
    const GstDdpmSample * sample, GError ** error);
/* Images of the batch */
guint gst_ddpm_train_run_get_n (GstDdpmTrainRun * run);
/* The batch is full, or the last of its epoch. */
gboolean gst_ddpm_train_run_is_complete (GstDdpmTrainRun * run);
/* The epoch of the last image has no more. */
gboolean gst_ddpm_train_run_epoch_has_ended (GstDdpmTrainRun * run);
void gst_ddpm_train_run_drop_batch (GstDdpmTrainRun * run);
/* n images will come, in all: for the time left. 0: not known */
void gst_ddpm_train_run_set_n_images (GstDdpmTrainRun * run, guint64 n);

/* A step on the batch, which is then empty; with *cancel set and on errors it
 * stays. Fills report but for speed and times. */
gboolean gst_ddpm_train_run_step (GstDdpmTrainRun * run, const gint * cancel,
    GstDdpmTrainReport * report, GError ** error);
/* What step would report if it did nothing */
void gst_ddpm_train_run_get_report (GstDdpmTrainRun * run,
    GstDdpmTrainReport * report);
/* Any thread. FALSE without error: there is nothing to save yet. */
gboolean gst_ddpm_train_run_save (GstDdpmTrainRun * run, GError ** error);
DdpmModel *gst_ddpm_train_run_get_model (GstDdpmTrainRun * run,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmTrainRun, gst_ddpm_train_run_unref)

G_END_DECLS
