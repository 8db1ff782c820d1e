/* gst-ddpm: what diffusers calls the settings of a model (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <json-glib/json-glib.h>

#include "gst-ddpm/files/family.h"

G_BEGIN_DECLS

#define DDPM_DIFFUSERS_VERSION "0.42.1" /* that these files are tested with */

/* The content of unet/config.json. DDPM_ERROR_SETTINGS names what UNet2DModel
 * does not have. Returns: (transfer full) */
JsonNode *ddpm_diffusers_make_unet_config (const DdpmModel * model,
    const DdpmTimeTable * table, GError ** error);
/* That of scheduler/scheduler_config.json. Returns: (transfer full) */
JsonNode *ddpm_diffusers_make_scheduler_config (const DdpmModel * model);
/* That of model_index.json. Returns: (transfer full) */
JsonNode *ddpm_diffusers_make_index (const DdpmModel * model);
/* What DDPMPipeline cannot do with the model, as sentences. Returns: (transfer
 * full): it ends with NULL */
gchar **ddpm_diffusers_list_limits (const DdpmModel * model);

G_END_DECLS
