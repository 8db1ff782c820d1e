/* gst-ddpm: an arena of parameters as tensors of a file (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tensors are <prefix><name of a parameter>, for the trained parameters:
 * all but the embedding table, the last one.
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/files/safetensors.h"

G_BEGIN_DECLS

/* All of them are there, with their shapes */
gboolean ddpm_param_tensors_require (DdpmSafetensors * file,
    const gchar * prefix, const DdpmParams * params, GError ** error);
/* After require: to arena [params->trainable] */
gboolean ddpm_param_tensors_read (DdpmSafetensors * file, const gchar * prefix,
    const DdpmParams * params, gfloat * arena, GError ** error);
/* arena is borrowed as the writer borrows */
void ddpm_param_tensors_add (DdpmSafetensorsWriter * writer,
    const gchar * prefix, const DdpmParams * params, DdpmType type,
    const gfloat * arena);

G_END_DECLS
