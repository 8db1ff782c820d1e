/* gst-ddpm: a training session: images in, steps and checkpoints out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/cuda.h"
#include "plugins/common/meta.h"
#include "plugins/ddpmtrainsink/progress.h"
#include "plugins/ddpmtrainsink/settings.h"

G_BEGIN_DECLS

/* A session trains the model of one run, from READY to READY. It knows no
 * element, which it tells of its progress through callbacks. One thread feeds
 * it with images; other threads may save and get the model, after the step that
 * is being made. Reference counted. */
typedef struct _GstDdpmTrainSession GstDdpmTrainSession;

/* What happens in a session, in the thread that caused it, without its lock */
typedef struct
{
  /* For people: what is begun is always finished. */
  void (*progress) (GstProgressType type, const gchar * text,
      gpointer user_data);
  /* For programs; structure (transfer full) */
  void (*message) (GstStructure * structure, gpointer user_data);
  /* A step has been made, or the trainer */
  void (*report) (const GstDdpmTrainReport * report, gpointer user_data);
  /* Something was not written, but training goes on. error (transfer full) */
  void (*warn) (GError * error, gpointer user_data);
} GstDdpmTrainCallbacks;

/* Checks the settings, the machine, and that the checkpoint can be written;
 * loads the state to resume from. Changes nothing on disk. */
GstDdpmTrainSession *gst_ddpm_train_session_new
    (const GstDdpmTrainSettings * settings, GstDdpmCuda * cuda,
    const GstDdpmTrainCallbacks * callbacks,
    gpointer user_data, GError ** error);
GstDdpmTrainSession *gst_ddpm_train_session_ref
    (GstDdpmTrainSession * session);
void gst_ddpm_train_session_unref (GstDdpmTrainSession * session);

const GstDdpmTrainSettings *gst_ddpm_train_session_get_settings
    (GstDdpmTrainSession * session);
DdpmBackend *gst_ddpm_train_session_get_backend (GstDdpmTrainSession * session);
gboolean gst_ddpm_train_session_has_format (GstDdpmTrainSession * session);
/* Steps made, also those of the run that is resumed */
guint64 gst_ddpm_train_session_get_step (GstDdpmTrainSession * session);

/* --- the thread that feeds it --------------------------------------------- */

/* The first format makes the trainer, restores the state if there is one, and
 * opens the log. Later ones may only differ in the layout of pixels. */
gboolean gst_ddpm_train_session_set_format (GstDdpmTrainSession * session,
    const GstVideoInfo * info, GError ** error);
/* Class names of the source, which count if the property is not set */
void gst_ddpm_train_session_set_class_names (GstDdpmTrainSession * session,
    const gchar * names);
/* Once, before the first image. n_images: of the whole stream; 0: not known.
 * live: nothing can be skipped. */
void gst_ddpm_train_session_begin (GstDdpmTrainSession * session,
    guint64 n_images, gboolean live);
/* Tells which image comes next, before it is added: it may be the first of
 * another epoch, which ends the one before. sample NULL: of no data set */
void gst_ddpm_train_session_expect (GstDdpmTrainSession * session,
    const GstDdpmSample * sample);
/* Adds an image to the batch, or skips it because the run that is resumed has
 * trained on it */
gboolean gst_ddpm_train_session_add (GstDdpmTrainSession * session,
    GstBuffer * buffer, const GstDdpmSample * sample,
    GstClockTime running_time, GstClockTime stream_time, GError ** error);
/* Makes the step, and the save, that are due. end: no image comes any more, so
 * that all is due. Does nothing twice: after DDPM_ERROR_CANCELLED, call it
 * again. */
gboolean gst_ddpm_train_session_train (GstDdpmTrainSession * session,
    gboolean end, const gint * cancel, GError ** error);
/* max-steps has been reached. */
gboolean gst_ddpm_train_session_has_ended (GstDdpmTrainSession * session);
/* A preview is due until this is told that it was made. */
gboolean gst_ddpm_train_session_is_preview_due (GstDdpmTrainSession * session);
void gst_ddpm_train_session_set_previewed (GstDdpmTrainSession * session);
/* Drops the batch and what it knew of the place in the stream. */
void gst_ddpm_train_session_flush (GstDdpmTrainSession * session);
/* Time has passed that was not spent on training. */
void gst_ddpm_train_session_pause (GstDdpmTrainSession * session);
/* The end of what was begun; type: COMPLETE, CANCELED or ERROR */
void gst_ddpm_train_session_finish (GstDdpmTrainSession * session,
    GstProgressType type);

/* --- any thread ----------------------------------------------------------- */

/* FALSE without error: there is nothing to save yet. */
gboolean gst_ddpm_train_session_save (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error);
/* Returns: (transfer full): the model as it would be saved now */
DdpmModel *gst_ddpm_train_session_get_model (GstDdpmTrainSession * session,
    GError ** error);

G_END_DECLS
