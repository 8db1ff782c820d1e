/* gst-ddpm: a training run: images in, optimizer steps and checkpoints out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/cuda.h"
#include "plugins/common/meta.h"
#include "plugins/ddpmtrainsink/batch.h"
#include "plugins/ddpmtrainsink/files.h"
#include "plugins/ddpmtrainsink/log.h"
#include "plugins/ddpmtrainsink/progress.h"
#include "plugins/ddpmtrainsink/settings.h"

G_BEGIN_DECLS

#define NO_STEP G_MAXUINT64

/* The images that a run is trained on; each 0: any */
typedef struct
{
  guint channels;
  gint width, height;
} GstDdpmTrainImages;

/* The training of one model, from READY to READY. The streaming thread feeds it
 * with images. Other threads may save and copy the model between two steps.
 * Reference counted. */
typedef struct
{
  GstElement *element;          /* posts messages */
  GstDdpmTrainReport *published;        /* with the element's object lock */
  GstDdpmTrainImages images;    /* with the same lock */
  GstDdpmTrainSettings settings;
  GstDdpmTrainFiles files;
  DdpmCheckpointLock *file_lock;        /* no other run writes these files */
  DdpmBackend *backend;

  /* used by the first format */
  DdpmTrainState *state;        /* to resume from; NULL: none, or restored */
  DdpmModel *initial;           /* initial weights, or NULL */
  DdpmModel *teacher;           /* or NULL */

  /* streaming thread */
  GstVideoInfo info;
  gchar *source_names;          /* of classes; NULL: unknown */
  GstDdpmTrainBatch batch;
  GstDdpmTrainLog *log;         /* NULL: none */
  GstDdpmTrainProgress progress;
  gboolean has_begun;           /* the first image has come */
  gboolean has_started;         /* a PROGRESS that has not ended */
  gboolean has_failed;          /* an error has been posted */
  gboolean has_given_up;        /* the last step cannot or must not be saved */
  gboolean has_warned_of_pixels;
  guint64 to_skip;              /* images that the resumed run trained on */
  guint64 first_place;          /* in all epochs, of the first image after them;
                                 * 0: unknown */
  gboolean has_asked_to_skip;
  guint64 n_seen;               /* images skipped or added */
  guint64 n_images;             /* of the stream; 0: unknown */
  guint64 n_lost;               /* images that did not arrive before EOS */
  GstDdpmSample of_caps;        /* the label of images without a meta */
  GstDdpmSample sample;         /* of the last image */
  gboolean has_labels;          /* an image had a label, -1 included */
  gboolean has_classes;         /* an image had the label of a class */
  guint unlabelled_steps;       /* without has_classes */
  gboolean epoch_ended;         /* with the last image */
  GstClockTime running_time, stream_time;       /* of the last image */
  guint64 n_trained;            /* images */
  gboolean has_ended;           /* max-steps has been reached */
  gboolean has_reported;        /* the last step */
  gboolean preview_due;
  guint64 previewed_step;       /* or NO_STEP */
  guint64 previewed_samples;    /* of the last preview, or of the begin */

  /* atomic: used by other threads */
  gint in_step;
  gint end_wanted;              /* EOS was sent to the element */
  gint has_told_end;            /* which step is the last */
  gint is_closing;              /* the application may read the bus no more */

  /* Threads that want to save. Steps follow each other so closely that without
   * this count they would hardly ever get the lock. */
  gint savers;
  GMutex lock;                  /* held during a step */
  GCond saved;
  /* with the lock */
  DdpmTrainer *trainer;         /* NULL: no format yet */
  guint64 epochs_done;
  guint64 places_done;          /* in all epochs, that of the next image; 0:
                                 * unknown */
  gboolean keep_old;            /* what the saves replace is of another run */
  gchar *kept_name;             /* of the checkpoint that was kept; or NULL */
  guint64 saved_step;           /* or NO_STEP */
  gboolean save_failed;         /* the last save */
  gint64 save_time;             /* of the last save or attempt; at first, the
                                 * begin of the run. Monotonic microseconds */
  GstDdpmTrainReport report;    /* of the last step */
} GstDdpmTrainSession;

