/* gst-ddpm: imagefoldersrc, a source of the pictures in a folder
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-imagefoldersrc
 * @title: imagefoldersrc
 *
 * Outputs the pictures in a folder and in all folders below it as video of one
 * size, to train a model on them. By default it shuffles them, in an order that
 * is a function of the seed and the epoch only. Seeking (in time, or to the n-th
 * picture of all epochs) keeps that order, and playing backwards reverses it.
 *
 * Folders in the folder are classes, as torchvision's ImageFolder has them: in
 * the order of their names, from 0. Each buffer has a GstDdpmSampleMeta, a
 * #GstCustomMeta with the fields label (int; -1: a picture beside the folders),
 * index (uint64, in the order of classes and names), epoch (uint64), position
 * (uint64, in the epoch) and epoch-size (uint64). The names of the classes are
 * sent as the tag "ddpm-class-names".
 *
 * PNG, JPEG, WebP, BMP, GIF (the first frame) and TIFF pictures are read by
 * gdk-pixbuf: turned as their EXIF data say, in RGB, with the colour
 * `background` behind what is transparent. Files are chosen by the ends of their
 * names; hidden ones are not. Where a picture is larger than the frame, a pixel
 * of the frame is the mean of the pixels that it covers. The size is `size`, or
 * what downstream asks for, or 64x64.
 *
 * A file that cannot be read, or ends too early, is skipped with a warning; its
 * number is left out. After a hundred of them, further ones are only counted. At
 * the end an info message has their number.
 *
 * Threads decode pictures ahead. The output does not depend on their number.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -e imagefoldersrc location=photos size=64 epochs=0 ! ddpmtrainsink location=photos.bin
 * ]| Train a model on the pictures in a folder.
 * |[
 * gst-launch-1.0 imagefoldersrc location=photos size=256 fit=pad shuffle=false ! video/x-raw,framerate=2/1 ! videoconvert ! autovideosink
 * ]| Show all pictures in the order of their names, two a second.
 *
 * Since: 0.2
 */
#include <string.h>

#include <gst/video/video.h>

#include "plugins/common/caps.h"
#include "plugins/common/error.h"
#include "plugins/common/meta.h"
#include "plugins/common/properties.h"
#include "plugins/imagefoldersrc/prefetch.h"
#include "plugins/sources/epochs.h"
#include "plugins/sources/framesrc.h"
#include "gst-ddpm/ddpm.h"

GST_DEBUG_CATEGORY_STATIC (gst_image_folder_src_debug);
#define GST_CAT_DEFAULT gst_image_folder_src_debug

#define DEFAULT_SIZE 64
#define MAX_SIZE 8192
#define MAX_THREADS 64
#define MAX_AUTO_THREADS 4      /* with threads=0 */
#define MAX_WARNINGS 100        /* of unreadable files */

typedef struct
{
  gchar *location;
  gboolean shuffle;
  guint64 seed;
  guint epochs;                 /* 0: endless */
  guint size;                   /* 0: of downstream */
  GstDdpmFit fit;
  guint background;
  guint threads;                /* 0: automatic */
} Settings;

#define GST_TYPE_IMAGE_FOLDER_SRC (gst_image_folder_src_get_type ())
G_DECLARE_FINAL_TYPE (GstImageFolderSrc, gst_image_folder_src, GST,
    IMAGE_FOLDER_SRC, GstDdpmFrameSrc);
GST_ELEMENT_REGISTER_DECLARE (imagefoldersrc);

struct _GstImageFolderSrc
{
  GstDdpmFrameSrc parent;

  Settings settings;            /* object lock */

  /* set by start */
  gchar *location;              /* in messages */
  GstDdpmFolder *folder;
  GstDdpmEpochs epochs;
  GstDdpmPictureFormat format;  /* its size is set by set_caps */
  guint threads;

  /* streaming thread */
  GstVideoInfo video;
  guint64 next_to_add;          /* the frame after the last one in the queue */
  guint8 *broken;               /* a bit for each unreadable picture */
  guint64 n_broken;
  gint has_broken;              /* atomic: n_broken > 0 */
  guint64 n_skipped;            /* since the last frame */
  gchar *first_problem;

  /* object lock; only the streaming thread writes it */
  GstDdpmPrefetch *prefetch;

  gboolean flushing;            /* object lock */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) RGB, "
        "width = (int) [ 1, " G_STRINGIFY (MAX_SIZE) " ], "
        "height = (int) [ 1, " G_STRINGIFY (MAX_SIZE) " ], "
        "pixel-aspect-ratio = (fraction) 1/1, "
        "interlace-mode = (string) progressive, "
        "framerate = (fraction) [ 0/1, max ]"));

