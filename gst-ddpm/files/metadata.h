/* gst-ddpm: what a file says of a model besides its weights (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Strings by name in __metadata__, numbers as every locale reads them:
 *   ddpm.image_channels, .channels, .channel_mult "1,2,2,1",
 *   .attention_levels "1", .res_blocks, .dropout, .timesteps,
 *   .schedule "linear" or "cosine", .beta_start, .beta_end,
 *   .data_range "symmetric" or "unit", .width, .height,
 *   .prediction_type "epsilon" or "v_prediction" (absent: epsilon),
 *   .guidance (absent: 1),
 *   .classes (absent: none) and .class_names "cat,dog" (absent: not known)
 */
#pragma once

#include "gst-ddpm/model/config.h"
#include "gst-ddpm/files/safetensors.h"

G_BEGIN_DECLS

#define DDPM_METADATA_FORMAT "ddpm.format"      /* of a checkpoint: "1" */
#define DDPM_METADATA_STATE "ddpm.state"        /* of a training state: "1" */
#define DDPM_METADATA_VERSION "1"

/**
 * DdpmMetadata:
 * @values: name -> value (borrowed)
 * @location: file, for messages (borrowed)
 * @complete: every name must be there but the last four; else what is not is
 *   left as it was, but for what the absence of the four says
 */
typedef struct
{
  GHashTable *values;
  const gchar *location;
  gboolean complete;
} DdpmMetadata;

/* Each: DDPM_ERROR_FORMAT for a value that is none, with what was found */
gboolean ddpm_metadata_get_uint (const DdpmMetadata * metadata,
    const gchar * name, guint64 max, guint64 * value, GError ** error);
gboolean ddpm_metadata_get_double (const DdpmMetadata * metadata,
    const gchar * name, gdouble * value, GError ** error);
gboolean ddpm_metadata_get_config (const DdpmMetadata * metadata,
    DdpmConfig * config, GError ** error);
/* Both 0, or a size that passes the network */
gboolean ddpm_metadata_get_size (const DdpmMetadata * metadata,
    const DdpmConfig * config, guint * width, guint * height, GError ** error);

/* *names [config->classes], or NULL where there are none */
gboolean ddpm_metadata_get_class_names (const DdpmMetadata * metadata,
    const DdpmConfig * config, gchar *** names, GError ** error);

void ddpm_metadata_add_uint (DdpmSafetensorsWriter * writer,
    const gchar * name, guint64 value);
/* To the bit */
void ddpm_metadata_add_double (DdpmSafetensorsWriter * writer,
    const gchar * name, gdouble value);
void ddpm_metadata_add_config (DdpmSafetensorsWriter * writer,
    const DdpmConfig * config, guint width, guint height);
/* NULL: nothing */
void ddpm_metadata_add_class_names (DdpmSafetensorsWriter * writer,
    gchar ** names);

/* Makes an error of the settings one of the file that they stand in */
void ddpm_metadata_blame (const gchar * location, GError ** error);

G_END_DECLS
