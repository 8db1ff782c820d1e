/* gst-ddpm: the batch of the next optimizer step: images and labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/cuda.h"
#include "plugins/common/picture.h"
#include "plugins/ddpmtrainsink/batch.h"
#include "gst-ddpm/ddpm.h"

gboolean
gst_ddpm_train_batch_init (GstDdpmTrainBatch * batch, guint size,
    const GstVideoInfo * info, guint classes, DdpmBackend * backend,
    GError ** error)
{
  batch->backend = ddpm_backend_ref (backend);
  batch->n = 0;
  batch->size = size;
  batch->image_size = (gsize) GST_VIDEO_INFO_WIDTH (info)
      * GST_VIDEO_INFO_HEIGHT (info) * GST_VIDEO_INFO_N_COMPONENTS (info);
  batch->classes = classes;
  batch->labels = classes > 0 ? g_new (gint, size) : NULL;
  batch->pixels = ddpm_backend_alloc (backend, size * batch->image_size);
  if (batch->pixels)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "No memory for a batch of %u images of %dx%d", size,
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
  return FALSE;
}

void
gst_ddpm_train_batch_clear (GstDdpmTrainBatch * batch)
{
  if (batch->pixels)
    ddpm_backend_free (batch->backend, batch->pixels);
  batch->pixels = NULL;
  g_clear_pointer (&batch->backend, ddpm_backend_unref);
  g_clear_pointer (&batch->labels, g_free);
}

static gboolean
add_label (GstDdpmTrainBatch * batch, const GstDdpmSample * sample,
    GError ** error)
{
  if (batch->labels == NULL)
    return TRUE;
  if (sample->label < DDPM_NO_LABEL || sample->label >= (gint) batch->classes)
    goto no_class;
  batch->labels[batch->n] = sample->label;
  return TRUE;

no_class:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "Image %" G_GUINT64_FORMAT
      " (from 0) has label %d: expected 0 to %u with "
      "classes=%u, or -1 for no label", sample->index, sample->label,
      batch->classes - 1, batch->classes);
  return FALSE;
}

gboolean
gst_ddpm_train_batch_add (GstDdpmTrainBatch * batch, const GstVideoInfo * info,
    GstBuffer * buffer, const GstDdpmSample * sample, GError ** error)
{
  DdpmPicture picture;
  GstVideoFrame frame;
  gboolean on_device, ok;

  if (!add_label (batch, sample, error))
    return FALSE;
  on_device = gst_ddpm_cuda_map_video (&frame, info, buffer, batch->backend);
  if (!on_device && !gst_video_frame_map (&frame, info, buffer, GST_MAP_READ))
    goto no_image;
  gst_ddpm_picture_from_frame (&picture, &frame, 1, 1);
  ok = (on_device ? ddpm_pixels_from_picture : ddpm_pixels_from_host_picture)
      (batch->backend, &picture,
      batch->pixels + batch->n * batch->image_size, error);
  gst_video_frame_unmap (&frame);
  batch->n += ok ? 1 : 0;
  return ok;

no_image:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "Cannot read an image from a buffer of %" G_GSIZE_FORMAT
      " bytes: %dx%d %s needs %" G_GSIZE_FORMAT " bytes",
      gst_buffer_get_size (buffer), GST_VIDEO_INFO_WIDTH (info),
      GST_VIDEO_INFO_HEIGHT (info), GST_VIDEO_INFO_NAME (info),
      GST_VIDEO_INFO_SIZE (info));
  return FALSE;
}
