/* gst-ddpm: ddpmdiffuse, from video to noisy states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmdiffuse
 * @title: ddpmdiffuse
 *
 * Adds noise to the frames of a video, so that ddpmdenoise can remove it again:
 * the new images keep the composition of the frames, and have the details that
 * the model has learnt (Meng et al. 2022, "SDEdit"). The more noise
 * #GstDdpmDiffuse:timestep adds, the freer the model is.
 *
 * A frame becomes a state of one sample, with the times of the frame. The
 * schedule and the range of numbers are those of #GstDdpmDiffuse:model, which
 * should be the model of ddpmdenoise. The element asks upstream for the format
 * and the size of the model's images, and takes other sizes where upstream has
 * no other. The caps of the states contain their timestep and the seed.
 *
 * Each state has the index of a sample, which determines its noise, and also
 * the noise and the label that ddpmdenoise gives it. With noise=fixed, every
 * frame is sample 0. With noise=per-frame, the index is the number of the frame
 * in the stream: that of its stream time, if it has one and the caps have a
 * framerate, otherwise its offset, otherwise a count. With noise=keyframes it is
 * the same, and the noise flows from one keyframe to the next, as with
 * #GstDdpmNoise:keyframe-interval.
 *
 * For a model of three channels, RGBA asks for inpainting (Lugmayr et al. 2022,
 * "RePaint"): the part of a frame whose alpha is 128 or more is known and stays
 * as it is, and ddpmdenoise generates the rest, from pure noise by default. What
 * has less alpha is blended with what was there. See #GstDdpmDenoise:resample.
 * The known part goes with the states in a meta, and the caps say known=true.
 *
 * A model that was distilled to few steps has only learnt the timesteps where
 * these begin. The nearest of them is taken, and an info message tells it.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! videoscale method=lanczos ! ddpmdiffuse timestep=400 ! ddpmdenoise label=cat ! videoconvert ! autovideosink
 * ]| Redraw what a camera sees as cats.
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin ! videoconvert ! videoscale method=lanczos ! ddpmdiffuse model=ckpt.bin timestep=300 seed=7 ! ddpmdenoise model=ckpt.bin ! videoconvert ! jpegenc ! avimux ! filesink location=new.avi
 * ]| Redraw a film with a model of yours.
 * |[
 * gst-launch-1.0 filesrc location=hole.png ! pngdec ! videoconvert ! videoscale method=lanczos ! ddpmdiffuse model=ckpt.bin ! ddpmdenoise model=ckpt.bin resample=10 ! videoconvert ! pngenc ! filesink location=filled.png
 * ]| Fill the transparent part of a picture.
 *
 * Since: 0.2
 */
#include "plugins/ddpmdiffuse/private.h"
#include "plugins/common/error.h"
#include "plugins/common/image-caps.h"
#include "plugins/common/known.h"
#include "plugins/common/picture.h"
#include "plugins/common/trained.h"
#include "plugins/ddpmdiffuse/caps.h"

GST_DEBUG_CATEGORY_STATIC (gst_ddpm_diffuse_debug);
#define GST_CAT_DEFAULT gst_ddpm_diffuse_debug

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_DDPM_DIFFUSE_SINK_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_DDPM_TENSOR_CAPS));

#define gst_ddpm_diffuse_parent_class parent_class
G_DEFINE_TYPE (GstDdpmDiffuse, gst_ddpm_diffuse, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (ddpmdiffuse, "ddpmdiffuse", GST_RANK_NONE,
    GST_TYPE_DDPM_DIFFUSE);

static void gst_ddpm_diffuse_finalize (GObject * object);
static gboolean gst_ddpm_diffuse_start (GstBaseTransform * trans);
static gboolean gst_ddpm_diffuse_stop (GstBaseTransform * trans);
static GstCaps *gst_ddpm_diffuse_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
static gboolean gst_ddpm_diffuse_query (GstBaseTransform * trans,
    GstPadDirection direction, GstQuery * query);
static gboolean gst_ddpm_diffuse_accept_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps);
static gboolean gst_ddpm_diffuse_set_caps (GstBaseTransform * trans,
    GstCaps * incaps, GstCaps * outcaps);
