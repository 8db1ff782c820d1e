/* gst-ddpm: ddpmdenoise: which caps can be converted to which
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/caps.h"

/* Parses the dimensions of a tensor structure. FALSE: there are none, or they are
 * not C:W:H:N */
static gboolean
get_shape (const GstStructure * s, GstDdpmTensorInfo * info)
{
  const gchar *dimensions = gst_structure_get_string (s, "dimensions");
  guint dims[4];

  if (dimensions == NULL || !gst_ddpm_tensor_parse_dimensions (dimensions, dims)
      || dims[1] > DDPM_MAX_IMAGE_SIZE || dims[2] > DDPM_MAX_IMAGE_SIZE
      || dims[3] > DDPM_MAX_BATCH)
    return FALSE;
  info->channels = dims[0];
  info->width = dims[1];
  info->height = dims[2];
  info->batch = dims[3];
  return TRUE;
}

/* Copies a tensor structure, with dimensions of every rank if it has any. */
static GstStructure *
copy_tensor (const GstStructure * s)
{
  GstStructure *copy = gst_structure_copy (s);
  GstDdpmTensorInfo info;

  if (get_shape (s, &info))
    gst_ddpm_tensor_set_dimensions (copy, &info);
  return copy;
}

/* Skips caps (transfer full) that an earlier structure covers. */
static void
append_once (GstCaps * out, GstCaps * caps)
{
  if (gst_caps_is_subset (caps, out))
    gst_caps_unref (caps);
  else
    gst_caps_append (out, caps);
}

gboolean
gst_ddpm_denoise_caps_get_frame_size (const GstDdpmTensorInfo * info,
    guint columns, guint * width, guint * height)
{
  const guint across = MAX (columns, 1);
  const guint down = columns ? (info->batch - 1) / columns + 1 : 1;

  /* No overflow: plugins/common/caps.h limits the factors. */
  *width = info->width * across;
  *height = info->height * down;
  return *width <= GST_DDPM_PICTURE_MAX_SIZE
      && *height <= GST_DDPM_PICTURE_MAX_SIZE;
}

/* --- sink -> src ---------------------------------------------------------- */

/* No video has two channels: such images are tensors. channels 0: not known */
static GstCaps *
video_caps_new (guint channels)
{
  static const gchar *const caps[] = { NULL, GST_VIDEO_CAPS_MAKE ("GRAY8"),
    "EMPTY", GST_VIDEO_CAPS_MAKE ("{ RGB, RGBP }"), GST_VIDEO_CAPS_MAKE ("RGBA")
  };

  if (channels > 0 && channels < G_N_ELEMENTS (caps))
    return gst_caps_from_string (caps[channels]);
  return gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_DDPM_PICTURE_FORMATS));
}

static void
append_video (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s)
{
  GstDdpmTensorInfo info;
  const gboolean has_shape = get_shape (s, &info);
  GstCaps *caps =
      video_caps_new (has_shape ? info.channels : link->image_channels);
  guint width, height;

  if (gst_caps_is_empty (caps)) {
    gst_caps_unref (caps);
    return;
  }
  if (has_shape && gst_ddpm_denoise_caps_get_frame_size (&info, link->columns,
          &width, &height))
    gst_caps_set_simple (caps, "width", G_TYPE_INT, width,
        "height", G_TYPE_INT, height, NULL);
  gst_caps_set_simple (caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
      NULL);
  gst_caps_append (out, caps);
}

static void
append_states (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s)
{
  GstStructure *state = copy_tensor (s);

  gst_structure_set (state, "timestep", G_TYPE_INT, (gint) link->stop,
      "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
  gst_caps_append_structure (out, state);
}

static GstCaps *
to_src (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *video = gst_caps_new_empty (), *states = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    append_video (video, link, gst_caps_get_structure (caps, i));
    if (link->tensors)
      append_states (states, link, gst_caps_get_structure (caps, i));
  }
  if (link->stop > 0) {
    gst_caps_append (states, video);
    return states;
  }
  gst_caps_append (video, states);
  return video;
}

/* --- src -> sink ---------------------------------------------------------- */

static void
append_any_shape (GstCaps * out)
{
  append_once (out, gst_caps_from_string (GST_DDPM_DENOISE_SINK_CAPS));
}

static void
append_shape (GstCaps * out, guint channels, guint width, guint height)
{
  GstCaps *caps = gst_caps_from_string (GST_DDPM_DENOISE_SINK_CAPS);
  const GstDdpmTensorInfo info = {.channels = channels,.width = width,.height =
        height,.batch = 1
  };

  gst_ddpm_tensor_set_dimensions (gst_caps_get_structure (caps, 0), &info);
  append_once (out, caps);
}

