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
