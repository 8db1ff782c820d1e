/* gst-ddpm: the configurations of diffusers' networks and schedulers (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/family.h"
#include "gst-ddpm/files/json.h"

G_BEGIN_DECLS

/* Sets the fields of a network that config.json describes, with the defaults of
 * UNet2DModel (diffusers 0.42), and its dropout, classes and image size (0:
 * unknown). file: its weights, under their own names. DDPM_ERROR_FORMAT names
 * a key and a value that gst-ddpm cannot compute. told: adds keys that are not
 * known. */
gboolean ddpm_diffusers_read_network (DdpmJson * json, DdpmTensorFile * file,
    DdpmConfig * config, DdpmTimeTable * table, guint * width, guint * height,
    GPtrArray * told, GError ** error);

/* Sets the noise schedule, the prediction and the way to sample that
 * scheduler_config.json describes, with the defaults of its class. json: NULL:
 * those of DDPMScheduler, which is told. */
gboolean ddpm_diffusers_read_scheduler (DdpmJson * json, DdpmConfig * config,
    const DdpmTrained * trained, GPtrArray * told, GError ** error);

G_END_DECLS
