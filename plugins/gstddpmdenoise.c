/* gst-ddpm: ddpmdenoise, from noise to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmdenoise
 * @title: ddpmdenoise
 *
 * Makes images of noise: takes states of a diffusion model, pure noise or one
 * that is on its way already, and goes the reverse steps from it. Downstream
 * gets the picture where it takes video, and the float state where it takes
 * other/tensors. Several in a row share the work: which state a tensor is, and
 * the seed of the noise that steps add, stand in its caps, and the number of
 * its first sample in the offset of each buffer.
 *
 * Of a buffer of N samples come N frames, or one mosaic of
 * #GstDdpmDenoise:columns; with #GstDdpmDenoise:emit=trajectory as many for each
 * state that is shown. Frames lie evenly at the framerate that downstream wants,
 * or else at that of the input: time behind the element is stretched, in seeks
 * and queries too. Where a sink shows them as they come and making one takes
 * longer than showing it, all that follows is shown later: no image is late,
 * and none is dropped.
 *
 * States without times, such as those of a file, are taken in pieces of any
 * size and shown from time 0. An end of stream waits for the samples before it,
 * but one that is sent into the middle of a sample ends it within one step.
 *
 * A message "ddpmdenoise-model" says what was loaded: location, architecture,
 * parameters, step, width, height, image-channels, channels, timesteps,
 * backend, precision, device, sampler and steps.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=16 ! ddpmdenoise ! videoconvert ! autovideosink
 * ]| Images of the built-in model.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=1 batch-size=64 ! ddpmdenoise columns=8 emit=trajectory ! videoconvert ! autovideosink
 * ]| How 64 of them come about.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=4 seed=7 ! ddpmdenoise model=ckpt.bin sampler=ddpm stop-timestep=500 ! queue ! ddpmdenoise model=ckpt.bin sampler=ddpm ! videoconvert ! pngenc ! multifilesink location=%d.png
 * ]| Two elements share the steps.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/base/gstadapter.h>
#include <gst/video/video.h>

#include "gstddpmdenoise.h"
#include "gstddpmdenoisecaps.h"
#include "gstddpmdenoisemodel.h"
#include "gstddpmdenoisesettings.h"
#include "gstddpmerror.h"
#include "gstddpmpicture.h"
#include "gstddpmrealtime.h"
#include "gstddpmtimeline.h"
#include "../gst-ddpm/ddpm-denoiser.h"

GST_DEBUG_CATEGORY_STATIC (gst_ddpm_denoise_debug);
#define GST_CAT_DEFAULT gst_ddpm_denoise_debug

/* What a frame that was late gets in hand when it is put off, for its way to
 * the sink; video sinks drop what is later than 20 ms. */
#define HEADWAY (20 * GST_MSECOND)

struct _GstDdpmDenoise
{
  GstBaseTransform parent;

  /* with the object lock; model is changed by start and stop only */
  GstDdpmDenoiseSettings settings;
  GstDdpmDenoiseModel *model;
  gboolean live;
  GstClockTime latency;         /* own, as last told */
  GstClockTime sink_latency;    /* of the whole pipeline */

  gint stop;                    /* atomic: GST_DDPM_STOP_EVENT came */

  /* of the streaming thread, from here on: of the caps */
  GstCaps *refused;             /* an error has been posted for */
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  DdpmDenoiser *denoiser;
  gfloat *x;                    /* (batch, height, width, channels) */
  gboolean is_video;
  GstVideoInfo video;
  gboolean synced;              /* a sink waits for the clock */

  /* of the stream */
  GstSegment in_segment;
  guint32 segment_seqnum;
  gboolean segment_changed;     /* and is to be sent again */
  GstDdpmTimeline timeline;
  GstAdapter *adapter;
  guint64 next_sample;
  GstClockTime smooth_cost;

