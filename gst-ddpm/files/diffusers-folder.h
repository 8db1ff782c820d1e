/* gst-ddpm: the folders in which diffusers saves networks and pipelines
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network's folder has config.json and the weights,
 * diffusion_pytorch_model.safetensors or .bin. A pipeline's folder is that of
 * the network itself, or has it as unet/ (and unet_ema/, while it is trained);
 * scheduler_config.json is in it or in scheduler/.
 */
#pragma once

#include "gst-ddpm/files/json.h"

G_BEGIN_DECLS

/**
 * DdpmDiffusersFolder:
 * @weights: path of the weights
 * @config: config.json of the network, whose class is UNet2DModel
 * @scheduler: scheduler_config.json; NULL: there is none
 */
typedef struct
{
  gchar *weights;
  DdpmJson *config, *scheduler;
} DdpmDiffusersFolder;

/* path: a folder. remarks: adds what was chosen. FALSE: it is not one, or has a
 * network that cannot be played. Clear it in any case. */
gboolean ddpm_diffusers_folder_open (DdpmDiffusersFolder * folder,
    const gchar * path, GPtrArray * remarks, GError ** error);
/* path: a file of weights. *found: there is a config.json beside it, which is
 * then read as above; else nothing is. */
gboolean ddpm_diffusers_folder_open_beside (DdpmDiffusersFolder * folder,
    const gchar * path, gboolean * found, GError ** error);
void ddpm_diffusers_folder_clear (DdpmDiffusersFolder * folder);

G_END_DECLS
