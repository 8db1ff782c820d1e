/* gst-ddpm: CPU backend: convolution as a product of matrices
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/gemm.h"

G_BEGIN_DECLS

/* A tap of the kernel. For the output at (y, x) it reads the pixel at
 * (y in_step + tap.y, x in_step + tap.x). */
typedef struct
{
  gint y, x;
  guint index;                  /* of kernel x kernel */
} CpuTap;

/* The outputs (y + i out_step, x + k out_step), i < height, k < width, which
 * all have the same taps */
typedef struct
{
  gsize y, x, height, width;
  guint n_taps;
  CpuTap taps[9];
  gsize depth;                  /* of their sums */
  gsize packed_at;              /* offset of their weights among those packed */
} CpuPhase;

/* y (n, out_height, out_width, out) of inputs (n, in_height, in_width,
 * channels) that are concatenated */
typedef struct
{
  gsize n, in_height, in_width, out_height, out_width;
  guint in_step, out_step;
  guint n_inputs;
  gsize channels[2], out;
  guint n_phases;
  CpuPhase phases[4];
} CpuIm2col;

/* From x to y; from dy to the dx of one of the concatenated inputs */
void ddpm_cpu_im2col_init (CpuIm2col * p, CpuBackend * b,
    const DdpmConvDesc * d);
void ddpm_cpu_im2col_init_backward (CpuIm2col * p, CpuBackend * b,
    const DdpmConvDesc * d, guint channels);

/* Bytes of packed weights */
gsize ddpm_cpu_im2col_packed_size (const CpuIm2col * p, CpuBackend * b);
/* The kernel from channel i, of those concatenated, to output o is at weight
 * + i in_stride + o out_stride. */
void ddpm_cpu_im2col_pack (const CpuIm2col * p, CpuBackend * b,
    const float *weight, gsize in_stride, gsize out_stride, float *packed);

/* bias [out], plus (as y, or y itself): NULL: none */
void ddpm_cpu_im2col_convolve (const CpuIm2col * p, CpuBackend * b,
    const float *const x[2], const float *packed, const float *bias,
    const float *plus, float *y, gpointer scratch);
/* The gradient of the weights of one input: the kernel from its channel i to
 * output o is at dweight + i in_stride + o out_stride; add: += */
void ddpm_cpu_im2col_gradient (const CpuIm2col * p, CpuBackend * b, guint input,
    const float *x, const float *dy, float *dweight, gsize in_stride,
    gsize out_stride, gboolean add, gpointer scratch);
/* Bytes of workspace of the two */
gsize ddpm_cpu_im2col_scratch (const CpuIm2col * p, CpuBackend * b);
gsize ddpm_cpu_im2col_gradient_scratch (const CpuIm2col * p, CpuBackend * b);

G_END_DECLS
