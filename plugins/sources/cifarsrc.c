/* gst-ddpm: cifarsrc, a source of CIFAR images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cifarsrc
 * @title: cifarsrc
 *
 * The images of CIFAR-10 or CIFAR-100 (binary version), or of any file of such
 * records, as 32x32 video. By default they come shuffled, as training wants
 * them: in an order that is a function of the seed and the epoch alone.
 * Seeking (in time, or to the n-th image of all epochs) keeps that order.
 *
 * RGBP is how the files hold them; RGB is made where downstream wants it. Each
 * buffer has a GstDdpmSampleMeta, a #GstCustomMeta with the fields label (int),
 * index (uint64, in the files), epoch, position (uint64, in the epoch) and
 * epoch-size (uint64). The names of the classes, where the folder tells them,
 * are the tag "ddpm-class-names" of the stream.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin epochs=100 ! ddpmtrainsink location=ckpt.bin
 * ]| Train a model.
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin split=test shuffle=false ! video/x-raw,framerate=5/1 ! videoconvertscale ! video/x-raw,width=320,height=320 ! autovideosink
 * ]| Look at the test images, in the order of the file.
 *
 * Since: 0.1
 */
#include <gst/video/video.h>

#include "plugins/sources/cifarsrc.h"
#include "plugins/common/error.h"
#include "plugins/common/meta.h"
#include "plugins/common/param.h"
#include "gst-ddpm/files/cifar.h"

GST_DEBUG_CATEGORY_STATIC (gst_cifar_src_debug);
#define GST_CAT_DEFAULT gst_cifar_src_debug

/* The folder in cifar-10-binary.tar.gz */
#define DEFAULT_LOCATION "cifar-10-batches-bin"
#define DEFAULT_SPLIT DDPM_SPLIT_TRAIN
#define DEFAULT_SHUFFLE TRUE
#define DEFAULT_SEED 0
#define DEFAULT_EPOCHS 1

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_SPLIT,
  PROP_SHUFFLE,
  PROP_SEED,
  PROP_EPOCHS,
};

typedef struct
{
  gchar *location;
  DdpmSplit split;
  gboolean shuffle;
  guint64 seed;
  guint epochs;                 /* 0: endless */
} Settings;

struct _GstCifarSrc
{
  GstDdpmFrameSrc parent;

  Settings settings;            /* with the object lock */

  /* from READY to PAUSED and back */
  DdpmCifar *cifar;
  guint64 n_images;             /* of an epoch */
  guint64 n_frames;             /* of all epochs */
  guint64 seed;
  guint64 *order;               /* [n_images] NULL: as in the files */
  guint64 order_epoch;          /* that order is of; G_MAXUINT64: of none yet */

  GstVideoInfo video;           /* of the streaming thread */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) { RGBP, RGB }, "
        "width = (int) 32, height = (int) 32, "
        "pixel-aspect-ratio = (fraction) 1/1, "
        "interlace-mode = (string) progressive, "
        "framerate = (fraction) [ 0/1, max ]"));

/**
 * GstCifarSrcSplit:
 * @train: the images to train with
 * @test: the images to test with
 *
 * Parts of a data set.
 *
 * Since: 0.1
 */
