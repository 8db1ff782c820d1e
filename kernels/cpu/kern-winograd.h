/* gst-ddpm: inner loops of the CPU backend: vectors of 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products are fused with the sums: only processors that can are served.
 */
#pragma once

#include "kern-math.h"

#if defined (__AVX2__) && defined (__FMA__)
#include <immintrin.h>

#define KERN_WINOGRAD 1

#ifdef __AVX512F__
typedef __m512 Vec;
#define LANES 16
#define vec_load _mm512_loadu_ps
#define vec_store _mm512_storeu_ps
#define vec_all _mm512_set1_ps
#define vec_fma _mm512_fmadd_ps
#else
typedef __m256 Vec;
#define LANES 8
#define vec_load _mm256_loadu_ps
#define vec_store _mm256_storeu_ps
#define vec_all _mm256_set1_ps
#define vec_fma _mm256_fmadd_ps
#endif

/* Outputs that are computed at a time */
#define WIDTH (2 * LANES)
#endif
