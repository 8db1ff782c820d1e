/* gst-ddpm: ddpmnoise, a source of Gaussian noise
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-ddpmnoise
 * @title: ddpmnoise
 *
 * Outputs normally distributed noise, x_T, from which ddpmdenoise generates
 * images. Each number is a function of the seed, the index of its sample, the
 * stream and its position in the sample. It does not depend on the batch size,
 * the order of the samples or the machine. With a batch of N, buffer b contains
 * the samples b * N to b * N + N - 1, and its offsets are their indices. Seeking
 * (in time, samples or buffers) reaches any sample at no cost and gives the same
 * bits, also backwards: the last buffer comes first, with its samples in their
 * usual order. Without num-buffers the stream is endless, so that playing
 * backwards needs a stop. num-buffers counts the buffers that are output, before
 * and after a seek, as in videotestsrc.
 *
 * With #GstDdpmNoise:keyframe-interval, the noise moves from one keyframe to the
 * next without jumps, and so do the images, if the sampler of ddpmdenoise is
 * deterministic (ddim with eta=0, dpmpp-2m) or takes its noise from the same
 * keyframes, as it does: the interval stands in the caps. Keyframe K has the noise
 * and the label that sample K has without keyframes.
 *
 * The shape is the dimensions=C:W:H:N in the caps of downstream, by default
 * 3:32:32:N. The output caps contain the seed, but no timestep, even if
 * #GstDdpmNoise:stream is not 0: a state without a timestep is pure noise.
 *
 * If downstream prefers memory:CUDAMemory, as ddpmdenoise does when it computes
 * on a GPU, the noise is generated on the GPU, with the same bits.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 ddpmnoise ! ddpmdenoise ! videoconvert ! autovideosink
 * ]| Show generated images.
 * |[
 * gst-launch-1.0 ddpmnoise keyframe-interval=30 random-seed=true ! ddpmdenoise ! videoconvertscale method=nearest-neighbour ! video/x-raw,width=512,height=512 ! autovideosink
 * ]| Images that flow into one another, other ones in each run.
 * |[
 * gst-launch-1.0 ddpmnoise num-buffers=1 batch-size=64 seed=7 ! filesink location=x_T.f32
 * ]| Write the noise of 64 images as raw floats (batch, height, width, channel).
 * |[
 * gst-launch-1.0 ddpmnoise ! other/tensors,dimensions=3:64:64:1,framerate=5/1 ! ddpmdenoise ! videoconvert ! autovideosink
 * ]| Set the shape and the framerate with caps.
 *
 * Since: 0.1
 */
#include "plugins/common/caps.h"
#include "plugins/common/cuda.h"
#include "plugins/common/cuda-memory.h"
#include "plugins/common/error.h"
#include "gst-ddpm/ddpm.h"
#include "plugins/sources/framesrc.h"

GST_DEBUG_CATEGORY_STATIC (gst_ddpm_noise_debug);
#define GST_CAT_DEFAULT gst_ddpm_noise_debug

/* No noise has a larger stream. GStreamer parses -1 as one. */
#define MAX_STREAM 0xefffffffu
/* A double has every number up to here, and so has the range of a property. */
#define MAX_FIRST_SAMPLE (G_GUINT64_CONSTANT (1) << 53)

typedef struct
{
  guint64 seed;
  gboolean random_seed;
  guint stream;
  guint keyframe_interval;
  guint64 first_sample;
  guint batch_size;
  gboolean is_live;
  GstDdpmCompute compute;
} Settings;

#define GST_TYPE_DDPM_NOISE (gst_ddpm_noise_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmNoise, gst_ddpm_noise, GST, DDPM_NOISE,
    GstDdpmFrameSrc);
GST_ELEMENT_REGISTER_DECLARE (ddpmnoise);

struct _GstDdpmNoise
{
  GstDdpmFrameSrc parent;

  Settings settings;            /* object lock */

  GstDdpmCuda cuda;

