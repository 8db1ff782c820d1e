/* gst-ddpm: the arithmetic of one element of a norm: swish, and dropout
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA compile the same text. In float the functions are good to a few
 * units in the last place; where coarse is set, to about 2^-20, which a result
 * in bf16 does not show and which costs a GPU a third.
 */
#pragma once

#include <math.h>

#include "kernels/philox.h"

/* 1 / (1 + e^-x): 0 and 1 where e^-x leaves the floats */
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

/* Dropout keeps an element where its uniform (r + 1/2) 2^-23, r being the
 * upper 23 bits of its word, is >= p: where r is not below this. */
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
