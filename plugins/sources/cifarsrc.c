/* gst-ddpm: cifarsrc, a source of CIFAR's and MNIST's images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cifarsrc
 * @title: cifarsrc
 *
 * Outputs the images of CIFAR-10 or CIFAR-100 (binary version), or of one file
 * in the same format, as 32x32 video. MNIST's and Fashion-MNIST's files, also as
 * they are downloaded (train-images-idx3-ubyte.gz and the others), become grey
 * video of 32x32, with a black border of two pixels, or of 28x28 where downstream
 * asks for that. By default it shuffles the images for training,
 * in an order that is a function of the seed and the epoch only. Seeking (in
 * time, or to the n-th image of all epochs) keeps that order, and playing
 * backwards reverses it.
 *
 * The files contain planar RGB (RGBP), which is converted to RGB if downstream
 * prefers that. Each buffer has a GstDdpmSampleMeta, a #GstCustomMeta with the
 * fields label (int), index (uint64, in the files), epoch (uint64), position
 * (uint64, in the epoch) and epoch-size (uint64). If the folder contains the
 * names of the classes, they are sent as the tag "ddpm-class-names".
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin epochs=100 ! ddpmtrainsink location=ckpt.bin
 * ]| Train a model for 100 epochs.
 * |[
 * gst-launch-1.0 cifarsrc location=fashion-mnist epochs=20 ! ddpmtrainsink location=ckpt.bin
 * ]| Train on the grey images of Fashion-MNIST.
 * |[
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin split=test shuffle=false ! video/x-raw,framerate=5/1 ! videoconvertscale method=nearest-neighbour ! video/x-raw,width=320,height=320 ! autovideosink
 * ]| Show the test images in the order of the file.
 *
 * Since: 0.1
 */
#include <gst/video/video.h>

#include "plugins/common/caps.h"
#include "plugins/common/error.h"
#include "plugins/common/meta.h"
#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"
#include "plugins/sources/epochs.h"
#include "plugins/sources/framesrc.h"

GST_DEBUG_CATEGORY_STATIC (gst_cifar_src_debug);
#define GST_CAT_DEFAULT gst_cifar_src_debug

typedef struct
{
  gchar *location;
  DdpmSplit split;
  gint labels;                  /* 1: coarse */
  gboolean shuffle;
  guint64 seed;
  guint epochs;                 /* 0: endless */
} Settings;

#define GST_TYPE_CIFAR_SRC (gst_cifar_src_get_type ())
G_DECLARE_FINAL_TYPE (GstCifarSrc, gst_cifar_src, GST, CIFAR_SRC,
    GstDdpmFrameSrc);
GST_ELEMENT_REGISTER_DECLARE (cifarsrc);

struct _GstCifarSrc
{
  GstDdpmFrameSrc parent;

  Settings settings;            /* object lock */

  /* set by start */
  DdpmCifar *cifar;
  GstDdpmEpochs epochs;
  gboolean has_told_border;

  GstVideoInfo video;           /* streaming thread */
};

#define CAPS(formats, size) \
    "video/x-raw, format = (string) " formats ", " \
    "width = (int) " size ", height = (int) " size ", " \
    "pixel-aspect-ratio = (fraction) 1/1, " \
    "interlace-mode = (string) progressive, " \
    "framerate = (fraction) [ 0/1, max ]"
#define COLOUR_CAPS CAPS ("{ RGBP, RGB }", "32")
/* As they are, or with a border: networks halve sizes. */
#define GREY_CAPS CAPS ("GRAY8", "32") "; " CAPS ("GRAY8", "28")

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (COLOUR_CAPS "; " GREY_CAPS));

static const GEnumValue label_values[] = {
  {FALSE, "The 100 classes of CIFAR-100, and those of the other data sets",
      "fine"},
  {TRUE, "The 20 groups of classes of CIFAR-100", "coarse"},
  {0, NULL, NULL},
};

static const GEnumValue split_values[] = {
  {DDPM_SPLIT_TRAIN, "The training images", "train"},
  {DDPM_SPLIT_TEST, "The test images", "test"},
  {0, NULL, NULL},
};

#define AT(member) G_STRUCT_OFFSET (Settings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"location", "Location",
      "Folder with the binary version of CIFAR-10 or CIFAR-100 or the idx files "
      "of MNIST or Fashion-MNIST, or one .bin or idx3 file", GST_DDPM_STRING,
      AT (location)},
  {"split", "Split",
      "Part of the data set to read; ignored if location is a file",
      GST_DDPM_ENUM, AT (split),
      .enum_name = "GstCifarSrcSplit", .enum_values = split_values},
  {"labels", "Labels", "Which labels of CIFAR-100 to output", GST_DDPM_ENUM,
      AT (labels), .enum_name = "GstCifarSrcLabels",
      .enum_values = label_values},
  {"shuffle", "Shuffle",
      "Output each epoch in an order of its own (false: in the order of the "
      "files)", GST_DDPM_BOOLEAN, AT (shuffle)},
  {"seed", "Seed", "Seed of the shuffled orders", GST_DDPM_UINT64,
      AT (seed), 0, GST_DDPM_MAX_SEED},
  {"epochs", "Epochs",
      "Number of times to output all images (0: without end)", GST_DDPM_UINT,
      AT (epochs), 0, G_MAXINT},
};
/* *INDENT-ON* */