  /* streaming thread */
  GstDdpmTensorInfo info;
  guint stream;
  guint64 first_sample;         /* of frame 0 */
  DdpmBackend *backend;         /* for noise on the GPU; NULL: not needed yet */

  gint flushing;                /* atomic */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_DDPM_TENSOR_CAPS "; " GST_DDPM_TENSOR_CUDA_CAPS));

#define AT(member) G_STRUCT_OFFSET (Settings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"seed", "Seed",
      "Seed of the noise, and of the noise that ddpmdenoise adds in its steps",
      GST_DDPM_UINT64, AT (seed), 0, GST_DDPM_MAX_SEED},
  {"random-seed", "Random seed",
      "Choose another seed for each run, and tell it; the property seed then has "
      "it", GST_DDPM_BOOLEAN, AT (random_seed)},
  {"keyframe-interval", "Keyframe interval",
      "Number of samples from one keyframe to the next: a sample that stands at f "
      "between two keyframes has cos (pi f / 2) of the noise of the first and "
      "sin (pi f / 2) of that of the second, so that images flow into one "
      "another; ddpmdenoise mixes their labels (0: no keyframes)",
      GST_DDPM_UINT, AT (keyframe_interval), 0, G_MAXINT},
  {"first-sample", "First sample",
      "Index of the first sample of the stream, at time 0", GST_DDPM_UINT64,
      AT (first_sample), 0, MAX_FIRST_SAMPLE},
  {"stream", "Noise stream",
      "Which independent noise to output (0: x_T, the input of a sampler; t: "
      "the noise of the ddpm step at timestep t; from 2147483648: the noise of "
      "training)", GST_DDPM_UINT, AT (stream), 0,
      MAX_STREAM},
  {"batch-size", "Batch size",
      "Number of samples per buffer (1: as many as downstream asks for)",
      GST_DDPM_UINT, AT (batch_size), 1,
      DDPM_MAX_BATCH},
  {"is-live", "Is live", "Whether to act as a live source", GST_DDPM_BOOLEAN,
      AT (is_live)},
  GST_DDPM_DEVICE_PROPERTY (Settings,
      "GPU to make noise on if downstream wants memory:CUDAMemory, as numbered "
      "by CUDA (-1: any GPU)"),
};
/* *INDENT-ON* */

static void
settings_init (gpointer settings)
{
  Settings *s = settings;

  memset (s, 0, sizeof (*s));
  s->stream = DDPM_STREAM_X_T;
  s->batch_size = 1;
  s->compute.backend = DDPM_BACKEND_CUDA;
  s->compute.precision = DDPM_PRECISION_F32;
  s->compute.device_id = -1;
}

static const GstDdpmPropertyTable property_table = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstDdpmNoise, settings), sizeof (Settings), settings_init
};

#define gst_ddpm_noise_parent_class parent_class
G_DEFINE_TYPE (GstDdpmNoise, gst_ddpm_noise, GST_TYPE_DDPM_FRAME_SRC);
GST_ELEMENT_REGISTER_DEFINE (ddpmnoise, "ddpmnoise", GST_RANK_NONE,
    GST_TYPE_DDPM_NOISE);

static void gst_ddpm_noise_finalize (GObject * object);
static void gst_ddpm_noise_notify (GObject * object, GParamSpec * pspec);
static void gst_ddpm_noise_set_context (GstElement * element,
    GstContext * context);
static gboolean gst_ddpm_noise_start (GstBaseSrc * src);
static gboolean gst_ddpm_noise_stop (GstBaseSrc * src);
static gboolean gst_ddpm_noise_unlock (GstBaseSrc * src);
static gboolean gst_ddpm_noise_unlock_stop (GstBaseSrc * src);
static GstCaps *gst_ddpm_noise_fixate (GstBaseSrc * src, GstCaps * caps);
static gboolean gst_ddpm_noise_set_caps (GstBaseSrc * src, GstCaps * caps);
static gboolean gst_ddpm_noise_decide_allocation (GstBaseSrc * src,
    GstQuery * query);
