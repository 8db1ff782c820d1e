/* gst-ddpm: ddpmtrainsink: the pad that outputs previews of the model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/video/video.h>
#include "plugins/common/picture.h"
#include "plugins/ddpmtrainsink/preview.h"

GST_DEBUG_CATEGORY_EXTERN (gst_ddpm_train_sink_debug);
#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

/* For EOS after an error, which downstream may block */
#define END_TIMEOUT G_TIME_SPAN_SECOND

struct _GstDdpmPreviewPad
{
  GstPad parent;

  GMutex lock;
  GCond changed;
  /* with the lock */
  GstDdpmPreviewJob *job;       /* waits for the task */
  gboolean finish;              /* EOS is wanted */
  gboolean stopped;             /* the task pushes no more */
  gboolean finished;            /* stopped, because it has pushed EOS */
  /* atomic: set with the lock, tested without it during steps */
  gint flushing;
  gint dropping;                /* no job is wanted any more, only EOS */

  /* task */
  GstVideoInfo info;            /* caps that were sent; no format: none yet */
  gboolean begun;               /* stream-start has been sent */
  guint64 n_frames;
};

G_DEFINE_TYPE (GstDdpmPreviewPad, gst_ddpm_preview_pad, GST_TYPE_PAD);

static void
job_free (GstDdpmPreviewJob * job)
{
  ddpm_model_unref (job->model);
  ddpm_backend_unref (job->backend);
  g_free (job);
}

/* --- the task: sampling --------------------------------------------------- */

/* Without preview-steps, a model is sampled as ddpmdenoise does by default: with
 * few steps. With it, ddim makes that number, with the default eta of the model,
 * or ddpm all timesteps. Predicted images are clipped as in Ho et al. 2020, but
 * not with data-range=unit: the reference UNet samples without clipping. What an
 * initial model says of clipping holds. */
static DdpmSamplerSpec
get_sampler_spec (const DdpmConfig * config, guint steps)
{
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, config);
  spec.steps = ddpm_sampler_get_default_steps (spec.kind, config);
  if (steps > 0) {
    spec.kind = steps == config->timesteps ? DDPM_SAMPLER_DDPM :
        DDPM_SAMPLER_DDIM;
    spec.steps = steps;
  }
  if (config->sampling.clip < 0)
    spec.clip_x0 = config->data_range == DDPM_DATA_RANGE_SYMMETRIC;
  return spec;
}

guint
gst_ddpm_preview_count_steps (const DdpmConfig * config, guint steps)
{
  return get_sampler_spec (config, steps).steps;
}

static gboolean
is_unwanted (gpointer pad)
{
  return g_atomic_int_get (&GST_DDPM_PREVIEW_PAD (pad)->flushing)
      || g_atomic_int_get (&GST_DDPM_PREVIEW_PAD (pad)->dropping);
}

/* Samples until all steps are made. Image n shows class n mod classes. NULL
 * without error: flushing or dropping */
static DdpmDenoiser *
sample_images (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job,
    GError ** error)
{
  const DdpmSamplerSpec spec =
      get_sampler_spec (&job->model->config, job->steps);
  g_autoptr (DdpmLabels) labels = ddpm_labels_new (job->model, "", NULL);
  g_autoptr (DdpmDenoiser) denoiser = ddpm_denoiser_new (job->model,
      job->backend, job->count, job->model->width, job->model->height, &spec,
      error);

  if (denoiser == NULL || !ddpm_denoiser_begin_with_noise (denoiser, labels,
          job->seed, 0, error))
    return NULL;
  ddpm_denoiser_set_cancel (denoiser, is_unwanted, self);
  while (!is_unwanted (self) && ddpm_denoiser_step (denoiser));
  return is_unwanted (self) ? NULL : g_steal_pointer (&denoiser);
}

/* --- the task: frames ----------------------------------------------------- */

