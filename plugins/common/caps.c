/* gst-ddpm: caps of the tensor link
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/caps.h"

#include <gst/video/video.h>
#include "gst-ddpm/ddpm.h"

#define MAX_RANK 16             /* NNStreamer's limit */
/* Sizes of buffers are guint in a GstBufferPool, and gint in some elements. */
#define MAX_SIZE ((guint64) G_MAXINT32)

/* --- memory --------------------------------------------------------------- */

gboolean
gst_ddpm_caps_are_of_host (const GstCaps * caps, guint n)
{
  const GstCapsFeatures *features = gst_caps_get_features (caps, n);

  return gst_caps_features_is_any (features)
      || gst_caps_features_is_equal (features,
      GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

gboolean
gst_ddpm_caps_are_of_cuda (const GstCaps * caps, guint n)
{
  const GstCapsFeatures *features = gst_caps_get_features (caps, n);

  return !gst_caps_features_is_any (features)
      && gst_caps_features_get_size (features) == 1
      && gst_caps_features_contains (features, GST_DDPM_CUDA_FEATURE);
}

static gboolean
filter_cuda (GstCapsFeatures * features, GstStructure * structure,
    gpointer of_cuda)
{
  return gst_caps_features_contains (features, GST_DDPM_CUDA_FEATURE)
      == GPOINTER_TO_INT (of_cuda);
}

/* The query has no filter, because the peer may answer in the order of the
 * filter instead of its own order of preference. */
static gboolean
peer_prefers_cuda (GstPad * pad)
{
  g_autoptr (GstCaps) peer = gst_pad_peer_query_caps (pad, NULL);

  return !gst_caps_is_any (peer) && !gst_caps_is_empty (peer)
      && gst_ddpm_caps_are_of_cuda (peer, 0);
}

GstCaps *
gst_ddpm_caps_choose_memory (GstPad * pad, GstCaps * caps)
{
  GstCaps *chosen;

  if (gst_caps_is_any (caps))
    return caps;
  chosen = gst_caps_copy (caps);
  gst_caps_filter_and_map_in_place (chosen, filter_cuda,
      GINT_TO_POINTER (peer_prefers_cuda (pad)));
  if (gst_caps_is_empty (chosen)) {
    gst_caps_unref (chosen);
    return caps;
  }
  gst_caps_unref (caps);
  return chosen;
}

GstCaps *
gst_ddpm_caps_filter (GstCaps * caps, GstCaps * filter)
{
  GstCaps *filtered;

  if (filter == NULL)
    return caps;
  filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return filtered;
}

/* --- tensors -------------------------------------------------------------- */

/* Parses a number of a dimensions string, and moves *text to its end. */
static gboolean
parse_dimension (const gchar ** text, guint * value)
{
  gchar *end;
  guint64 number;

  if (!g_ascii_isdigit (**text))
    return FALSE;
  number = g_ascii_strtoull (*text, &end, 10);
  if (number == 0 || number > G_MAXINT)
    return FALSE;
  *text = end;
  *value = number;
  return TRUE;
}

gboolean
gst_ddpm_tensor_parse_dimensions (const gchar * dimensions, guint dims[4])
{
  guint rank, value;

  for (rank = 0; rank < 4; rank++)
    dims[rank] = 1;
  for (rank = 0; parse_dimension (&dimensions, &value); rank++) {
    if (rank < 4)
      dims[rank] = value;
    else if (value != 1)
      return FALSE;
    if (*dimensions == '\0')
      return TRUE;
    if (*dimensions++ != ':')
      return FALSE;
  }
  return FALSE;
}

gchar *
gst_ddpm_tensor_get_dimensions (const GstDdpmTensorInfo * info)
{
  return g_strdup_printf ("%u:%u:%u:%u", info->channels, info->width,
      info->height, info->batch);
}

void
gst_ddpm_tensor_set_dimensions (GstStructure * s,
    const GstDdpmTensorInfo * info)
{
  const guint dims[] =
      { info->channels, info->width, info->height, info->batch };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree gchar *usual = gst_ddpm_tensor_get_dimensions (info);
  GValue list = G_VALUE_INIT, value = G_VALUE_INIT;
  guint rank = 4, i;

  while (rank > 1 && dims[rank - 1] == 1)
    rank--;
  g_value_init (&list, GST_TYPE_LIST);
  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, usual);
  gst_value_list_append_value (&list, &value);
  for (i = 0; i < MAX_RANK; i++) {
    g_string_append_printf (text, "%s%u", i ? ":" : "", i < 4 ? dims[i] : 1);
    g_value_set_string (&value, text->str);
    if (i + 1 >= rank && i != 3)
      gst_value_list_append_value (&list, &value);
  }
  g_value_unset (&value);
  gst_structure_take_value (s, "dimensions", &list);
}

static gboolean
is_tensor_structure (const GstStructure * s)
{
  gint num_tensors;

  return gst_structure_has_name (s, "other/tensors")
      && g_strcmp0 (gst_structure_get_string (s, "format"), "static") == 0
      && gst_structure_get_int (s, "num_tensors", &num_tensors)
      && num_tensors == 1
      && g_strcmp0 (gst_structure_get_string (s, "types"), "float32") == 0;
}

/* FALSE: a field exists, but has a wrong type or value. */
static gboolean
get_optional_fields (const GstStructure * s, GstDdpmTensorInfo * info)
{
  gint interval = 0;

  info->fps_n = 0;
  info->fps_d = 1;
  info->timestep = -1;
  info->seed = 0;
  info->known = FALSE;
  info->keyframe_interval = 0;
  if (gst_structure_has_field (s, "framerate")
      && (!gst_structure_get_fraction (s, "framerate", &info->fps_n,
              &info->fps_d) || info->fps_n < 0 || info->fps_d <= 0))
    return FALSE;
  if (gst_structure_has_field (s, "timestep")
      && (!gst_structure_get_int (s, "timestep", &info->timestep)
          || info->timestep < 0))
    return FALSE;
  if (gst_structure_has_field (s, "seed")
      && !gst_structure_get_uint64 (s, "seed", &info->seed))
    return FALSE;
  if (gst_structure_has_field (s, "known")
      && !gst_structure_get_boolean (s, "known", &info->known))
    return FALSE;
  if (gst_structure_has_field (s, "keyframe-interval")
      && (!gst_structure_get_int (s, "keyframe-interval", &interval)
          || interval < 0))
    return FALSE;
  info->keyframe_interval = interval;
  return TRUE;
}

/* The product cannot overflow, because each factor is checked first. */
static gboolean
set_dimensions (GstDdpmTensorInfo * info, const guint dims[4])
{
  guint64 size;

  info->channels = dims[0];
  info->width = dims[1];
  info->height = dims[2];
  info->batch = dims[3];
  if (info->channels > DDPM_MAX_IMAGE_CHANNELS
      || info->width > DDPM_MAX_IMAGE_SIZE
      || info->height > DDPM_MAX_IMAGE_SIZE || info->batch > DDPM_MAX_BATCH)
    return FALSE;
  size = sizeof (gfloat) * (guint64) info->channels * info->width
      * info->height * info->batch;
  info->size = size;
  return size <= MAX_SIZE;
}

gboolean
gst_ddpm_tensor_info_from_caps (GstDdpmTensorInfo * info, const GstCaps * caps,
    GError ** error)
{
  const gchar *expected = "one static float32 tensor (other/tensors, "
      "format=static, num_tensors=1, types=float32, dimensions=C:W:H:N)";
  g_autofree gchar *found = NULL;
  const GstStructure *s;
  const gchar *dimensions;
  guint dims[4];

  if (caps == NULL || !gst_caps_is_fixed (caps))
    goto wrong_caps;
  info->cuda = gst_ddpm_caps_are_of_cuda (caps, 0);
  s = gst_caps_get_structure (caps, 0);
  if ((!info->cuda && !gst_ddpm_caps_are_of_host (caps, 0))
      || !is_tensor_structure (s))
    goto wrong_caps;
  dimensions = gst_structure_get_string (s, "dimensions");
  expected =
      "dimensions=C:W:H:N with 1 to 4 channels, width and height of 1 to "
      G_STRINGIFY (DDPM_MAX_IMAGE_SIZE) ", a batch of 1 to "
      G_STRINGIFY (DDPM_MAX_BATCH) " and less than 2 GiB in all";
  if (dimensions == NULL || !gst_ddpm_tensor_parse_dimensions (dimensions, dims)
      || !set_dimensions (info, dims))
    goto wrong_caps;
  expected = "framerate=(fraction), timestep=(int) of 0 or more, "
      "seed=(guint64), known=(boolean) and keyframe-interval=(int) of 0 or "
      "more";
  if (!get_optional_fields (s, info))
    goto wrong_caps;
  return TRUE;

wrong_caps:
  found = caps ? gst_caps_to_string (caps) : g_strdup ("none");
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Cannot use these tensor caps: expected %s, got %s", expected, found);
  return FALSE;
}

/* String n of a value that is a string or a list of strings. NULL: no more */
static const gchar *
get_nth_string (const GValue * value, guint n)
{
  if (GST_VALUE_HOLDS_LIST (value)) {
    if (n >= gst_value_list_get_size (value))
      return NULL;
    value = gst_value_list_get_value (value, n);
    n = 0;
  }
  return n == 0 && G_VALUE_HOLDS_STRING (value) ? g_value_get_string (value)
      : NULL;
}

/* Chooses the first dimensions in caps whose batch matches (a batch of 1 matches
 * any). If there are none, a structure without dimensions gets the first shape
 * that is found in caps, by default 3:32:32, with our batch. Returns the
 * dimensions, and the index of the structure. NULL: no structure accepts the
 * batch */
static gchar *
choose_dimensions (const GstCaps * caps, guint batch, guint * index)
{
  guint shape[4] = { 3, 32, 32, 1 };
  gboolean have_shape = FALSE;
  guint i, j, open = G_MAXUINT;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GValue *value =
        gst_structure_get_value (gst_caps_get_structure (caps, i),
        "dimensions");
    const gchar *text;
    guint dims[4];

    if (value == NULL) {
      open = MIN (open, i);
      continue;
    }
    for (j = 0; (text = get_nth_string (value, j)); j++) {
      if (!gst_ddpm_tensor_parse_dimensions (text, dims))
        continue;
      if (batch == 1 || dims[3] == batch) {
        *index = i;
        return g_strdup (text);
      }
      if (!have_shape)
        memcpy (shape, dims, sizeof (shape));
      have_shape = TRUE;
    }
  }
  if (open == G_MAXUINT)
    return NULL;
  *index = open;
  return g_strdup_printf ("%u:%u:%u:%u", shape[0], shape[1], shape[2], batch);
}