static void
settings_init (gpointer settings)
{
  Settings *s = settings;

  memset (s, 0, sizeof (*s));
  s->location = g_strdup ("cifar-10-batches-bin");      /* as in the archive */
  s->split = DDPM_SPLIT_TRAIN;
  s->shuffle = TRUE;
  s->epochs = 1;
}

static const GstDdpmPropertyTable property_table = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstCifarSrc, settings), sizeof (Settings), settings_init
};

#define gst_cifar_src_parent_class parent_class
G_DEFINE_TYPE (GstCifarSrc, gst_cifar_src, GST_TYPE_DDPM_FRAME_SRC);
GST_ELEMENT_REGISTER_DEFINE (cifarsrc, "cifarsrc", GST_RANK_NONE,
    GST_TYPE_CIFAR_SRC);

static void gst_cifar_src_finalize (GObject * object);
static gboolean gst_cifar_src_start (GstBaseSrc * src);
static gboolean gst_cifar_src_stop (GstBaseSrc * src);
static GstCaps *gst_cifar_src_get_caps (GstBaseSrc * src, GstCaps * filter);
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

  GST_DEBUG_CATEGORY_INIT (gst_cifar_src_debug, "cifarsrc", 0,
      "cifarsrc element");

  object_class->finalize = gst_cifar_src_finalize;
  gst_ddpm_properties_install (object_class, &property_table);

  gst_element_class_set_static_metadata (element_class, "CIFAR source",
      "Source/Video",
      "Outputs the labelled images of CIFAR-10 or CIFAR-100, shuffled",
      "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &src_template);

  base_class->start = GST_DEBUG_FUNCPTR (gst_cifar_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_cifar_src_stop);
  base_class->get_caps = GST_DEBUG_FUNCPTR (gst_cifar_src_get_caps);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_cifar_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_cifar_src_set_caps);
  frame_class->fill_frame = GST_DEBUG_FUNCPTR (gst_cifar_src_fill_frame);
}

static void
gst_cifar_src_init (GstCifarSrc * self)
{
  property_table.init (&self->settings);
}

static void
gst_cifar_src_finalize (GObject * object)
{
  gst_ddpm_settings_clear (&property_table, &GST_CIFAR_SRC (object)->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* --- the data set --------------------------------------------------------- */

static gboolean
gst_cifar_src_stop (GstBaseSrc * src)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);

  g_clear_pointer (&self->cifar, ddpm_cifar_free);
  self->has_told_border = FALSE;
  gst_ddpm_epochs_clear (&self->epochs);
  return TRUE;
}

static gboolean
open_data_set (GstCifarSrc * self, const Settings * settings, GError ** error)
{
  if (settings->location == NULL || *settings->location == '\0')
    goto no_location;
  self->cifar = ddpm_cifar_open (settings->location, settings->split, error);
  if (self->cifar == NULL || (settings->labels
          && !ddpm_cifar_use_coarse_labels (self->cifar, error)))
    return FALSE;
  gst_ddpm_element_post_info (GST_ELEMENT (self),
      ddpm_cifar_get_notes (self->cifar));
  if (!gst_ddpm_epochs_init (&self->epochs,
          ddpm_cifar_get_n_images (self->cifar), settings->epochs,
          settings->shuffle, settings->seed, error)) {
    g_prefix_error (error, "Cannot use %s: ", settings->location);
    return FALSE;
  }
  GST_DEBUG_OBJECT (self, "%" G_GUINT64_FORMAT " images in %s",
      self->epochs.n_images, settings->location);
  return TRUE;

no_location:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "The property location is not set: expected a folder of CIFAR data or "
      "a .bin file");
  return FALSE;
}

static gboolean
gst_cifar_src_start (GstBaseSrc * src)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);
  GError *error = NULL;
  Settings settings;
  gboolean opened;

  GST_BASE_SRC_CLASS (parent_class)->start (src);
  opened =
      gst_ddpm_element_copy_settings (GST_ELEMENT (self), &settings, &error)
      && open_data_set (self, &settings, &error);
  gst_ddpm_settings_clear (&property_table, &settings);
  if (!opened)
    goto failed;
  return TRUE;

failed:
  gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  gst_cifar_src_stop (src);
  return FALSE;
}

/* --- negotiation ---------------------------------------------------------- */

