/* gst-ddpm: what the inner loops over matrices share: vectors of floats
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vectors are the widest that the instruction set has. vec_fma () rounds once
 * if there is an instruction for it, else twice.
 */
#pragma once

#include "kernels/cpu/isa/math.h"

#if defined (__AVX512F__)
#include <immintrin.h>
typedef __m512 Vec;
#define vec_load _mm512_loadu_ps
#define vec_store _mm512_storeu_ps
#define vec_all _mm512_set1_ps
#define vec_fma _mm512_fmadd_ps
#elif defined (__AVX2__) && defined (__FMA__)
#include <immintrin.h>
typedef __m256 Vec;
#define vec_load _mm256_loadu_ps
#define vec_store _mm256_storeu_ps
#define vec_all _mm256_set1_ps
#define vec_fma _mm256_fmadd_ps
#else
typedef float Vec __attribute__ ((vector_size (16)));

KERN_INLINE Vec
vec_load (const float *x)
{
  Vec v;

  memcpy (&v, x, sizeof v);
  return v;
}

KERN_INLINE void
vec_store (float *x, Vec v)
{
  memcpy (x, &v, sizeof v);
}

KERN_INLINE Vec
vec_all (float x)
{
  return (Vec) { x, x, x, x };
}

KERN_INLINE Vec
vec_fma (Vec a, Vec b, Vec sum)
{
  return a * b + sum;
}
#endif

#define LANES (sizeof (Vec) / sizeof (float))
