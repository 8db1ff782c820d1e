/* gst-ddpm: where a model is loaded from: a file, or a folder of diffusers
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/family.h"
#include "gst-ddpm/files/json.h"

G_BEGIN_DECLS

/**
 * DdpmSource:
 * @file: its tensors: those of one network, without a common prefix
 * @kind: whose names they have
 * @config: config.json of diffusers; NULL where @kind is another one
 * @scheduler: scheduler_config.json; NULL: there is none
 * @remarks: texts: what was chosen and left out, for people
 */
typedef struct
{
  DdpmTensorFile *file;
  DdpmFamilyKind kind;
  DdpmJson *config, *scheduler;
  GPtrArray *remarks;
} DdpmSource;

/* path: a file or a folder; or NULL, "" or the name of a built-in model. Reads
 * no weights. */
DdpmSource *ddpm_source_open (const gchar * path, GError ** error);
DdpmSource *ddpm_source_open_bytes (GBytes * bytes, const gchar * name,
    GError ** error);
void ddpm_source_free (DdpmSource * source);
/* A text that two sources have in common only if they are the same files, which
 * have not changed. Returns: (transfer full) */
gchar *ddpm_source_get_identity (DdpmSource * source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSource, ddpm_source_free)

G_END_DECLS