static GstVideoInfo
get_video_info (const DdpmModel * model)
{
  GstVideoInfo info;

  const guint channels = model->config.image_channels;

  gst_video_info_set_format (&info, channels == 1 ? GST_VIDEO_FORMAT_GRAY8
      : channels == 4 ? GST_VIDEO_FORMAT_RGBA : GST_VIDEO_FORMAT_RGB,
      model->width, model->height);
  GST_VIDEO_INFO_FPS_N (&info) = 1;
  GST_VIDEO_INFO_FPS_D (&info) = 1;
  return info;
}

/* A frame of sample i. Returns: (transfer full): NULL: the backend failed */
static GstBuffer *
paint_frame (GstDdpmPreviewPad * self, DdpmDenoiser * denoiser, guint i,
    GError ** error)
{
  const gsize size = GST_VIDEO_INFO_SIZE (&self->info);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  DdpmPicture picture;
  GstVideoFrame frame;
  gboolean ok;

  gst_buffer_memset (buffer, 0, 0, size);
  gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_WRITE);
  gst_ddpm_picture_from_frame (&picture, &frame, 1, 1);
  ok = ddpm_denoiser_paint_on_host (denoiser, i, &picture, error);
  gst_video_frame_unmap (&frame);
  if (!ok) {
    gst_buffer_unref (buffer);
    return NULL;
  }
  GST_BUFFER_PTS (buffer) = self->n_frames * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  GST_BUFFER_OFFSET (buffer) = self->n_frames++;
  GST_BUFFER_OFFSET_END (buffer) = self->n_frames;
  return buffer;
}

static void
push_stream_start (GstDdpmPreviewPad * self)
{
  GstPad *pad = GST_PAD (self);
  g_autofree gchar *id = gst_pad_create_stream_id (pad,
      GST_ELEMENT (GST_PAD_PARENT (pad)), GST_PAD_NAME (pad));
  GstEvent *event = gst_event_new_stream_start (id);

  gst_event_set_group_id (event, gst_util_group_id_next ());
  gst_pad_push_event (pad, event);
  self->begun = TRUE;
}

static void
push_caps (GstDdpmPreviewPad * self, const DdpmModel * model)
{
  GstVideoInfo info = get_video_info (model);
  GstSegment segment;
  GstCaps *caps;

  if (!self->begun)
    push_stream_start (self);
  if (gst_video_info_is_equal (&info, &self->info))
    return;
  self->info = info;
  caps = gst_video_info_to_caps (&info);
  gst_pad_push_event (GST_PAD (self), gst_event_new_caps (caps));
  gst_caps_unref (caps);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (GST_PAD (self), gst_event_new_segment (&segment));
}

static void
push_eos (GstDdpmPreviewPad * self)
{
  if (!self->begun)
    push_stream_start (self);
  gst_pad_push_event (GST_PAD (self), gst_event_new_eos ());
}

static GstFlowReturn
push_frames (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job,
    GError ** error)
{
  g_autoptr (DdpmDenoiser) denoiser = sample_images (self, job, error);
  g_autoptr (GstBufferList) frames = gst_buffer_list_new_sized (job->count);
  guint i;

  if (denoiser == NULL)
    return GST_FLOW_FLUSHING;
  push_caps (self, job->model);
  for (i = 0; i < job->count; i++) {
    GstBuffer *frame = paint_frame (self, denoiser, i, error);

    if (frame == NULL)
      return GST_FLOW_ERROR;
    gst_buffer_list_add (frames, frame);
  }
  return gst_pad_push_list (GST_PAD (self), g_steal_pointer (&frames));
}

