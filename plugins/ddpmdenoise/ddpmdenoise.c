/* gst-ddpm: ddpmdenoise, from noise to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmdenoise
 * @title: ddpmdenoise
 *
 * Generates images from noise with a diffusion model. The input is a state: pure
 * noise, or an intermediate state of sampling. The element makes the sampling
 * steps from there. It outputs video if downstream accepts video, or the state
 * if downstream accepts other/tensors. An element that accepts both, such as
 * filesink, gets video, or the state if #GstDdpmDenoise:stop-timestep is set.
 * Several ddpmdenoise in a row can share the steps: the caps of a state contain
 * its timestep and the seed of the noise that the steps add, and the offset of
 * each buffer is the index of its first sample.
 *
 * A buffer of N samples becomes N frames, or one mosaic with
 * #GstDdpmDenoise:columns. With #GstDdpmDenoise:emit=trajectory, each state on
 * the way is output in the same way. The frames are evenly spaced at the
 * framerate that downstream wants, by default that of the input. So output times
 * are input times multiplied by a constant; seeks and queries are converted too.
 * Played backwards, each time shows the same frame as forwards; all frames of a
 * buffer are generated before the last of them is output.
 * If a sink renders frames in real time and generating a frame takes longer, the
 * element delays all later frames: no frame is late, and none is dropped. Other
 * branches of a tee get the delayed frames too, and a file would record the
 * delays. With sync=false, the sink that shows the frames does so as they come,
 * and the file gets them evenly spaced.
 * In a live pipeline, such as that of a camera, the delay would grow without end.
 * There the element tells the time of a buffer as its latency, and drops input
 * before computing it once the next one is due, or if the sink's QoS events say
 * that it would be late. Each drop is a QoS message. Whatever happens, one frame a
 * second is shown. A queue of one buffer after the camera keeps its own thread
 * going. Dropping needs buffers with a duration.
 *
 * A class-conditional model generates all classes in turn, or those of
 * #GstDdpmDenoise:label. #GstDdpmDenoise:guidance sets how strongly the label
 * determines the image.
 *
 * States without times, such as those of a file, may come in buffers of any
 * size, and are output from time 0. EOS from upstream is forwarded after all
 * samples before it. EOS that the application sends to the pipeline in the middle
 * of a batch ends it within one step.
 *
 * If the backend computes on a GPU, states and pictures can stay there: the
 * element prefers memory:CUDAMemory on its sink pad, and outputs it if
 * downstream lists it before system memory. The CUDA context is shared with
 * other elements and the application, as GstCuda does. Pictures in GPU memory
 * need GstCuda's library (libgstcuda).
 *
 * When the model is loaded, the element posts the message "ddpmdenoise-model"
 * with the fields location, architecture, parameters, step, width, height,
 * image-channels, channels, timesteps, classes, class-names (a string such as
 * "cat,dog", if known), backend, precision, device, sampler and steps. If neither
 * the file nor a property says how the model was trained, an info message tells
 * what is assumed. Settings that have no effect, or that cannot give good
 * images, cause a warning at each start, as does a size that is far from that of
 * the training images. While loading or planning take longer than two seconds, a
 * progress message of the code "ddpm-task" says so each second.
 *
 * In PLAYING, model, label, label-position, guidance, eta and steps can be set. A
 * model of another size has upstream asked for states of that size. A
 * #GstControlSource can drive what are numbers, by the stream time of the
 * input. A value holds from the next buffer that begins to be computed; one that
 * cannot be used is refused with a warning.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=16 ! ddpmdenoise ! videoconvert ! autovideosink
 * ]| Show images of the built-in model.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=1 batch-size=64 ! ddpmdenoise columns=8 emit=trajectory ! videoconvert ! autovideosink
 * ]| Show how 64 images emerge from noise.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=4 seed=7 ! ddpmdenoise model=ckpt.bin sampler=ddpm stop-timestep=500 ! queue ! ddpmdenoise model=ckpt.bin sampler=ddpm ! videoconvert ! pngenc ! multifilesink location=%d.png
 * ]| Share the steps between two elements, each in its own thread.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=16 ! ddpmdenoise model=labelled.bin label=ship,horse guidance=3 ! videoconvert ! autovideosink
 * ]| Generate ships and horses with a class-conditional model.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=16 ! ddpmdenoise ! videoconvert ! tee name=t t. ! queue ! autovideosink sync=false t. ! queue ! jpegenc ! avimux ! filesink location=images.avi
 * ]| Show images while they are written to a file, evenly spaced.
 *
 * Since: 0.1
 */
