/* gst-ddpm: what ddpmdenoise can make of which caps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/caps.h"

typedef void (*ShapeFunc) (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s, const GstDdpmTensorInfo * info);

static gboolean
parse_shape (const GValue * dimensions, GstDdpmTensorInfo * info)
{
  guint dims[4];

  if (!G_VALUE_HOLDS_STRING (dimensions)
      || !gst_ddpm_tensor_parse_dimensions (g_value_get_string (dimensions),
          dims)
      || dims[1] > DDPM_MAX_IMAGE_SIZE || dims[2] > DDPM_MAX_IMAGE_SIZE
      || dims[3] > DDPM_MAX_BATCH)
    return FALSE;
  info->channels = dims[0];
  info->width = dims[1];
  info->height = dims[2];
  info->batch = dims[3];
  return TRUE;
}

static gchar *
dimensions_to_string (const GstDdpmTensorInfo * info)
{
  return g_strdup_printf ("%u:%u:%u:%u", info->channels, info->width,
      info->height, info->batch);
}

/* Calls func for each shape of a tensor structure; info NULL: any shape, or
 * one that is none */
static void
foreach_shape (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s, ShapeFunc func)
{
  const GValue *value = gst_structure_get_value (s, "dimensions");
  GstDdpmTensorInfo info;
  guint i;

  if (value && GST_VALUE_HOLDS_LIST (value)) {
    for (i = 0; i < gst_value_list_get_size (value); i++) {
      if (parse_shape (gst_value_list_get_value (value, i), &info))
        func (out, link, s, &info);
    }
  } else {
    func (out, link, s, value && parse_shape (value, &info) ? &info : NULL);
  }
}

gboolean
gst_ddpm_denoise_caps_get_frame_size (const GstDdpmTensorInfo * info,
    guint columns, guint * width, guint * height)
{
  const guint across = MAX (columns, 1);
  const guint down = columns ? (info->batch - 1) / columns + 1 : 1;

  /* The factors are bounded by the limits of plugins/common/caps.h. */
  *width = info->width * across;
  *height = info->height * down;
  return *width <= GST_DDPM_PICTURE_MAX_SIZE
      && *height <= GST_DDPM_PICTURE_MAX_SIZE;
}

/* --- sink -> src --------------------------------------------------------- */

static void
set_formats (GstCaps * caps, guint channels)
{
  switch (channels) {
    case 1:
      gst_caps_set_simple (caps, "format", G_TYPE_STRING, "GRAY8", NULL);
      break;
    case 3:
    {
      GstCaps *colours = gst_caps_from_string ("video/x-raw, "
          "format = (string) { RGB, RGBP }");
      GstStructure *s = gst_caps_get_structure (colours, 0);

      gst_caps_set_value (caps, "format", gst_structure_get_value (s,
              "format"));
      gst_caps_unref (colours);
      break;
    }
    default:
      break;
  }
}

static void
append_video (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s, const GstDdpmTensorInfo * info)
{
  GstCaps *caps =
      gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_DDPM_PICTURE_FORMATS));
  guint width, height;

  if (info && gst_ddpm_denoise_caps_get_frame_size (info, link->columns,
          &width, &height))
    gst_caps_set_simple (caps, "width", G_TYPE_INT, width,
        "height", G_TYPE_INT, height, NULL);
  set_formats (caps, info ? info->channels : link->image_channels);
  gst_caps_set_simple (caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
      NULL);
  gst_caps_append (out, caps);
}

static void
append_states (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s, const GstDdpmTensorInfo * info)
{
  GstStructure *state = gst_structure_copy (s);
  g_autofree gchar *dimensions = NULL;

  if (info) {
    dimensions = dimensions_to_string (info);
    gst_structure_set (state, "dimensions", G_TYPE_STRING, dimensions, NULL);
  }
  gst_structure_set (state, "timestep", G_TYPE_INT, (gint) link->stop, NULL);
  gst_structure_set (state, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
      G_MAXINT, 1, NULL);
  gst_caps_append_structure (out, state);
}

static void
append_all_states (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstCaps * caps)
{
  guint i;

  for (i = 0; link->tensors && i < gst_caps_get_size (caps); i++)
    foreach_shape (out, link, gst_caps_get_structure (caps, i), append_states);
}

static GstCaps *
to_src (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();
  guint i;

  if (link->stop > 0)
    append_all_states (out, link, caps);
  for (i = 0; i < gst_caps_get_size (caps); i++)
    foreach_shape (out, link, gst_caps_get_structure (caps, i), append_video);
  if (link->stop == 0)
    append_all_states (out, link, caps);
  return out;
}

/* --- src -> sink --------------------------------------------------------- */

/* What an earlier structure covers adds nothing. caps (transfer full) */
static void
append_once (GstCaps * out, GstCaps * caps)
{
  if (gst_caps_is_subset (caps, out))
    gst_caps_unref (caps);
  else
    gst_caps_append (out, caps);
}

static void
append_any_shape (GstCaps * out)
{
  append_once (out, gst_caps_from_string (GST_DDPM_DENOISE_SINK_CAPS));
}

static void
append_shape (GstCaps * out, guint channels, guint width, guint height)
{
  GstCaps *caps = gst_caps_from_string (GST_DDPM_DENOISE_SINK_CAPS);
  g_autofree gchar *dimensions = g_strdup_printf ("%u:%u:%u:1", channels,
      width, height);

  gst_caps_set_simple (caps, "dimensions", G_TYPE_STRING, dimensions, NULL);
  append_once (out, caps);
}

/* height 0: of any height */
static gboolean
takes_size (const GstStructure * s, guint width, guint height)
{
  GstStructure *size = gst_structure_new (gst_structure_get_name (s),
      "width", G_TYPE_INT, width, NULL);
  gboolean takes;

  if (height > 0)
    gst_structure_set (size, "height", G_TYPE_INT, height, NULL);
  takes = gst_structure_can_intersect (s, size);
  gst_structure_free (size);
  return takes;
}