/* Whatever fails here, training continues. */
static GstFlowReturn
make_preview (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job)
{
  GstElement *element = GST_ELEMENT (GST_PAD_PARENT (self));
  g_autoptr (GError) error = NULL;
  GstFlowReturn ret = push_frames (self, job, &error);

  if (error) {
    GST_ELEMENT_WARNING (element, LIBRARY, FAILED,
        ("Cannot make a preview: %s", error->message), (NULL));
    return GST_FLOW_OK;
  }
  if (ret == GST_FLOW_NOT_NEGOTIATED || ret == GST_FLOW_ERROR) {
    GST_ELEMENT_WARNING (element, STREAM, FAILED,
        ("Training continues without previews: downstream of the pad preview "
            "returned %s", gst_flow_get_name (ret)), (NULL));
    push_eos (self);
  }
  /* The pad may be linked later. */
  return ret == GST_FLOW_NOT_LINKED || g_atomic_int_get (&self->dropping) ?
      GST_FLOW_OK : ret;
}

/* --- the task: its loop --------------------------------------------------- */

/* NULL: EOS is wanted, or flushing */
static GstDdpmPreviewJob *
wait_for_job (GstDdpmPreviewPad * self)
{
  GstDdpmPreviewJob *job;

  g_mutex_lock (&self->lock);
  while (self->job == NULL && !self->finish && !self->flushing)
    g_cond_wait (&self->changed, &self->lock);
  job = g_steal_pointer (&self->job);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  return job;
}

static void
preview_loop (gpointer data)
{
  GstDdpmPreviewPad *self = data;
  GstDdpmPreviewJob *job = wait_for_job (self);
  GstFlowReturn ret = GST_FLOW_FLUSHING;
  gboolean eos = FALSE;

  if (job) {
    ret = make_preview (self, job);
    job_free (job);
  } else if (!g_atomic_int_get (&self->flushing)) {
    push_eos (self);
    eos = TRUE;
  }
  if (ret == GST_FLOW_OK)
    return;

  GST_DEBUG_OBJECT (self, "no more previews: %s",
      eos ? "eos" : gst_flow_get_name (ret));
  g_mutex_lock (&self->lock);
  self->stopped = TRUE;
  self->finished = eos;
  g_clear_pointer (&self->job, job_free);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  gst_pad_pause_task (GST_PAD (self));
}

static gboolean
start_task (GstDdpmPreviewPad * self)
{
  g_mutex_lock (&self->lock);
  self->finish = self->stopped = self->finished = FALSE;
  g_atomic_int_set (&self->flushing, FALSE);
  g_atomic_int_set (&self->dropping, FALSE);
  g_mutex_unlock (&self->lock);

  gst_video_info_init (&self->info);
  self->begun = FALSE;
  self->n_frames = 0;
  return gst_pad_start_task (GST_PAD (self), preview_loop, self, NULL);
}

static gboolean
stop_task (GstDdpmPreviewPad * self)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->flushing, TRUE);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);

  ok = gst_pad_stop_task (GST_PAD (self));
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->job, job_free);
  g_mutex_unlock (&self->lock);
  return ok;
}

/* --- for the thread that trains ------------------------------------------- */

gboolean
gst_ddpm_preview_pad_is_wanted (GstDdpmPreviewPad * self)
{
  gboolean wanted;

  g_mutex_lock (&self->lock);
  wanted = !self->flushing && !self->stopped;
  g_mutex_unlock (&self->lock);
  return wanted && gst_pad_is_linked (GST_PAD (self));
}

gboolean
gst_ddpm_preview_pad_submit (GstDdpmPreviewPad * self,
    GstDdpmPreviewJob * job, const gint * cancel)
{
  gboolean cancelled;

  g_mutex_lock (&self->lock);
  while (self->job && !self->flushing && !g_atomic_int_get (cancel))
    g_cond_wait (&self->changed, &self->lock);
  cancelled = self->job && !self->flushing;
  if (self->job == NULL && !self->flushing && !self->stopped)
    self->job = g_steal_pointer (&job);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&job, job_free);
  return !cancelled;
}

