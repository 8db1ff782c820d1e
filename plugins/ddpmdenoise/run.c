/* gst-ddpm: ddpmdenoise: from input states through the steps to frames
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/private.h"
#include "plugins/common/cuda-memory.h"
#include "plugins/common/error.h"
#include "plugins/common/known.h"
#include "plugins/common/meta.h"
#include "plugins/common/picture.h"

#define GST_CAT_DEFAULT gst_ddpm_denoise_debug

/* Extra delay of a frame that was late, because it still has to reach the sink.
 * By default, video sinks drop frames that are more than 5 ms late. */
#define HEADWAY (5 * GST_MSECOND)

/* --- input ---------------------------------------------------------------- */

/* The index of a buffer's first sample. Offsets of a source of bytes count
 * bytes. */
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

static void
refuse_to_run_without_caps (GstDdpmDenoise * self)
{
  g_autoptr (GstCaps) none = gst_caps_new_empty ();
  GstDdpmTensorInfo info;
  GError *error = NULL;

  gst_ddpm_tensor_info_from_caps (&info, NULL, &error);
  gst_ddpm_element_refuse_caps_once (GST_ELEMENT (self), &self->refused, none,
      error);
}

GstFlowReturn
gst_ddpm_denoise_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * inbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  gsize size = gst_buffer_get_size (inbuf);
  GstFlowReturn ret;

  if (self->refused == NULL && !gst_pad_has_current_caps (trans->sinkpad))
    refuse_to_run_without_caps (self);
  if (self->refused)
    goto refused;
  ret = GST_DDPM_DENOISE_BASE_CLASS->submit_input_buffer (trans,
      is_discont, inbuf);
  if (ret != GST_FLOW_OK)
    return ret;
  inbuf = g_steal_pointer (&trans->queued_buf);

  /* A sample that is still here ended with a push that failed. */
  if (self->sampling)
    gst_ddpm_denoise_drop_batch (self);
  if (self->segment_changed)
    gst_ddpm_denoise_send_segment (self);
  if (size != self->info.size && self->in_segment.format != GST_FORMAT_BYTES)
    goto wrong_size;

  if (gst_adapter_available (self->adapter) == 0)
    self->next_sample = get_first_sample (self, inbuf);
  gst_ddpm_timeline_start_buffer (&self->timeline, GST_BUFFER_PTS (inbuf));
  gst_buffer_replace (&self->inbuf, inbuf);
  gst_adapter_push (self->adapter, inbuf);
  return GST_FLOW_OK;

refused:
  gst_buffer_unref (inbuf);
  return GST_FLOW_NOT_NEGOTIATED;
wrong_size:
  {
    g_autofree gchar *dimensions = gst_ddpm_tensor_get_dimensions (&self->info);

    gst_buffer_unref (inbuf);
    gst_ddpm_element_post_error (GST_ELEMENT (self), g_error_new (DDPM_ERROR,
            DDPM_ERROR_FORMAT, "Cannot denoise a buffer of %" G_GSIZE_FORMAT
            " bytes: states of dimensions=%s need %" G_GSIZE_FORMAT " bytes",
            size, dimensions, self->info.size));
    return GST_FLOW_ERROR;
  }
}

/* Between two classes; they carry the label of the nearer one. */
static gboolean
set_label_position (GstDdpmDenoise * self, gdouble position, GError ** error)
{
  const gint classes = self->session->model->config.classes;
  const gint label = position;
  const gfloat weight = position - label;
  guint i;

  for (i = 0; i < self->info.batch; i++) {
    self->labels[i] = label;
    self->others[i] = MIN (label + 1, classes - 1);
    self->weights[i] = weight;
  }
  if (!ddpm_denoiser_set_label_mix (self->denoiser, self->labels, self->others,
          self->weights, error))
    return FALSE;
  for (i = 0; i < self->info.batch; i++)
    self->labels[i] += weight > 0.5f;
  return TRUE;
}

