/* gst-ddpm: ddpmtrainsink, a sink that learns the images it is given
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmtrainsink
 * @title: ddpmtrainsink
 *
 * Trains a diffusion model (Ho et al. 2020, algorithm 1) on the images of a
 * stream, of any size that the network's levels divide, in colour or grey.
 * The network is the notebook's and the recipe the paper's unless properties
 * say otherwise.
 *
 * EOS means saved: the checkpoint is written before EOS is posted, and it is
 * replaced whole, as is <location>.state beside it, which resuming needs.
 * Neither is touched before the first save. A pipeline that is stopped without
 * EOS loses the steps since the last save: use gst-launch-1.0 -e.
 *
 * With resume=true one and the same command line starts a training, goes on
 * with it however it was interrupted, and does nothing once it is complete:
 * the stream begins anew and as many images as were learnt from are passed
 * over, so that with a source that repeats itself, such as cifarsrc, the
 * result is that of a run without interruption, to the bit. From live sources
 * nothing is passed over, and a flushing seek ends it too.
 *
 * Computing on a GPU, it takes images in memory:CUDAMemory too, and shares the
 * CUDA context of other elements; where they are in that context they stay on
 * the GPU, in the same batches and to the same numbers as those of the host.
 *
 * Images of a data set (cifarsrc) come in epochs: the last batch of an epoch
 * is as small as it comes. Any other source is one long stream.
 *
 * With #GstDdpmTrainSink:classes the model learns labels too, which images of a
 * data set have (GstDdpmSampleMeta); ddpmdenoise can then be asked for a class.
 * #GstDdpmTrainSink:initial-model lets training begin with the weights of
 * another model, one without classes too. With #GstDdpmTrainSink:teacher-model
 * it learns what that model, guided, predicts (Meng et al. 2023), and with
 * #GstDdpmTrainSink:sampling-steps to go in so few steps where that model goes
 * in several (Salimans & Ho 2022).
 *
 * Linked, the pad `preview` gives preview-count images of the present model
 * at the end of each epoch (of the stream, where it has none), or every
 * preview-interval steps, always from the same noise. They are made while
 * training goes on, and all of them before EOS. The element is then live, as
 * far as the pipeline is concerned: nothing comes out of it before PLAYING,
 * and the sinks behind it need no preroll.
 *
 * ## Messages
 *
 * Progress messages of code "ddpm-train", which gst-launch-1.0 prints, and the
 * element messages ddpmtrainsink-model (once), ddpmtrainsink-progress (every
 * progress-interval, and at the end of an epoch, with the fields of
 * #GstDdpmTrainSink:stats) and ddpmtrainsink-checkpoint (each save; its reason
 * is interval, signal, max-steps or eos).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -e cifarsrc location=cifar-10-batches-bin epochs=100 ! ddpmtrainsink location=ckpt.bin resume=true
 * ]| Trains, and goes on with it when it is run again.
 * |[
 * gst-launch-1.0 videotestsrc pattern=ball ! video/x-raw,width=32,height=32 ! ddpmtrainsink location=ball.bin channels=32 batch-size=8 max-steps=100
 * ]| Any source of images will do.
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin epochs=10 ! ddpmtrainsink name=t location=ckpt.bin t.preview ! pngenc ! multifilesink location=%05d.png
 * ]| Five previews after each epoch.
 * |[
 * gst-launch-1.0 -e cifarsrc location=cifar-10-batches-bin epochs=0 ! ddpmtrainsink location=labelled.bin initial-model=ckpt.bin classes=10 learning-rate=1e-4 max-steps=20000
 * ]| Teaches a model what its pictures are called.
 *
 * Since: 0.1
 */
#include "plugins/common/caps.h"
#include "plugins/ddpmtrainsink/private.h"

GST_DEBUG_CATEGORY (gst_ddpm_train_sink_debug);
#define GST_CAT_DEFAULT gst_ddpm_train_sink_debug

#define TRAIN_SINK_SIZE \
    "width = (int) [ 1, " G_STRINGIFY (DDPM_MAX_IMAGE_SIZE) " ], " \
    "height = (int) [ 1, " G_STRINGIFY (DDPM_MAX_IMAGE_SIZE) " ]"
#define TRAIN_SINK_CAPS \
    GST_VIDEO_CAPS_MAKE ("{ RGB, RGBP, GRAY8 }") ", " TRAIN_SINK_SIZE
