/* gst-ddpm: functions that C and CUDA compile from the same text
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#ifdef __CUDACC__
#define DDPM_HOST_DEVICE static __host__ __device__ inline
#else
#define DDPM_HOST_DEVICE static inline
#endif