  /* of the sample */
  GstBuffer *inbuf;
  gboolean sampling;
  guint64 first_sample;
  guint step, n_steps;
  guint frame, n_frames;        /* of the state in x; frame == n_frames: all out */
  GstClockTime cost;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_DDPM_TENSOR_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_DDPM_PICTURE_FORMATS) "; "
        GST_DDPM_TENSOR_CAPS));

#define gst_ddpm_denoise_parent_class parent_class
G_DEFINE_TYPE (GstDdpmDenoise, gst_ddpm_denoise, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (ddpmdenoise, "ddpmdenoise", GST_RANK_NONE,
    GST_TYPE_DDPM_DENOISE);

static void gst_ddpm_denoise_finalize (GObject * object);
static void gst_ddpm_denoise_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_ddpm_denoise_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static gboolean gst_ddpm_denoise_start (GstBaseTransform * trans);
static gboolean gst_ddpm_denoise_stop (GstBaseTransform * trans);
static GstCaps *gst_ddpm_denoise_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
static GstCaps *gst_ddpm_denoise_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * othercaps);
static gboolean gst_ddpm_denoise_accept_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps);
static gboolean gst_ddpm_denoise_set_caps (GstBaseTransform * trans,
    GstCaps * incaps, GstCaps * outcaps);
static gboolean gst_ddpm_denoise_transform_size (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize);
static gboolean gst_ddpm_denoise_sink_event (GstBaseTransform * trans,
    GstEvent * event);
static gboolean gst_ddpm_denoise_src_event (GstBaseTransform * trans,
    GstEvent * event);
static gboolean gst_ddpm_denoise_query (GstBaseTransform * trans,
    GstPadDirection direction, GstQuery * query);
static GstFlowReturn gst_ddpm_denoise_submit_input_buffer (GstBaseTransform *
    trans, gboolean is_discont, GstBuffer * inbuf);
static GstFlowReturn gst_ddpm_denoise_generate_output (GstBaseTransform *
    trans, GstBuffer ** outbuf);
static GstFlowReturn gst_ddpm_denoise_transform (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);

static void
gst_ddpm_denoise_class_init (GstDdpmDenoiseClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_ddpm_denoise_debug, "ddpmdenoise", 0,
      "ddpmdenoise element");

  object_class->finalize = gst_ddpm_denoise_finalize;
  object_class->set_property = gst_ddpm_denoise_set_property;
  object_class->get_property = gst_ddpm_denoise_get_property;
  gst_ddpm_denoise_settings_install (object_class);

  gst_element_class_set_static_metadata (element_class, "DDPM denoiser",
      "Filter/Converter/Video", "Makes images of noise", "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);

  base_class->start = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_stop);
  base_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_transform_caps);
  base_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_fixate_caps);
  base_class->accept_caps = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_accept_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_set_caps);
  base_class->transform_size =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_transform_size);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_sink_event);
  base_class->src_event = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_query);
  base_class->submit_input_buffer =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_submit_input_buffer);
  base_class->generate_output =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_generate_output);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_transform);
}

static void
gst_ddpm_denoise_init (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_ddpm_denoise_settings_init (&self->settings);
  gst_ddpm_timeline_init (&self->timeline);
  gst_segment_init (&self->in_segment, GST_FORMAT_UNDEFINED);
  self->adapter = gst_adapter_new ();

  /* A sample that was asked for is wanted, late or not. */
  gst_base_transform_set_qos_enabled (trans, FALSE);
  gst_base_transform_set_prefer_passthrough (trans, FALSE);
}

