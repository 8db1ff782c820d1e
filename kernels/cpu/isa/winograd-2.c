/* gst-ddpm: inner loops of the CPU backend: F(2x2, 3x3) of Winograd
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lavin & Gray 2016, section 4.1; see winograd.c:
 *
 *         1  0 -1  0          1   0   0         1  0
 *   B^T = 0  1  1  0    G =  1/2 1/2 1/2    A = 1  1
 *         0 -1  1  0         1/2-1/2 1/2        1 -1
 *         0  1  0 -1          0   0   1         0 -1
 */
#include "kernels/cpu/isa/winograd.h"

#define OUTPUTS 2
#define TRANSFORMS winograd_transforms_2

KERN_INLINE void
times_b (const Vec in[4], Vec out[4])
{
  out[0] = in[0] - in[2];
  out[1] = in[1] + in[2];
  out[2] = in[2] - in[1];
  out[3] = in[1] - in[3];
}

KERN_INLINE void
times_g (const Vec in[3], Vec out[4])
{
  const Vec half = vec_all (0.5f);
  const Vec ends = half * (in[0] + in[2]), middle = half * in[1];

  out[0] = in[0];
  out[1] = ends + middle;
  out[2] = ends - middle;
  out[3] = in[2];
}

KERN_INLINE void
times_a_transposed (const Vec in[4], Vec out[2])
{
  out[0] = (in[0] + in[1]) + in[2];
  out[1] = (in[1] - in[2]) - in[3];
}

KERN_INLINE void
times_a (const Vec in[2], Vec out[4])
{
  out[0] = in[0];
  out[1] = in[0] + in[1];
  out[2] = in[0] - in[1];
  out[3] = -in[1];
}

KERN_INLINE void
times_g_transposed (const Vec in[4], Vec out[3])
{
  const Vec half = vec_all (0.5f);
  const Vec sum = half * (in[1] + in[2]);

  out[0] = in[0] + sum;
  out[1] = half * (in[1] - in[2]);
  out[2] = sum + in[3];
}

#include "kernels/cpu/isa/winograd-transforms.h"