#include "plugins/ddpmdenoise/private.h"
#include "plugins/ddpmdenoise/caps.h"
#include "plugins/ddpmdenoise/warnings.h"
#include "plugins/common/error.h"
#include "plugins/common/ticker.h"

GST_DEBUG_CATEGORY (gst_ddpm_denoise_debug);
#define GST_CAT_DEFAULT gst_ddpm_denoise_debug

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_DDPM_DENOISE_SINK_CAPS "; "
        GST_DDPM_DENOISE_SINK_CUDA_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_DDPM_PICTURE_FORMATS) "; "
        GST_DDPM_TENSOR_CAPS "; "
        GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_DDPM_CUDA_FEATURE,
            GST_DDPM_DENOISE_CUDA_FORMATS) "; " GST_DDPM_TENSOR_CUDA_CAPS));

#define gst_ddpm_denoise_parent_class parent_class
G_DEFINE_TYPE (GstDdpmDenoise, gst_ddpm_denoise, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (ddpmdenoise, "ddpmdenoise", GST_RANK_NONE,
    GST_TYPE_DDPM_DENOISE);

static void gst_ddpm_denoise_finalize (GObject * object);
static gboolean gst_ddpm_denoise_send_event (GstElement * element,
    GstEvent * event);
static void gst_ddpm_denoise_set_context (GstElement * element,
    GstContext * context);
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

static void
gst_ddpm_denoise_class_init (GstDdpmDenoiseClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_ddpm_denoise_debug, "ddpmdenoise", 0,
      "ddpmdenoise element");

  object_class->finalize = gst_ddpm_denoise_finalize;
  gst_ddpm_properties_install (object_class, &gst_ddpm_denoise_properties);

  element_class->send_event = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_send_event);
  element_class->set_context = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_set_context);
  gst_element_class_set_static_metadata (element_class, "DDPM denoiser",
      "Filter/Converter/Video",
      "Generates images from noise with a diffusion model", "gst-ddpm");
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
  base_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_decide_allocation);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_sink_event);
  base_class->src_event = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_query);
  base_class->submit_input_buffer =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_submit_input_buffer);
  base_class->generate_output =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_generate_output);
  base_class->transform_meta =
      GST_DEBUG_FUNCPTR (gst_ddpm_denoise_transform_meta);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_ddpm_denoise_transform);
}

static void
gst_ddpm_denoise_init (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_ddpm_denoise_properties.init (&self->settings);
  gst_ddpm_timeline_init (&self->timeline);
  gst_segment_init (&self->in_segment, GST_FORMAT_UNDEFINED);
  self->adapter = gst_adapter_new ();
  gst_ddpm_cuda_init (&self->cuda, GST_ELEMENT (self), &self->settings.compute);

  /* qos.c drops input before it is denoised, and only in live pipelines. */
  gst_base_transform_set_qos_enabled (trans, FALSE);
  gst_base_transform_set_prefer_passthrough (trans, FALSE);
}

static void
gst_ddpm_denoise_finalize (GObject * object)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (object);

  gst_ddpm_denoise_settings_clear (&self->settings);
  gst_ddpm_denoise_settings_clear (&self->tried);
  g_object_unref (self->adapter);
  gst_ddpm_cuda_clear (&self->cuda);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* EOS from the application waits for the current batch, which therefore has to
 * end early. */