#define GST_TYPE_CIFAR_SRC_SPLIT (gst_cifar_src_split_get_type ())
static GType
gst_cifar_src_split_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {DDPM_SPLIT_TRAIN, "The images to train with", "train"},
    {DDPM_SPLIT_TEST, "The images to test with", "test"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstCifarSrcSplit", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}

#define gst_cifar_src_parent_class parent_class
G_DEFINE_TYPE (GstCifarSrc, gst_cifar_src, GST_TYPE_DDPM_FRAME_SRC);
GST_ELEMENT_REGISTER_DEFINE (cifarsrc, "cifarsrc", GST_RANK_NONE,
    GST_TYPE_CIFAR_SRC);

static void gst_cifar_src_finalize (GObject * object);
static void gst_cifar_src_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_cifar_src_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static GstStateChangeReturn gst_cifar_src_change_state (GstElement * element,
    GstStateChange transition);
static GstCaps *gst_cifar_src_fixate (GstBaseSrc * src, GstCaps * caps);
static gboolean gst_cifar_src_set_caps (GstBaseSrc * src, GstCaps * caps);
static GstFlowReturn gst_cifar_src_fill_frame (GstDdpmFrameSrc * src,
    guint64 number, GstBuffer * buffer);

static void
gst_cifar_src_class_init (GstCifarSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GstDdpmFrameSrcClass *frame_class = GST_DDPM_FRAME_SRC_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
      | GST_PARAM_MUTABLE_READY;

  GST_DEBUG_CATEGORY_INIT (gst_cifar_src_debug, "cifarsrc", 0,
      "cifarsrc element");

  object_class->finalize = gst_cifar_src_finalize;
  object_class->set_property = gst_cifar_src_set_property;
  object_class->get_property = gst_cifar_src_get_property;

  /**
   * GstCifarSrc:location:
   *
   * A folder with the files of CIFAR-10 or CIFAR-100 (binary version), or one
   * .bin file of such records.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Folder of the CIFAR-10 or CIFAR-100 binary version, or one .bin file",
          DEFAULT_LOCATION, flags));

  /**
   * GstCifarSrc:split:
   *
   * Which files of the folder to take; nothing where location is a file.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_SPLIT,
      g_param_spec_enum ("split", "Split", "Part of the data set, of a folder",
          GST_TYPE_CIFAR_SRC_SPLIT, DEFAULT_SPLIT, flags));

  /**
   * GstCifarSrc:shuffle:
   *
   * Give the images of every epoch, the first one too, in an order of its own,
   * as training wants them. FALSE: as they are in the files.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_SHUFFLE,
      g_param_spec_boolean ("shuffle", "Shuffle",
          "Whether every epoch has an order of its own", DEFAULT_SHUFFLE,
          flags));

  /**
   * GstCifarSrc:seed:
   *
   * Another seed gives other orders; the same seed the same ones, anywhere.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed", "Seed of the order of images",
          0, G_MAXUINT64, DEFAULT_SEED, flags));

  /**
   * GstCifarSrc:epochs:
   *
   * How often to give all images before EOS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_EPOCHS,
      gst_ddpm_param_spec_uint ("epochs", "Epochs",
          "How often to give all images (0: without end)", 0, G_MAXINT,
          DEFAULT_EPOCHS, flags));

  gst_element_class_set_static_metadata (element_class, "CIFAR source",
      "Source/Video", "Images of CIFAR-10 or CIFAR-100, shuffled, labelled",
      "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &src_template);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_cifar_src_change_state);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_cifar_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_cifar_src_set_caps);
  frame_class->fill_frame = GST_DEBUG_FUNCPTR (gst_cifar_src_fill_frame);
}

static void
gst_cifar_src_init (GstCifarSrc * self)
{
  self->settings.location = g_strdup (DEFAULT_LOCATION);
  self->settings.split = DEFAULT_SPLIT;
  self->settings.shuffle = DEFAULT_SHUFFLE;
  self->settings.seed = DEFAULT_SEED;
  self->settings.epochs = DEFAULT_EPOCHS;
}

static void
gst_cifar_src_finalize (GObject * object)
{
  g_free (GST_CIFAR_SRC (object)->settings.location);

  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_cifar_src_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstCifarSrc *self = GST_CIFAR_SRC (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (self->settings.location);
      self->settings.location = g_value_dup_string (value);
      break;
    case PROP_SPLIT:
      self->settings.split = g_value_get_enum (value);
      break;
    case PROP_SHUFFLE:
      self->settings.shuffle = g_value_get_boolean (value);
      break;
    case PROP_SEED:
      self->settings.seed = g_value_get_uint64 (value);
      break;
    case PROP_EPOCHS:
      self->settings.epochs = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_cifar_src_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec)
{
  GstCifarSrc *self = GST_CIFAR_SRC (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, self->settings.location);
      break;
    case PROP_SPLIT:
      g_value_set_enum (value, self->settings.split);
      break;
    case PROP_SHUFFLE:
      g_value_set_boolean (value, self->settings.shuffle);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->settings.seed);
      break;
    case PROP_EPOCHS:
      g_value_set_uint (value, self->settings.epochs);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

/* --- the data set --------------------------------------------------------- */

static void
close_data_set (GstCifarSrc * self)
{
  g_clear_pointer (&self->cifar, ddpm_cifar_free);
  g_clear_pointer (&self->order, g_free);
}

static gboolean
open_data_set (GstCifarSrc * self)
{
  g_autofree gchar *location = NULL;
  GError *error = NULL;
  Settings settings;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  location = g_strdup (settings.location ? settings.location : "");
  GST_OBJECT_UNLOCK (self);

  if (!gst_ddpm_object_check_ranges (G_OBJECT (self), &error))
    goto no_data;
  if (*location == '\0')
    goto no_location;
  self->cifar = ddpm_cifar_open (location, settings.split, &error);
  if (self->cifar == NULL)
    goto no_data;
  self->n_images = ddpm_cifar_get_n_images (self->cifar);
  self->seed = settings.seed;
  self->order_epoch = G_MAXUINT64;
  if (settings.shuffle) {
    self->order = g_try_new (guint64, self->n_images);
    if (self->order == NULL)
      goto no_memory;
  }

  if (settings.epochs == 0 || !g_uint64_checked_mul (&self->n_frames,
          self->n_images, settings.epochs))
    self->n_frames = GST_DDPM_FRAMES_ENDLESS;
  GST_DEBUG_OBJECT (self, "%" G_GUINT64_FORMAT " images in %s",
      self->n_images, location);
  return TRUE;

no_location:
  {
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
        "No location is set: expected a folder of CIFAR data or a .bin file");
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
no_memory:
  {
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for the order of the %" G_GUINT64_FORMAT " images of \"%s\"",
        self->n_images, location);
  }
no_data:
  {
    close_data_set (self);
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
}

/* Not in start(): where that fails, GstBaseSrc adds an error of its own. */
static GstStateChangeReturn
gst_cifar_src_change_state (GstElement * element, GstStateChange transition)
{
  GstCifarSrc *self = GST_CIFAR_SRC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open_data_set (self))
    return GST_STATE_CHANGE_FAILURE;

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && ret == GST_STATE_CHANGE_FAILURE))
    close_data_set (self);
  return ret;
}

