/* gst-ddpm: custom meta with the label and position of a training image, and
 * tag with the class names of a data set
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/meta.h"

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

gboolean
gst_ddpm_buffer_get_sample (GstBuffer * buffer, GstDdpmSample * sample)
{
  GstCustomMeta *meta;

  meta = gst_buffer_get_custom_meta (buffer, GST_DDPM_SAMPLE_META);
  /* Other code can register a meta of this name, so check every field. */
  return meta != NULL
      && gst_structure_get (gst_custom_meta_get_structure (meta),
      "label", G_TYPE_INT, &sample->label,
      "index", G_TYPE_UINT64, &sample->index,
      "epoch", G_TYPE_UINT64, &sample->epoch,
      "position", G_TYPE_UINT64, &sample->position,
      "epoch-size", G_TYPE_UINT64, &sample->epoch_size, NULL);
}
