/* gst-ddpm: warnings of training settings that have no effect
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>
#include "plugins/ddpmtrainsink/settings.h"

G_BEGIN_DECLS

/* Posts a warning for each setting that is not the default, but has no effect
 * with the others. They have been checked. */
void gst_ddpm_train_warn_of_settings (GstElement * element,
    const GstDdpmTrainSettings * settings);

G_END_DECLS