static void
gst_ddpm_denoise_finalize (GObject * object)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (object);

  gst_ddpm_denoise_settings_clear (&self->settings);
  g_object_unref (self->adapter);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_ddpm_denoise_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (object);

  GST_OBJECT_LOCK (self);
  if (!gst_ddpm_denoise_settings_set (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_ddpm_denoise_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (object);

  GST_OBJECT_LOCK (self);
  if (!gst_ddpm_denoise_settings_get (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

/* --- start and stop -------------------------------------------------------- */

static void
drop_sample (GstDdpmDenoise * self)
{
  self->sampling = FALSE;
  self->frame = self->n_frames = 0;
  gst_clear_buffer (&self->inbuf);
  gst_adapter_clear (self->adapter);
}

static void
reset_stream (GstDdpmDenoise * self)
{
  drop_sample (self);
  gst_segment_init (&self->in_segment, GST_FORMAT_UNDEFINED);
  self->segment_changed = FALSE;
  self->timeline.anchor = 0;
  self->timeline.count = 0;
  self->timeline.delay = 0;
  self->next_sample = 0;
  g_atomic_int_set (&self->stop, FALSE);
}

static gboolean
gst_ddpm_denoise_start (GstBaseTransform * trans)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstDdpmDenoiseSettings settings;
  GstDdpmDenoiseModel *model;
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  gst_ddpm_denoise_settings_copy (&settings, &self->settings);
  GST_OBJECT_UNLOCK (self);
  model = gst_ddpm_denoise_model_load (&settings, &error);
  gst_ddpm_denoise_settings_clear (&settings);
  if (model == NULL)
    goto failed;

  gst_ddpm_timeline_init (&self->timeline);
  reset_stream (self);
  self->smooth_cost = GST_CLOCK_TIME_NONE;
  GST_OBJECT_LOCK (self);
  self->model = model;
  self->live = FALSE;
  self->latency = self->sink_latency = 0;
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
          gst_ddpm_denoise_model_describe (model)));
  return TRUE;

failed:
  {
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
}

static void
free_denoiser (GstDdpmDenoise * self)
{
  g_clear_pointer (&self->denoiser, ddpm_denoiser_free);
  g_clear_pointer (&self->x, g_free);
}

static gboolean
gst_ddpm_denoise_stop (GstBaseTransform * trans)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstDdpmDenoiseModel *model;

  GST_OBJECT_LOCK (self);
  model = g_steal_pointer (&self->model);
  GST_OBJECT_UNLOCK (self);

  reset_stream (self);
  free_denoiser (self);
  gst_ddpm_denoise_model_free (model);
  gst_clear_caps (&self->refused);
  return TRUE;
}

/* --- negotiation ----------------------------------------------------------- */

static GstDdpmDenoiseLink
get_link (GstDdpmDenoise * self)
{
  GstDdpmDenoiseLink link = { 0, };
  const GstDdpmDenoiseSettings *s;

  GST_OBJECT_LOCK (self);
  s = self->model ? &self->model->settings : &self->settings;
  link.columns = s->columns;
  link.stop = s->stop_timestep;
  link.tensors = s->emit == GST_DDPM_DENOISE_EMIT_FINAL;
  if (self->model) {
    link.image_channels = self->model->model->config.image_channels;
    link.width = self->model->model->width;
    link.height = self->model->model->height;
  }
  GST_OBJECT_UNLOCK (self);
  return link;
}

static GstCaps *
gst_ddpm_denoise_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstDdpmDenoiseLink link = get_link (GST_DDPM_DENOISE (trans));
  GstCaps *result, *filtered;

  if (direction == GST_PAD_SINK)
    result = gst_ddpm_denoise_caps_to_src (&link, caps);
  else
    result = gst_ddpm_denoise_caps_to_sink (&link, caps);
  if (filter == NULL)
    return result;
  filtered = gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (result);
  return filtered;
}

static GstCaps *
gst_ddpm_denoise_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * othercaps)
{
  return gst_ddpm_denoise_caps_fixate (othercaps, caps);
}

/* Of states, whatever is one: what is wrong with it is then said in an error. */
static gboolean
gst_ddpm_denoise_accept_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps)
{
  GstCaps *template;
  gboolean accept;

  if (direction == GST_PAD_SRC)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->accept_caps (trans,
        direction, caps);
  template = gst_pad_get_pad_template_caps (trans->sinkpad);
  accept = gst_caps_can_intersect (caps, template);
  gst_caps_unref (template);
  return accept;
}

