/* gst-ddpm: the architecture of a network, from the tensors of a file (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/files/tensor-file.h"

G_BEGIN_DECLS

/* Fails with DDPM_ERROR_FORMAT if a tensor has a name that no network has. The
 * message counts such names and compares the first one with the nearest name
 * that is missing. */
gboolean ddpm_architecture_check_names (DdpmTensorFile * file,
    GError ** error);
/* After check_names (): infers the architecture from names and shapes. Fields
 * that these do not determine get their defaults. A few tensors that are
 * missing or have a wrong shape do not change the result, so that an error
 * about them can name them. */
gboolean ddpm_architecture_infer (DdpmTensorFile * file, DdpmConfig * config,
    GError ** error);

G_END_DECLS
