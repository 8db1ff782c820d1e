/* gst-ddpm: bfloat16: the upper half of a float
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA compile the same text.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels/host-device.h"

DDPM_HOST_DEVICE float
ddpm_bf16_to_float (uint16_t half)
{
  uint32_t bits = (uint32_t) half << 16;
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* Rounds to nearest, ties to even; numbers beyond the largest become infinite.
 * A NaN becomes a quiet NaN: rounding its bits could carry into the exponent.
 */
DDPM_HOST_DEVICE uint16_t
ddpm_bf16_from_float (float value)
{
  uint32_t bits, rounded;

  memcpy (&bits, &value, sizeof bits);
  rounded = bits + 0x7FFFu + ((bits >> 16) & 1);
  return (uint16_t) (((bits & 0x7FFFFFFFu) > 0x7F800000u
          ? bits | 0x00400000u : rounded) >> 16);
}

DDPM_HOST_DEVICE float
ddpm_bf16_round (float value)
{
  return ddpm_bf16_to_float (ddpm_bf16_from_float (value));
}