/* Posts error (transfer full), once for the same caps. */
static void
refuse_caps (GstDdpmDenoise * self, GstCaps * caps, GError * error)
{
  if (self->refused == NULL || !gst_caps_is_equal (self->refused, caps))
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("%s", error->message),
        ("%" GST_PTR_FORMAT, caps));
  gst_caps_replace (&self->refused, caps);
  g_error_free (error);
}

static gboolean
is_flushing (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  return GST_PAD_IS_FLUSHING (trans->sinkpad)
      || GST_PAD_IS_FLUSHING (trans->srcpad);
}

static gboolean
sink_caps_event (GstDdpmDenoise * self, GstEvent * event)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  g_autoptr (GstCaps) caps = NULL;
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  GError *error = NULL;
  gboolean ret;

  gst_event_parse_caps (event, &caps);
  gst_caps_ref (caps);
  if (!gst_ddpm_denoise_model_accept (self->model, caps, &info, &spec, &error))
    goto not_accepted;
  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
  if (ret)
    gst_clear_caps (&self->refused);
  else if (!is_flushing (self) && self->refused == NULL)
    refuse_caps (self, caps, g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
            "what follows takes nothing that can be made of states of "
            "dimensions=%u:%u:%u:%u", info.channels, info.width, info.height,
            info.batch));
  return ret;

not_accepted:
  {
    gst_event_unref (event);
    refuse_caps (self, caps, error);
    return FALSE;
  }
}

static gboolean
make_denoiser (GstDdpmDenoise * self, const GstDdpmTensorInfo * info,
    const DdpmSamplerSpec * spec, GError ** error)
{
  gboolean same = self->denoiser && self->info.batch == info->batch
      && self->info.width == info->width && self->info.height == info->height
      && self->spec.start == spec->start;

  self->info = *info;
  self->spec = *spec;
  if (same)
    return TRUE;
  free_denoiser (self);
  self->denoiser = ddpm_denoiser_new (self->model->model, self->model->backend,
      info->batch, info->width, info->height, spec, error);
  if (self->denoiser == NULL)
    return FALSE;
  self->n_steps = ddpm_denoiser_get_n_steps (self->denoiser);
  self->x = g_try_malloc (info->size);
  if (self->x == NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for states of %" G_GSIZE_FORMAT " bytes", info->size);
  return self->x != NULL;
}

static guint
get_interval (GstDdpmDenoise * self)
{
  const GstDdpmDenoiseSettings *s = &self->model->settings;

  return s->emit == GST_DDPM_DENOISE_EMIT_TRAJECTORY ?
      s->trajectory_interval : self->n_steps;
}

/* Frames that show one state */
static guint
get_n_frames (GstDdpmDenoise * self)
{
  return self->is_video ? gst_ddpm_picture_get_n_frames (&self->info,
      self->model->settings.columns) : 1;
}

static gboolean
set_rates (GstDdpmDenoise * self, const GstCaps * outcaps, GError ** error)
{
  const GstStructure *s = gst_caps_get_structure (outcaps, 0);
  GstDdpmTimeline *timeline = &self->timeline;
  guint64 num = timeline->num, den = timeline->den;
  guint n_states = (self->n_steps - 1) / get_interval (self) + 1;
  gint fps_n = 0, fps_d = 1;

  gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d);
  if (!gst_ddpm_timeline_configure (timeline, self->info.fps_n,
          self->info.fps_d, (guint64) get_n_frames (self) * n_states,
          self->info.size, fps_n, fps_d)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "got framerates of %d/%d and %d/%d, which are too large",
        self->info.fps_n, self->info.fps_d, fps_n, fps_d);
    return FALSE;
  }
  self->segment_changed = self->in_segment.format != GST_FORMAT_UNDEFINED
      && (num != timeline->num || den != timeline->den);
  return TRUE;
}