/* The labels of the current samples, with keyframes those of the nearest ones */
static gboolean
set_labels (GstDdpmDenoise * self, GError ** error)
{
  const guint interval = MAX (self->info.keyframe_interval, 1);
  guint i;

  ddpm_denoiser_set_keyframes (self->denoiser, self->info.keyframe_interval);
  if (self->session->settings.label_position >= 0.0)
    return set_label_position (self, self->session->settings.label_position,
        error);
  for (i = 0; i < self->info.batch; i++) {
    const guint64 n = self->first_sample + i;

    self->labels[i] = ddpm_labels_get (self->session->labels, n / interval
        + (2 * (n % interval) > interval));
  }
  return ddpm_denoiser_set_sample_labels (self->denoiser, self->session->labels,
      self->first_sample, error);
}

/* Reads the state on the device, if it is in memory of the backend, otherwise on
 * the host. */
static gboolean
load_state (GstDdpmDenoise * self, GstBuffer * state)
{
  const gboolean on_device =
      gst_ddpm_cuda_buffer_is_for (state, self->session->backend);
  GstMapInfo map;

  if (!gst_buffer_map (state, &map,
          GST_MAP_READ | (on_device ? GST_DDPM_MAP_CUDA : 0)))
    return FALSE;
  (on_device ? ddpm_denoiser_begin_from : ddpm_denoiser_begin)
      (self->denoiser, (const gfloat *) map.data, self->info.seed,
      self->first_sample);
  gst_buffer_unmap (state, &map);
  return TRUE;
}

static void
warn_of_missing_known (GstDdpmDenoise * self)
{
  if (!self->has_warned_of_known)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("The whole images are generated: the caps say known=true, but the "
            "known part has been lost on the way. Files and gdppay do not "
            "keep it"), (NULL));
  self->has_warned_of_known = TRUE;
}

static gboolean
set_known (GstDdpmDenoise * self, GstBuffer * state, GError ** error)
{
  GstDdpmKnown known;

  if (!gst_ddpm_buffer_get_known (state, &self->info, &known, error))
    return FALSE;
  if (known.pixels)
    return ddpm_denoiser_set_known (self->denoiser, known.pixels, known.alpha,
        error);
  if (self->info.known)
    warn_of_missing_known (self);
  return TRUE;
}

/* Of the current input */
static GstClockTime
get_stream_time (GstDdpmDenoise * self)
{
  if (self->in_segment.format != GST_FORMAT_TIME || self->inbuf == NULL)
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_stream_time (&self->in_segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (self->inbuf));
}

/* The adapter contains a whole state. */
static GstFlowReturn
begin_batch (GstDdpmDenoise * self)
{
  GstBuffer *state = gst_adapter_take_buffer (self->adapter, self->info.size);
  GError *error = NULL;

  self->first_sample = self->next_sample;
  self->next_sample += self->info.batch;
  gst_ddpm_denoise_update_settings (self, get_stream_time (self));
  if (!load_state (self, state))
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_READ,
        "Cannot map a buffer of states");
  else if (set_labels (self, &error))
    set_known (self, state, &error);
  gst_buffer_unref (state);
  if (error)
    goto failed;
  self->sampling = TRUE;
  self->step = 0;
  self->cost = 0;
  return GST_FLOW_OK;

failed:
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

static void
skip_batch (GstDdpmDenoise * self)
{
  gst_adapter_flush (self->adapter, self->info.size);
  self->next_sample += self->info.batch;
}

/* --- steps ---------------------------------------------------------------- */

/* Has an end of stream overtaken the current batch, on either side? */
static gboolean
is_stopped (GstDdpmDenoise * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  g_autoptr (GstPad) peer = gst_pad_get_peer (trans->sinkpad);

  return g_atomic_int_get (&self->stop)
      || GST_PAD_IS_EOS (trans->srcpad) || (peer && GST_PAD_IS_EOS (peer));
}

static gboolean
should_stop (gpointer element)
{
  return gst_ddpm_denoise_is_flushing (element) || is_stopped (element);
}

/* Makes the steps to the next output state. A step that is cancelled has not been
 * made. */
