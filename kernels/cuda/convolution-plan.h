/* gst-ddpm: CUDA backend: the plans of a convolution, and its workspace
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN takes one tensor x, which has the channels of both sources, the type of
 * the activations, and channels padded to 16 bytes. A tensor that is like this
 * is used in place. Any other is repacked: copied into the workspace in this
 * layout, or out of it.
 */
#pragma once

#include "kernels/cuda/dnn-plan.h"
#include "kernels/cuda/layout.h"

G_BEGIN_DECLS

typedef enum
{
  CUDA_CONV_FORWARD,            /* writes y, or sum */
  CUDA_CONV_RESIDUAL,           /* the same plus the residual */
  CUDA_CONV_BACKWARD_DATA,
  CUDA_CONV_BACKWARD_WEIGHTS,
  CUDA_CONV_PLANS
} CudaConvPlanKind;

/* Offsets into the workspace, in bytes. Passes do not use it at the same
 * time. */
typedef struct
{
  gsize x;                      /* repacked x, or dx */
  gsize sum;                    /* forward pass: y before it is repacked */
  gsize dy;                     /* backward passes: repacked dy */
  gsize dweight;
  gsize partials;               /* partial sums of the bias gradient */
  gsize work[CUDA_CONV_PLANS];  /* cuDNN's own workspace */
  gsize size;
} CudaConvWorkspace;

/* What all convolutions with the same description share. Needs no device */
typedef struct
{
  DdpmConvDesc d;
  DdpmType type;                /* of activations */
  guint out_height, out_width;
  CudaWeightShape weights;
  CudaDnnShape x, y, w, bias;   /* of cuDNN's tensors */
  CudaDnnWindow window;
  gboolean repacks_x, repacks_y;    /* dx and dy as well */
  CudaDnnPlan *plans[CUDA_CONV_PLANS];  /* NULL: not planned */
  gboolean adds_bias;           /* the forward plans add the bias */
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

CudaConvShape *ddpm_cuda_conv_shape_new (const CudaDnnTarget * target,
    DdpmType type, const DdpmConvDesc * d, GError ** error);
void ddpm_cuda_conv_shape_free (CudaConvShape * shape);

G_END_DECLS