static const GEnumValue fit_values[] = {
  {GST_DDPM_FIT_CROP, "The middle of the picture fills the frame", "crop"},
  {GST_DDPM_FIT_PAD, "All of the picture, with bars beside it", "pad"},
  {GST_DDPM_FIT_STRETCH, "All of the picture, distorted", "stretch"},
  {0, NULL, NULL},
};

#define AT(member) G_STRUCT_OFFSET (Settings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"location", "Location",
      "Folder with pictures; folders in it are classes", GST_DDPM_STRING,
      AT (location)},
  {"shuffle", "Shuffle",
      "Output each epoch in an order of its own (false: in the order of "
      "classes and names)", GST_DDPM_BOOLEAN, AT (shuffle)},
  {"seed", "Seed", "Seed of the shuffled orders", GST_DDPM_UINT64,
      AT (seed), 0, GST_DDPM_MAX_SEED},
  {"epochs", "Epochs",
      "Number of times to output all pictures (0: without end)",
      GST_DDPM_UINT, AT (epochs), 0, G_MAXINT},
  {"size", "Size",
      "Width and height of the output in pixels (0: what downstream asks for, "
      "or 64)", GST_DDPM_UINT, AT (size), 0, MAX_SIZE},
  {"fit", "Fit", "How pictures of another shape fit into the output",
      GST_DDPM_ENUM, AT (fit),
      .enum_name = "GstImageFolderSrcFit", .enum_values = fit_values},
  {"background", "Background",
      "Colour behind transparent pixels and of the bars of fit=pad, as "
      "0xRRGGBB", GST_DDPM_UINT, AT (background), 0, 0xffffff},
  {"threads", "Threads",
      "Number of threads that decode (0: one per processor, at most 4)",
      GST_DDPM_UINT, AT (threads), 0, MAX_THREADS},
};
/* *INDENT-ON* */

static void
settings_init (gpointer settings)
{
  Settings *s = settings;

  memset (s, 0, sizeof (*s));
  s->shuffle = TRUE;
  s->epochs = 1;
}

static const GstDdpmPropertyTable property_table = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstImageFolderSrc, settings), sizeof (Settings),
  settings_init
};

#define gst_image_folder_src_parent_class parent_class
G_DEFINE_TYPE (GstImageFolderSrc, gst_image_folder_src,
    GST_TYPE_DDPM_FRAME_SRC);
GST_ELEMENT_REGISTER_DEFINE (imagefoldersrc, "imagefoldersrc", GST_RANK_NONE,
    GST_TYPE_IMAGE_FOLDER_SRC);

static void gst_image_folder_src_finalize (GObject * object);
static gboolean gst_image_folder_src_start (GstBaseSrc * src);
static gboolean gst_image_folder_src_stop (GstBaseSrc * src);
static gboolean gst_image_folder_src_unlock (GstBaseSrc * src);
static gboolean gst_image_folder_src_unlock_stop (GstBaseSrc * src);
static GstCaps *gst_image_folder_src_get_caps (GstBaseSrc * src,
    GstCaps * filter);
static GstCaps *gst_image_folder_src_fixate (GstBaseSrc * src, GstCaps * caps);
static gboolean gst_image_folder_src_set_caps (GstBaseSrc * src,
    GstCaps * caps);
static gboolean gst_image_folder_src_query (GstBaseSrc * src, GstQuery * query);
static GstFlowReturn gst_image_folder_src_fill_frame (GstDdpmFrameSrc * src,
    guint64 number, GstBuffer * buffer);
static GstPadProbeReturn tell_at_end (GstPad * pad, GstPadProbeInfo * info,
    gpointer data);

static void
gst_image_folder_src_class_init (GstImageFolderSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GstDdpmFrameSrcClass *frame_class = GST_DDPM_FRAME_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_image_folder_src_debug, "imagefoldersrc", 0,
      "imagefoldersrc element");

  object_class->finalize = gst_image_folder_src_finalize;
  gst_ddpm_properties_install (object_class, &property_table);

  gst_element_class_set_static_metadata (element_class,
      "Picture folder source", "Source/Video",
      "Outputs the pictures in a folder, shuffled, with their folders as labels",
      "gst-ddpm");
  gst_element_class_add_static_pad_template (element_class, &src_template);

  base_class->start = GST_DEBUG_FUNCPTR (gst_image_folder_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_image_folder_src_stop);
  base_class->unlock = GST_DEBUG_FUNCPTR (gst_image_folder_src_unlock);
  base_class->unlock_stop =
      GST_DEBUG_FUNCPTR (gst_image_folder_src_unlock_stop);
  base_class->get_caps = GST_DEBUG_FUNCPTR (gst_image_folder_src_get_caps);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_image_folder_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_image_folder_src_set_caps);
  base_class->query = GST_DEBUG_FUNCPTR (gst_image_folder_src_query);
  frame_class->fill_frame = GST_DEBUG_FUNCPTR (gst_image_folder_src_fill_frame);
}

