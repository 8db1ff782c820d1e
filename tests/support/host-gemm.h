/* gst-ddpm: the CUDA backend's matrix products by the formula, for tests of
 * what calls them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

extern guint host_gemms;        /* how many products were computed */
