/* gst-ddpm: pictures decoded by threads, ahead of the frames that show them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/imagefoldersrc/prefetch.h"
#include "gst-ddpm/ddpm.h"

/* The longest queue: its pictures, and the bytes that they may take, unless
 * there are fewer pictures than threads. A trainer takes a batch at once. */
#define MAX_PICTURES 128
#define MAX_BYTES (64 << 20)

/* A picture, of the queue and of the thread that decodes it */
typedef struct
{
  GstDdpmPrefetched picture;    /* first: what the caller gets */
  gint cancelled;               /* atomic: it has left the queue undecoded */
  gboolean is_done;             /* lock */
} Job;

struct _GstDdpmPrefetch
{
  const GstDdpmFolder *folder;
  GstDdpmPictureFormat format;
  guint max_pictures;
  GThreadPool *pool;
  GQueue jobs;                  /* of Job, in the order of output */

  GMutex lock;
  GCond done;
  gboolean flushing;            /* lock */
};

static void
clear_job (gpointer data)
{
  Job *job = data;

  g_free (job->picture.pixels);
  g_clear_error (&job->picture.error);
}

static void
unref_job (gpointer data)
{
  g_atomic_rc_box_release_full (data, clear_job);
}

void
gst_ddpm_prefetched_free (GstDdpmPrefetched * picture)
{
  unref_job (picture);
}

static gsize
get_size (const GstDdpmPictureFormat * format)
{
  return (gsize) format->width * format->height * 3;
}

/* --- threads -------------------------------------------------------------- */

/* Decodes a job, and drops its reference. */
static void
decode_job (gpointer data, gpointer user_data)
{
  GstDdpmPrefetch *self = user_data;
  Job *job = data;
  GstDdpmPrefetched *picture = &job->picture;

  if (!g_atomic_int_get (&job->cancelled)) {
    g_autofree gchar *path =
        gst_ddpm_folder_get_path (self->folder, picture->sample.index);
    g_autofree guint8 *pixels = g_try_malloc (get_size (&self->format));

    if (pixels == NULL)
      g_set_error (&picture->error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
          "Cannot read the picture %s: no memory for %ux%u pixels", path,
          self->format.width, self->format.height);
    else if (gst_ddpm_picture_file_read (path, &self->format, pixels,
            &job->cancelled, &picture->error))
      picture->pixels = g_steal_pointer (&pixels);
  }
  g_mutex_lock (&self->lock);
  job->is_done = TRUE;
  g_cond_broadcast (&self->done);
  g_mutex_unlock (&self->lock);
  unref_job (job);
}

GstDdpmPrefetch *
gst_ddpm_prefetch_new (const GstDdpmFolder * folder,
    const GstDdpmPictureFormat * format, guint threads, GError ** error)
{
  GstDdpmPrefetch *self = g_new0 (GstDdpmPrefetch, 1);

  self->folder = folder;
  self->format = *format;
  self->max_pictures = MAX (CLAMP (MAX_BYTES / get_size (format), 1,
          MAX_PICTURES), threads);
  g_queue_init (&self->jobs);
  g_mutex_init (&self->lock);
  g_cond_init (&self->done);
  /* Exclusive threads exist before the first job: one that is added then cannot
   * fail. */
  self->pool = g_thread_pool_new_full (decode_job, self, unref_job, threads,
      TRUE, error);
  if (self->pool == NULL)
    goto no_threads;
  return self;

no_threads:
  g_prefix_error (error, "Cannot start %u threads to decode pictures: ",
      threads);
  (*error)->domain = DDPM_ERROR;
  (*error)->code = DDPM_ERROR_NO_SPACE;
  gst_ddpm_prefetch_free (self);
  return NULL;
}

void
gst_ddpm_prefetch_free (GstDdpmPrefetch * self)
{
  gst_ddpm_prefetch_clear (self);
  if (self->pool)
    g_thread_pool_free (self->pool, TRUE, TRUE);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->done);
  g_free (self);
}

/* --- the queue -------------------------------------------------------------- */

gboolean
gst_ddpm_prefetch_is_full (const GstDdpmPrefetch * self)
{
  return self->jobs.length >= self->max_pictures;
}

gboolean
gst_ddpm_prefetch_is_empty (const GstDdpmPrefetch * self)
{
  return self->jobs.length == 0;
}

void
gst_ddpm_prefetch_add (GstDdpmPrefetch * self, guint64 frame,
    const GstDdpmSample * sample, gboolean is_broken)
{
  Job *job = g_atomic_rc_box_new0 (Job);

  job->picture.frame = frame;
  job->picture.sample = *sample;
  job->is_done = is_broken;
  g_queue_push_tail (&self->jobs, job);
  if (!is_broken)
    g_thread_pool_push (self->pool, g_atomic_rc_box_acquire (job), NULL);
}

guint64
gst_ddpm_prefetch_get_next (const GstDdpmPrefetch * self)
{
  const Job *job = self->jobs.head->data;

  return job->picture.frame;
}

GstDdpmPrefetched *
gst_ddpm_prefetch_take (GstDdpmPrefetch * self)
{
  Job *job = g_queue_peek_head (&self->jobs);
  gboolean is_done;

  g_mutex_lock (&self->lock);
  while (!job->is_done && !self->flushing)
    g_cond_wait (&self->done, &self->lock);
  is_done = job->is_done;
  g_mutex_unlock (&self->lock);
  if (!is_done)
    return NULL;
  g_queue_pop_head (&self->jobs);
  return &job->picture;
}

void
gst_ddpm_prefetch_clear (GstDdpmPrefetch * self)
{
  Job *job;

  while ((job = g_queue_pop_head (&self->jobs))) {
    g_atomic_int_set (&job->cancelled, TRUE);
    unref_job (job);
  }
}

void
gst_ddpm_prefetch_set_flushing (GstDdpmPrefetch * self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_cond_broadcast (&self->done);
  g_mutex_unlock (&self->lock);
}
