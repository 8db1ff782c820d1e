/* gst-ddpm: inner loops of the CPU backend: vectors of 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products are fused with the sums: only processors that can are served.
 */
#pragma once

#include "kern-vector.h"

#if defined (__AVX2__) && defined (__FMA__)
#define KERN_WINOGRAD 1
#endif

/* Outputs that are computed at a time */
#define WIDTH (2 * LANES)