static gboolean gst_ddpm_diffuse_transform_size (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize);
static gboolean gst_ddpm_diffuse_sink_event (GstBaseTransform * trans,
    GstEvent * event);
static GstFlowReturn gst_ddpm_diffuse_submit_input_buffer (GstBaseTransform *
    trans, gboolean is_discont, GstBuffer * inbuf);
static GstFlowReturn gst_ddpm_diffuse_transform (GstBaseTransform * trans,
    GstBuffer * inbuf, GstBuffer * outbuf);

static void
gst_ddpm_diffuse_class_init (GstDdpmDiffuseClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_ddpm_diffuse_debug, "ddpmdiffuse", 0,
      "ddpmdiffuse element");

  object_class->finalize = gst_ddpm_diffuse_finalize;
  gst_ddpm_properties_install (object_class, &gst_ddpm_diffuse_properties);

  gst_element_class_set_static_metadata (element_class, "DDPM diffuser",
      "Filter/Converter/Video",
      "Adds noise to video, from which ddpmdenoise makes new images",
      "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);

  base_class->start = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_stop);
  base_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_transform_caps);
  base_class->accept_caps = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_accept_caps);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_query);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_set_caps);
  base_class->transform_size =
      GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_transform_size);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_sink_event);
  base_class->submit_input_buffer =
      GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_submit_input_buffer);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_ddpm_diffuse_transform);
}

static void
gst_ddpm_diffuse_init (GstDdpmDiffuse * self)
{
  gst_ddpm_diffuse_properties.init (&self->settings);
}

static void
gst_ddpm_diffuse_finalize (GObject * object)
{
  gst_ddpm_settings_clear (&gst_ddpm_diffuse_properties,
      &GST_DDPM_DIFFUSE (object)->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* --- start and stop ------------------------------------------------------- */

static gboolean
check_timestep (const DdpmModel * model, gint timestep, GError ** error)
{
  if (timestep <= (gint) model->config.timesteps)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "timestep=%d is beyond pure noise: %s has the states 0 to %u", timestep,
      model->location, model->config.timesteps);
  return FALSE;
}

/* The work is little, and one thread leaves the others to the network. */
static gboolean
gst_ddpm_diffuse_start (GstBaseTransform * trans)
{
  GstDdpmDiffuse *self = GST_DDPM_DIFFUSE (trans);
  g_autoptr (DdpmModel) model = NULL;
  DdpmBackend *backend;
  GstDdpmDiffuseSettings s;
  GError *error = NULL;

  if (!gst_ddpm_element_copy_settings (GST_ELEMENT (self), &s, &error))
    goto failed;
  model = gst_ddpm_element_load_model (GST_ELEMENT (self), s.model, &s.trained,
      &error);
  if (model == NULL || !check_timestep (model, s.timestep, &error))
    goto failed;
  backend = ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 1, &error);
  if (backend == NULL)
    goto failed;

  GST_OBJECT_LOCK (self);
  self->running = s;
  self->model = g_steal_pointer (&model);
  self->backend = backend;
  GST_OBJECT_UNLOCK (self);
  self->n_frames = 0;
  self->has_told_timestep = FALSE;
  self->has_told_opaque = FALSE;
  return TRUE;

failed:
  gst_ddpm_settings_clear (&gst_ddpm_diffuse_properties, &s);
  gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  return FALSE;
}

static void
free_diffuser (GstDdpmDiffuse * self)
{
  g_clear_pointer (&self->diffuser, ddpm_diffuser_free);
  g_clear_pointer (&self->pixels, g_free);
  g_clear_pointer (&self->alpha, g_free);
}

static gboolean
gst_ddpm_diffuse_stop (GstBaseTransform * trans)
{
  GstDdpmDiffuse *self = GST_DDPM_DIFFUSE (trans);
  DdpmModel *model;

  free_diffuser (self);
  gst_clear_caps (&self->refused);
  GST_OBJECT_LOCK (self);
  model = g_steal_pointer (&self->model);
  gst_ddpm_settings_clear (&gst_ddpm_diffuse_properties, &self->running);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->backend, ddpm_backend_unref);
  ddpm_model_unref (model);
  return TRUE;
}

