/* gst-ddpm: the parameters of a network as tensors of a file (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tensor is called <prefix><name of the parameter>. The last parameter, the
 * embedding table, is not among them.
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/files/safetensors.h"
#include "gst-ddpm/files/tensor-file.h"

G_BEGIN_DECLS

/* FALSE: a tensor is missing, or has another shape */
gboolean ddpm_param_tensors_require (DdpmTensorFile * file,
    const gchar * prefix, const DdpmParams * params, GError ** error);
/* After require(): reads them to arena [params->trainable]. */
gboolean ddpm_param_tensors_read (DdpmTensorFile * file, const gchar * prefix,
    const DdpmParams * params, gfloat * arena, GError ** error);
/* The writer keeps a pointer to arena. */
void ddpm_param_tensors_add (DdpmSafetensorsWriter * writer,
    const gchar * prefix, const DdpmParams * params, DdpmType type,
    const gfloat * arena);

G_END_DECLS
