/* gst-ddpm: the images that wait for a step of training, and their labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstddpmtrainbatch.h"
#include "../gst-ddpm/ddpm-labels.h"

gboolean
gst_ddpm_train_batch_init (GstDdpmTrainBatch * batch, guint size,
    const GstVideoInfo * info, guint classes, GError ** error)
{
  batch->n = 0;
  batch->size = size;
  batch->image_size = (gsize) GST_VIDEO_INFO_WIDTH (info)
      * GST_VIDEO_INFO_HEIGHT (info) * GST_VIDEO_INFO_N_COMPONENTS (info);
  batch->pixels = g_try_malloc_n (size, batch->image_size);
  batch->classes = classes;
  batch->labels = classes > 0 ? g_try_new (gint, size) : NULL;
  if (batch->pixels && (batch->labels || classes == 0))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "No memory for a batch of %u images of %dx%d", size,
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
  return FALSE;
}

void
gst_ddpm_train_batch_clear (GstDdpmTrainBatch * batch)
{
  g_clear_pointer (&batch->pixels, g_free);
  g_clear_pointer (&batch->labels, g_free);
}

/* Any layout -> (height, width, channels) */
static void
pack (GstVideoFrame * frame, guint8 * out)
{
  const guint channels = GST_VIDEO_FRAME_N_COMPONENTS (frame);
  const gint width = GST_VIDEO_FRAME_WIDTH (frame);
  guint c;
  gint x, y;

  for (c = 0; c < channels; c++) {
    const guint8 *in = GST_VIDEO_FRAME_COMP_DATA (frame, c);
    const gint stride = GST_VIDEO_FRAME_COMP_STRIDE (frame, c);
    const gint pixel = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);

    for (y = 0; y < GST_VIDEO_FRAME_HEIGHT (frame); y++)
      for (x = 0; x < width; x++)
        out[((gsize) y * width + x) * channels + c] =
            in[(gssize) y * stride + x * pixel];
  }
}

static gboolean
add_label (GstDdpmTrainBatch * batch, const GstDdpmSample * sample,
    GError ** error)
{
  const gint label = sample ? sample->label : DDPM_NO_LABEL;

  if (batch->labels == NULL)
    return TRUE;
  if (label < DDPM_NO_LABEL || label >= (gint) batch->classes)
    goto no_class;
  batch->labels[batch->n] = label;
  return TRUE;

no_class:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Image %" G_GUINT64_FORMAT " of the data set has label %d, and with "
      "classes=%u labels are 0 to %u, or -1 for none", sample->index, label,
      batch->classes, batch->classes - 1);
  return FALSE;
}

gboolean
gst_ddpm_train_batch_add (GstDdpmTrainBatch * batch, const GstVideoInfo * info,
    GstBuffer * buffer, const GstDdpmSample * sample, GError ** error)
{
  GstVideoFrame frame;

  if (!add_label (batch, sample, error))
    return FALSE;
  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READ))
    goto no_image;
  pack (&frame, batch->pixels + batch->n * batch->image_size);
  gst_video_frame_unmap (&frame);
  batch->n++;
  return TRUE;

no_image:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "A buffer of %" G_GSIZE_FORMAT " bytes is no %dx%d %s image, which has %"
      G_GSIZE_FORMAT, gst_buffer_get_size (buffer), GST_VIDEO_INFO_WIDTH (info),
      GST_VIDEO_INFO_HEIGHT (info), GST_VIDEO_INFO_NAME (info),
      GST_VIDEO_INFO_SIZE (info));
  return FALSE;
}
