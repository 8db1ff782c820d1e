/* gst-ddpm: oneDNN's C API, as of version 3
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR < 3
#include "kernels/cpu/onednn/v2.h"
#endif
