/* gst-ddpm: the plugin
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * plugin-ddpm:
 *
 * Elements for denoising diffusion probabilistic models: a source of noise, an
 * element that turns noise into images, sources of training images and a sink
 * that trains a model on images.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 ddpmnoise ! ddpmdenoise ! videoconvert ! autovideosink
 * gst-launch-1.0 cifarsrc location=cifar-10-batches-bin ! ddpmtrainsink location=ckpt.bin
 * ]|
 *
 * Since: 0.1
 */
#include "config.h"

#include "plugins/common/known.h"
#include "plugins/common/meta.h"

GST_ELEMENT_REGISTER_DECLARE (ddpmnoise);
GST_ELEMENT_REGISTER_DECLARE (ddpmdiffuse);
GST_ELEMENT_REGISTER_DECLARE (ddpmdenoise);
GST_ELEMENT_REGISTER_DECLARE (cifarsrc);
GST_ELEMENT_REGISTER_DECLARE (imagefoldersrc);
GST_ELEMENT_REGISTER_DECLARE (ddpmtrainsink);

static gboolean
plugin_init (GstPlugin * plugin)
{
  gboolean ret = FALSE;

  gst_ddpm_sample_meta_register ();
  gst_ddpm_known_meta_register ();

  ret |= GST_ELEMENT_REGISTER (ddpmnoise, plugin);
  ret |= GST_ELEMENT_REGISTER (ddpmdiffuse, plugin);
  ret |= GST_ELEMENT_REGISTER (ddpmdenoise, plugin);
  ret |= GST_ELEMENT_REGISTER (cifarsrc, plugin);
  ret |= GST_ELEMENT_REGISTER (imagefoldersrc, plugin);
  ret |= GST_ELEMENT_REGISTER (ddpmtrainsink, plugin);
  return ret;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, ddpm,
    "Denoising diffusion probabilistic models", plugin_init, VERSION, "LGPL",
    GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
