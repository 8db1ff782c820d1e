/* gst-ddpm: the arithmetic of one element of a norm: swish, and dropout
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA compile the same text. The functions are exact to a few units in
 * the last place of a float. With coarse set, CUDA's are exact to about 2^-20,
 * which is enough for bf16, and takes a third of the time.
 */
#pragma once

#include <math.h>

#include "kernels/philox.h"

/* 1 / (1 + e^-x). It becomes 0 or 1 if e^-x overflows or underflows. */
DDPM_HOST_DEVICE float
ddpm_sigmoid (float x, int coarse)
{
#ifdef __CUDA_ARCH__
  if (coarse)
    return __fdividef (1.0f, 1.0f + __expf (-x));
#endif
  (void) coarse;
  return 1.0f / (1.0f + expf (-x));
}

/* x sigmoid (x) (Ramachandran et al. 2017) */
DDPM_HOST_DEVICE float
ddpm_swish (float x, int coarse)
{
  return x * ddpm_sigmoid (x, coarse);
}

DDPM_HOST_DEVICE float
ddpm_swish_derivative (float x, int coarse)
{
  const float s = ddpm_sigmoid (x, coarse);

  return s * (1.0f + x * (1.0f - s));
}

/* The uniform number of a random word is (r + 1/2) 2^-23, where r is the upper
 * 23 bits of the word. Dropout keeps an element if this number is >= p. That is
 * the same as r >= limit, the smallest such r. */
DDPM_HOST_DEVICE uint32_t
ddpm_dropout_limit (float p)
{
  const double limit = ceil ((double) p * 8388608.0 - 0.5);

  return limit <= 0.0 ? 0 : limit >= 8388608.0 ? 8388608 : (uint32_t) limit;
}

DDPM_HOST_DEVICE int
ddpm_dropout_keeps (uint32_t word, uint32_t limit)
{
  return word >> 9 >= limit;
}
