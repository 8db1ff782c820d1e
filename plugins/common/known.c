/* gst-ddpm: custom meta with the known part of the images of a state
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/known.h"
#include "gst-ddpm/ddpm.h"

void
gst_ddpm_known_meta_register (void)
{
  static const gchar *no_tags[] = { NULL };

  /* Another library may have registered it. */
  if (gst_meta_get_info (GST_DDPM_KNOWN_META) == NULL)
    gst_meta_register_custom (GST_DDPM_KNOWN_META, no_tags, NULL, NULL, NULL);
}

static void
take_bytes (GstStructure * s, const gchar * field, GBytes * bytes)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_BYTES);
  g_value_take_boxed (&value, bytes);
  gst_structure_take_value (s, field, &value);
}

void
gst_ddpm_buffer_add_known (GstBuffer * buffer, GBytes * pixels, GBytes * alpha)
{
  GstCustomMeta *meta =
      gst_buffer_add_custom_meta (buffer, GST_DDPM_KNOWN_META);
  GstStructure *s = gst_custom_meta_get_structure (meta);

  take_bytes (s, "pixels", pixels);
  take_bytes (s, "alpha", alpha);
}

/* NULL, with error: the field is not that many bytes. */
static const guint8 *
get_bytes (const GstStructure * s, const gchar * field, gsize size,
    GError ** error)
{
  const GValue *value = gst_structure_get_value (s, field);
  GBytes *bytes = value && G_VALUE_HOLDS (value, G_TYPE_BYTES) ?
      g_value_get_boxed (value) : NULL;

  if (bytes && g_bytes_get_size (bytes) == size)
    return g_bytes_get_data (bytes, NULL);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "Cannot read the field %s of %s: expected %" G_GSIZE_FORMAT
      " bytes, got %" G_GSIZE_FORMAT, field, GST_DDPM_KNOWN_META, size,
      bytes ? g_bytes_get_size (bytes) : 0);
  return NULL;
}

gboolean
gst_ddpm_buffer_get_known (GstBuffer * buffer, const GstDdpmTensorInfo * info,
    GstDdpmKnown * known, GError ** error)
{
  GstCustomMeta *meta =
      gst_buffer_get_custom_meta (buffer, GST_DDPM_KNOWN_META);
  const gsize pixels = (gsize) info->batch * info->height * info->width;
  const GstStructure *s;

  known->pixels = known->alpha = NULL;
  if (meta == NULL)
    return TRUE;
  s = gst_custom_meta_get_structure (meta);
  known->pixels = get_bytes (s, "pixels", pixels * info->channels, error);
  if (known->pixels)
    known->alpha = get_bytes (s, "alpha", pixels, error);
  return known->alpha != NULL;
}
