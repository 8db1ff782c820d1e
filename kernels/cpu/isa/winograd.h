/* gst-ddpm: inner loops of the CPU backend: vectors of 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/isa/vector.h"

/* Outputs that are computed at a time */
#define WIDTH (2 * LANES)