static GstCaps *
gst_cifar_src_get_caps (GstBaseSrc * src, GstCaps * filter)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);
  g_autoptr (GstCaps) caps = NULL;

  if (self->cifar == NULL)
    caps = gst_pad_get_pad_template_caps (GST_BASE_SRC_PAD (src));
  else
    caps = gst_caps_from_string (ddpm_cifar_get_channels (self->cifar) == 3
        ? COLOUR_CAPS : GREY_CAPS);
  return gst_ddpm_caps_filter (g_steal_pointer (&caps), filter);
}

static GstCaps *
gst_cifar_src_fixate (GstBaseSrc * src, GstCaps * caps)
{
  caps = gst_caps_truncate (gst_caps_make_writable (caps));
  gst_structure_fixate_field_nearest_fraction (gst_caps_get_structure (caps,
          0), "framerate", 30, 1);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (src, caps);
}

static void
tell_border (GstCifarSrc * self, const GstVideoInfo * video)
{
  const guint size = ddpm_cifar_get_size (self->cifar);

  if (GST_VIDEO_INFO_WIDTH (video) > (gint) size && !self->has_told_border) {
    g_autofree gchar *text = g_strdup_printf ("The images of %ux%u get a black "
        "border and so become %dx%d. With video/x-raw,width=%u they stay as "
        "they are", size, size, GST_VIDEO_INFO_WIDTH (video),
        GST_VIDEO_INFO_HEIGHT (video), size);

    gst_ddpm_element_post_info (GST_ELEMENT (self), text);
    self->has_told_border = TRUE;
  }
}

static gboolean
gst_cifar_src_set_caps (GstBaseSrc * src, GstCaps * caps)
{
  GstCifarSrc *self = GST_CIFAR_SRC (src);
  GstDdpmFrames frames = { 0, 1, 1, self->epochs.n_frames };
  GstVideoInfo video;

  if (!gst_video_info_from_caps (&video, caps)
      || GST_VIDEO_INFO_WIDTH (&video) <
      (gint) ddpm_cifar_get_size (self->cifar)
      || GST_VIDEO_INFO_HEIGHT (&video) != GST_VIDEO_INFO_WIDTH (&video)
      || GST_VIDEO_INFO_N_COMPONENTS (&video)
      != ddpm_cifar_get_channels (self->cifar))
    goto wrong_caps;
  tell_border (self, &video);

  frames.fps_n = GST_VIDEO_INFO_FPS_N (&video);
  frames.fps_d = GST_VIDEO_INFO_FPS_D (&video);
  gst_ddpm_frame_src_set_frames (GST_DDPM_FRAME_SRC (src), &frames);
  self->video = video;
  gst_base_src_set_blocksize (src, GST_VIDEO_INFO_SIZE (&video));
  gst_ddpm_element_send_class_names (GST_ELEMENT (self),
      ddpm_cifar_get_class_names (self->cifar));
  return TRUE;

wrong_caps:
  gst_ddpm_element_refuse_caps (GST_ELEMENT (self), caps,
      g_error_new (DDPM_ERROR, DDPM_ERROR_SETTINGS,
          "Expected video of %s", ddpm_cifar_get_channels (self->cifar) == 3
          ? "32x32 pixels in RGBP or RGB" : "32x32 or 28x28 pixels in GRAY8"));
  return FALSE;
}

/* --- data ----------------------------------------------------------------- */

/* pixels: [components][size][size]; frame: planar or packed, and black around
 * them */
static void
write_pixels (GstVideoFrame * frame, guint size, const guint8 * pixels)
{
  const guint width = GST_VIDEO_FRAME_WIDTH (frame);
  const guint border = (width - size) / 2;
  guint c, x, y;

  for (c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (frame); c++) {
    gint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);
    guint8 *row = GST_VIDEO_FRAME_COMP_DATA (frame, c);

    for (y = 0; y < width; y++) {
      const gboolean inside = y >= border && y < border + size;

      for (x = 0; x < width; x++)
        row[x * step] = inside && x >= border && x < border + size
            ? *pixels++ : 0;
      row += GST_VIDEO_FRAME_COMP_STRIDE (frame, c);
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

  gst_ddpm_epochs_locate (&self->epochs, number, &sample);
  if (!ddpm_cifar_read (self->cifar, sample.index, pixels, &label, &error))
    goto failed;
  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_WRITE))
    goto not_writable;
  write_pixels (&frame, ddpm_cifar_get_size (self->cifar), pixels);
  gst_video_frame_unmap (&frame);

  sample.label = label;
  gst_ddpm_buffer_add_sample (buffer, &sample);
  return GST_FLOW_OK;

not_writable:
  g_set_error (&error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write an image: expected writable buffers of %" G_GSIZE_FORMAT
      " bytes, got %" G_GSIZE_FORMAT, GST_VIDEO_INFO_SIZE (&self->video),
      gst_buffer_get_size (buffer));
failed:
  gst_ddpm_element_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}
