/* gst-ddpm: the order of the images of a data set, epoch by epoch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/sources/epochs.h"
#include "plugins/sources/frames.h"
#include "gst-ddpm/ddpm.h"

gboolean
gst_ddpm_epochs_init (GstDdpmEpochs * epochs, guint64 n_images,
    guint n_epochs, gboolean shuffle, guint64 seed, GError ** error)
{
  epochs->n_images = n_images;
  epochs->seed = seed;
  epochs->order = NULL;
  epochs->order_epoch = G_MAXUINT64;
  if (shuffle) {
    epochs->order = g_try_new (guint64, n_images);
    if (epochs->order == NULL)
      goto no_memory;
  }
  if (n_epochs == 0
      || !g_uint64_checked_mul (&epochs->n_frames, n_images, n_epochs))
    epochs->n_frames = GST_DDPM_FRAMES_ENDLESS;
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "No memory to shuffle the %" G_GUINT64_FORMAT " images", n_images);
  return FALSE;
}

void
gst_ddpm_epochs_clear (GstDdpmEpochs * epochs)
{
  g_clear_pointer (&epochs->order, g_free);
}

void
gst_ddpm_epochs_locate (GstDdpmEpochs * epochs, guint64 frame,
    GstDdpmSample * sample)
{
  sample->epoch_size = epochs->n_images;
  sample->epoch = frame / epochs->n_images;
  sample->position = frame % epochs->n_images;
  sample->index = sample->position;
  if (epochs->order == NULL)
    return;

  if (epochs->order_epoch != sample->epoch)
    ddpm_cifar_shuffle (epochs->seed, sample->epoch, epochs->n_images,
        epochs->order);
  epochs->order_epoch = sample->epoch;
  sample->index = epochs->order[sample->position];
}