static gboolean
gst_ddpm_denoise_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  GError *error = NULL;

  drop_sample (self);
  self->is_video = gst_structure_has_name (gst_caps_get_structure (outcaps, 0),
      "video/x-raw");
  if (!gst_ddpm_denoise_model_accept (self->model, incaps, &info, &spec,
          &error))
    goto wrong_caps;
  if (self->is_video && !gst_video_info_from_caps (&self->video, outcaps))
    goto wrong_video;
  if (!make_denoiser (self, &info, &spec, &error))
    goto no_denoiser;
  if (!set_rates (self, outcaps, &error))
    goto wrong_caps;
  self->synced = gst_ddpm_realtime_has_sync_sink (trans->srcpad);
  GST_DEBUG_OBJECT (self, "states %u to %u in %u steps, %" G_GUINT64_FORMAT
      " frames a buffer, %ssynchronised", spec.start, spec.stop,
      self->n_steps, self->timeline.frames, self->synced ? "" : "not ");
  return TRUE;

wrong_video:
  {
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "what follows wants frames that cannot be made");
  }
wrong_caps:
  {
    refuse_caps (self, incaps, error);
    return FALSE;
  }
no_denoiser:
  {
    free_denoiser (self);
    gst_caps_replace (&self->refused, incaps);
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
}

static gboolean
gst_ddpm_denoise_transform_size (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize)
{
  GstDdpmTensorInfo info;
  GstVideoInfo video;

  if (gst_structure_has_name (gst_caps_get_structure (othercaps, 0),
          "video/x-raw")) {
    if (!gst_video_info_from_caps (&video, othercaps))
      return FALSE;
    *othersize = GST_VIDEO_INFO_SIZE (&video);
  } else {
    if (!gst_ddpm_tensor_info_from_caps (&info, othercaps, NULL))
      return FALSE;
    *othersize = info.size;
  }
  return TRUE;
}

/* --- events ---------------------------------------------------------------- */

/* The segment of the input, as it is behind the element */
static gboolean
send_segment (GstDdpmDenoise * self)
{
  GstSegment segment;
  GstEvent *event;

  self->segment_changed = FALSE;
  gst_ddpm_timeline_segment_to_output (&self->timeline, &self->in_segment,
      &segment);
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, self->segment_seqnum);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event
      (GST_BASE_TRANSFORM (self), event);
}

static gboolean
sink_segment_event (GstDdpmDenoise * self, GstEvent * event)
{
  gst_event_copy_segment (event, &self->in_segment);
  self->segment_seqnum = gst_event_get_seqnum (event);
  gst_event_unref (event);
  gst_ddpm_timeline_start_segment (&self->timeline, &self->in_segment);
  return send_segment (self);
}

static void
check_rest (GstDdpmDenoise * self)
{
  gsize rest = gst_adapter_available (self->adapter);

  if (rest > 0)
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("The stream ends in the middle of a state: %" G_GSIZE_FORMAT
            " bytes are left of it, a state of dimensions=%u:%u:%u:%u has %"
            G_GSIZE_FORMAT, rest, self->info.channels, self->info.width,
            self->info.height, self->info.batch, self->info.size), (NULL));
  gst_adapter_clear (self->adapter);
}

static gboolean
gst_ddpm_denoise_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      return sink_caps_event (self, event);
    case GST_EVENT_SEGMENT:
      return sink_segment_event (self, event);
    case GST_EVENT_FLUSH_STOP:
      reset_stream (self);
      break;
    case GST_EVENT_STREAM_START:
      g_atomic_int_set (&self->stop, FALSE);
      break;
    case GST_EVENT_EOS:
      check_rest (self);
      g_atomic_int_set (&self->stop, FALSE);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
      if (gst_event_has_name (event, GST_DDPM_STOP_EVENT))
        g_atomic_int_set (&self->stop, TRUE);
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static gint64
seek_to_input (GstDdpmDenoise * self, gint64 time)
{
  if (time < 0)
    return time == -1 ? -1 :
        -(gint64) gst_ddpm_timeline_to_input (&self->timeline, -time);
  return gst_ddpm_timeline_to_input (&self->timeline, time);
}

