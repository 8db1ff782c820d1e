/* gst-ddpm: functions that C and CUDA compile from the same text
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#ifdef __CUDACC__
#define DDPM_HOST_DEVICE static __host__ __device__ inline
#else
#define DDPM_HOST_DEVICE static inline
#endif

/* a * b + c, rounded twice. -ffp-contract=off keeps gcc from fusing the two,
 * and these functions keep nvcc from it. */
DDPM_HOST_DEVICE double
ddpm_multiply_add (double a, double b, double c)
{
#ifdef __CUDA_ARCH__
  return __dadd_rn (__dmul_rn (a, b), c);
#else
  return a * b + c;
#endif
}
