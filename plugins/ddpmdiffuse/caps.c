/* gst-ddpm: ddpmdiffuse: which caps can be converted to which
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdiffuse/caps.h"

/* The video formats of images with so many channels. No video has two. channels
 * 0: not known */
static const gchar *const formats[] = {
  "{ RGB, RGBP, GRAY8, RGBA }", "GRAY8", NULL, "{ RGB, RGBP }", "RGBA"
};

/* Returns: (transfer full) (nullable): video caps of the model's formats; known:
 * of those in which alpha says which part is known */
static GstCaps *
video_caps_new (const GstDdpmDiffuseLink * link, gboolean known)
{
  const gchar *format = formats[link->image_channels];
  g_autofree gchar *text = NULL;

  if (known)
    format = link->image_channels == 3 ? "RGBA" : NULL;
  if (format == NULL)
    return NULL;
  text = g_strdup_printf ("video/x-raw, format=(string)%s, "
      "width=(int)[1, %d], height=(int)[1, %d], framerate=(fraction)[0/1, max]",
      format, DDPM_MAX_IMAGE_SIZE, DDPM_MAX_IMAGE_SIZE);
  return gst_caps_from_string (text);
}

/* --- sink -> src ---------------------------------------------------------- */

static void
append_state (GstCaps * out, const GstDdpmDiffuseLink * link, gboolean known,
    const GstStructure * video)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (GST_DDPM_TENSOR_CAPS);
  GstStructure *s = gst_caps_get_structure (caps, 0);
  GstDdpmTensorInfo info = {.channels = link->image_channels,.batch = 1 };
  const GValue *rate = gst_structure_get_value (video, "framerate");
  gint width, height;

  if (rate)
    gst_structure_set_value (s, "framerate", rate);
  if (link->image_channels > 0)
    gst_structure_set (s, "timestep", G_TYPE_INT,
        (gint) (known ? link->known_timestep : link->timestep),
        "seed", G_TYPE_UINT64, link->seed, NULL);
  if (link->keyframe_interval > 0)
    gst_structure_set (s, "keyframe-interval", G_TYPE_INT,
        (gint) link->keyframe_interval, NULL);
  if (known)
    gst_structure_set (s, "known", G_TYPE_BOOLEAN, TRUE, NULL);
  if (link->image_channels > 0 && gst_structure_get_int (video, "width", &width)
      && gst_structure_get_int (video, "height", &height)) {
    info.width = width;
    info.height = height;
    gst_ddpm_tensor_set_dimensions (s, &info);
  }
  gst_caps_append (out, g_steal_pointer (&caps));
}

static void
append_states (GstCaps * out, const GstDdpmDiffuseLink * link, gboolean known,
    const GstCaps * caps)
{
  g_autoptr (GstCaps) possible = video_caps_new (link, known);
  g_autoptr (GstCaps) video = NULL;

  if (possible == NULL)
    return;
  video = gst_caps_intersect_full ((GstCaps *) caps, possible,
      GST_CAPS_INTERSECT_FIRST);
  for (guint i = 0; i < gst_caps_get_size (video); i++)
    append_state (out, link, known, gst_caps_get_structure (video, i));
}

GstCaps *
gst_ddpm_diffuse_caps_to_src (const GstDdpmDiffuseLink * link,
    const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();

  append_states (out, link, FALSE, caps);
  append_states (out, link, TRUE, caps);
  return out;
}

/* --- src -> sink ---------------------------------------------------------- */

/* The first dimensions of a structure. FALSE: it has none, or they are not
 * those of one image of the model */
static gboolean
get_shape (const GstDdpmDiffuseLink * link, const GValue * value, guint dims[4])
{
  if (value && GST_VALUE_HOLDS_LIST (value))
    value = gst_value_list_get_size (value) > 0 ?
        gst_value_list_get_value (value, 0) : NULL;
  return value && G_VALUE_HOLDS_STRING (value) && g_value_get_string (value)
      && gst_ddpm_tensor_parse_dimensions (g_value_get_string (value), dims)
      && (link->image_channels == 0 || dims[0] == link->image_channels)
      && dims[1] <= DDPM_MAX_IMAGE_SIZE && dims[2] <= DDPM_MAX_IMAGE_SIZE
      && dims[3] == 1;
}

/* width 0: any size */
static void
append_format (GstCaps * out, const GstDdpmDiffuseLink * link, gboolean known,
    const GstStructure * state, guint width, guint height)
{
  const GValue *rate = gst_structure_get_value (state, "framerate");
  GstCaps *caps = video_caps_new (link, known);
  gboolean wanted;

  if (caps == NULL)
    return;
  if (gst_structure_get_boolean (state, "known", &wanted) && wanted != known) {
    gst_caps_unref (caps);
    return;
  }
  if (width > 0)
    gst_caps_set_simple (caps, "width", G_TYPE_INT, (gint) width,
        "height", G_TYPE_INT, (gint) height, NULL);
  if (rate)
    gst_caps_set_value (caps, "framerate", rate);
  gst_caps_append (out, caps);
}

static void
append_video (GstCaps * out, const GstDdpmDiffuseLink * link,
    const GstStructure * state, guint width, guint height)
{
  append_format (out, link, FALSE, state, width, height);
  append_format (out, link, TRUE, state, width, height);
}

GstCaps *
gst_ddpm_diffuse_caps_to_sink (const GstDdpmDiffuseLink * link,
    const GstCaps * caps)
{
  GstCaps *out = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);
    const GValue *dimensions = gst_structure_get_value (s, "dimensions");
    guint dims[4];

    if (!gst_ddpm_caps_are_of_host (caps, i))
      continue;
    if (dimensions == NULL && link->width > 0 && link->height > 0)
      append_video (out, link, s, link->width, link->height);
    if (dimensions == NULL)
      append_video (out, link, s, 0, 0);
    else if (get_shape (link, dimensions, dims))
      append_video (out, link, s, dims[1], dims[2]);
  }
  return out;
}
