/* gst-ddpm: the model that a program works on
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* ddpm_checkpoint_load (), which says on stderr what it had to assume */
DdpmModel *load_model (const gchar * name, GError ** error);

G_END_DECLS
