/* gst-ddpm: ddpm-convert --info: what a model is, for people
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* Returns: (transfer full): lines, "name: value" each */
gchar *describe_model (const DdpmModel * model);

G_END_DECLS
