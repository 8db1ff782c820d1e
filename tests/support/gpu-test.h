/* gst-ddpm: the GPU that tests need
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

DdpmBackend *gpu_backend (DdpmPrecision precision, gchar ** reason);
void gpu_skip (gconstpointer reason);