static GstFlowReturn
make_steps (GstDdpmDenoise * self)
{
  guint goal = MIN (self->step + self->interval, self->n_steps);
  gint64 begin = g_get_monotonic_time ();
  GError *error = NULL;

  ddpm_denoiser_set_cancel (self->denoiser, should_stop, self);
  while (self->step < goal) {
    if (gst_ddpm_denoise_is_flushing (self))
      return GST_FLOW_FLUSHING;
    if (is_stopped (self))
      return GST_FLOW_EOS;
    if (ddpm_denoiser_step (self->denoiser)) {
      self->step++;
      GST_LOG_OBJECT (self, "state %u",
          ddpm_denoiser_get_state (self->denoiser));
    } else if (!ddpm_denoiser_wait (self->denoiser, &error)) {
      goto failed;
    }
  }
  if (!ddpm_denoiser_wait (self->denoiser, &error))
    goto failed;
  self->frame = 0;
  self->n_frames = self->frames_per_state;
  self->cost += (g_get_monotonic_time () - begin) * GST_USECOND;
  return GST_FLOW_OK;

failed:
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

/* Smooths the time per input buffer. If the pipeline is live, posts a LATENCY
 * message when it differs from the reported latency by more than a tenth. */
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

/* --- output --------------------------------------------------------------- */

/* A sink that does not wait for the clock, such as that of a file, needs no delay,
 * but gets it, if another one waits. */
static void
tell_delay (GstDdpmDenoise * self)
{
  if (!self->has_told_delay
      && gst_ddpm_timeline_leads_to_sink (GST_BASE_TRANSFORM_SRC_PAD (self),
          FALSE))
    gst_ddpm_element_post_info (GST_ELEMENT (self),
        "Frames take longer to generate than to show, so they are delayed for "
        "a sink that waits for the clock. Another sink gets the delays too: set "
        "sync=false on the first one for a file with evenly spaced frames");
  self->has_told_delay = TRUE;
}

/* Delays this frame and all later ones, if a sink would drop it as late. Backwards,
 * the end of a frame is shown first. What a live pipeline's latency has grown by
 * since, every frame is late by already, so the delay is less by that. */
static void
delay_late_frames (GstDdpmDenoise * self, GstBuffer * buffer)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstClockTime time = GST_BUFFER_PTS (buffer);
  GstClockTime due, now, sink_latency;
  gboolean live, moved = FALSE;

  if (!self->synced)
    return;
  if (self->timeline.reverse && GST_BUFFER_DURATION_IS_VALID (buffer))
    time = MIN (time + GST_BUFFER_DURATION (buffer), segment->stop);
  now = gst_ddpm_timeline_get_running_time (GST_ELEMENT (self));
  due = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
  if (!GST_CLOCK_TIME_IS_VALID (now) || !GST_CLOCK_TIME_IS_VALID (due))
    return;
  GST_OBJECT_LOCK (self);
  sink_latency = self->sink_latency;
  live = self->live;
  GST_OBJECT_UNLOCK (self);
  if (live && sink_latency > self->delay_latency && self->timeline.delay > 0) {
    GstClockTime cut = MIN (self->timeline.delay,
        sink_latency - self->delay_latency);

    self->timeline.delay -= cut;
    due -= cut;
    moved = TRUE;
  }
  self->delay_latency = sink_latency;
  due += sink_latency;
  if (due >= now) {
    if (moved)
      gst_ddpm_denoise_send_segment (self);
    return;
  }

  GST_DEBUG_OBJECT (self, "late by %" GST_TIME_FORMAT,
      GST_TIME_ARGS (now - due));
  tell_delay (self);
  self->timeline.delay += now - due + HEADWAY;
  gst_ddpm_denoise_send_segment (self);
}

static void
stamp_frame (GstDdpmDenoise * self, GstBuffer * buffer)
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
  /* The base class marks the first frame after other discontinuities. */
  if (self->qos_gap)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->qos_gap = FALSE;
}

