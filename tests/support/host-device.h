/* gst-ddpm: the CUDA backend without a device: what the norms ask one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

extern gint host_shared_memory; /* bytes that a block can have */
