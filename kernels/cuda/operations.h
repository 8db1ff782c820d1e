/* gst-ddpm: CUDA backend: the files of operations
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each function sets the operations of its own file in the table.
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

void ddpm_cuda_attention_set_ops (DdpmOps * ops);
void ddpm_cuda_convolution_set_ops (DdpmOps * ops);
void ddpm_cuda_diffusion_set_ops (DdpmOps * ops);
void ddpm_cuda_elements_set_ops (DdpmOps * ops);
void ddpm_cuda_linear_set_ops (DdpmOps * ops);
void ddpm_cuda_norm_set_ops (DdpmOps * ops);
void ddpm_cuda_optimizer_set_ops (DdpmOps * ops);
void ddpm_cuda_picture_set_ops (DdpmOps * ops);

G_END_DECLS