/* --- negotiation ---------------------------------------------------------- */

static guint
choose_timestep (const DdpmConfig * config, gint timestep, gboolean known)
{
  if (timestep < 0)
    timestep = known ? config->timesteps : MAX (2 * config->timesteps / 5, 1);
  return ddpm_diffuser_choose_state (config, timestep);
}

/* Describes what the element can convert. */
static GstDdpmDiffuseLink
get_link (GstDdpmDiffuse * self)
{
  GstDdpmDiffuseLink link = { 0, };

  GST_OBJECT_LOCK (self);
  if (self->model) {
    link.image_channels = self->model->config.image_channels;
    link.width = self->model->width;
    link.height = self->model->height;
    link.seed = self->running.seed;
    if (self->running.noise == GST_DDPM_DIFFUSE_NOISE_KEYFRAMES)
      link.keyframe_interval = self->running.keyframe_interval;
    link.timestep =
        choose_timestep (&self->model->config, self->running.timestep, FALSE);
    link.known_timestep =
        choose_timestep (&self->model->config, self->running.timestep, TRUE);
  }
  GST_OBJECT_UNLOCK (self);
  return link;
}

static GstCaps *
gst_ddpm_diffuse_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstDdpmDiffuseLink link = get_link (GST_DDPM_DIFFUSE (trans));

  return gst_ddpm_caps_filter (direction == GST_PAD_SINK ?
      gst_ddpm_diffuse_caps_to_src (&link, caps) :
      gst_ddpm_diffuse_caps_to_sink (&link, caps), filter);
}

/* Accepts all frames. An error then says why some cannot be used. */
static gboolean
gst_ddpm_diffuse_accept_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps)
{
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (trans->sinkpad);

  if (direction == GST_PAD_SRC)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->accept_caps (trans,
        direction, caps);
  return gst_caps_can_intersect (caps, template);
}

/* Asks upstream for images of the model's size. If there are none that
 * downstream could get, upstream may send what it has: the error about that says
 * more than one about empty caps. */
static gboolean
gst_ddpm_diffuse_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstDdpmDiffuseLink link = get_link (GST_DDPM_DIFFUSE (trans));
  GstCaps *filter, *caps;

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction, query))
    return FALSE;
  if (direction != GST_PAD_SINK || GST_QUERY_TYPE (query) != GST_QUERY_CAPS)
    return TRUE;
  gst_query_parse_caps (query, &filter);
  gst_query_parse_caps_result (query, &caps);
  caps = caps && !gst_caps_is_empty (caps) ? gst_caps_ref (caps) :
      gst_ddpm_caps_filter (gst_pad_get_pad_template_caps (trans->sinkpad),
      filter);
  caps = gst_ddpm_image_caps_choose (caps, filter, NULL, link.width,
      link.height);
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
  return TRUE;
}

/* Why frames of caps cannot become states that downstream accepts. Returns:
 * (transfer full) */
static GError *
new_caps_error (GstDdpmDiffuse * self, GstCaps * caps)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstDdpmDiffuseLink link = get_link (self);
  g_autoptr (GstCaps) states = gst_ddpm_diffuse_caps_to_src (&link, caps);
  g_autoptr (GstCaps) accepted = gst_pad_peer_query_caps (trans->srcpad, NULL);
  g_autofree gchar *states_text = NULL;
  g_autofree gchar *accepted_text = gst_caps_to_string (accepted);

  if (gst_caps_is_empty (states))
    return g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "Cannot diffuse frames of another format than that of %s, whose images "
        "have %u channels", self->model->location, link.image_channels);
  states = gst_caps_fixate (states);
  states_text = gst_caps_to_string (states);
  return g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Downstream does not accept the states of the frames: they are %s, but it "
      "accepts %s", states_text, accepted_text);
}

static gboolean
is_flushing (GstDdpmDiffuse * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  return GST_PAD_IS_FLUSHING (trans->sinkpad)
      || GST_PAD_IS_FLUSHING (trans->srcpad);
}