static gboolean
gst_ddpm_denoise_send_event (GstElement * element, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    g_atomic_int_set (&GST_DDPM_DENOISE (element)->stop, TRUE);
  return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
}

static void
gst_ddpm_denoise_set_context (GstElement * element, GstContext * context)
{
  gst_ddpm_cuda_set_context (&GST_DDPM_DENOISE (element)->cuda, context);
  GST_ELEMENT_CLASS (parent_class)->set_context (element, context);
}

/* --- start and stop ------------------------------------------------------- */

void
gst_ddpm_denoise_drop_batch (GstDdpmDenoise * self)
{
  self->sampling = FALSE;
  self->frame = self->n_frames = 0;
  gst_clear_buffer (&self->inbuf);
  g_queue_clear_full (&self->held, (GDestroyNotify) gst_buffer_unref);
  gst_adapter_clear (self->adapter);
}

void
gst_ddpm_denoise_reset_stream (GstDdpmDenoise * self)
{
  gst_ddpm_denoise_drop_batch (self);
  gst_segment_init (&self->in_segment, GST_FORMAT_UNDEFINED);
  self->segment_changed = FALSE;
  self->timeline.anchor = 0;
  self->timeline.count = 0;
  self->timeline.reverse = FALSE;
  self->timeline.delay = 0;
  self->delay_latency = 0;
  gst_ddpm_denoise_qos_reset (self);
  self->next_sample = 0;
  g_atomic_int_set (&self->stop, FALSE);
}

static gboolean
gst_ddpm_denoise_start (GstBaseTransform * trans)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstDdpmDenoiseSession *session;
  GError *error = NULL;

  session = gst_ddpm_denoise_session_new (&self->cuda, &error);
  if (session == NULL)
    goto failed;

  gst_ddpm_denoise_settings_clear (&self->tried);
  gst_ddpm_element_copy_settings (GST_ELEMENT (self), &self->tried, NULL);
  gst_ddpm_timeline_init (&self->timeline);
  gst_ddpm_denoise_reset_stream (self);
  self->smooth_cost = GST_CLOCK_TIME_NONE;
  self->has_told_delay = FALSE;
  self->has_warned_of_known = FALSE;
  GST_OBJECT_LOCK (self);
  self->session = session;
  self->live = FALSE;
  self->latency = self->sink_latency = self->upstream_latency = 0;
  GST_OBJECT_UNLOCK (self);
  gst_ddpm_denoise_session_tell (session, GST_ELEMENT (self));
  return TRUE;

failed:
  gst_ddpm_cuda_release (&self->cuda);
  gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  return FALSE;
}

static void
free_denoiser (GstDdpmDenoise * self)
{
  g_clear_pointer (&self->denoiser, ddpm_denoiser_free);
  g_clear_pointer (&self->labels, g_free);
  g_clear_pointer (&self->others, g_free);
  g_clear_pointer (&self->weights, g_free);
}

static gboolean
gst_ddpm_denoise_stop (GstBaseTransform * trans)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstDdpmDenoiseSession *session;

  GST_OBJECT_LOCK (self);
  session = g_steal_pointer (&self->session);
  GST_OBJECT_UNLOCK (self);

  gst_ddpm_denoise_reset_stream (self);
  free_denoiser (self);
  memset (&self->info, 0, sizeof (self->info));
  gst_ddpm_denoise_session_free (session);
  gst_ddpm_cuda_release (&self->cuda);
  gst_clear_caps (&self->refused);
  return TRUE;
}

/* --- negotiation ---------------------------------------------------------- */

/* Describes what the element can convert. Before the backend exists, assumes that
 * it can do everything. */
