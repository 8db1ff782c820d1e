/* gst-ddpm: ddpmtrainsink, which trains a model on the images of a stream
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmtrainsink
 * @title: ddpmtrainsink
 *
 * Trains a diffusion model (Ho et al. 2020, algorithm 1) on the images of a
 * stream, in colour or grey. Width and height of the images must be multiples of
 * 2^(L - 1) for a network of L levels, by default of 8. By default, the network
 * is the reference UNet and the settings are those of the paper.
 *
 * The element prefers colour and square pixels. After the first image, it asks
 * upstream for others of the same size and format: with videoconvert and
 * videoscale before it, images may be of any. A grey model is made of a stream
 * that is GRAY8 alone, or behind videoconvert ! video/x-raw,format=GRAY8.
 *
 * Each save replaces <location> and <location>.state atomically; resuming needs
 * the second. Until the first save, both files stay as they were. A run that is
 * not resumed renames those of another run to <location>.old and
 * <location>.old.state, and warns of it at its start. With location=ck-%06u.bin,
 * each save writes another checkpoint, whose number is the step, and the state
 * ck.bin.state; max-files bounds how many are kept. During a run, no other can
 * write the same files.
 *
 * ## How a run ends
 *
 * However a run ends, the last finished step is saved. At EOS, and at max-steps,
 * the element finishes the step and saves before it posts EOS. EOS that is sent
 * to the pipeline (gst-launch-1.0 -e sends it at Ctrl-C) ends the run after the
 * present step, even if images wait in a queue. PAUSED to READY drops the present
 * step and saves the last finished one. So does an error, whose message then says
 * which step has been saved; weights that have diverged are not saved. A process
 * that is killed loses the steps since the last save, at the most
 * checkpoint-minutes or checkpoint-interval steps. If a save in the middle of a
 * run fails, that is a warning, and the element tries again after a minute, if no
 * save is due before.
 *
 * With resume=true, one command line starts a training, continues it after any
 * interruption, and does nothing once it is complete. The stream starts from the
 * beginning, and the element skips as many images as it has trained on. So with
 * a repeatable source, such as cifarsrc, the result is the same bits as that of
 * a run without interruption. Images of live sources are not skipped, and
 * neither are images after a flushing seek. A stream that is played backwards is
 * an error.
 *
 * If the backend computes on a GPU, the element also accepts images in
 * memory:CUDAMemory, and shares the CUDA context of other elements. Images in
 * that context stay on the GPU. The results are the same as with images in
 * system memory.
 *
 * The images of a data set (cifarsrc) come in epochs, and the last batch of an
 * epoch may be smaller than the others. Any other source is one long stream.
 *
 * The model is class-conditional if #GstDdpmTrainSink:classes says so, or if the
 * source names classes, as cifarsrc does, in the tag "ddpm-class-names". It then
 * learns the labels of the images, from their GstDdpmSampleMeta or else from the
 * field label of the caps (video/x-raw,...,label=(int)3). A first batch without labels is a
 * warning, an epoch or 1,000 steps without any an error. ddpmdenoise can then
 * generate images of a given class. With #GstDdpmTrainSink:initial-model, training
 * starts from the weights of another model, which may have no classes. With
 * #GstDdpmTrainSink:teacher-model, the model learns to predict what that model
 * predicts with guidance (Meng et al. 2023), and with
 * #GstDdpmTrainSink:sampling-steps to make in one step what that model makes in
 * several (Salimans & Ho 2022).
 *
 * If the pad `preview` is linked, it outputs preview-count images of the current
 * model after an epoch and at the end of the stream, or every preview-interval
 * steps, always from the same noise. After an epoch, they are left out if they
 * would take more than 5 % of the computing since the last. Previews are sampled in
 * another thread while training continues, more slowly, and all are output
 * before EOS. The pad makes the element live: no preview comes before PLAYING,
 * and its sinks do not preroll. If the previews fail, that is a warning, and
 * training continues without them. The pad gets EOS when training fails, too.
 *
 * ## Messages
 *
 * The element posts progress messages with the code "ddpm-train", which
 * gst-launch-1.0 prints, and the element messages ddpmtrainsink-model (once),
 * ddpmtrainsink-progress (every progress-interval and at the end of an epoch,
 * with the fields of #GstDdpmTrainSink:stats) and ddpmtrainsink-checkpoint (at
 * each save; its reason is interval, minutes, retry, signal, max-steps, eos, stop
 * or error). The last progress message tells the number of images that the run
 * was trained on. While loading, saving, or the first step take longer than two
 * seconds, a progress message of the code "ddpm-task" says so each second. When PAUSED to READY saves a
 * step, the element also logs its messages with g_message (), because the
 * application may not look at the bus any more.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -e cifarsrc location=cifar-10-batches-bin epochs=100 ! ddpmtrainsink location=ckpt.bin resume=true
 * ]| Train for 100 epochs. The same line continues an interrupted training.
 * |[
 * gst-launch-1.0 -e cifarsrc location=cifar-10-batches-bin epochs=100 ! ddpmtrainsink location=ckpt-%06u.bin max-files=5 resume=true
 * ]| The same, and keep the last five checkpoints.
 * |[
 * gst-launch-1.0 videotestsrc pattern=ball ! video/x-raw,width=32,height=32 ! ddpmtrainsink location=ball.bin channels=32 batch-size=8 max-steps=100
 * ]| Train on any video source.
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin epochs=10 ! ddpmtrainsink name=t location=ckpt.bin t.preview ! pngenc ! multifilesink location=%05d.png
 * ]| Write five previews after each epoch.
 * |[
 * gst-launch-1.0 -e cifarsrc location=cifar-10-batches-bin epochs=0 ! ddpmtrainsink location=labelled.bin initial-model=ckpt.bin learning-rate=1e-4 max-steps=20000
 * ]| Make a model class-conditional.
 *
 * Since: 0.1
 */
