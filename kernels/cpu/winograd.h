/* gst-ddpm: CPU backend: 3x3 convolution by Winograd's tiles
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
} CpuWinogradShape;

/* Whether a shape can be computed by tiles, and they are the fastest way */
gboolean ddpm_cpu_winograd_suits (CpuBackend * b, const CpuWinogradShape * t);
/* The same of the gradient of weights, and of a convolution with flipped
 * weights: out must also be a multiple of the channels that are computed at a
 * time. */
gboolean ddpm_cpu_winograd_suits_gradient (CpuBackend * b,
    const CpuWinogradShape * t);

/* Bytes of packed weights */
gsize ddpm_cpu_winograd_packed_size (CpuBackend * b,
    const CpuWinogradShape * t);
/* The kernel from input i to output o is at weight + i in_stride + o
 * out_stride. flipped: each is flipped in both directions, for a backward
 * pass. */
void ddpm_cpu_winograd_pack (CpuBackend * b, const CpuWinogradShape * t,
    const float *weight, gsize in_stride, gsize out_stride, gboolean flipped,
    float *packed);

/* The names of what computes the next two, for measurements */
const gchar *ddpm_cpu_winograd_name (CpuBackend * b,
    const CpuWinogradShape * t);
const gchar *ddpm_cpu_winograd_gradient_name (CpuBackend * b,
    const CpuWinogradShape * t);

/* bias [out rounded up to the kernels' width], residual (as y, or y itself):
 * NULL: none */
void ddpm_cpu_winograd_convolve (CpuBackend * b, const CpuWinogradShape * t,
    const float *x, const float *packed, const float *bias,
    const float *residual, float *y, gpointer scratch);
/* dweight [out][in][3][3] */
void ddpm_cpu_winograd_gradient (CpuBackend * b, const CpuWinogradShape * t,
    const float *x, const float *dy, float *dweight, gboolean add,
    gpointer scratch);
/* Bytes of workspace of the two */
gsize ddpm_cpu_winograd_scratch (CpuBackend * b, const CpuWinogradShape * t);
gsize ddpm_cpu_winograd_gradient_scratch (CpuBackend * b,
    const CpuWinogradShape * t);

G_END_DECLS