gboolean
gst_ddpm_preview_pad_finish (GstDdpmPreviewPad * self, const gint * cancel)
{
  gboolean done;

  g_mutex_lock (&self->lock);
  self->finish = TRUE;
  g_cond_broadcast (&self->changed);
  while (!self->stopped && !self->flushing && !g_atomic_int_get (cancel))
    g_cond_wait (&self->changed, &self->lock);
  done = self->stopped || self->flushing;
  g_mutex_unlock (&self->lock);
  return done;
}

void
gst_ddpm_preview_pad_end (GstDdpmPreviewPad * self, const gint * cancel)
{
  const gint64 deadline = g_get_monotonic_time () + END_TIMEOUT;

  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->dropping, TRUE);
  g_clear_pointer (&self->job, job_free);
  self->finish = TRUE;
  g_cond_broadcast (&self->changed);
  while (!self->stopped && !self->flushing && !g_atomic_int_get (cancel)
      && g_cond_wait_until (&self->changed, &self->lock, deadline));
  g_mutex_unlock (&self->lock);
}

void
gst_ddpm_preview_pad_wake (GstDdpmPreviewPad * self)
{
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
gst_ddpm_preview_pad_restart (GstDdpmPreviewPad * self)
{
  gboolean finished;

  g_mutex_lock (&self->lock);
  finished = self->finished && !self->flushing;
  self->finish = FALSE;
  g_mutex_unlock (&self->lock);
  if (!finished)
    return;

  gst_pad_push_event (GST_PAD (self), gst_event_new_flush_start ());
  stop_task (self);
  gst_pad_push_event (GST_PAD (self), gst_event_new_flush_stop (TRUE));
  start_task (self);
}

/* --- the pad -------------------------------------------------------------- */

static gboolean
gst_ddpm_preview_pad_activate_mode (GstPad * pad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  return active ? start_task (GST_DDPM_PREVIEW_PAD (pad))
      : stop_task (GST_DDPM_PREVIEW_PAD (pad));
}

/* Seeks and other events from downstream must not reach the training source. */
static gboolean
gst_ddpm_preview_pad_handle_event (GstPad * pad, GstObject * parent,
    GstEvent * event)
{
  gboolean handled = GST_EVENT_TYPE (event) != GST_EVENT_SEEK;

  gst_event_unref (event);
  return handled;
}

static gboolean
gst_ddpm_preview_pad_handle_query (GstPad * pad, GstObject * parent,
    GstQuery * query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  /* live: no frame before PLAYING */
  gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

GstIterator *
gst_ddpm_preview_pad_iterate_no_links (GstPad * pad, GstObject * parent)
{
  return NULL;
}

GstPad *
gst_ddpm_preview_pad_new (GstPadTemplate * templ, const gchar * name)
{
  return g_object_new (GST_TYPE_DDPM_PREVIEW_PAD, "name", name,
      "direction", GST_PAD_SRC, "template", templ, NULL);
}

static void
gst_ddpm_preview_pad_finalize (GObject * object)
{
  GstDdpmPreviewPad *self = GST_DDPM_PREVIEW_PAD (object);

  g_clear_pointer (&self->job, job_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  G_OBJECT_CLASS (gst_ddpm_preview_pad_parent_class)->finalize (object);
}

static void
gst_ddpm_preview_pad_class_init (GstDdpmPreviewPadClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_ddpm_preview_pad_finalize;
}

static void
gst_ddpm_preview_pad_init (GstDdpmPreviewPad * self)
{
  GstPad *pad = GST_PAD (self);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->flushing = TRUE;
  gst_pad_set_activatemode_function (pad, gst_ddpm_preview_pad_activate_mode);
  gst_pad_set_event_function (pad, gst_ddpm_preview_pad_handle_event);
  gst_pad_set_query_function (pad, gst_ddpm_preview_pad_handle_query);
  gst_pad_set_iterate_internal_links_function (pad,
      gst_ddpm_preview_pad_iterate_no_links);
  gst_pad_use_fixed_caps (pad);
}
