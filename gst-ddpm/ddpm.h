/* gst-ddpm: all of libgstddpm-1.0
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An image of the built-in model, without GStreamer:
 *
 *   #include <stdio.h>
 *   #include <gst-ddpm/ddpm.h>
 *
 *   int
 *   main (void)
 *   {
 *     DdpmModel *model = ddpm_checkpoint_load (NULL, NULL);
 *     DdpmBackend *backend = ddpm_backend_new (DDPM_BACKEND_AUTO,
 *         DDPM_PRECISION_AUTO, 0, NULL);
 *     DdpmLabels *labels = ddpm_labels_new (model, "ship", NULL);
 *     DdpmSamplerSpec spec;
 *     DdpmDenoiser *denoiser;
 *     GBytes *pixels;
 *
 *     ddpm_sampler_spec_init (&spec, &model->config);
 *     denoiser = ddpm_denoiser_new (model, backend, 1, 32, 32, &spec, NULL);
 *     ddpm_denoiser_begin_with_noise (denoiser, labels, 7, 0, NULL);
 *     while (ddpm_denoiser_step (denoiser));
 *     pixels = ddpm_denoiser_read_pixels (denoiser, NULL);
 *     g_print ("P6 32 32 255\n");
 *     fwrite (g_bytes_get_data (pixels, NULL), 1, g_bytes_get_size (pixels),
 *         stdout);
 *
 *     g_bytes_unref (pixels);
 *     ddpm_labels_free (labels);
 *     ddpm_denoiser_free (denoiser);
 *     ddpm_backend_unref (backend);
 *     ddpm_model_unref (model);
 *     return 0;
 *   }
 */
#pragma once

#include "gst-ddpm/evaluate/evaluator.h"
#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/files/cifar.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/pixels.h"
#include "gst-ddpm/sample/denoiser.h"
#include "gst-ddpm/sample/diffuser.h"
#include "gst-ddpm/sample/predictor.h"
#include "gst-ddpm/sample/sampler.h"
#include "gst-ddpm/train/trainer.h"