/* --- negotiation ---------------------------------------------------------- */

static GstCaps *
gst_cifar_src_fixate (GstBaseSrc * src, GstCaps * caps)
{
  caps = gst_caps_truncate (gst_caps_make_writable (caps));
  gst_structure_fixate_field_nearest_fraction (gst_caps_get_structure (caps,
          0), "framerate", 30, 1);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (src, caps);
}

/* In the stream, before the next frame */
static void
tell_class_names (GstCifarSrc * self)
{
  const gchar *names = ddpm_cifar_get_class_names (self->cifar);

  if (names)
    gst_element_send_event (GST_ELEMENT (self),
        gst_event_new_tag (gst_tag_list_new (GST_DDPM_TAG_CLASS_NAMES, names,
                NULL)));
}

static gboolean
gst_cifar_src_set_caps (GstBaseSrc * src, GstCaps * caps)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);
  GstDdpmFrames frames = { 0, 1, 1, self->n_frames };
  GstVideoInfo video;

  if (!gst_video_info_from_caps (&video, caps)
      || GST_VIDEO_INFO_WIDTH (&video) != DDPM_CIFAR_SIZE
      || GST_VIDEO_INFO_HEIGHT (&video) != DDPM_CIFAR_SIZE)
    goto wrong_caps;

  frames.fps_n = GST_VIDEO_INFO_FPS_N (&video);
  frames.fps_d = GST_VIDEO_INFO_FPS_D (&video);
  gst_ddpm_frame_src_set_frames (GST_DDPM_FRAME_SRC (src), &frames);
  self->video = video;
  gst_base_src_set_blocksize (src, GST_VIDEO_INFO_SIZE (&video));
  tell_class_names (self);
  return TRUE;

wrong_caps:
  {
    gst_ddpm_element_refuse_caps (GST_ELEMENT (self), caps,
        g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
            "Expected 32x32 video in RGBP or RGB"));
    return FALSE;
  }
}

/* --- data ------------------------------------------------------------------ */

/* What the frame of this number is, but for its label */
static void
locate_sample (GstCifarSrc * self, guint64 frame, GstDdpmSample * sample)
{
  sample->epoch_size = self->n_images;
  sample->epoch = frame / self->n_images;
  sample->position = frame % self->n_images;
  sample->index = sample->position;
  if (self->order == NULL)
    return;

  if (self->order_epoch != sample->epoch)
    ddpm_cifar_shuffle (self->seed, sample->epoch, self->n_images, self->order);
  self->order_epoch = sample->epoch;
  sample->index = self->order[sample->position];
}

/* pixels [3][32][32] into either layout */
static void
write_pixels (GstVideoFrame * frame, const guint8 * pixels)
{
  guint c, x, y;

  for (c = 0; c < 3; c++) {
    gint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);
    guint8 *row = GST_VIDEO_FRAME_COMP_DATA (frame, c);

    for (y = 0; y < DDPM_CIFAR_SIZE; y++) {
      if (step == 1) {
        memcpy (row, pixels, DDPM_CIFAR_SIZE);
      } else {
        for (x = 0; x < DDPM_CIFAR_SIZE; x++)
          row[x * step] = pixels[x];
      }
      row += GST_VIDEO_FRAME_COMP_STRIDE (frame, c);
      pixels += DDPM_CIFAR_SIZE;
    }
  }
}

static GstFlowReturn
gst_cifar_src_fill_frame (GstDdpmFrameSrc * src, guint64 number,
    GstBuffer * buffer)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);
  guint8 pixels[DDPM_CIFAR_PIXELS];
  GstVideoFrame frame;
  GstDdpmSample sample;
  GError *error = NULL;
  guint label;

  locate_sample (self, number, &sample);
  if (!ddpm_cifar_read (self->cifar, sample.index, pixels, &label, &error))
    goto read_failed;
  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_WRITE))
    goto no_memory;
  write_pixels (&frame, pixels);
  gst_video_frame_unmap (&frame);

  sample.label = label;
  gst_ddpm_buffer_add_sample (buffer, &sample);
  return GST_FLOW_OK;

read_failed:
  {
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
no_memory:
  {
    g_set_error (&error, DDPM_ERROR, DDPM_ERROR_WRITE,
        "Expected writable buffers of %" G_GSIZE_FORMAT " bytes, got %"
        G_GSIZE_FORMAT, GST_VIDEO_INFO_SIZE (&self->video),
        gst_buffer_get_size (buffer));
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    return GST_FLOW_ERROR;
  }
}