/* event: (transfer full) */
static gboolean
caps_event (GstDdpmDiffuse * self, GstEvent * event)
{
  g_autoptr (GstCaps) caps = NULL;
  gboolean ok;

  gst_event_parse_caps (event, &caps);
  gst_caps_ref (caps);
  ok = GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event
      (GST_BASE_TRANSFORM (self), event);
  if (ok)
    gst_clear_caps (&self->refused);
  else if (self->refused == NULL && !is_flushing (self))
    gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, caps,
        new_caps_error (self, caps));
  return ok;
}

static void
tell_timestep (GstDdpmDiffuse * self)
{
  const gint wanted = self->running.timestep, taken = self->info.timestep;
  g_autofree gchar *text = NULL;

  if (wanted < 0 || wanted == taken || self->has_told_timestep)
    return;
  text = g_strdup_printf ("timestep=%d becomes %d: %s was distilled to %u "
      "steps, and this is where the nearest of them begins", wanted, taken,
      self->model->location, self->model->config.steps);
  gst_ddpm_element_post_info (GST_ELEMENT (self), text);
  self->has_told_timestep = TRUE;
}

static gboolean
gst_ddpm_diffuse_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstDdpmDiffuse *self = GST_DDPM_DIFFUSE (trans);
  GError *error = NULL;

  free_diffuser (self);
  if (!gst_ddpm_tensor_info_from_caps (&self->info, outcaps, &error))
    goto refuse;
  if (!gst_video_info_from_caps (&self->video, incaps))
    goto no_video;
  self->diffuser = ddpm_diffuser_new (self->model, self->backend, 1,
      self->info.width, self->info.height, self->info.timestep, &error);
  if (self->diffuser == NULL)
    goto refuse;
  ddpm_diffuser_set_keyframes (self->diffuser, self->info.keyframe_interval);
  self->pixels = g_malloc (self->info.size / sizeof (gfloat));
  if (self->info.known)
    self->alpha = g_malloc ((gsize) self->info.width * self->info.height);
  tell_timestep (self);
  return TRUE;

no_video:
  g_set_error (&error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Cannot use these caps of video");
refuse:
  gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, incaps,
      error);
  return FALSE;
}

static gboolean
gst_ddpm_diffuse_transform_size (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, gsize size,
    GstCaps * othercaps, gsize * othersize)
{
  return gst_ddpm_caps_get_size (othercaps, othersize);
}

static gboolean
gst_ddpm_diffuse_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
    return caps_event (GST_DDPM_DIFFUSE (trans), event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP
      || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    GST_DDPM_DIFFUSE (trans)->n_frames = 0;
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

/* --- data ----------------------------------------------------------------- */

static guint64
get_stream_time (GstDdpmDiffuse * self, GstBuffer * frame)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;

  if (segment->format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID (frame))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (frame));
}

/* Whether the timestep of the property is another one than that of the caps,
 * which is then changed. One beyond pure noise becomes pure noise. */
static gboolean
take_timestep (GstDdpmDiffuse * self)
{
  gboolean changed;
  gint timestep;

  GST_OBJECT_LOCK (self);
  timestep =
      CLAMP (self->settings.timestep, -1, (gint) self->model->config.timesteps);
  changed = timestep != self->running.timestep;
  self->running.timestep = timestep;
  GST_OBJECT_UNLOCK (self);
  return changed;
}

static GstFlowReturn
gst_ddpm_diffuse_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * inbuf)
{
  GstDdpmDiffuse *self = GST_DDPM_DIFFUSE (trans);
  const guint64 time = get_stream_time (self, inbuf);

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  if (take_timestep (self))
    gst_base_transform_reconfigure_src (trans);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
      is_discont, inbuf);
}

/* The number of a frame in the stream, which is the same after a seek. Some
 * elements count offsets from the seek, or in bytes. */
static guint64
get_number (GstDdpmDiffuse * self, GstBuffer * frame)
{
  const guint64 time = get_stream_time (self, frame);

  if (GST_CLOCK_TIME_IS_VALID (time) && self->info.fps_n > 0)
    return gst_util_uint64_scale_round (time, self->info.fps_n,
        self->info.fps_d * GST_SECOND);
  if (GST_BUFFER_OFFSET_IS_VALID (frame))
    return GST_BUFFER_OFFSET (frame);
  return self->n_frames;
}