/* FALSE without error: outbuf cannot be written */
static gboolean
write_picture (GstDdpmDenoise * self, GstBuffer * outbuf, GError ** error)
{
  const guint columns = self->session->settings.columns;
  const guint n = columns ? self->info.batch : 1;
  const GstMapFlags flags =
      GST_MAP_WRITE | (self->to_cuda ? GST_DDPM_MAP_CUDA : 0);
  DdpmPicture picture;
  GstVideoFrame frame;
  gboolean ok;

  if (!self->to_cuda)           /* clears the padding of rows */
    gst_buffer_memset (outbuf, 0, 0, -1);
  if ((self->to_cuda && !gst_ddpm_cuda_is_video (outbuf))
      || !gst_video_frame_map (&frame, &self->video, outbuf, flags))
    return FALSE;
  gst_ddpm_picture_from_frame (&picture, &frame, n, MAX (columns, 1));
  ok = self->to_cuda ? ddpm_denoiser_paint (self->denoiser, self->frame,
      &picture, gst_ddpm_cuda_get_stream (outbuf), error)
      : ddpm_denoiser_paint_on_host (self->denoiser, self->frame, &picture,
      error);
  gst_video_frame_unmap (&frame);
  return ok;
}

static gboolean
write_state (GstDdpmDenoise * self, GstBuffer * outbuf, GError ** error)
{
  const GstMapFlags flags =
      GST_MAP_WRITE | (self->to_cuda ? GST_DDPM_MAP_CUDA : 0);
  GstMapInfo map;
  gboolean ok;

  if ((self->to_cuda && !gst_ddpm_cuda_buffer_is_for (outbuf,
              self->session->backend))
      || gst_buffer_get_size (outbuf) < self->info.size
      || !gst_buffer_map (outbuf, &map, flags))
    return FALSE;
  ok = (self->to_cuda ? ddpm_denoiser_copy : ddpm_denoiser_read)
      (self->denoiser, (gfloat *) map.data, error);
  gst_buffer_unmap (outbuf, &map);
  gst_buffer_set_size (outbuf, self->info.size);
  return ok;
}

/* Writes the next frame of the current state. */
GstFlowReturn
gst_ddpm_denoise_transform (GstBaseTransform * trans, GstBuffer * inbuf,
    GstBuffer * outbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GError *error = NULL;
  gboolean ok;

  ok = self->is_video ? write_picture (self, outbuf, &error)
      : write_state (self, outbuf, &error);
  if (error)
    goto failed;
  if (!ok)
    goto no_memory;
  return GST_FLOW_OK;

failed:
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
no_memory:
  gst_ddpm_element_post_error (GST_ELEMENT (self), g_error_new (DDPM_ERROR,
          DDPM_ERROR_WRITE, "Cannot write a %s of %" G_GSIZE_FORMAT
          " bytes to a buffer of %" G_GSIZE_FORMAT " bytes",
          self->is_video ? "frame" : "state", self->is_video ?
          GST_VIDEO_INFO_SIZE (&self->video) : self->info.size,
          gst_buffer_get_size (outbuf)));
  return GST_FLOW_ERROR;
}

gboolean
gst_ddpm_denoise_decide_allocation (GstBaseTransform * trans, GstQuery * query)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  if (self->to_cuda && !self->is_video)
    gst_ddpm_cuda_decide_tensors (query, self->session->backend,
        self->info.size);
  if (self->to_cuda && self->is_video
      && !gst_ddpm_cuda_decide_video (&self->cuda, self->session->backend,
          query)) {
    gst_ddpm_element_post_error (GST_ELEMENT (self), g_error_new (DDPM_ERROR,
            DDPM_ERROR_NO_SPACE,
            "Cannot make a pool of video frames in memory:CUDAMemory"));
    return FALSE;
  }
  return GST_DDPM_DENOISE_BASE_CLASS->decide_allocation (trans, query);
}

/* An image has no known part any more, and its own label, if the model has
 * any. */
gboolean
gst_ddpm_denoise_transform_meta (GstBaseTransform * trans, GstBuffer * outbuf,
    GstMeta * meta, GstBuffer * inbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);

  if (self->is_video && gst_meta_info_is_custom (meta->info)) {
    GstCustomMeta *custom = (GstCustomMeta *) meta;

    if (gst_custom_meta_has_name (custom, GST_DDPM_KNOWN_META)
        || (gst_custom_meta_has_name (custom, GST_DDPM_SAMPLE_META)
            && self->session->model->config.classes > 0))
      return FALSE;
  }
  return GST_DDPM_DENOISE_BASE_CLASS->transform_meta (trans, outbuf, meta,
      inbuf);
}