static gboolean gst_ddpm_noise_query (GstBaseSrc * src, GstQuery * query);
static void gst_ddpm_noise_get_times (GstBaseSrc * src, GstBuffer * buffer,
    GstClockTime * start, GstClockTime * end);
static GstFlowReturn gst_ddpm_noise_fill_frame (GstDdpmFrameSrc * src,
    guint64 number, GstBuffer * buffer);

static void
gst_ddpm_noise_class_init (GstDdpmNoiseClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GstDdpmFrameSrcClass *frame_class = GST_DDPM_FRAME_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_ddpm_noise_debug, "ddpmnoise", 0,
      "ddpmnoise element");

  object_class->finalize = gst_ddpm_noise_finalize;
  object_class->notify = gst_ddpm_noise_notify;
  gst_ddpm_properties_install (object_class, &property_table);

  gst_element_class_set_static_metadata (element_class, "DDPM noise source",
      "Source/Tensor",
      "Generates normally distributed noise, from which ddpmdenoise starts",
      "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &src_template);

  element_class->set_context = GST_DEBUG_FUNCPTR (gst_ddpm_noise_set_context);
  base_class->start = GST_DEBUG_FUNCPTR (gst_ddpm_noise_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_ddpm_noise_stop);
  base_class->unlock = GST_DEBUG_FUNCPTR (gst_ddpm_noise_unlock);
  base_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_ddpm_noise_unlock_stop);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_ddpm_noise_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_ddpm_noise_set_caps);
  base_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_ddpm_noise_decide_allocation);
  base_class->query = GST_DEBUG_FUNCPTR (gst_ddpm_noise_query);
  base_class->get_times = GST_DEBUG_FUNCPTR (gst_ddpm_noise_get_times);
  frame_class->fill_frame = GST_DEBUG_FUNCPTR (gst_ddpm_noise_fill_frame);
}

static void
gst_ddpm_noise_init (GstDdpmNoise * self)
{
  property_table.init (&self->settings);
  gst_ddpm_cuda_init (&self->cuda, GST_ELEMENT (self), &self->settings.compute);
}

