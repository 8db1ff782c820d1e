/* gst-ddpm: CPU backend: the plan of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A convolution has three passes. Each is planned by one of four ways to
 * compute it: in bf16 by tiles (tile-pass.c), in f32 as one product of matrices
 * (gemm), as products of a matrix of copied pixels (im2col), or by Winograd's
 * tiles. What differs between the ways is behind CpuConvPass; what they share
 * (copies of operands in another type, and rounding) is in convolution.c.
 */
#pragma once

#include "kernels/cpu/private.h"

G_BEGIN_DECLS

typedef enum
{
  CPU_CONV_FORWARD,
  CPU_CONV_BACKWARD_DATA,
  CPU_CONV_BACKWARD_WEIGHTS,
  CPU_CONV_PASSES
} CpuConvPassKind;

/* One of the concatenated inputs */
typedef struct
{
  guint first, channels;        /* of the concatenated channels */
} CpuConvSource;

typedef struct _CpuConvPass CpuConvPass;

/* Bytes from the start of the workspace */
typedef struct
{
  gsize x[2], y, dx;            /* operands and results as computed with */
  gsize sums;                   /* of dbias */
  gsize work;                   /* of the pass */
} CpuConvLayout;

typedef struct
{
  DdpmPlan base;
  DdpmConvDesc d;
  guint out_height, out_width;
  guint cin, cout, taps;        /* taps: kernel^2 */
  guint n_sources;
  CpuConvSource source[2];
  /* By tiles, activations have the types of the description; else f32. */
  gboolean by_tiles;
  float *bias;                  /* [cout], or more */
  CpuConvPass *pass[CPU_CONV_PASSES];   /* NULL: not planned */
  CpuConvLayout layout;
} CpuConvolution;

/* One pass, computed in one way. It fills the functions of its kind. */
struct _CpuConvPass
{
  CpuConvolution *conv;
  const gchar *name;            /* of what computes it, for measurements */
  gsize scratch;                /* bytes of workspace */
  /* weight [cout][cin][k][k]; NULL: the pass does not use them */
  void (*set_weights) (CpuConvPass * p, const float *weight);
  /* y [pixels][cout]; residual, as y: NULL, or y itself */
  void (*forward) (CpuConvPass * p, const gconstpointer x[2],
      gconstpointer residual, gpointer y, gpointer scratch);
  /* dx [pixels][channels] of a source */
  void (*backward_data) (CpuConvPass * p, guint source, gconstpointer dy,
      gpointer dx, gboolean add, gpointer scratch);
  /* dweight [cout][cin][k][k] */
  void (*backward_weights) (CpuConvPass * p, const gconstpointer x[2],
      gconstpointer dy, float *dweight, gboolean add, gpointer scratch);
  void (*free) (CpuConvPass * p);
};

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

/* Memory for packed weights, zeroed; NULL: error says why */
static inline gpointer
ddpm_cpu_conv_alloc (CpuConvolution * conv, gsize size, GError ** error)
{
  DdpmBackend *b = conv->base.backend;
  gpointer memory = b->ops->alloc (b, size);

  conv->base.memory += size;
  if (memory == NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for the weights of a convolution from %u to %u channels",
        conv->cin, conv->cout);
  return memory;
}

/* In bf16 (tile-pass.c); NULL: error says why */
CpuConvPass *ddpm_cpu_plan_tiles (CpuConvolution * conv, CpuConvPassKind kind,
    GError ** error);

G_END_DECLS
