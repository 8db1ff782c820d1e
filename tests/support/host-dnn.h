/* gst-ddpm: the CUDA backend's convolutions by the formula, for tests of what
 * calls them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

extern guint host_dnn_longest;  /* how many operations an engine can fuse */