static GstDdpmDenoiseLink
get_link (GstDdpmDenoise * self)
{
  GstDdpmDenoiseLink link = { 0, };
  const GstDdpmDenoiseSettings *s;

  GST_OBJECT_LOCK (self);
  s = self->session ? &self->session->settings : &self->settings;
  link.columns = s->columns;
  link.stop = s->stop_timestep;
  link.tensors = s->emit == GST_DDPM_DENOISE_EMIT_FINAL;
  link.cuda_tensors = link.cuda_video =
      gst_ddpm_cuda_is_possible (&s->compute,
      self->session ? self->session->backend : NULL);
  if (self->session) {
    link.cuda_video =
        gst_ddpm_cuda_has_video (&self->cuda, self->session->backend);
    link.image_channels = self->session->model->config.image_channels;
    link.width = self->session->model->width;
    link.height = self->session->model->height;
  }
  GST_OBJECT_UNLOCK (self);
  return link;
}

static GstCaps *
gst_ddpm_denoise_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstDdpmDenoiseLink link = get_link (GST_DDPM_DENOISE (trans));

  return gst_ddpm_caps_filter (direction == GST_PAD_SINK ?
      gst_ddpm_denoise_caps_to_src (&link, caps) :
      gst_ddpm_denoise_caps_to_sink (&link, caps), filter);
}

static GstCaps *
gst_ddpm_denoise_fixate_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * othercaps)
{
  if (direction == GST_PAD_SINK)
    othercaps = gst_ddpm_caps_choose_memory (trans->srcpad, othercaps);
  return gst_ddpm_denoise_caps_fixate (othercaps, caps);
}

/* Accepts all states. An error then says why some cannot be used. */
static gboolean
gst_ddpm_denoise_accept_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps)
{
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (trans->sinkpad);

  if (direction == GST_PAD_SRC)
    return GST_DDPM_DENOISE_BASE_CLASS->accept_caps (trans, direction, caps);
  return gst_caps_can_intersect (caps, template);
}

gboolean
gst_ddpm_denoise_is_flushing (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  return GST_PAD_IS_FLUSHING (trans->sinkpad)
      || GST_PAD_IS_FLUSHING (trans->srcpad);
}

/* Returns: (transfer full) */
static GError *
new_downstream_error (GstDdpmDenoise * self)
{
  g_autoptr (GstCaps) caps =
      gst_pad_peer_query_caps (GST_BASE_TRANSFORM_SRC_PAD (self), NULL);
  g_autofree gchar *accepted = gst_caps_to_string (caps);
  g_autofree gchar *dimensions = gst_ddpm_tensor_get_dimensions (&self->info);

  return g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Downstream accepts none of the formats that states of dimensions=%s can "
      "be converted to: it accepts %s", dimensions, accepted);
}

gboolean
gst_ddpm_denoise_caps_event (GstDdpmDenoise * self, GstEvent * event)
{
  g_autoptr (GstCaps) caps = NULL;
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;
  GError *error = NULL;
  gboolean ret, other_shape;

  gst_event_parse_caps (event, &caps);
  gst_caps_ref (caps);
  if (!gst_ddpm_denoise_session_accept (self->session, caps, &info, &spec,
          &error))
    goto not_accepted;
  gst_ddpm_denoise_drop_batch (self);
  other_shape = self->info.batch != info.batch
      || self->info.width != info.width || self->info.height != info.height;
  if (other_shape)
    gst_ddpm_denoise_warn_of_states (GST_ELEMENT (self), self->session, &info);
  if (other_shape)
    free_denoiser (self);
  self->spec_changed |= self->spec.start != spec.start
      || self->spec.resample != spec.resample;
  self->info = info;
  self->spec = spec;
  ret = GST_DDPM_DENOISE_BASE_CLASS->sink_event (GST_BASE_TRANSFORM (self),
      event);
  if (ret)
    gst_clear_caps (&self->refused);
  else if (!gst_ddpm_denoise_is_flushing (self) && self->refused == NULL)
    gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, caps,
        new_downstream_error (self));
  return ret;