/* --- session.c: the model ------------------------------------------------- */

/* Copies the settings of the element, and checks everything that can be known
 * before the first image: the settings, the backend, the files to write, the
 * models and the state to resume from. Changes nothing on disk. */
GstDdpmTrainSession *gst_ddpm_train_session_new (GstDdpmCuda * cuda,
    GstDdpmTrainReport * published, GError ** error);
GstDdpmTrainSession *gst_ddpm_train_session_ref
    (GstDdpmTrainSession * session);
void gst_ddpm_train_session_unref (GstDdpmTrainSession * session);

/* Later formats than the first may only differ in the layout of pixels.
 * Prepares for the training, unless the number of classes is not known yet. */
gboolean gst_ddpm_train_session_set_format (GstDdpmTrainSession * session,
    const GstVideoInfo * info, GError ** error);
/* Makes the trainer, restores the state if there is one, and opens the log. The
 * first image calls it too: the source can name its classes before that. */
gboolean gst_ddpm_train_session_prepare (GstDdpmTrainSession * session,
    GError ** error);
/* The label in the caps of the stream, if there is one */
gboolean gst_ddpm_train_session_set_label (GstDdpmTrainSession * session,
    const GstCaps * caps, GError ** error);
/* Class names from the source, for when the property is not set */
void gst_ddpm_train_session_set_class_names (GstDdpmTrainSession * session,
    const gchar * names);

/* Any thread. Returns: (transfer full): the model as it would be saved now */
DdpmModel *gst_ddpm_train_session_get_model (GstDdpmTrainSession * session,
    GError ** error);

/* --- saves.c: checkpoints ------------------------------------------------- */

/* Any thread. FALSE without error: there is nothing to save yet. */
gboolean gst_ddpm_train_session_save (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error);
/* At the end of the run: tells about the save, and saves, unless the last step
 * has been saved, or could not be. */
gboolean gst_ddpm_train_session_save_last (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error);
/* The same after an error, which then says what has become of the last step */
void gst_ddpm_train_session_save_after (GstDdpmTrainSession * session,
    GError ** error);

/* --- steps.c: images and optimizer steps ---------------------------------- */

/* Once, before the first image. n_images: in the whole stream; 0: unknown.
 * live: a live source, whose images cannot be skipped */
void gst_ddpm_train_session_begin (GstDdpmTrainSession * session,
    guint64 n_images, gboolean live);
/* The label and the place of an image that comes next: those of its meta, or
 * else of the caps and the stream */
gboolean gst_ddpm_train_session_read_sample (GstDdpmTrainSession * session,
    GstBuffer * buffer, GstDdpmSample * sample, GError ** error);
/* To and from the settings of a state (nullable): where in all epochs the next
 * image is */
void gst_ddpm_train_session_write_place (GstDdpmTrainSession * session,
    GHashTable * settings);
void gst_ddpm_train_session_read_place (GstDdpmTrainSession * session,
    GHashTable * settings);
/* Announces an image before it is added. TRUE: it is the first of another
 * epoch, so train on the images before it. */
gboolean gst_ddpm_train_session_expect (GstDdpmTrainSession * session,
    const GstDdpmSample * sample);
/* Adds an image to the batch, or skips it because the resumed run has trained
 * on it. segment: its position is the time of the image */
gboolean gst_ddpm_train_session_add (GstDdpmTrainSession * session,
    GstBuffer * buffer, const GstDdpmSample * sample,
    const GstSegment * segment, GError ** error);
/* Makes the step and the save that are due. end: the stream ends, so everything
 * is due. After DDPM_ERROR_CANCELLED, another call does what is left. */
gboolean gst_ddpm_train_session_train (GstDdpmTrainSession * session,
    gboolean end, const gint * cancel, GError ** error);
/* Drops the images of a step that will not be made. */
void gst_ddpm_train_session_drop_batch (GstDdpmTrainSession * session);
/* Drops the batch and the position in the stream. */
void gst_ddpm_train_session_flush (GstDdpmTrainSession * session);

G_END_DECLS
