/* gst-ddpm: the properties that choose what computes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/compute.h"

const GEnumValue gst_ddpm_backend_values[] = {
  {DDPM_BACKEND_AUTO, "The fastest backend that is available", "auto"},
  {DDPM_BACKEND_REFERENCE, "Plain C in float, one thread, for comparison",
      "reference"},
  {DDPM_BACKEND_CPU, "Vectorized kernels", "cpu"},
  {DDPM_BACKEND_CUDA, "CUDA kernels and cuDNN", "cuda"},
  {0, NULL, NULL},
};

const GEnumValue gst_ddpm_precision_values[] = {
  {DDPM_PRECISION_AUTO, "bf16 if the hardware supports it, otherwise f32",
      "auto"},
  {DDPM_PRECISION_F32, "32-bit floats", "f32"},
  {DDPM_PRECISION_BF16, "16-bit activations, 32-bit master weights, "
        "statistics and losses", "bf16"},
  {DDPM_PRECISION_BF16_EMULATED, "32-bit floats, rounded as bf16 would be",
      "bf16-emulated"},
  {0, NULL, NULL},
};