#define TRAIN_SINK_CUDA_CAPS \
    GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_DDPM_CUDA_FEATURE, \
        "{ RGB, RGBP }") ", " TRAIN_SINK_SIZE

enum
{
  SIGNAL_SAVE_CHECKPOINT,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (TRAIN_SINK_CAPS "; " TRAIN_SINK_CUDA_CAPS));
static GstStaticPadTemplate preview_template =
GST_STATIC_PAD_TEMPLATE ("preview", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8 }")));

#define gst_ddpm_train_sink_parent_class parent_class
G_DEFINE_TYPE (GstDdpmTrainSink, gst_ddpm_train_sink, GST_TYPE_BASE_SINK);
GST_ELEMENT_REGISTER_DEFINE (ddpmtrainsink, "ddpmtrainsink", GST_RANK_NONE,
    GST_TYPE_DDPM_TRAIN_SINK);

static void gst_ddpm_train_sink_finalize (GObject * object);
static void gst_ddpm_train_sink_set_context (GstElement * element,
    GstContext * context);
static GstPad *gst_ddpm_train_sink_request_new_pad (GstElement * element,
    GstPadTemplate * templ, const gchar * name, const GstCaps * caps);
static void gst_ddpm_train_sink_release_pad (GstElement * element,
    GstPad * pad);
static GstStateChangeReturn gst_ddpm_train_sink_change_state (GstElement *
    element, GstStateChange transition);
static GstCaps *gst_ddpm_train_sink_get_caps (GstBaseSink * sink,
    GstCaps * filter);
static gboolean gst_ddpm_train_sink_query (GstBaseSink * sink,
    GstQuery * query);
static gboolean gst_ddpm_train_sink_propose_allocation (GstBaseSink * sink,
    GstQuery * query);
static gboolean gst_ddpm_train_sink_unlock (GstBaseSink * sink);
static gboolean gst_ddpm_train_sink_unlock_stop (GstBaseSink * sink);

static void
gst_ddpm_train_sink_class_init (GstDdpmTrainSinkClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_ddpm_train_sink_debug, "ddpmtrainsink", 0,
      "ddpmtrainsink element");

  object_class->finalize = gst_ddpm_train_sink_finalize;
  gst_ddpm_properties_install (object_class, &gst_ddpm_train_properties);

  /**
   * GstDdpmTrainSink::save-checkpoint:
   *
   * Writes the checkpoint and the state at the end of the step that is being
   * done, from any thread, in PAUSED or PLAYING.
   *
   * Returns: whether they were written
   *
   * Since: 0.1
   */
  signals[SIGNAL_SAVE_CHECKPOINT] =
      g_signal_new_class_handler ("save-checkpoint",
      G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_ddpm_train_sink_save_checkpoint), NULL, NULL, NULL,
      G_TYPE_BOOLEAN, 0);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &preview_template, GST_TYPE_DDPM_PREVIEW_PAD);
  gst_element_class_set_static_metadata (element_class,
      "Diffusion model trainer", "Sink/Training/Video",
      "Trains a denoising diffusion model on the images of a stream",
      "gst-ddpm");
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_PREVIEW_PAD, 0);

  element_class->set_context =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_set_context);
  element_class->request_new_pad =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_request_new_pad);
  element_class->release_pad =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_release_pad);
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_change_state);
  base_class->get_caps = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_get_caps);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_query);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_set_caps);
  base_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_propose_allocation);
  base_class->unlock = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_unlock);
  base_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_unlock_stop);
  base_class->event = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_event);
  base_class->wait_event = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_wait_event);
  base_class->render = GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_render);
}