#include "plugins/common/caps.h"
#include "plugins/common/image-caps.h"
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
/* Where upstream can make both, colour goes before grey. */
#define COLOUR_CAPS "video/x-raw(ANY), format={ RGB, RGBP }"
#define GREY_CAPS "video/x-raw(ANY), format=GRAY8"
#define ALPHA_CAPS "video/x-raw(ANY), format=RGBA"
/* of models that have an alpha channel */
#define TRAIN_SINK_ALPHA_CAPS \
    GST_VIDEO_CAPS_MAKE ("RGBA") ", " TRAIN_SINK_SIZE

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (TRAIN_SINK_CAPS "; " TRAIN_SINK_CUDA_CAPS "; "
        TRAIN_SINK_ALPHA_CAPS));
static GstStaticPadTemplate preview_template =
GST_STATIC_PAD_TEMPLATE ("preview", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, GRAY8, RGBA }")));

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
static gboolean gst_ddpm_train_sink_send_event (GstElement * element,
    GstEvent * event);
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
   * Writes the checkpoint and the state after the current step. It can be
   * emitted in any thread, in PAUSED or PLAYING.
   *
   * Returns: whether they were written
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("save-checkpoint", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
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
  element_class->send_event =
      GST_DEBUG_FUNCPTR (gst_ddpm_train_sink_send_event);
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
  /* A bin sends EOS to its sources. This element wants to know it at once, not
   * after a step, when it comes with the stream. */
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
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

static gboolean
gst_ddpm_train_sink_send_event (GstElement * element, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
  gst_ddpm_train_sink_end (GST_DDPM_TRAIN_SINK (element));
  gst_event_unref (event);
  return TRUE;
}

/* --- the preview pad ------------------------------------------------------ */

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

/* Before PLAYING, the streaming thread may wait for a sink of the preview, with
 * the preroll lock, which the state change needs. So the state change interrupts
 * the thread, and then lets it continue. */
static void
resume_training (GstDdpmTrainSink * self)
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

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_ddpm_train_sink_begin_close (self);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    gst_ddpm_train_sink_unlock (GST_BASE_SINK (self));
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    resume_training (self);

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

/* Returns: (transfer full) */
static GstCaps *
get_possible_caps (GstDdpmTrainSink * self)
{
  gboolean cuda, alpha;

  GST_OBJECT_LOCK (self);
  alpha = self->session && self->session->images.channels == 4;
  cuda = gst_ddpm_cuda_is_possible (&self->settings.compute,
      self->session ? self->session->backend : NULL);
  GST_OBJECT_UNLOCK (self);
  return gst_caps_from_string (alpha ? TRAIN_SINK_ALPHA_CAPS
      : cuda ? TRAIN_SINK_CAPS "; " TRAIN_SINK_CUDA_CAPS : TRAIN_SINK_CAPS);
}

static GstCaps *
gst_ddpm_train_sink_get_caps (GstBaseSink * sink, GstCaps * filter)
{
  GstDdpmTrainSink *self = GST_DDPM_TRAIN_SINK (sink);
  GstDdpmTrainImages images = { 0 };

  GST_OBJECT_LOCK (self);
  if (self->session)
    images = self->session->images;
  GST_OBJECT_UNLOCK (self);
  return gst_ddpm_image_caps_choose (get_possible_caps (self), filter,
      images.channels == 1 ? GREY_CAPS : images.channels == 4 ? ALPHA_CAPS
      : COLOUR_CAPS, images.width, images.height);
}

/* Accepts what get_caps does not ask for, so that an error can say why it cannot
 * be used. */
static void
answer_accept_caps (GstDdpmTrainSink * self, GstQuery * query)
{
  g_autoptr (GstCaps) possible = get_possible_caps (self);
  GstCaps *caps;

  gst_query_parse_accept_caps (query, &caps);
  gst_query_set_accept_caps_result (query, gst_caps_is_subset (caps, possible));
}

static gboolean
gst_ddpm_train_sink_query (GstBaseSink * sink, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_ACCEPT_CAPS) {
    answer_accept_caps (GST_DDPM_TRAIN_SINK (sink), query);
    return TRUE;
  }
  return gst_ddpm_cuda_answer (&GST_DDPM_TRAIN_SINK (sink)->cuda, query)
      || GST_BASE_SINK_CLASS (parent_class)->query (sink, query);
}

static gboolean
gst_ddpm_train_sink_propose_allocation (GstBaseSink * sink, GstQuery * query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}
