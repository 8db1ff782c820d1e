/* gst-ddpm: the pad that shows what a model in training makes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/video/video.h>
#include "plugins/common/picture.h"
#include "plugins/ddpmtrainsink/preview.h"

GST_DEBUG_CATEGORY_EXTERN (gst_ddpm_train_sink_debug);
#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

struct _GstDdpmPreviewPad
{
  GstPad parent;

  GMutex lock;
  GCond changed;
  /* under the lock */
  GstDdpmPreviewJob *job;       /* waits for the task */
  gboolean finish;              /* EOS is wanted */
  gboolean stopped;             /* the task pushes nothing more */
  gboolean finished;            /* since it has pushed EOS */
  /* set under the lock, tested without it between steps */
  gint flushing;

  /* of the task */
  GstVideoInfo info;            /* caps sent; no format: none yet */
  gboolean begun;               /* stream-start sent */
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

/* What the notebook does, all T steps of DDPM, unless fewer are asked for:
 * then DDIM, which needs fewer, or a network learns the steps that it is to be
 * sampled with. Predicted images are clipped as in Ho et al.,
 * and not clipped in the notebook's data range, as in the notebook. */
static DdpmSamplerSpec
sampler_spec (const GstDdpmPreviewJob * job)
{
  const DdpmConfig *config = &job->model->config;
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, config);
  if (config->steps == 0 || job->steps > 0) {
    spec.kind = job->steps > 0 ? DDPM_SAMPLER_DDIM : DDPM_SAMPLER_DDPM;
    spec.steps = job->steps;
  }
  spec.clip_x0 = config->data_range == DDPM_DATA_RANGE_SYMMETRIC;
  return spec;
}

/* Image n shows class n mod classes. */
static gboolean
set_labels (DdpmDenoiser * denoiser, const GstDdpmPreviewJob * job,
    GError ** error)
{
  g_autoptr (DdpmLabels) all = ddpm_labels_new (job->model, "", error);
  g_autofree gint *labels = g_new (gint, job->count);
  guint i;

  for (i = 0; i < job->count; i++)
    labels[i] = ddpm_labels_get (all, i);
  return ddpm_denoiser_set_labels (denoiser, labels, error);
}

static GstVideoInfo
get_video_info (const GstDdpmPreviewJob * job)
{
  const GstVideoFormat format = job->model->config.image_channels == 1 ?
      GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB;
  GstVideoInfo info;

  gst_video_info_set_format (&info, format, job->model->width,
      job->model->height);
  GST_VIDEO_INFO_FPS_N (&info) = 1;
  GST_VIDEO_INFO_FPS_D (&info) = 1;
  return info;
}

/* A frame of sample i. Returns: (transfer full): NULL: the backend failed */
static GstBuffer *
paint_frame (GstDdpmPreviewPad * self, DdpmDenoiser * denoiser, guint i,
    GstVideoInfo * info, GError ** error)
{
  GstBuffer *buffer =
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  DdpmPicture picture;
  GstVideoFrame frame;
  gboolean ok;

  gst_buffer_memset (buffer, 0, 0, GST_VIDEO_INFO_SIZE (info));
  gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE);
  gst_ddpm_picture_from_frame (&picture, &frame, 1, 1);
  ok = ddpm_denoiser_paint_on_host (denoiser, i, &picture, error);
  gst_video_frame_unmap (&frame);
  if (!ok)
    gst_clear_buffer (&buffer);
  return buffer;
}

static void
stamp_frame (GstDdpmPreviewPad * self, GstBuffer * buffer)
{
  GST_BUFFER_PTS (buffer) = self->n_frames * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  GST_BUFFER_OFFSET (buffer) = self->n_frames++;
  GST_BUFFER_OFFSET_END (buffer) = self->n_frames;
}