/* Attaches the label to a frame that shows one sample of a class-conditional
 * model, so that another model can be trained on it. */
static void
add_label (GstDdpmDenoise * self, GstBuffer * buffer)
{
  const guint n = self->n_frames > 1 ? self->frame : 0;
  GstDdpmSample sample = {.label = self->labels[n],
    .index = self->first_sample + n,.position = self->first_sample + n
  };

  if (self->is_video && self->session->model->config.classes > 0
      && (self->n_frames > 1 || self->info.batch == 1))
    gst_ddpm_buffer_add_sample (buffer, &sample);
}

static GstFlowReturn
make_frame (GstDdpmDenoise * self, GstBuffer ** outbuf)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstFlowReturn ret;

  ret = GST_DDPM_DENOISE_BASE_CLASS->prepare_output_buffer (trans,
      self->inbuf, outbuf);
  if (ret != GST_FLOW_OK)
    return ret;
  ret = gst_ddpm_denoise_transform (trans, self->inbuf, *outbuf);
  if (ret != GST_FLOW_OK) {
    gst_clear_buffer (outbuf);
    return ret;
  }
  stamp_frame (self, *outbuf);
  add_label (self, *outbuf);
  self->frame++;
  return GST_FLOW_OK;
}

/* Makes the next frame. No frame: more input is needed */
static GstFlowReturn
make_next_frame (GstDdpmDenoise * self, GstBuffer ** outbuf)
{
  GstFlowReturn ret = GST_FLOW_OK;

  while (self->frame == self->n_frames && ret == GST_FLOW_OK) {
    if (self->sampling && self->step == self->n_steps) {
      self->sampling = FALSE;
      update_latency (self);
    }
    if (!self->sampling) {
      if (gst_adapter_available (self->adapter) < self->info.size)
        return GST_FLOW_OK;
      if (gst_ddpm_denoise_qos_drops (self)) {
        skip_batch (self);
        continue;
      }
      ret = begin_batch (self);
    }
    if (ret == GST_FLOW_OK)
      ret = make_steps (self);
  }
  return ret == GST_FLOW_OK ? make_frame (self, outbuf) : ret;
}

/* Makes all frames of the input and holds copies of them. The buffers return to
 * their pool, which may be too small for all. */
static GstFlowReturn
hold_frames (GstDdpmDenoise * self)
{
  GstBuffer *frame = NULL, *copy;
  GstFlowReturn ret;

  while ((ret = make_next_frame (self, &frame)) == GST_FLOW_OK && frame) {
    copy = gst_buffer_copy_deep (frame);
    gst_clear_buffer (&frame);
    if (copy == NULL)
      goto no_memory;
    GST_BUFFER_FLAG_SET (copy, GST_BUFFER_FLAG_DISCONT);
    g_queue_push_head (&self->held, copy);
  }
  return ret;

no_memory:
  gst_ddpm_element_post_error (GST_ELEMENT (self), g_error_new (DDPM_ERROR,
          DDPM_ERROR_NO_SPACE, "Cannot play backwards: no memory for the %"
          G_GUINT64_FORMAT " frames of a buffer", self->timeline.frames));
  return GST_FLOW_ERROR;
}

GstFlowReturn
gst_ddpm_denoise_generate_output (GstBaseTransform * trans, GstBuffer ** outbuf)
{
  GstDdpmDenoise *self = GST_DDPM_DENOISE (trans);
  GstFlowReturn ret = GST_FLOW_OK;

  if (!self->timeline.reverse || self->timeline.frames == 1) {
    ret = make_next_frame (self, outbuf);
  } else {
    if (g_queue_is_empty (&self->held))
      ret = hold_frames (self);
    *outbuf = g_queue_pop_head (&self->held);
  }
  if (ret != GST_FLOW_OK) {
    gst_clear_buffer (outbuf);
    gst_ddpm_denoise_drop_batch (self);
  } else if (*outbuf) {
    delay_late_frames (self, *outbuf);
  }
  return ret;
}
