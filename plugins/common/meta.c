/* gst-ddpm: custom meta with the label and position of a training image, and
 * tag with the class names of a data set
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/meta.h"
#include "gst-ddpm/ddpm.h"

void
gst_ddpm_sample_meta_register (void)
{
  static const gchar *no_tags[] = { NULL };

  /* Another library may have registered it. */
  if (gst_meta_get_info (GST_DDPM_SAMPLE_META) == NULL)
    gst_meta_register_custom (GST_DDPM_SAMPLE_META, no_tags, NULL, NULL, NULL);
  gst_tag_register_static (GST_DDPM_TAG_CLASS_NAMES, GST_TAG_FLAG_META,
      G_TYPE_STRING, "class names", "Names of the classes of a data set", NULL);
}

void
gst_ddpm_buffer_add_sample (GstBuffer * buffer, const GstDdpmSample * sample)
{
  GstCustomMeta *meta;

  meta = gst_buffer_add_custom_meta (buffer, GST_DDPM_SAMPLE_META);
  gst_structure_set (gst_custom_meta_get_structure (meta),
      "label", G_TYPE_INT, sample->label,
      "index", G_TYPE_UINT64, sample->index,
      "epoch", G_TYPE_UINT64, sample->epoch,
      "position", G_TYPE_UINT64, sample->position,
      "epoch-size", G_TYPE_UINT64, sample->epoch_size, NULL);
}

/* FALSE: no integer, or more than 63 bits */
static gboolean
get_integer (const GValue * value, gint64 * number)
{
  GValue integer = G_VALUE_INIT;

  switch (G_VALUE_TYPE (value)) {
    case G_TYPE_INT:
    case G_TYPE_UINT:
    case G_TYPE_LONG:
    case G_TYPE_ULONG:
    case G_TYPE_INT64:
    case G_TYPE_UINT64:
    case G_TYPE_CHAR:
    case G_TYPE_UCHAR:
      break;
    default:
      return FALSE;
  }
  g_value_init (&integer, G_TYPE_INT64);
  g_value_transform (value, &integer);
  *number = g_value_get_int64 (&integer);
  return *number >= 0 || !(G_VALUE_HOLDS_UINT64 (value)
      || G_VALUE_HOLDS_ULONG (value));
}

/* Reads a field of any integer type. found: whether there is one. FALSE: its
 * value is not what it may be. */
static gboolean
read_integer (const GstStructure * s, const gchar * field, gint64 min,
    gint64 max, gint64 * number, gboolean * found, GError ** error)
{
  const GValue *value = gst_structure_get_value (s, field);
  g_autofree gchar *text = NULL;

  *found = value != NULL;
  if (value == NULL || (get_integer (value, number) && *number >= min
          && *number <= max))
    return TRUE;
  text = gst_value_serialize (value);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "Cannot read the field %s of %s: expected an integer from %"
      G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", got (%s) %s", field,
      gst_structure_get_name (s), min, max, G_VALUE_TYPE_NAME (value),
      text ? text : "");
  return FALSE;
}

gboolean
gst_ddpm_sample_read_label (GstDdpmSample * sample, const GstStructure * s,
    GError ** error)
{
  gint64 label;
  gboolean found;

  if (!read_integer (s, "label", G_MININT, G_MAXINT, &label, &found, error))
    return FALSE;
  if (found)
    sample->label = label;
  sample->has_label |= found;
  return TRUE;
}

gboolean
gst_ddpm_sample_read_meta (GstDdpmSample * sample, GstBuffer * buffer,
    GError ** error)
{
  GstCustomMeta *meta =
      gst_buffer_get_custom_meta (buffer, GST_DDPM_SAMPLE_META);
  gint64 index, epoch, position, size;
  gboolean has_index, has_position, has_size;
  const GstStructure *s;

  if (meta == NULL)
    return TRUE;
  s = gst_custom_meta_get_structure (meta);
  if (!gst_ddpm_sample_read_label (sample, s, error)
      || !read_integer (s, "index", 0, G_MAXINT64, &index, &has_index, error)
      || !read_integer (s, "epoch", 0, G_MAXINT64, &epoch, &sample->has_epoch,
          error)
      || !read_integer (s, "position", 0, G_MAXINT64, &position, &has_position,
          error)
      || !read_integer (s, "epoch-size", 0, G_MAXINT64, &size, &has_size,
          error))
    return FALSE;
  if (has_index)
    sample->index = index;
  if (sample->has_epoch)
    sample->epoch = epoch;
  if (sample->has_epoch && has_position && has_size) {
    sample->position = position;
    sample->epoch_size = size;
  }
  return TRUE;
}

void
gst_ddpm_element_send_class_names (GstElement * source, const gchar * names)
{
  if (names)
    gst_element_send_event (source, gst_event_new_tag (gst_tag_list_new
            (GST_DDPM_TAG_CLASS_NAMES, names, NULL)));
}