/* Frames of count samples (transfer full); NULL without error: flushing */
static GstBufferList *
sample (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job,
    GError ** error)
{
  const DdpmConfig *config = &job->model->config;
  const DdpmSamplerSpec spec = sampler_spec (job);
  const gsize image_size =
      (gsize) job->model->width * job->model->height * config->image_channels;
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  g_autofree gfloat *x = g_try_new (gfloat, job->count * image_size);
  g_autoptr (GstBufferList) frames = NULL;
  GstVideoInfo info = get_video_info (job);
  guint i;

  if (x == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "No memory for %u images of %ux%u", job->count, job->model->width,
        job->model->height);
    return NULL;
  }
  denoiser = ddpm_denoiser_new (job->model, job->backend, job->count,
      job->model->width, job->model->height, &spec, error);
  if (denoiser == NULL || !set_labels (denoiser, job, error))
    return NULL;

  for (i = 0; i < job->count; i++)
    ddpm_noise_normal (job->seed, i, DDPM_STREAM_X_T, 0, image_size,
        x + i * image_size);
  ddpm_denoiser_begin (denoiser, x, job->seed, 0);
  do {
    if (g_atomic_int_get (&self->flushing))
      return NULL;
  } while (ddpm_denoiser_step (denoiser));
  frames = gst_buffer_list_new_sized (job->count);
  for (i = 0; i < job->count; i++) {
    GstBuffer *frame = paint_frame (self, denoiser, i, &info, error);

    if (frame == NULL)
      return NULL;
    stamp_frame (self, frame);
    gst_buffer_list_add (frames, frame);
  }
  return g_steal_pointer (&frames);
}

/* --- the task: pushing ---------------------------------------------------- */

static void
push_begin (GstDdpmPreviewPad * self)
{
  GstPad *pad = GST_PAD (self);
  GstElement *element = gst_pad_get_parent_element (pad);
  g_autofree gchar *id = NULL;
  GstEvent *event;

  if (self->begun || element == NULL) {
    gst_clear_object (&element);
    return;
  }
  id = gst_pad_create_stream_id (pad, element, GST_PAD_NAME (pad));
  event = gst_event_new_stream_start (id);
  gst_event_set_group_id (event, gst_util_group_id_next ());
  gst_pad_push_event (pad, event);
  self->begun = TRUE;
  gst_object_unref (element);
}

static void
push_caps (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job)
{
  GstVideoInfo info = get_video_info (job);
  GstSegment segment;
  GstCaps *caps;

  if (gst_video_info_is_equal (&info, &self->info))
    return;

  caps = gst_video_info_to_caps (&info);
  gst_pad_push_event (GST_PAD (self), gst_event_new_caps (caps));
  gst_caps_unref (caps);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (GST_PAD (self), gst_event_new_segment (&segment));
  self->info = info;
}

static void
push_eos (GstDdpmPreviewPad * self)
{
  push_begin (self);
  gst_pad_push_event (GST_PAD (self), gst_event_new_eos ());
}

/* A preview that cannot be made costs a picture, not the training. */
static GstFlowReturn
make_preview (GstDdpmPreviewPad * self, const GstDdpmPreviewJob * job)
{
  GstElement *element = gst_pad_get_parent_element (GST_PAD (self));
  g_autoptr (GError) error = NULL;
  GstBufferList *frames = sample (self, job, &error);
  GstFlowReturn ret = GST_FLOW_OK;

  if (frames) {
    push_begin (self);
    push_caps (self, job);
    ret = gst_pad_push_list (GST_PAD (self), frames);
  } else if (error == NULL)
    ret = GST_FLOW_FLUSHING;
  else if (element)
    GST_ELEMENT_WARNING (element, LIBRARY, FAILED,
        ("No preview: %s", error->message), (NULL));

  if (element && (ret == GST_FLOW_NOT_NEGOTIATED || ret == GST_FLOW_ERROR)) {
    GST_ELEMENT_FLOW_ERROR (element, ret);
    push_eos (self);
  }
  gst_clear_object (&element);
  /* Who is not linked may be later. */
  return ret == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : ret;
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

/* --- for the streaming thread that trains --------------------------------- */

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

/* Nothing that a viewer asks for may reach the source of the training. */
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
  /* live: nothing comes before PLAYING */
  gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static GstIterator *
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