static void
gst_image_folder_src_init (GstImageFolderSrc * self)
{
  property_table.init (&self->settings);
  gst_pad_add_probe (GST_BASE_SRC_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, tell_at_end, self, NULL);
}

static void
gst_image_folder_src_finalize (GObject * object)
{
  gst_ddpm_settings_clear (&property_table,
      &GST_IMAGE_FOLDER_SRC (object)->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* --- the folder ----------------------------------------------------------- */

/* Takes prefetch (transfer full, nullable). */
static void
set_prefetch (GstImageFolderSrc * self, GstDdpmPrefetch * prefetch)
{
  GstDdpmPrefetch *before;

  GST_OBJECT_LOCK (self);
  before = self->prefetch;
  self->prefetch = prefetch;
  if (prefetch)
    gst_ddpm_prefetch_set_flushing (prefetch, self->flushing);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&before, gst_ddpm_prefetch_free);
}

static gboolean
gst_image_folder_src_stop (GstBaseSrc * src)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);

  set_prefetch (self, NULL);
  g_clear_pointer (&self->folder, gst_ddpm_folder_free);
  gst_ddpm_epochs_clear (&self->epochs);
  g_clear_pointer (&self->broken, g_free);
  g_clear_pointer (&self->first_problem, g_free);
  g_clear_pointer (&self->location, g_free);
  return TRUE;
}

static gboolean
list_pictures (GstImageFolderSrc * self, const Settings * settings,
    GError ** error)
{
  guint64 n_pictures;

  if (settings->location == NULL || *settings->location == '\0')
    goto no_location;
  self->location = g_filename_display_name (settings->location);
  self->folder = gst_ddpm_folder_list (settings->location, error);
  if (self->folder == NULL)
    return FALSE;
  n_pictures = gst_ddpm_folder_get_n_pictures (self->folder);
  self->n_broken = self->n_skipped = 0;
  g_atomic_int_set (&self->has_broken, FALSE);
  self->broken = g_try_malloc0 (n_pictures / 8 + 1);
  if (self->broken == NULL)
    goto no_memory;
  self->format.fit = settings->fit;
  self->format.background = settings->background;
  self->threads = settings->threads > 0 ? settings->threads
      : MIN (g_get_num_processors (), MAX_AUTO_THREADS);
  return gst_ddpm_epochs_init (&self->epochs, n_pictures, settings->epochs,
      settings->shuffle, settings->seed, error);

no_location:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "The property location is not set: expected a folder with pictures");
  return FALSE;
no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "No memory for the %" G_GUINT64_FORMAT " pictures in %s", n_pictures,
      self->location);
  return FALSE;
}

static gboolean
gst_image_folder_src_start (GstBaseSrc * src)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);
  GError *error = NULL;
  Settings settings;
  gboolean ok;

  GST_BASE_SRC_CLASS (parent_class)->start (src);
  ok = gst_ddpm_element_copy_settings (GST_ELEMENT (self), &settings, &error)
      && list_pictures (self, &settings, &error);
  gst_ddpm_settings_clear (&property_table, &settings);
  if (!ok)
    goto failed;

  GST_DEBUG_OBJECT (self, "%" G_GUINT64_FORMAT " pictures in %s",
      self->epochs.n_images, self->location);
  gst_ddpm_element_post_info (GST_ELEMENT (self),
      gst_ddpm_folder_get_notes (self->folder));
  if (gst_ddpm_folder_get_problems (self->folder))
    GST_ELEMENT_WARNING (self, RESOURCE, READ,
        ("Skipped folders that cannot be read: %s",
            gst_ddpm_folder_get_problems (self->folder)), (NULL));
  return TRUE;

failed:
  gst_ddpm_element_post_start_error (GST_ELEMENT (self), error);
  gst_image_folder_src_stop (src);
  return FALSE;
}

