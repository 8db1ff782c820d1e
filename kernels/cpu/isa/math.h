/* gst-ddpm: what the inner loops share: activations in two types, exp, sigmoid
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>
#include "kernels/cpu/isa/table.h"
#include "kernels/bf16.h"

/* The name of a table of this instruction set */
#define KERN_JOIN_(name, isa) ddpm_cpu_##name##_##isa
#define KERN_JOIN(name, isa) KERN_JOIN_ (name, isa)
#define KERN(name) KERN_JOIN (name, CPU_ISA)

/* Inlined into each caller, so that a constant type makes a loop of its own */
#define KERN_INLINE static inline __attribute__ ((always_inline))

/* Calls function (type, ...) with a type that the compiler knows */
#define KERN_BY_TYPE(function, type, ...) \
  G_STMT_START { \
    if ((type) == DDPM_TYPE_F32) \
      function (DDPM_TYPE_F32, __VA_ARGS__); \
    else \
      function (DDPM_TYPE_BF16, __VA_ARGS__); \
  } G_STMT_END

KERN_INLINE float
kern_get (DdpmType type, const void *x, gsize i)
{
  return type == DDPM_TYPE_F32 ? ((const float *) x)[i]
      : ddpm_bf16_to_float (((const guint16 *) x)[i]);
}

KERN_INLINE void
kern_set (DdpmType type, void *y, gsize i, float value)
{
  if (type == DDPM_TYPE_F32)
    ((float *) y)[i] = value;
  else
    ((guint16 *) y)[i] = ddpm_bf16_from_float (value);
}

KERN_INLINE const void *
kern_at (DdpmType type, const void *x, gsize i)
{
  return (const char *) x + i * ddpm_type_size (type);
}

KERN_INLINE void *
kern_at_mutable (DdpmType type, void *x, gsize i)
{
  return (char *) x + i * ddpm_type_size (type);
}

/* e^x to 2 units in the last place: x = n ln 2 + r, |r| <= ln 2 / 2, the
 * Taylor series of e^r to r^7, times 2^n. Its terms are taken in pairs, so
 * that fewer operations wait for each other. Adding 1.5 * 2^23 rounds to an
 * integer and leaves it in the low bits. Below -87 it stays e^-87 and above
 * 88 e^88, both normal numbers; a NaN stays one. */
KERN_INLINE float
kern_exp (float x)
{
  const float round = 12582912.0f;
  const float ln2_high = 0x1.62ep-1f;   /* 12 bits: n * ln2_high is exact */
  const float ln2_low = 0x1.0bfbe8p-15f;
  float n, r, square, p, power;
  guint32 bits;

  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  n = x * 1.44269504f + round;
  memcpy (&bits, &n, sizeof bits);
  n -= round;
  r = (x - n * ln2_high) - n * ln2_low;
  square = r * r;
  p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * square + (r * (1.0f / 120) + 1.0f / 24);
  p = p * square + (r * (1.0f / 6) + 0.5f);
  p = p * square + r;
  bits = (bits + 127) << 23;
  memcpy (&power, &bits, sizeof power);
  return power + power * p;
}

KERN_INLINE float
kern_sigmoid (float x)
{
  return 1.0f / (1.0f + kern_exp (-x));
}

KERN_INLINE float
kern_swish (float x)
{
  return x * kern_sigmoid (x);
}

/* d/dx x sigmoid (x) */
KERN_INLINE float
kern_swish_gradient (float x)
{
  float s = kern_sigmoid (x);

  return s * (1.0f + x * (1.0f - s));
}
