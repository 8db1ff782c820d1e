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
 *     guint8 pixels[32 * 32 * 3];
 *     gfloat x[32 * 32 * 3];
 *     DdpmModel *model = ddpm_checkpoint_load (NULL, NULL);
 *     DdpmBackend *backend = ddpm_backend_new (DDPM_BACKEND_AUTO,
 *         DDPM_PRECISION_AUTO, 0, NULL);
 *     DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DPMPP_2M,.steps = 20,
 *       .clip_x0 = TRUE,.start = model->config.timesteps
 *     };
 *     DdpmDenoiser *denoiser = ddpm_denoiser_new (model, backend, 1, 32, 32,
 *         &spec, NULL);
 *
 *     ddpm_noise_normal (7, 0, DDPM_STREAM_X_T, 0, G_N_ELEMENTS (x), x);
 *     ddpm_denoiser_begin (denoiser, x, 7, 0);
 *     while (ddpm_denoiser_step (denoiser));
 *     ddpm_denoiser_read (denoiser, x, NULL);
 *     ddpm_pixels_from_float (model->config.data_range, x, G_N_ELEMENTS (x),
 *         pixels);
 *     g_print ("P6 32 32 255\n");
 *     fwrite (pixels, 1, sizeof pixels, stdout);
 *
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
#include "gst-ddpm/sample/predictor.h"
#include "gst-ddpm/sample/sampler.h"
#include "gst-ddpm/train/trainer.h"