not_accepted:
  gst_event_unref (event);
  gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, caps,
      error);
  return FALSE;
}

/* The denoiser is kept while the shape stays the same. */
static gboolean
make_denoiser (GstDdpmDenoise * self, GError ** error)
{
  g_autoptr (GstDdpmTicker) ticker = NULL;

  if (self->denoiser && self->spec_changed) {
    if (!ddpm_denoiser_set_spec (self->denoiser, &self->spec, error))
      return FALSE;
    self->n_steps = ddpm_denoiser_get_n_steps (self->denoiser);
  }
  self->spec_changed = FALSE;
  if (self->denoiser)
    return TRUE;
  ticker = gst_ddpm_ticker_new (GST_ELEMENT (self), "preparing", "the network");
  self->denoiser = ddpm_denoiser_new (self->session->model,
      self->session->backend, self->info.batch, self->info.width,
      self->info.height, &self->spec, error);
  if (self->denoiser == NULL)
    return FALSE;
  self->n_steps = ddpm_denoiser_get_n_steps (self->denoiser);
  self->labels = g_new (gint, self->info.batch);
  self->others = g_new (gint, self->info.batch);
  self->weights = g_new (gfloat, self->info.batch);
  return TRUE;
}

static gboolean
set_rates (GstDdpmDenoise * self, const GstCaps * outcaps, GError ** error)
{
  const GstStructure *s = gst_caps_get_structure (outcaps, 0);
  const GstDdpmDenoiseSettings *settings = &self->session->settings;
  GstDdpmTimeline timeline = self->timeline;
  gint fps_n = 0, fps_d = 1;
  guint64 n_states;

  self->interval = settings->emit == GST_DDPM_DENOISE_EMIT_TRAJECTORY ?
      settings->trajectory_interval : self->n_steps;
  self->frames_per_state =
      self->is_video && settings->columns == 0 ? self->info.batch : 1;
  n_states = (self->n_steps - 1) / self->interval + 1;
  gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d);
  if (!gst_ddpm_timeline_configure (&timeline, self->info.fps_n,
          self->info.fps_d, self->frames_per_state * n_states,
          self->info.size, fps_n, fps_d)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "Cannot convert the framerate from %d/%d to %d/%d, with %"
        G_GUINT64_FORMAT " frames per buffer: their ratio is too large",
        self->info.fps_n, self->info.fps_d, fps_n, fps_d,
        self->frames_per_state * n_states);
    return FALSE;
  }
  self->segment_changed = self->in_segment.format != GST_FORMAT_UNDEFINED
      && (timeline.num != self->timeline.num
      || timeline.den != self->timeline.den);
  GST_OBJECT_LOCK (self);
  self->timeline = timeline;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_ddpm_denoise_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GError *error = NULL;

  gst_ddpm_denoise_drop_batch (self);
  self->is_video = gst_structure_has_name (gst_caps_get_structure (outcaps, 0),
      "video/x-raw");
  self->to_cuda = gst_ddpm_caps_are_of_cuda (outcaps, 0);
  if (self->is_video && !gst_video_info_from_caps (&self->video, outcaps))
    error = new_downstream_error (self);
  if (error || !make_denoiser (self, &error)
      || !set_rates (self, outcaps, &error))
    goto refuse;
  self->synced = gst_ddpm_timeline_leads_to_sink (trans->srcpad, TRUE);
  GST_DEBUG_OBJECT (self, "timesteps %u to %u in %u steps, %" G_GUINT64_FORMAT
      " frames per buffer, %ssynchronized", self->spec.start, self->spec.stop,
      self->n_steps, self->timeline.frames, self->synced ? "" : "not ");
  return TRUE;

refuse:
  gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, incaps,
      error);
  return FALSE;
}

static gboolean
gst_ddpm_denoise_transform_size (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize)
{
  return gst_ddpm_caps_get_size (othercaps, othersize);
}
