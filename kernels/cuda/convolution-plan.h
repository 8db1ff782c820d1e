/* gst-ddpm: CUDA backend: the plan of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN computes with one x, of as many channels as both sources have, in the
 * type of activations and with channels padded to 16 bytes. Where tensors come
 * so, they are used as they are; else they are staged: copied into the
 * workspace in this form, or from it.
 */
#pragma once

#include "kernels/cuda/dnn-plan.h"
#include "kernels/cuda/layout.h"

G_BEGIN_DECLS

typedef enum
{
  CUDA_CONV_FORWARD,            /* to y, or to sum */
  CUDA_CONV_RESIDUAL,           /* the same, and the residual is added */
  CUDA_CONV_BACKWARD_DATA,
  CUDA_CONV_BACKWARD_WEIGHTS,
  CUDA_CONV_PLANS
} CudaConvPlanKind;

/* Bytes from the start of the workspace; each pass has it for itself */
typedef struct
{
  gsize x;                      /* x, or dx, as computed with */
  gsize sum;                    /* of the forward pass: y, not yet in its form */
  gsize dy;                     /* of the backward passes, as computed with */
  gsize dweight;
  gsize parts;                  /* of the bias gradient */
  gsize work[CUDA_CONV_PLANS];  /* cuDNN's own */
  gsize size;
} CudaConvWorkspace;

/* What all convolutions of one description share: it needs no device. */
typedef struct
{
  DdpmConvDesc d;
  DdpmType type;                /* of activations */
  guint out_height, out_width;
  CudaWeightShape weights;
  gboolean repacks_x, repacks_y;    /* dx and dy too */
  CudaDnnPlan *plans[CUDA_CONV_PLANS];  /* NULL: not planned */
  gboolean adds_bias;           /* the plans of y do */
  DdpmType sum_type, dweight_type;
  CudaConvWorkspace workspace;
} CudaConvShape;

static inline gsize
ddpm_cuda_conv_pixels_in (const CudaConvShape * s)
{
  return (gsize) s->d.n * s->d.height * s->d.width;
}

static inline gsize
ddpm_cuda_conv_pixels_out (const CudaConvShape * s)
{
  return (gsize) s->d.n * s->out_height * s->out_width;
}

/* convolution-plan.c */
CudaConvShape *ddpm_cuda_conv_shape_new (const CudaDnnTarget * target,
    DdpmType type, const DdpmConvDesc * d, GError ** error);
void ddpm_cuda_conv_shape_free (CudaConvShape * shape);

G_END_DECLS