/* FALSE without error: the frame cannot be read */
static gboolean
read_frame (GstDdpmDiffuse * self, GstBuffer * buffer, GError ** error)
{
  GstVideoFrame frame;
  DdpmPicture picture;
  gboolean ok;

  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_READ))
    return FALSE;
  gst_ddpm_picture_from_frame (&picture, &frame, 1, 1);
  picture.channels = self->info.channels;
  ok = ddpm_pixels_from_host_picture (self->backend, &picture, self->pixels,
      error);
  if (ok && self->alpha) {
    picture.channels = 1;
    picture.component[0] = picture.component[3];
    picture.stride[0] = picture.stride[3];
    ok = ddpm_pixels_from_host_picture (self->backend, &picture, self->alpha,
        error);
  }
  gst_video_frame_unmap (&frame);
  return ok;
}

/* FALSE without error: the state cannot be written */
static gboolean
write_state (GstDdpmDiffuse * self, GstBuffer * buffer, guint64 sample,
    GError ** error)
{
  GstMapInfo map;
  gboolean ok;

  if (gst_buffer_get_size (buffer) < self->info.size
      || !gst_buffer_map (buffer, &map, GST_MAP_WRITE))
    return FALSE;
  ok = ddpm_diffuser_run (self->diffuser, self->pixels, self->info.seed, sample,
      (gfloat *) map.data, error);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_set_size (buffer, self->info.size);
  return ok;
}

/* Many pictures have an alpha channel that says nothing. */
static void
tell_opaque (GstDdpmDiffuse * self)
{
  const gsize n = (gsize) self->info.width * self->info.height;
  gsize i = 0;

  if (self->has_told_opaque)
    return;
  while (i < n && self->alpha[i] == 255)
    i++;
  if (i < n)
    return;
  gst_ddpm_element_post_info (GST_ELEMENT (self), "A frame in RGBA is opaque "
      "everywhere, so nothing of it is generated: for image-to-image, convert "
      "it to RGB");
  self->has_told_opaque = TRUE;
}

static void
add_known (GstDdpmDiffuse * self, GstBuffer * state)
{
  const gsize n = (gsize) self->info.width * self->info.height;

  tell_opaque (self);
  gst_ddpm_buffer_add_known (state, g_bytes_new (self->pixels,
          n * self->info.channels), g_bytes_new (self->alpha, n));
}

static GstFlowReturn
gst_ddpm_diffuse_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstDdpmDiffuse *self = GST_DDPM_DIFFUSE (trans);
  const guint64 sample =
      self->running.noise == GST_DDPM_DIFFUSE_NOISE_FIXED ? 0 :
      get_number (self, inbuf);
  GError *error = NULL;

  if (!read_frame (self, inbuf, &error))
    goto not_readable;
  if (!write_state (self, outbuf, sample, &error))
    goto not_writable;
  GST_BUFFER_OFFSET (outbuf) = sample;
  GST_BUFFER_OFFSET_END (outbuf) = sample + 1;
  if (self->alpha)
    add_known (self, outbuf);
  self->n_frames++;
  return GST_FLOW_OK;

not_readable:
  if (error == NULL)
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "Cannot read a frame from a buffer of %" G_GSIZE_FORMAT
        " bytes: %dx%d %s needs %" G_GSIZE_FORMAT " bytes",
        gst_buffer_get_size (inbuf), GST_VIDEO_INFO_WIDTH (&self->video),
        GST_VIDEO_INFO_HEIGHT (&self->video),
        GST_VIDEO_INFO_NAME (&self->video), GST_VIDEO_INFO_SIZE (&self->video));
not_writable:
  if (error == NULL)
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_WRITE,
        "Cannot write a state of %" G_GSIZE_FORMAT " bytes to a buffer of %"
        G_GSIZE_FORMAT " bytes", self->info.size, gst_buffer_get_size (outbuf));
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}