static void
set_flushing (GstImageFolderSrc * self, gboolean flushing)
{
  GST_OBJECT_LOCK (self);
  self->flushing = flushing;
  if (self->prefetch)
    gst_ddpm_prefetch_set_flushing (self->prefetch, flushing);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_image_folder_src_unlock (GstBaseSrc * src)
{
  set_flushing (GST_IMAGE_FOLDER_SRC (src), TRUE);
  return TRUE;
}

static gboolean
gst_image_folder_src_unlock_stop (GstBaseSrc * src)
{
  set_flushing (GST_IMAGE_FOLDER_SRC (src), FALSE);
  return TRUE;
}

/* --- negotiation ---------------------------------------------------------- */

static GstCaps *
gst_image_folder_src_get_caps (GstBaseSrc * src, GstCaps * filter)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);
  GstCaps *caps = gst_pad_get_pad_template_caps (GST_BASE_SRC_PAD (src));
  guint size;

  GST_OBJECT_LOCK (self);
  size = self->settings.size;
  GST_OBJECT_UNLOCK (self);
  if (size > 0) {
    caps = gst_caps_make_writable (caps);
    gst_caps_set_simple (caps, "width", G_TYPE_INT, size, "height", G_TYPE_INT,
        size, NULL);
  }
  return gst_ddpm_caps_filter (caps, filter);
}

/* A square, where only one side is known */
static GstCaps *
gst_image_folder_src_fixate (GstBaseSrc * src, GstCaps * caps)
{
  GstStructure *s;
  gint length = DEFAULT_SIZE;

  caps = gst_caps_truncate (gst_caps_make_writable (caps));
  s = gst_caps_get_structure (caps, 0);
  if (!gst_structure_get_int (s, "width", &length))
    gst_structure_get_int (s, "height", &length);
  gst_structure_fixate_field_nearest_int (s, "width", length);
  gst_structure_get_int (s, "width", &length);
  gst_structure_fixate_field_nearest_int (s, "height", length);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", 30, 1);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (src, caps);
}

static gboolean
gst_image_folder_src_set_caps (GstBaseSrc * src, GstCaps * caps)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);
  GstDdpmFrames frames = { 0, 1, 1, self->epochs.n_frames };
  GstDdpmPrefetch *prefetch;
  GError *error = NULL;
  GstVideoInfo video;

  if (!gst_video_info_from_caps (&video, caps)
      || GST_VIDEO_INFO_FORMAT (&video) != GST_VIDEO_FORMAT_RGB
      || GST_VIDEO_INFO_WIDTH (&video) > MAX_SIZE
      || GST_VIDEO_INFO_HEIGHT (&video) > MAX_SIZE)
    goto wrong_caps;

  self->format.width = GST_VIDEO_INFO_WIDTH (&video);
  self->format.height = GST_VIDEO_INFO_HEIGHT (&video);
  prefetch = gst_ddpm_prefetch_new (self->folder, &self->format,
      self->threads, &error);
  if (prefetch == NULL)
    goto failed;
  set_prefetch (self, prefetch);
  frames.fps_n = GST_VIDEO_INFO_FPS_N (&video);
  frames.fps_d = GST_VIDEO_INFO_FPS_D (&video);
  gst_ddpm_frame_src_set_frames (GST_DDPM_FRAME_SRC (src), &frames);
  self->video = video;
  gst_base_src_set_blocksize (src, GST_VIDEO_INFO_SIZE (&video));
  gst_ddpm_element_send_class_names (GST_ELEMENT (self),
      gst_ddpm_folder_get_class_names (self->folder));
  return TRUE;

wrong_caps:
  g_set_error (&error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Expected video in RGB of at most %dx%d pixels", MAX_SIZE, MAX_SIZE);
failed:
  gst_ddpm_element_refuse_caps (GST_ELEMENT (self), caps, error);
  return FALSE;
}

/* --- pictures that cannot be read ------------------------------------------- */

static gboolean
is_broken (const GstImageFolderSrc * self, guint64 index)
{
  return self->broken[index / 8] >> index % 8 & 1;
}

/* FALSE: all pictures are broken. An error has been posted. */
static gboolean
skip_picture (GstImageFolderSrc * self, const GstDdpmPrefetched * picture)
{
  const guint64 index = picture->sample.index;

  self->n_skipped++;
  if (!is_broken (self, index)) {
    self->broken[index / 8] |= 1 << index % 8;
    self->n_broken++;
    g_atomic_int_set (&self->has_broken, TRUE);
    if (self->first_problem == NULL)
      self->first_problem = g_strdup (picture->error->message);
    GST_DEBUG_OBJECT (self, "skipped: %s", picture->error->message);
    if (self->n_broken <= MAX_WARNINGS)
      GST_ELEMENT_WARNING (self, STREAM, DECODE, ("%s (skipped)%s",
              picture->error->message, self->n_broken == MAX_WARNINGS ?
              ". Further ones are only counted" : ""), (NULL));
  }
  if (self->n_skipped < self->epochs.n_images)
    return TRUE;
  gst_ddpm_element_post_error (GST_ELEMENT (self),
      g_error_new (DDPM_ERROR, DDPM_ERROR_FORMAT,
          "None of the %" G_GUINT64_FORMAT " pictures in %s can be read. %s",
          self->epochs.n_images, self->location, self->first_problem));
  return FALSE;
}

