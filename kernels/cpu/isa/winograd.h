/* gst-ddpm: inner loops of the CPU backend: what the files of Winograd's
 * convolution share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/isa/vector.h"

/* Output channels that are computed at a time */
#define WIDTH (2 * LANES)
