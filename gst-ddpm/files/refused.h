/* gst-ddpm: networks that are known, and cannot be played (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/tensor-file.h"

G_BEGIN_DECLS

/* DDPM_ERROR_FORMAT, which names the family and the reason, if the names of the
 * tensors are those of a family that cannot be played. known: a network that
 * perhaps can be played is among them. */
gboolean ddpm_refused_check (DdpmTensorFile * file, gboolean known,
    GError ** error);

G_END_DECLS