static void
gst_ddpm_noise_finalize (GObject * object)
{
  gst_ddpm_cuda_clear (&GST_DDPM_NOISE (object)->cuda);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static Settings
get_settings (GstDdpmNoise * self)
{
  Settings settings;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  GST_OBJECT_UNLOCK (self);
  return settings;
}

/* GstBaseSrc keeps its own copy of is-live. */
static void
gst_ddpm_noise_notify (GObject * object, GParamSpec * pspec)
{
  gst_base_src_set_live (GST_BASE_SRC (object),
      get_settings (GST_DDPM_NOISE (object)).is_live);
}

static void
gst_ddpm_noise_set_context (GstElement * element, GstContext * context)
{
  gst_ddpm_cuda_set_context (&GST_DDPM_NOISE (element)->cuda, context);
  GST_ELEMENT_CLASS (parent_class)->set_context (element, context);
}

/* Nine digits at most, for those who type it */
static void
draw_seed (GstDdpmNoise * self)
{
  const guint64 seed = g_random_int_range (1, 1000000000);
  g_autofree gchar *text =
      g_strdup_printf ("seed=%" G_GUINT64_FORMAT " was chosen", seed);

  GST_OBJECT_LOCK (self);
  self->settings.seed = seed;
  GST_OBJECT_UNLOCK (self);
  g_object_notify (G_OBJECT (self), "seed");
  gst_ddpm_element_post_info (GST_ELEMENT (self), text);
}

static gboolean
gst_ddpm_noise_start (GstBaseSrc * src)
{
  GError *error = NULL;
  Settings settings;

  GST_BASE_SRC_CLASS (parent_class)->start (src);
  if (!gst_ddpm_element_copy_settings (GST_ELEMENT (src), &settings, &error))
    goto wrong_settings;
  if (settings.random_seed)
    draw_seed (GST_DDPM_NOISE (src));
  return TRUE;

wrong_settings:
  gst_ddpm_element_post_start_error (GST_ELEMENT (src), error);
  return FALSE;
}

static gboolean
gst_ddpm_noise_stop (GstBaseSrc * src)
{
  GstDdpmNoise *self = GST_DDPM_NOISE (src);

  g_clear_pointer (&self->backend, ddpm_backend_unref);
  gst_ddpm_cuda_release (&self->cuda);
  return TRUE;
}

static gboolean
gst_ddpm_noise_unlock (GstBaseSrc * src)
{
  g_atomic_int_set (&GST_DDPM_NOISE (src)->flushing, TRUE);
  return TRUE;
}

static gboolean
gst_ddpm_noise_unlock_stop (GstBaseSrc * src)
{
  g_atomic_int_set (&GST_DDPM_NOISE (src)->flushing, FALSE);
  return TRUE;
}

/* --- negotiation ---------------------------------------------------------- */

static GstCaps *
gst_ddpm_noise_fixate (GstBaseSrc * src, GstCaps * caps)
{
  Settings settings = get_settings (GST_DDPM_NOISE (src));
  GError *error = NULL;
  GstCaps *fixed;

  caps = gst_ddpm_caps_choose_memory (GST_BASE_SRC_PAD (src), caps);
  fixed = gst_ddpm_tensor_caps_fixate (caps, settings.batch_size,
      settings.seed, &error);
  if (fixed == NULL)
    goto not_taken;
  gst_caps_unref (caps);
  if (settings.keyframe_interval > 0)
    gst_caps_set_simple (fixed, "keyframe-interval", G_TYPE_INT,
        settings.keyframe_interval, NULL);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (src, fixed);

not_taken:
  gst_ddpm_element_refuse_caps (GST_ELEMENT (src), caps, error);
  gst_caps_unref (caps);
  return gst_caps_new_empty ();
}

static gboolean
gst_ddpm_noise_set_caps (GstBaseSrc * src, GstCaps * caps)
{
  GstDdpmNoise *self = GST_DDPM_NOISE (src);
  Settings settings = get_settings (self);
  GstDdpmTensorInfo info;
  GstDdpmFrames frames = { 0, 1, 1, GST_DDPM_FRAMES_ENDLESS };
  GError *error = NULL;

  if (!gst_ddpm_tensor_info_from_caps (&info, caps, &error))
    goto refuse;
  GST_DEBUG_OBJECT (self, "%" G_GSIZE_FORMAT " bytes a buffer: %"
      GST_PTR_FORMAT, info.size, caps);
  /* The backend is kept for later caps. */
  if (info.cuda && self->backend == NULL)
    self->backend =
        gst_ddpm_cuda_backend_new (&self->cuda, &settings.compute, &error);
  if (info.cuda && self->backend == NULL)
    goto refuse;

  self->info = info;
  self->stream = settings.stream;
  self->first_sample = settings.first_sample;
  frames.fps_n = info.fps_n;
  frames.fps_d = info.fps_d;
  frames.samples = info.batch;
  gst_ddpm_frame_src_set_frames (GST_DDPM_FRAME_SRC (src), &frames);
  gst_base_src_set_blocksize (src, info.size);
  return TRUE;

refuse:
  gst_ddpm_element_refuse_caps (GST_ELEMENT (self), caps, error);
  return FALSE;
}

static gboolean
gst_ddpm_noise_decide_allocation (GstBaseSrc * src, GstQuery * query)
{
  GstDdpmNoise *self = GST_DDPM_NOISE (src);
  guint size = self->info.size;
  GstBufferPool *pool;

  if (self->info.cuda) {
    gst_ddpm_cuda_decide_tensors (query, self->backend, size);
  } else if (gst_query_get_n_allocation_pools (query) > 0) {
    guint pool_size, min, max;

    gst_query_parse_nth_allocation_pool (query, 0, &pool, &pool_size, &min,
        &max);
    gst_query_set_nth_allocation_pool (query, 0, pool, MAX (size, pool_size),
        min, max);
    gst_clear_object (&pool);
  } else {
    gst_query_add_allocation_pool (query, NULL, size, 0, 0);
  }
  return GST_BASE_SRC_CLASS (parent_class)->decide_allocation (src, query);
}

/* --- live ----------------------------------------------------------------- */

/* A live buffer is output at its timestamp. One frame of latency leaves
 * downstream the duration of a frame to process it. */
static gboolean
gst_ddpm_noise_query (GstBaseSrc * src, GstQuery * query)
{
  GstDdpmFrames frames;

  if (gst_ddpm_cuda_answer (&GST_DDPM_NOISE (src)->cuda, query))
    return TRUE;
  gst_ddpm_frame_src_get_frames (GST_DDPM_FRAME_SRC (src), &frames);
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY
      && gst_base_src_is_live (src) && frames.fps_n != 0) {
    gst_query_set_latency (query, TRUE, gst_ddpm_frames_get_time (&frames, 1),
        GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS (parent_class)->query (src, query);
}

static void
gst_ddpm_noise_get_times (GstBaseSrc * src, GstBuffer * buffer,
    GstClockTime * start, GstClockTime * end)
{
  *start = *end = GST_CLOCK_TIME_NONE;
  if (gst_base_src_is_live (src) && GST_BUFFER_PTS_IS_VALID (buffer)) {
    *start = GST_BUFFER_PTS (buffer);
    *end = *start + GST_BUFFER_DURATION (buffer);
  }
}

/* --- data ----------------------------------------------------------------- */

/* out: (batch, height, width, channels), in memory of the host. FALSE: flushing */
static gboolean
write_noise (GstDdpmNoise * self, guint64 first_sample, gfloat * out)
{
  const GstDdpmTensorInfo *info = &self->info;
  gsize elements = (gsize) info->channels * info->width * info->height;
  guint i;

  for (i = 0; i < info->batch; i++) {
    if (g_atomic_int_get (&self->flushing))
      return FALSE;
    ddpm_noise_keyframe_normal (info->seed, first_sample + i,
        info->keyframe_interval, self->stream, 0, elements, out + i * elements);
  }
  return TRUE;
}

static GstFlowReturn
gst_ddpm_noise_fill_frame (GstDdpmFrameSrc * src, guint64 number,
    GstBuffer * buffer)
{
  GstDdpmNoise *self = GST_DDPM_NOISE (src);
  const GstDdpmTensorInfo *info = &self->info;
  GError *error = NULL;
  GstMapInfo map;
  gboolean done;

  if (gst_buffer_get_size (buffer) < info->size
      || (info->cuda && !gst_ddpm_cuda_buffer_is_for (buffer, self->backend))
      || !gst_buffer_map (buffer, &map,
          GST_MAP_WRITE | (info->cuda ? GST_DDPM_MAP_CUDA : 0)))
    goto not_writable;
  GST_BUFFER_OFFSET (buffer) += self->first_sample;
  GST_BUFFER_OFFSET_END (buffer) += self->first_sample;
  done = info->cuda ? ddpm_noise_normal_batch (self->backend, info->seed,
      GST_BUFFER_OFFSET (buffer), info->keyframe_interval, self->stream,
      info->batch,
      info->channels * info->width * info->height, (gfloat *) map.data, &error)
      : write_noise (self, GST_BUFFER_OFFSET (buffer), (gfloat *) map.data);
  gst_buffer_unmap (buffer, &map);
  if (error)
    goto failed;
  gst_buffer_set_size (buffer, info->size);
  return done ? GST_FLOW_OK : GST_FLOW_FLUSHING;

not_writable:
  g_set_error (&error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write noise: expected writable buffers of %" G_GSIZE_FORMAT
      " bytes%s, got %" G_GSIZE_FORMAT
      " bytes, or memory that cannot be written", info->size,
      info->cuda ? " in GPU memory" : "", gst_buffer_get_size (buffer));
failed:
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}
