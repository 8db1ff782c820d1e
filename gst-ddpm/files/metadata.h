/* gst-ddpm: the metadata of checkpoints and training states (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * __metadata__ maps names to strings; numbers do not depend on the locale:
 *   ddpm.image_channels, .channels, .channel_mult "1,2,2,1",
 *   .attention_levels "1", .res_blocks, .dropout, .timesteps,
 *   .schedule "linear" or "cosine", .beta_start, .beta_end,
 *   .data_range "symmetric" or "unit", .width, .height,
 *   .prediction_type "epsilon" or "v_prediction" (absent: epsilon),
 *   .guidance (absent: 1), .steps (absent: 0),
 *   for networks of other programs (absent: as the notebook's):
 *   .level_channels "24,40", .up_attention_levels "1", .middle "attention",
 *   "plain-attention", "no-attention" or "none", .heads, .head_channels,
 *   .groups, .norm_eps, .scale_shift "true", .down_padding "both" or "end",
 *   .middle_scale, .center_input "true", .learned_variance "true", .time_dim,
 *   .classes (absent: none) and .class_names "cat,dog" (absent: unknown)
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/files/safetensors.h"

G_BEGIN_DECLS

/* names whose value is the version of a checkpoint or of a training state */
#define DDPM_METADATA_FORMAT "ddpm.format"
#define DDPM_METADATA_STATE "ddpm.state"
#define DDPM_METADATA_VERSION "1"

/**
 * DdpmMetadata:
 * @values: name -> value (borrowed)
 * @location: file, for messages (borrowed)
 * @complete: all names but those with "(absent: ...)" above must be there; if
 *   not, a missing name leaves its field unchanged
 */
typedef struct
{
  GHashTable *values;
  const gchar *location;
  gboolean complete;
} DdpmMetadata;

/* A wrong value is DDPM_ERROR_FORMAT; the message says what was found. */

/* Checks that the value of name is DDPM_METADATA_VERSION. expected: what the
 * file should be, such as "a checkpoint" */
gboolean ddpm_metadata_check_version (const DdpmMetadata * metadata,
    const gchar * name, const gchar * expected, GError ** error);
gboolean ddpm_metadata_get_uint (const DdpmMetadata * metadata,
    const gchar * name, guint64 max, guint64 * value, GError ** error);
gboolean ddpm_metadata_get_double (const DdpmMetadata * metadata,
    const gchar * name, gdouble * value, GError ** error);
gboolean ddpm_metadata_get_config (const DdpmMetadata * metadata,
    DdpmConfig * config, GError ** error);
/* A part of a sentence about what metadata that need not be complete leaves
 * open, and the configuration therefore assumes, and about its keys that are
 * not known. has_table: the file tells T by the embedding table. Returns:
 * (transfer full) (nullable): NULL: there is nothing of either */
gchar *ddpm_metadata_describe_assumptions (const DdpmMetadata * metadata,
    const DdpmConfig * config, gboolean has_table);
/* What such metadata leaves open */
DdpmFacts ddpm_metadata_get_assumed (const DdpmMetadata * metadata,
    const DdpmConfig * config);
/* Both are 0, or a size that the network accepts. */
gboolean ddpm_metadata_get_size (const DdpmMetadata * metadata,
    const DdpmConfig * config, guint * width, guint * height, GError ** error);

/* *names: [config->classes] names, or NULL where the file has none */
gboolean ddpm_metadata_get_class_names (const DdpmMetadata * metadata,
    const DdpmConfig * config, gchar *** names, GError ** error);

/* What it says that is not for us, such as a licence. Returns: (transfer full):
 * name -> value */
GHashTable *ddpm_metadata_get_notes (const DdpmMetadata * metadata);

void ddpm_metadata_add_uint (DdpmSafetensorsWriter * writer,
    const gchar * name, guint64 value);
/* The text gives back the same bits. */
void ddpm_metadata_add_double (DdpmSafetensorsWriter * writer,
    const gchar * name, gdouble value);
void ddpm_metadata_add_config (DdpmSafetensorsWriter * writer,
    const DdpmConfig * config, guint width, guint height);
/* names NULL: adds nothing */
void ddpm_metadata_add_class_names (DdpmSafetensorsWriter * writer,
    gchar ** names);

/* notes NULL: adds nothing */
void ddpm_metadata_add_notes (DdpmSafetensorsWriter * writer,
    GHashTable * notes);

/* Turns an error of settings into one of the file that they come from */
void ddpm_metadata_blame (const gchar * location, GError ** error);

G_END_DECLS