/* The seek (transfer full) in times before the element */
static GstEvent *
convert_seek (GstDdpmDenoise * self, GstEvent * event)
{
  GstEvent *converted;
  GstSeekType start_type, stop_type;
  GstSeekFlags flags;
  GstFormat format;
  gint64 start, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME)
    return event;
  converted = gst_event_new_seek (rate, format, flags, start_type,
      seek_to_input (self, start), stop_type, seek_to_input (self, stop));
  gst_event_set_seqnum (converted, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return converted;
}

static gboolean
gst_ddpm_denoise_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstClockTime latency;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      event = convert_seek (self, event);
      break;
    case GST_EVENT_LATENCY:
      gst_event_parse_latency (event, &latency);
      GST_OBJECT_LOCK (self);
      self->sink_latency = latency;
      GST_OBJECT_UNLOCK (self);
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (trans, event);
}

/* --- queries --------------------------------------------------------------- */

static gboolean
query_latency (GstDdpmDenoise * self, GstQuery * query)
{
  GstClockTime min, max;
  gboolean live;

  if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  self->live = live;
  if (live) {
    min += self->latency;
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += self->latency;
  }
  GST_OBJECT_UNLOCK (self);
  gst_query_set_latency (query, live, min, max);
  return TRUE;
}

static gint64
to_output (GstDdpmDenoise * self, gint64 time)
{
  return time < 0 ? time :
      (gint64) gst_ddpm_timeline_to_output (&self->timeline, time);
}

/* What upstream says in its times, in those behind the element */
static gboolean
query_times (GstDdpmDenoise * self, GstQuery * query)
{
  GstFormat format;
  gboolean seekable;
  gint64 start, stop;
  gdouble rate;

  if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    return FALSE;
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_duration (query, format, to_output (self, stop));
      break;
    case GST_QUERY_SEEKING:
      gst_query_parse_seeking (query, &format, &seekable, &start, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_seeking (query, format, seekable, to_output (self,
                start), to_output (self, stop));
      break;
    case GST_QUERY_SEGMENT:
      gst_query_parse_segment (query, &rate, &format, &start, &stop);
      if (format == GST_FORMAT_TIME)
        gst_query_set_segment (query, rate, format, to_output (self, start),
            to_output (self, stop));
      break;
    default:
      break;
  }
  return TRUE;
}

static gboolean
gst_ddpm_denoise_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  if (direction == GST_PAD_SRC) {
    switch (GST_QUERY_TYPE (query)) {
      case GST_QUERY_LATENCY:
        return query_latency (self, query);
      case GST_QUERY_DURATION:
      case GST_QUERY_SEEKING:
      case GST_QUERY_SEGMENT:
        return query_times (self, query);
      default:
        break;
    }
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction,
      query);
}

/* --- states in ------------------------------------------------------------- */

/* The index of a buffer's first sample. Sources of bytes count these. */
static guint64
get_first_sample (GstDdpmDenoise * self, GstBuffer * inbuf)
{
  guint64 offset = GST_BUFFER_OFFSET (inbuf);
  guint64 end = GST_BUFFER_OFFSET_END (inbuf);

  if (offset == GST_BUFFER_OFFSET_NONE)
    return self->next_sample;
  if (self->in_segment.format == GST_FORMAT_BYTES
      && end != GST_BUFFER_OFFSET_NONE
      && end - offset == gst_buffer_get_size (inbuf))
    return offset / (self->info.size / self->info.batch);
  return offset;
}