static void
gst_ddpm_train_sink_init (GstDdpmTrainSink * self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_ddpm_train_properties.init (&self->settings);
  gst_ddpm_cuda_init (&self->cuda, GST_ELEMENT (self), &self->settings.compute);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_qos_enabled (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
  gst_pad_set_iterate_internal_links_function (GST_BASE_SINK_PAD (sink),
      gst_ddpm_preview_pad_iterate_no_links);
}

static void
gst_ddpm_train_sink_finalize (GObject * object)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (object);

  gst_ddpm_settings_clear (&gst_ddpm_train_properties, &self->settings);
  gst_ddpm_cuda_clear (&self->cuda);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

GstStructure *
gst_ddpm_train_sink_read_stats (GObject * object)
{
  return gst_ddpm_train_report_to_structure (&GST_DDPM_TRAIN_SINK
      (object)->report, "application/x-ddpmtrainsink-stats");
}

static void
gst_ddpm_train_sink_set_context (GstElement * element, GstContext * context)
{
  gst_ddpm_cuda_set_context (&GST_DDPM_TRAIN_SINK (element)->cuda, context);
  GST_ELEMENT_CLASS (parent_class)->set_context (element, context);
}

/* --- the preview pad -------------------------------------------------------- */

static GstPad *
gst_ddpm_train_sink_request_new_pad (GstElement * element,
    GstPadTemplate * templ, const gchar * name, const GstCaps * caps)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (element);
  GstPad *pad;
  gboolean taken, active;

  GST_OBJECT_LOCK (self);
  taken = self->preview != NULL;
  active = GST_STATE (self) >= GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK (self);
  if (taken)
    return NULL;

  pad = gst_ddpm_preview_pad_new (templ, "preview");
  /* Sinks of the preview get their first frame from the training, which needs
   * PLAYING: neither they nor this element can wait for preroll. */
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  if (active)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  GST_OBJECT_LOCK (self);
  self->preview = gst_object_ref (pad);
  GST_OBJECT_UNLOCK (self);
  return pad;
}

static void
gst_ddpm_train_sink_release_pad (GstElement * element, GstPad * pad)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (element);

  GST_OBJECT_LOCK (self);
  gst_clear_object (&self->preview);
  GST_OBJECT_UNLOCK (self);
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), TRUE);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

/* --- states --------------------------------------------------------------- */

/* Until it is PLAYING, the work may wait for a sink behind the previews, and
 * hold the lock that the change of state wants. */
static void
resume_work (GstDdpmTrainSink * self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  GST_BASE_SINK_PREROLL_LOCK (sink);
  gst_ddpm_train_sink_unlock_stop (sink);
  GST_BASE_SINK_PREROLL_SIGNAL (sink);
  GST_BASE_SINK_PREROLL_UNLOCK (sink);
}

static GstStateChangeReturn
gst_ddpm_train_sink_change_state (GstElement * element,
    GstStateChange transition)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (element);
  GstStateChangeReturn ret;
  gboolean live;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED
      && !gst_ddpm_train_sink_open (self))
    return GST_STATE_CHANGE_FAILURE;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    gst_ddpm_train_sink_unlock (GST_BASE_SINK (self));
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    resume_work (self);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && ret == GST_STATE_CHANGE_FAILURE))
    gst_ddpm_train_sink_close (self);
  GST_OBJECT_LOCK (self);
  live = self->preview != NULL;
  GST_OBJECT_UNLOCK (self);
  if (live && ret != GST_STATE_CHANGE_FAILURE
      && (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          || transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED))
    ret = GST_STATE_CHANGE_NO_PREROLL;
  return ret;
}

static gboolean
gst_ddpm_train_sink_unlock (GstBaseSink * sink)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstDdpmPreviewPad *pad = gst_ddpm_train_sink_get_preview (self);

  g_atomic_int_set (&self->cancel, TRUE);
  if (pad)
    gst_ddpm_preview_pad_wake (pad);
  gst_clear_object (&pad);
  return TRUE;
}

static gboolean
gst_ddpm_train_sink_unlock_stop (GstBaseSink * sink)
{
  g_atomic_int_set (&GST_DDPM_TRAIN_SINK (sink)->cancel, FALSE);
  return TRUE;
}

/* --- negotiation ---------------------------------------------------------- */

static GstCaps *
gst_ddpm_train_sink_get_caps (GstBaseSink * sink, GstCaps * filter)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstCaps *caps;
  gboolean cuda;

  GST_OBJECT_LOCK (self);
  cuda = gst_ddpm_cuda_is_possible (&self->settings.compute,
      self->session ? self->session->backend : NULL);
  GST_OBJECT_UNLOCK (self);
  caps = cuda ? gst_pad_get_pad_template_caps (GST_BASE_SINK_PAD (sink))
      : gst_caps_from_string (TRAIN_SINK_CAPS);
  return gst_ddpm_caps_filter (caps, filter);
}

static gboolean
gst_ddpm_train_sink_query (GstBaseSink * sink, GstQuery * query)
{
  return gst_ddpm_cuda_answer (&GST_DDPM_TRAIN_SINK (sink)->cuda, query)
      || GST_BASE_SINK_CLASS (parent_class)->query (sink, query);
}

static gboolean
gst_ddpm_train_sink_propose_allocation (GstBaseSink * sink, GstQuery * query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}
