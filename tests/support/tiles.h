/* gst-ddpm: the kinds of kernels for bf16 that this processor can run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"

/* NULL at the end; those in plain C first */
static inline const CpuTileKernels *const *
tile_kernels (void)
{
  static const CpuTileKernels *all[4];
  const CpuTileKernels *best = ddpm_cpu_tiles_get ();

  all[0] = &ddpm_cpu_tile_kernels_plain;
  all[1] = best;
#ifdef __x86_64__
  if (best == &ddpm_cpu_tile_kernels_amx)
    all[2] = &ddpm_cpu_tile_kernels_avx512bf16;
#endif
  return all;
}

/* A backend that computes bf16 with them */
static inline DdpmBackend *
tile_backend_new (const CpuTileKernels * tiles, guint threads)
{
  DdpmBackend *b = ddpm_backend_new (DDPM_BACKEND_CPU,
      DDPM_PRECISION_BF16_EMULATED, threads, NULL);

  g_assert_nonnull (b);
  ((CpuBackend *) b)->tiles = tiles;
  b->precision = DDPM_PRECISION_BF16;
  return b;
}
