/* gst-ddpm: CPU backend: chooses the inner loops that this processor can run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/table.h"

extern const CpuKernels ddpm_cpu_kernels_baseline;
#ifdef __x86_64__
extern const CpuKernels ddpm_cpu_kernels_v3, ddpm_cpu_kernels_v4;
#endif

/* The levels of the x86-64 psABI. Their instruction sets are tested one by one:
 * gcc 12 knows x86-64-v3 as an argument of -march, but not in
 * __builtin_cpu_supports (). */
const CpuKernels *
ddpm_cpu_kernels_get (void)
{
#ifdef __x86_64__
  gboolean v3, v4;

  __builtin_cpu_init ();
  v3 = __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma")
      && __builtin_cpu_supports ("bmi") && __builtin_cpu_supports ("bmi2")
      && __builtin_cpu_supports ("popcnt");
  v4 = v3 && __builtin_cpu_supports ("avx512f")
      && __builtin_cpu_supports ("avx512bw")
      && __builtin_cpu_supports ("avx512cd")
      && __builtin_cpu_supports ("avx512dq")
      && __builtin_cpu_supports ("avx512vl");
  if (v4)
    return &ddpm_cpu_kernels_v4;
  if (v3)
    return &ddpm_cpu_kernels_v3;
#endif
  return &ddpm_cpu_kernels_baseline;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's Documentation/arch/x86/xstate.rst */
#define REQUEST_PERMISSION 0x1023       /* ARCH_REQ_XCOMP_PERM */
#define TILE_DATA 18            /* XFEATURE_XTILEDATA */

/* By CPUID's bits: older compilers do not know these features by name. */
static gboolean
may_use_amx (void)
{
  const guint amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  guint eax, ebx, ecx, edx;

  return __get_cpuid_count (7, 0, &eax, &ebx, &ecx, &edx)
      && (edx & amx_bf16) && (edx & amx_tile)
      && syscall (SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

const CpuTileKernels *
ddpm_cpu_tiles_get (void)
{
  static gsize known = 0;
  static const CpuTileKernels *kernels = NULL;

  if (g_once_init_enter (&known)) {
    __builtin_cpu_init ();
    if (__builtin_cpu_supports ("avx512bf16")
        && ddpm_cpu_kernels_get () == &ddpm_cpu_kernels_v4)
      kernels = may_use_amx ()? &ddpm_cpu_tile_kernels_amx
          : &ddpm_cpu_tile_kernels_avx512bf16;
    g_once_init_leave (&known, 1);
  }
  return kernels;
}
#else
const CpuTileKernels *
ddpm_cpu_tiles_get (void)
{
  return NULL;
}
#endif
