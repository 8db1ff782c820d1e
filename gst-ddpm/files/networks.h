/* gst-ddpm: which of a file's tensors are the network to play (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file may have a network under a prefix such as "module.", several networks,
 * of which one is a moving average (EMA), and tensors that are no weights.
 */
#pragma once

#include "gst-ddpm/files/family.h"

G_BEGIN_DECLS

/* Leaves only the tensors of the network to play in the file, without their
 * prefix, and gets its family. A file without any known network is left as it
 * is, as DDPM_FAMILY_OURS; a network that cannot be played is
 * DDPM_ERROR_FORMAT, with its family and the reason. remarks: adds what was
 * chosen and what was left out. */
gboolean ddpm_networks_choose (DdpmTensorFile * file, DdpmFamilyKind * kind,
    GPtrArray * remarks, GError ** error);

G_END_DECLS
