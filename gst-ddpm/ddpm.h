/* gst-ddpm: all of libgstddpm-1.0
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "ddpm-checkpoint.h"
#include "ddpm-cifar.h"
#include "ddpm-config.h"
#include "ddpm-denoiser.h"
#include "ddpm-model.h"
#include "ddpm-noise.h"
#include "ddpm-params.h"
#include "ddpm-pixels.h"
#include "ddpm-sampler.h"
#include "ddpm-schedule.h"
#include "ddpm-trainer.h"
#include "ddpm-unet.h"
