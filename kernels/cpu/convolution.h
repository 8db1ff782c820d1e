/* gst-ddpm: CPU backend: the plan of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/matmul.h"
#include "kernels/cpu/patches.h"
#include "kernels/cpu/winograd.h"

G_BEGIN_DECLS

/* One of the concatenated inputs */
typedef struct
{
  guint first, channels;        /* of the concatenated channels */
  guint padded;                 /* channels as computed with */
  gsize x_bytes;                /* of x as computed with; 0: x as it comes */
  CpuMatmul product[2];         /* dy^T x of a 1x1 kernel; [1]: dweight += */
  /* In f32: dy to dx, and the weights packed for it */
  CpuPatches backward;
  float *packed_backward;
  /* To oneDNN each is a convolution of its own over a slice of the weights,
   * the second of which adds to the first. */
  gpointer weights;             /* as the primitives want them */
  CpuPrimitive forward[2];      /* x, weights, y [, bias]; [1]: y += */
  /* dx, weights, dy; [1]: dx in f32, to be added before it is rounded */
  CpuPrimitive backward_data[2];
  /* [1] NULL: as [0] */
  gpointer weights_backward[2];
  CpuPrimitive backward_weights;        /* x, dweights, dy */
  CpuPrimitive arrange, arrange_backward[2];    /* of plain weights */
  CpuPrimitive collect;         /* of dweights to plain ones */
} CpuConvSource;

/* Bytes from the start of the workspace */
typedef struct
{
  gsize x[2];
  gsize y;                      /* y or dy as computed with */
  gsize dx;
  gsize dweights, plain;        /* as oneDNN wants them; [cout][cin][k][k] */
  gsize sums;
  gsize work;                   /* of what computes */
} CpuConvLayout;

typedef enum
{
  CPU_CONV_FORWARD,
  CPU_CONV_BACKWARD_DATA,
  CPU_CONV_BACKWARD_WEIGHTS,
  CPU_CONV_PASSES
} CpuConvPass;

typedef struct
{
  CpuPlan base;
  DdpmConvDesc d;
  guint out_height, out_width;
  guint cin, cout, taps;        /* taps: kernel^2 */
  guint cout_padded;
  guint n_sources;
  /* of x, weights and dy as computed with: bf16 by oneDNN, f32 by our own
   * kernels */
  DdpmType type;
  DdpmType y_type;              /* of y as computed with */
  CpuConvSource source[2];
  /* In f32: what is computed by tiles, of one source, and not as a product */
  gboolean tiled[CPU_CONV_PASSES];
  CpuTiling tiling, tiling_backward;    /* x to y; dy to dx */
  CpuPatches patches;           /* x to y */
  float *packed, *packed_backward;      /* weights; backward: by tiles */
  float *bias;                  /* [cout_padded], or more */
  gsize staged;                 /* floats of the weights in staging */
  CpuConvLayout layout;
} CpuConvolution;

static inline gsize
ddpm_cpu_conv_pixels_in (const CpuConvolution * conv)
{
  return (gsize) conv->d.n * conv->d.height * conv->d.width;
}

static inline gsize
ddpm_cpu_conv_pixels_out (const CpuConvolution * conv)
{
  return (gsize) conv->d.n * conv->out_height * conv->out_width;
}

/* Whether dweight is a product of dy and x as they are */
static inline gboolean
ddpm_cpu_conv_is_product (const CpuConvolution * conv)
{
  return conv->d.kernel == 1 && conv->d.stride == 1;
}

/* Whether patches, for the gradient of weights, are those of dy: either will
 * do, and they are copied from where there are fewer channels */
static inline gboolean
ddpm_cpu_conv_gathers_dy (const CpuConvolution * conv, const CpuConvSource * s)
{
  return conv->d.stride == 1 && conv->cout < s->channels;
}

/* x of a source as computed with: as it is, or a copy in the workspace */
gconstpointer ddpm_cpu_conv_bring_x (CpuConvolution * conv, guint source,
    gconstpointer x, gpointer scratch);

/* How the three passes are computed. channels are padded to a multiple.
 * (convolution-plan.c) */
gboolean ddpm_cpu_conv_plan (CpuConvolution * conv, guint multiple,
    GError ** error);
void ddpm_cpu_conv_unplan (CpuConvolution * conv);
/* DDPM_ERROR_NO_SPACE; FALSE */
gboolean ddpm_cpu_conv_no_memory (const CpuConvolution * conv, GError ** error);

/* In bf16 (kernels/cpu/onednn/convolution.c) */
gboolean ddpm_cpu_conv_plan_primitives (CpuConvolution * conv, CpuConvSource * s,
    GError ** error);
void ddpm_cpu_conv_clear_primitives (CpuConvSource * s);
gsize ddpm_cpu_conv_primitives_scratch (const CpuConvSource * s);
/* Bytes of the gradient of weights as a primitive gives it */
gsize ddpm_cpu_conv_dweights_size (const CpuConvSource * s);

G_END_DECLS