/* wanted: (transfer full) */
static gboolean
accepts (const GstStructure * s, GstStructure * wanted)
{
  gboolean can = gst_structure_can_intersect (s, wanted);

  gst_structure_free (wanted);
  return can;
}

static gboolean
accepts_format (const GstStructure * s, const gchar * format)
{
  return accepts (s, gst_structure_new ("video/x-raw",
          "format", G_TYPE_STRING, format, NULL));
}

/* Does s accept frames of images of the size that the model was trained on? The
 * height of a mosaic depends on the batch. */
static gboolean
accepts_model_size (const GstDdpmDenoiseLink * link, const GstStructure * s)
{
  if (link->width == 0 || link->height == 0)
    return FALSE;
  if (link->columns)
    return accepts (s, gst_structure_new ("video/x-raw",
            "width", G_TYPE_INT, link->width * link->columns, NULL));
  return accepts (s, gst_structure_new ("video/x-raw",
          "width", G_TYPE_INT, link->width,
          "height", G_TYPE_INT, link->height, NULL));
}

/* The size of the images in a mosaic. Its width is that of its columns. Its
 * height depends on the batch, so the images are taken to be as high as those of
 * the model if they are as wide, otherwise square. */
static gboolean
get_cell_size (const GstDdpmDenoiseLink * link, const GstStructure * s,
    guint * width, guint * height)
{
  gint across, down;

  if (!gst_structure_get_int (s, "width", &across) || across <= 0
      || across % link->columns != 0)
    return FALSE;
  *width = *height = across / link->columns;
  if (*width == link->width)
    *height = link->height;
  else if (gst_structure_get_int (s, "height", &down))
    return down % *height == 0;
  return TRUE;
}

/* The shape of the images in frames of video caps, if it can be told */
static void
append_shape_of_video (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s)
{
  guint channels = link->image_channels, width, height;
  gint frame_width, frame_height;

  if (channels == 0)
    channels = accepts_format (s, "RGB") || accepts_format (s, "RGBP")
        || accepts_format (s, "RGBA") ? 3 : 1;
  if (link->columns == 0 && gst_structure_get_int (s, "width", &frame_width)
      && gst_structure_get_int (s, "height", &frame_height))
    append_shape (out, channels, frame_width, frame_height);
  else if (link->columns && get_cell_size (link, s, &width, &height))
    append_shape (out, channels, width, height);
  else if (accepts_model_size (link, s))
    append_shape (out, channels, link->width, link->height);
}

static void
append_source_states (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s)
{
  if (gst_structure_has_field (s, "dimensions")) {
    GstStructure *state = copy_tensor (s);

    gst_structure_remove_fields (state, "timestep", "seed", "keyframe-interval",
        "framerate", NULL);
    gst_caps_append_structure (out, state);
  } else {
    if (link->width && link->height && link->image_channels)
      append_shape (out, link->image_channels, link->width, link->height);
    append_any_shape (out);
  }
}

static GstCaps *
to_sink (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();
  guint i;

  /* The size of the model comes first. Otherwise a scaler downstream, which lists
   * its largest size first, would choose. */
  for (i = 0; i < gst_caps_get_size (caps); i++) {
    if (accepts_model_size (link, gst_caps_get_structure (caps, i)))
      append_shape (out, link->image_channels, link->width, link->height);
  }
  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);

    if (gst_structure_has_name (s, "video/x-raw")) {
      append_shape_of_video (out, link, s);
      append_any_shape (out);
    } else if (link->tensors) {
      append_source_states (out, link, s);
    }
  }
  return out;
}

/* --- memory --------------------------------------------------------------- */

static gboolean
may_be_of_cuda (const GstDdpmDenoiseLink * link, const GstStructure * s)
{
  return gst_structure_has_name (s, "video/x-raw") ? link->cuda_video
      : link->cuda_tensors;
}

/* Appends tensor caps (transfer full). A list of dimensions becomes several
 * structures, one for all dimensions that differ only in ones at the end. */
static void
append_tensors (GstCaps * out, GstCaps * caps)
{
  guint i;

  caps = gst_caps_normalize (caps);
  for (i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *s = gst_structure_copy (gst_caps_get_structure (caps, i));
    GstDdpmTensorInfo info;

    if (get_shape (s, &info)) {
      g_autofree gchar *dimensions = gst_ddpm_tensor_get_dimensions (&info);

      gst_structure_set (s, "dimensions", G_TYPE_STRING, dimensions, NULL);
    }
    append_once (out, gst_caps_new_full (s, NULL));
  }
  gst_caps_unref (caps);
}

