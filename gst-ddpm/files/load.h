/* gst-ddpm: a model of what a source has (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/source.h"

G_BEGIN_DECLS

/* Everything but the numbers is checked before memory is allocated for them.
 * trained NULL: as the source says */
DdpmModel *ddpm_load_model (DdpmSource * source, const DdpmTrained * trained,
    GError ** error);

G_END_DECLS