static GstFlowReturn
gst_ddpm_denoise_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * inbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  gsize size = gst_buffer_get_size (inbuf);
  GstFlowReturn ret;

  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
      is_discont, inbuf);
  if (ret != GST_FLOW_OK)
    return ret;
  inbuf = g_steal_pointer (&trans->queued_buf);

  /* A sample that is still here ended with a push that failed. */
  if (self->sampling)
    drop_sample (self);
  if (self->segment_changed)
    send_segment (self);
  if (size != self->info.size && self->in_segment.format != GST_FORMAT_BYTES)
    goto wrong_size;

  if (gst_adapter_available (self->adapter) == 0)
    self->next_sample = get_first_sample (self, inbuf);
  gst_ddpm_timeline_start_buffer (&self->timeline, GST_BUFFER_PTS (inbuf));
  gst_buffer_replace (&self->inbuf, inbuf);
  gst_adapter_push (self->adapter, inbuf);
  return GST_FLOW_OK;

wrong_size:
  {
    gst_buffer_unref (inbuf);
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("Got a buffer of %" G_GSIZE_FORMAT " bytes, states of "
            "dimensions=%u:%u:%u:%u have %" G_GSIZE_FORMAT, size,
            self->info.channels, self->info.width, self->info.height,
            self->info.batch, self->info.size), (NULL));
    return GST_FLOW_ERROR;
  }
}

/* FALSE: there is no whole state. */
static gboolean
begin_sample (GstDdpmDenoise * self)
{
  if (gst_adapter_available (self->adapter) < self->info.size)
    return FALSE;
  gst_adapter_copy (self->adapter, self->x, 0, self->info.size);
  gst_adapter_flush (self->adapter, self->info.size);
  self->first_sample = self->next_sample;
  self->next_sample += self->info.batch;
  ddpm_denoiser_begin (self->denoiser, self->x, self->info.seed,
      self->first_sample);
  self->sampling = TRUE;
  self->step = 0;
  self->cost = 0;
  return TRUE;
}

/* --- steps ----------------------------------------------------------------- */

/* An end of stream that did not wait for its turn, on either side */
static gboolean
is_stopped (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstPad *peer = gst_pad_get_peer (trans->sinkpad);
  gboolean stopped = g_atomic_int_get (&self->stop)
      || GST_PAD_IS_EOS (trans->srcpad) || (peer && GST_PAD_IS_EOS (peer));

  gst_clear_object (&peer);
  return stopped;
}

/* To the next state that is shown */
static GstFlowReturn
advance (GstDdpmDenoise * self)
{
  guint goal = MIN (self->step + get_interval (self), self->n_steps);
  gint64 begin = g_get_monotonic_time ();

  while (self->step < goal) {
    if (is_flushing (self))
      return GST_FLOW_FLUSHING;
    if (is_stopped (self))
      return GST_FLOW_EOS;
    ddpm_denoiser_step (self->denoiser);
    self->step++;
    GST_LOG_OBJECT (self, "state %u",
        ddpm_denoiser_get_state (self->denoiser));
  }
  ddpm_denoiser_read (self->denoiser, self->x);
  self->frame = 0;
  self->n_frames = get_n_frames (self);
  self->cost += (g_get_monotonic_time () - begin) * GST_USECOND;
  return GST_FLOW_OK;
}

/* Tells the pipeline, where it is live, that the time a sample takes has moved
 * by more than a tenth. */