/* No value fits an empty list, and gst_caps_normalize () cannot take one. */
static gboolean
has_values (const GValue * value)
{
  guint n = GST_VALUE_HOLDS_LIST (value) ? gst_value_list_get_size (value) : 1;

  if (n == 0)
    return FALSE;
  for (guint i = 0; GST_VALUE_HOLDS_LIST (value) && i < n; i++)
    if (!has_values (gst_value_list_get_value (value, i)))
      return FALSE;
  return TRUE;
}

static gboolean
field_has_values (GQuark field, const GValue * value, gpointer data)
{
  return has_values (value);
}

/* The usable structures of caps without memory features. Returns: (transfer
 * full) */
static GstCaps *
strip_memory (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);
    GstCaps *one;

    if (!gst_structure_foreach (s, field_has_values, NULL))
      continue;
    if (!gst_ddpm_caps_are_of_host (caps, i)
        && !(gst_ddpm_caps_are_of_cuda (caps, i) && may_be_of_cuda (link, s)))
      continue;
    one = gst_caps_new_full (gst_structure_copy (s), NULL);
    if (gst_structure_has_name (s, "video/x-raw"))
      append_once (out, one);
    else
      append_tensors (out, one);
  }
  return out;
}

/* FALSE: GstCuda has no memory for any of the formats. */
static gboolean
set_cuda_formats (GstCaps * caps)
{
  GstStructure *s = gst_caps_get_structure (caps, 0);
  GValue formats = G_VALUE_INIT;

  if (!accepts_format (s, "RGB"))
    return accepts_format (s, "RGBA");
  g_value_init (&formats, GST_TYPE_LIST);
  gst_value_deserialize (&formats, GST_DDPM_DENOISE_CUDA_FORMATS);
  gst_structure_take_value (s, "format", &formats);
  return TRUE;
}

/* Copies the structures that can be in GPU memory, with that feature. Returns:
 * (transfer full) */
static GstCaps *
copy_of_cuda (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    GstCaps *one;

    if (!may_be_of_cuda (link, gst_caps_get_structure (caps, i)))
      continue;
    one = gst_caps_copy_nth (caps, i);
    gst_caps_set_features (one, 0,
        gst_caps_features_new (GST_DDPM_CUDA_FEATURE, NULL));
    if (gst_structure_has_name (gst_caps_get_structure (one, 0), "video/x-raw")
        && !set_cuda_formats (one))
      gst_caps_unref (one);
    else
      gst_caps_append (out, one);
  }
  return out;
}

GstCaps *
gst_ddpm_denoise_caps_to_src (const GstDdpmDenoiseLink * link,
    const GstCaps * caps)
{
  g_autoptr (GstCaps) in = strip_memory (link, caps);
  GstCaps *out = to_src (link, in);

  gst_caps_append (out, copy_of_cuda (link, out));
  return out;
}

GstCaps *
gst_ddpm_denoise_caps_to_sink (const GstDdpmDenoiseLink * link,
    const GstCaps * caps)
{
  g_autoptr (GstCaps) in = strip_memory (link, caps);
  GstCaps *of_host = to_sink (link, in);
  GstCaps *of_cuda = copy_of_cuda (link, of_host);

  if (link->image_channels == 0) {
    gst_caps_append (of_host, of_cuda);
    return of_host;
  }
  gst_caps_append (of_cuda, of_host);
  return of_cuda;
}

/* --- fixation ------------------------------------------------------------- */

GstCaps *
gst_ddpm_denoise_caps_fixate (GstCaps * caps, const GstCaps * sink_caps)
{
  GstStructure *s = gst_caps_get_structure (sink_caps, 0);
  gint fps_n, fps_d;

  if (!gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d)
      || fps_n <= 0 || fps_d <= 0) {
    fps_n = 30;
    fps_d = 1;
  }
  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  s = gst_caps_get_structure (caps, 0);
  if (gst_structure_has_field (s, "framerate"))
    gst_structure_fixate_field_nearest_fraction (s, "framerate", fps_n, fps_d);
  else
    gst_structure_set (s, "framerate", GST_TYPE_FRACTION, fps_n, fps_d, NULL);
  return gst_caps_fixate (caps);
}