static gboolean
accepts_seed (const GstStructure * s, guint64 seed)
{
  const GValue *wanted = gst_structure_get_value (s, "seed");
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_UINT64);
  g_value_set_uint64 (&value, seed);
  return wanted == NULL || gst_value_intersect (NULL, wanted, &value);
}

GstCaps *
gst_ddpm_tensor_caps_fixate (const GstCaps * caps, guint batch, guint64 seed,
    GError ** error)
{
  g_autofree gchar *dimensions = NULL;
  GstCaps *fixed;
  GstStructure *s;
  guint index;

  dimensions = choose_dimensions (caps, batch, &index);
  if (dimensions == NULL
      || !accepts_seed (gst_caps_get_structure (caps, index), seed))
    goto not_taken;

  fixed = gst_caps_copy_nth (caps, index);
  s = gst_caps_get_structure (fixed, 0);
  gst_structure_set (s, "dimensions", G_TYPE_STRING, dimensions,
      "seed", G_TYPE_UINT64, seed, NULL);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", 30, 1);
  return fixed;

not_taken:
  {
    g_autofree gchar *wanted = gst_caps_to_string (caps);

    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "Expected downstream to accept tensors with dimensions=C:W:H:%u and "
        "seed=%" G_GUINT64_FORMAT ", but it accepts %s", batch, seed, wanted);
    return NULL;
  }
}

gboolean
gst_ddpm_caps_get_size (GstCaps * caps, gsize * size)
{
  GstDdpmTensorInfo info;
  GstVideoInfo video;

  if (gst_ddpm_tensor_info_from_caps (&info, caps, NULL))
    *size = info.size;
  else if (gst_video_info_from_caps (&video, caps))
    *size = GST_VIDEO_INFO_SIZE (&video);
  else
    return FALSE;
  return TRUE;
}