/* Frames of the images that the model has learnt; how high a mosaic of them is
 * depends on the batch. */
static gboolean
takes_size_of_model (const GstDdpmDenoiseLink * link, const GstStructure * s)
{
  if (link->width == 0 || link->height == 0
      || !gst_structure_has_name (s, "video/x-raw"))
    return FALSE;
  return link->columns ? takes_size (s, link->width * link->columns, 0) :
      takes_size (s, link->width, link->height);
}

static gboolean
takes_format (const GstStructure * s, const gchar * format)
{
  GstStructure *wanted = gst_structure_new (gst_structure_get_name (s),
      "format", G_TYPE_STRING, format, NULL);
  gboolean takes = gst_structure_can_intersect (s, wanted);

  gst_structure_free (wanted);
  return takes;
}

/* The images of a mosaic are as wide as its columns. How high they are depends
 * on the batch: as those of the model, where they are as wide, else square. */
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

/* The images that frames of video caps would show, where that can be told */
static void
append_shape_of_video (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s)
{
  guint channels = link->image_channels, width, height;
  gint frame_width, frame_height;

  if (channels == 0)
    channels = takes_format (s, "RGB") || takes_format (s, "RGBP")
        || takes_format (s, "RGBA") ? 3 : 1;
  if (link->columns == 0 && gst_structure_get_int (s, "width", &frame_width)
      && gst_structure_get_int (s, "height", &frame_height))
    append_shape (out, channels, frame_width, frame_height);
  else if (link->columns && get_cell_size (link, s, &width, &height))
    append_shape (out, channels, width, height);
  else if (takes_size_of_model (link, s))
    append_shape (out, channels, link->width, link->height);
}

static void
append_source_states (GstCaps * out, const GstDdpmDenoiseLink * link,
    const GstStructure * s, const GstDdpmTensorInfo * info)
{
  if (gst_structure_has_field (s, "dimensions")) {
    GstStructure *state = gst_structure_copy (s);
    g_autofree gchar *dimensions = NULL;

    gst_structure_remove_fields (state, "timestep", "seed", "framerate", NULL);
    if (info) {
      dimensions = dimensions_to_string (info);
      gst_structure_set (state, "dimensions", G_TYPE_STRING, dimensions, NULL);
    }
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

  /* What scales prefers not to, and asks for large frames first. */
  for (i = 0; i < gst_caps_get_size (caps); i++) {
    if (takes_size_of_model (link, gst_caps_get_structure (caps, i)))
      append_shape (out, link->image_channels, link->width, link->height);
  }
  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);

    if (gst_structure_has_name (s, "video/x-raw")) {
      append_shape_of_video (out, link, s);
      append_any_shape (out);
    } else if (link->tensors) {
      foreach_shape (out, link, s, append_source_states);
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

/* What can be used of caps, without a word of memory. Returns: (transfer full) */
static GstCaps *
forget_memory (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);

    if (gst_ddpm_caps_are_of_host (caps, i)
        || (gst_ddpm_caps_are_of_cuda (caps, i) && may_be_of_cuda (link, s)))
      append_once (out, gst_caps_new_full (gst_structure_copy (s), NULL));
  }
  return out;
}

/* FALSE: there is no format that GstCuda has memory of. */
static gboolean
set_cuda_formats (GstCaps * caps)
{
  GstStructure *s = gst_caps_get_structure (caps, 0);
  GstCaps *known = gst_caps_from_string ("video/x-raw, "
      "format = (string) " GST_DDPM_DENOISE_CUDA_FORMATS);
  const GValue *formats = gst_structure_get_value (s, "format");
  gboolean colour = formats == NULL || takes_format (s, "RGB");

  if (colour)
    gst_caps_set_value (caps, "format",
        gst_structure_get_value (gst_caps_get_structure (known, 0), "format"));
  gst_caps_unref (known);
  return colour;
}

/* caps in the memory of the GPU, where they can be. Returns: (transfer full) */
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
  GstCaps *in = forget_memory (link, caps);
  GstCaps *out = to_src (link, in);

  gst_caps_unref (in);
  gst_caps_append (out, copy_of_cuda (link, out));
  return out;
}

GstCaps *
gst_ddpm_denoise_caps_to_sink (const GstDdpmDenoiseLink * link,
    const GstCaps * caps)
{
  GstCaps *in = forget_memory (link, caps);
  GstCaps *of_host = to_sink (link, in);
  GstCaps *out = copy_of_cuda (link, of_host);

  gst_caps_unref (in);
  gst_caps_append (out, of_host);
  return out;
}

/* --- fixation ------------------------------------------------------------ */

GstCaps *
gst_ddpm_denoise_caps_fixate (GstCaps * caps, const GstCaps * sink_caps)
{
  GstStructure *s = gst_caps_get_structure (sink_caps, 0);
  gint fps_n, fps_d;

  if (!gst_structure_get_fraction (s, "framerate", &fps_n, &fps_d)
      || fps_n <= 0 || fps_d <= 0) {
    fps_n = GST_DDPM_DENOISE_DEFAULT_FPS_N;
    fps_d = GST_DDPM_DENOISE_DEFAULT_FPS_D;
  }
  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  s = gst_caps_get_structure (caps, 0);
  if (gst_structure_has_field (s, "framerate"))
    gst_structure_fixate_field_nearest_fraction (s, "framerate", fps_n, fps_d);
  else
    gst_structure_set (s, "framerate", GST_TYPE_FRACTION, fps_n, fps_d, NULL);
  return gst_caps_fixate (caps);
}
