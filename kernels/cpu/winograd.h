/* gst-ddpm: CPU backend: 3x3 convolution by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"

G_BEGIN_DECLS

/* Convolution with stride 1 and a border of zeros: y (n, height, width, out)
 * of x (n, height, width, in) */
typedef struct
{
  gsize n, height, width;
  gsize in, out;
} CpuTiling;

/* Whether tiles are possible here, and faster than oneDNN */
gboolean ddpm_cpu_winograd_suits (CpuBackend * b, const CpuTiling * t);
/* Of the gradient of weights, or of a convolution with turned weights, out
 * must also be a number of channels that is computed at a time. */
gboolean ddpm_cpu_winograd_suits_gradient (CpuBackend * b, const CpuTiling * t);

/* Bytes of packed weights */
gsize ddpm_cpu_winograd_packed_size (CpuBackend * b, const CpuTiling * t);
/* The kernel from input i to output o is at weight + i in_stride + o
 * out_stride; turned: by half a turn, as backward passes want it. */
void ddpm_cpu_winograd_pack (CpuBackend * b, const CpuTiling * t,
    const float *weight, gsize in_stride, gsize out_stride, gboolean turned,
    float *packed);

/* What computes each of the next two, for measurements */
const gchar *ddpm_cpu_winograd_name (CpuBackend * b, const CpuTiling * t);
const gchar *ddpm_cpu_winograd_gradient_name (CpuBackend * b, const CpuTiling * t);

/* bias [out rounded up to the kernels' width], residual (as y, or y itself):
 * NULL: none */
void ddpm_cpu_winograd_convolve (CpuBackend * b, const CpuTiling * t,
    const float *x, const float *packed, const float *bias,
    const float *residual, float *y, gpointer scratch);
/* dweight [out][in][3][3] (winograd-gradient.c) */
void ddpm_cpu_winograd_gradient (CpuBackend * b, const CpuTiling * t,
    const float *x, const float *dy, float *dweight, gboolean add,
    gpointer scratch);
/* Bytes of workspace of each */
gsize ddpm_cpu_winograd_scratch (CpuBackend * b, const CpuTiling * t);
gsize ddpm_cpu_winograd_gradient_scratch (CpuBackend * b, const CpuTiling * t);

G_END_DECLS