static void
update_latency (GstDdpmDenoise * self)
{
  GstClockTime cost = self->cost;
  gboolean tell;

  if (GST_CLOCK_TIME_IS_VALID (self->smooth_cost))
    cost = (7 * self->smooth_cost + cost) / 8;
  self->smooth_cost = cost;

  GST_OBJECT_LOCK (self);
  tell = self->live
      && ABS (GST_CLOCK_DIFF (self->latency, cost)) > self->latency / 10;
  if (tell || !self->live)
    self->latency = cost;
  GST_OBJECT_UNLOCK (self);
  if (tell)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

/* --- frames out ------------------------------------------------------------ */

/* Puts off this frame and all that follow where a sink would find it late. */
static void
keep_up (GstDdpmDenoise * self, GstClockTime pts)
{
  GstClockTime due, now;

  if (!self->synced)
    return;
  now = gst_ddpm_realtime_get_running_time (GST_ELEMENT (self));
  due = gst_segment_to_running_time (&GST_BASE_TRANSFORM (self)->segment,
      GST_FORMAT_TIME, pts);
  if (!GST_CLOCK_TIME_IS_VALID (now) || !GST_CLOCK_TIME_IS_VALID (due))
    return;
  GST_OBJECT_LOCK (self);
  due += self->sink_latency;
  GST_OBJECT_UNLOCK (self);
  if (due >= now)
    return;

  GST_DEBUG_OBJECT (self, "late by %" GST_TIME_FORMAT,
      GST_TIME_ARGS (now - due));
  self->timeline.delay += now - due + HEADWAY;
  send_segment (self);
}

static void
stamp (GstDdpmDenoise * self, GstBuffer * buffer)
{
  GstClockTime pts, duration;
  gboolean single = self->is_video && self->n_frames > 1;

  gst_ddpm_timeline_next_frame (&self->timeline, &pts, &duration);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_BUFFER_OFFSET (buffer) = self->first_sample + (single ? self->frame : 0);
  GST_BUFFER_OFFSET_END (buffer) = GST_BUFFER_OFFSET (buffer)
      + (single ? 1 : self->info.batch);
  /* The base class marks the first frame after a discontinuity. */
  GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
}

/* The frame that is next of the state in x, into outbuf */
static GstFlowReturn
gst_ddpm_denoise_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstVideoFrame frame;

  if (self->is_video) {
    if (!gst_video_frame_map (&frame, &self->video, outbuf, GST_MAP_WRITE))
      goto no_memory;
    gst_ddpm_picture_paint (&frame, &self->info,
        self->model->model->config.data_range, self->model->settings.columns,
        self->frame, self->x);
    gst_video_frame_unmap (&frame);
  } else {
    if (gst_buffer_fill (outbuf, 0, self->x, self->info.size)
        != self->info.size)
      goto no_memory;
    gst_buffer_set_size (outbuf, self->info.size);
  }
  return GST_FLOW_OK;

no_memory:
  {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE,
        ("Got a buffer of %" G_GSIZE_FORMAT " bytes from what follows, which "
            "cannot take a frame", gst_buffer_get_size (outbuf)), (NULL));
    return GST_FLOW_ERROR;
  }
}

static GstFlowReturn
make_frame (GstDdpmDenoise * self, GstBuffer ** outbuf)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstFlowReturn ret;

  ret = GST_BASE_TRANSFORM_CLASS (parent_class)->prepare_output_buffer (trans,
      self->inbuf, outbuf);
  if (ret != GST_FLOW_OK)
    return ret;
  ret = gst_ddpm_denoise_transform (trans, self->inbuf, *outbuf);
  if (ret != GST_FLOW_OK) {
    gst_clear_buffer (outbuf);
    return ret;
  }
  stamp (self, *outbuf);
  self->frame++;
  keep_up (self, GST_BUFFER_PTS (*outbuf));
  return GST_FLOW_OK;
}

/* The next frame; none where that takes more input */
static GstFlowReturn
gst_ddpm_denoise_generate_output (GstBaseTransform * trans, GstBuffer ** outbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstFlowReturn ret = GST_FLOW_OK;

  while (self->frame == self->n_frames && ret == GST_FLOW_OK) {
    if (self->sampling && self->step == self->n_steps) {
      self->sampling = FALSE;
      update_latency (self);
    }
    if (!self->sampling && !begin_sample (self))
      return GST_FLOW_OK;
    ret = advance (self);
  }
  if (ret == GST_FLOW_OK)
    ret = make_frame (self, outbuf);
  if (ret != GST_FLOW_OK)
    drop_sample (self);
  return ret;
}