static GstPadProbeReturn
tell_at_end (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstImageFolderSrc *self = data;
  g_autofree gchar *text = NULL;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS
      || self->n_broken == 0)
    return GST_PAD_PROBE_OK;
  text = g_strdup_printf ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
      " pictures could not be read and were skipped", self->n_broken,
      self->epochs.n_images);
  gst_ddpm_element_post_info (GST_ELEMENT (self), text);
  return GST_PAD_PROBE_OK;
}

/* A number of frames is no number of buffers once one has been skipped:
 * ddpmtrainsink would miss it. */
static gboolean
gst_image_folder_src_query (GstBaseSrc * src, GstQuery * query)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);
  GstFormat format;

  if (GST_QUERY_TYPE (query) == GST_QUERY_POSITION) {
    gst_query_parse_position (query, &format, NULL);
    if (format == GST_FORMAT_BUFFERS && g_atomic_int_get (&self->has_broken))
      return FALSE;
  }
  return GST_BASE_SRC_CLASS (parent_class)->query (src, query);
}

/* --- data ----------------------------------------------------------------- */

/* Adds this frame and those after it to the queue, until that is full. */
static void
fill_queue (GstImageFolderSrc * self, guint64 number)
{
  const gint direction =
      gst_ddpm_frame_src_get_direction (GST_DDPM_FRAME_SRC (self));
  GstDdpmPrefetch *prefetch = self->prefetch;

  if (!gst_ddpm_prefetch_is_empty (prefetch)
      && gst_ddpm_prefetch_get_next (prefetch) != number)
    gst_ddpm_prefetch_clear (prefetch);
  if (gst_ddpm_prefetch_is_empty (prefetch))
    self->next_to_add = number;
  /* The number before 0 is GST_DDPM_FRAMES_ENDLESS. */
  while (!gst_ddpm_prefetch_is_full (prefetch)
      && self->next_to_add < self->epochs.n_frames) {
    GstDdpmSample sample = { 0 };

    gst_ddpm_epochs_locate (&self->epochs, self->next_to_add, &sample);
    sample.label = gst_ddpm_folder_get_label (self->folder, sample.index);
    gst_ddpm_prefetch_add (prefetch, self->next_to_add, &sample,
        is_broken (self, sample.index));
    self->next_to_add += direction;
  }
}

/* pixels: [height][width][3] */
static gboolean
write_pixels (GstImageFolderSrc * self, const guint8 * pixels,
    GstBuffer * buffer, GError ** error)
{
  const gsize row = 3 * (gsize) self->format.width;
  GstVideoFrame frame;
  guint8 *to;

  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_WRITE))
    goto not_writable;
  to = GST_VIDEO_FRAME_PLANE_DATA (&frame, 0);
  for (guint y = 0; y < self->format.height; y++)
    memcpy (to + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
        pixels + y * row, row);
  gst_video_frame_unmap (&frame);
  return TRUE;

not_writable:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write a picture: expected writable buffers of %" G_GSIZE_FORMAT
      " bytes, got %" G_GSIZE_FORMAT, GST_VIDEO_INFO_SIZE (&self->video),
      gst_buffer_get_size (buffer));
  return FALSE;
}

static GstFlowReturn
gst_image_folder_src_fill_frame (GstDdpmFrameSrc * src, guint64 number,
    GstBuffer * buffer)
{
  GstImageFolderSrc *self = GST_IMAGE_FOLDER_SRC (src);
  GstDdpmPrefetched *picture;
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;

  fill_queue (self, number);
  picture = gst_ddpm_prefetch_take (self->prefetch);
  if (picture == NULL)
    return GST_FLOW_FLUSHING;
  if (picture->pixels == NULL) {
    ret = skip_picture (self, picture) ? GST_DDPM_FLOW_SKIP : GST_FLOW_ERROR;
  } else if (write_pixels (self, picture->pixels, buffer, &error)) {
    self->n_skipped = 0;
    gst_ddpm_buffer_add_sample (buffer, &picture->sample);
  } else {
    gst_ddpm_element_post_error (GST_ELEMENT (self), error);
    ret = GST_FLOW_ERROR;
  }
  gst_ddpm_prefetched_free (picture);
  return ret;
}
