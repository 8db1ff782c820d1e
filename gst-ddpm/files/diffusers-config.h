/* gst-ddpm: the configurations of diffusers' networks and schedulers (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/family.h"
#include "gst-ddpm/files/json.h"

G_BEGIN_DECLS

/* Names in scheduler_config.json, by DdpmScheduleKind, DdpmPrediction,
 * DdpmVariance (and two more), and DdpmSpacing from leading on; each list ends
 * with NULL */
extern const gchar *const ddpm_diffusers_schedules[];
extern const gchar *const ddpm_diffusers_predictions[];
extern const gchar *const ddpm_diffusers_variances[];
extern const gchar *const ddpm_diffusers_spacings[];

/* Sets the fields of a network that config.json describes, with the defaults of
 * UNet2DModel (diffusers 0.42), and its dropout, classes and image size (0:
 * unknown). file: its weights, under their own names. DDPM_ERROR_FORMAT names
 * a key and a value that gst-ddpm cannot compute. remarks: adds keys that are
 * not known. */
gboolean ddpm_diffusers_read_network (DdpmJson * json, DdpmTensorFile * file,
    DdpmConfig * config, DdpmTimeTable * table, guint * width, guint * height,
    GPtrArray * remarks, GError ** error);

/* Sets the noise schedule, the prediction and the way to sample that
 * scheduler_config.json describes, with the defaults of its class. json: NULL:
 * those of DDPMScheduler. remarks: adds what of these trained does not say, and
 * what is not ours. */
gboolean ddpm_diffusers_read_scheduler (DdpmJson * json, DdpmConfig * config,
    const DdpmTrained * trained, GPtrArray * remarks, GError ** error);

G_END_DECLS
