/* gst-ddpm: inner loops of the CPU backend: the table of one instruction set
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/math.h"

extern const CpuNormKernels KERN (norm_kernels);
extern const CpuSoftmaxKernels KERN (softmax_kernels);
extern const CpuRandomKernels KERN (random_kernels);
extern const CpuElementKernels KERN (element_kernels);
extern const CpuOptimizerKernels KERN (optimizer_kernels);
extern const CpuWinogradKernels KERN (winograd_kernels);
extern const CpuGemmKernels KERN (gemm_kernels);

extern const CpuKernels KERN (kernels);
const CpuKernels KERN (kernels) = {
  .name = G_STRINGIFY (CPU_ISA),
  .norm = &KERN (norm_kernels),
  .softmax = &KERN (softmax_kernels),
  .random = &KERN (random_kernels),
  .element = &KERN (element_kernels),
  .optimizer = &KERN (optimizer_kernels),
  .winograd = &KERN (winograd_kernels),
  .gemm = &KERN (gemm_kernels),
};
