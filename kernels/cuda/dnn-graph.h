/* gst-ddpm: CUDA backend: operation graphs of cuDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A graph consists of tensors, convolutions and pointwise operations. It is
 * made for the device of a handle, or for a device that is only described:
 * plans for such a device cannot run, but show on any machine which engines
 * cuDNN would choose.
 */
#pragma once

#include <cudnn.h>

#include "kernels/ops.h"
#include "kernels/cuda/plan-cache.h"

G_BEGIN_DECLS

/* --- target device ----------------------------------- */

typedef struct
{
  cudnnHandle_t handle;         /* NULL: the device is only described */
  cudnnBackendDescriptor_t device;      /* its description; NULL: a handle */
  const CudaPlanCache *cache;   /* NULL: none */
} CudaDnnTarget;

/* json: a device's properties as cuDNN writes them. Needs no device. The target
 * has no cache at first. */
gboolean ddpm_cuda_dnn_target_describe (CudaDnnTarget * target, const gchar *
    json, GError ** error);
void ddpm_cuda_dnn_target_clear (CudaDnnTarget * target);

/* --- graphs --------------------------------------------------------------- */

/* NHWC, packed. Weights are KRSC: an "image" for each channel of y, as high and
 * wide as the kernel */
typedef struct
{
  gint64 n, height, width, c;
} CudaDnnShape;

/* A graph owns its tensors and operations. ddpm_cuda_dnn_plan_new () reports
 * the first failure of building the graph. */
typedef struct _CudaDnnGraph CudaDnnGraph;
typedef cudnnBackendDescriptor_t CudaDnnTensor;

CudaDnnGraph *ddpm_cuda_dnn_graph_new (const CudaDnnTarget * target);
void ddpm_cuda_dnn_graph_free (CudaDnnGraph * graph);

/* Tensors in memory: virtual ones do not count */
#define CUDA_DNN_MAX_TENSORS 5

/* A tensor in memory. Each run is given their addresses in the order of these
 * calls. */
CudaDnnTensor ddpm_cuda_dnn_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape);
/* A tensor that is passed from one operation to the next and not stored */
CudaDnnTensor ddpm_cuda_dnn_virtual_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape);

typedef enum
{
  CUDA_DNN_FORWARD,             /* y from x and w */
  CUDA_DNN_BACKWARD_DATA,       /* x from y and w */
  CUDA_DNN_BACKWARD_WEIGHTS,    /* w from x and y */
} CudaDnnPass;

/* before, after: rows of zeros above and below x, and columns left and right of
 * it */
typedef struct
{
  gint64 stride, before, after;
} CudaDnnWindow;

void ddpm_cuda_dnn_convolve (CudaDnnGraph * graph, CudaDnnPass pass,
    const CudaDnnWindow * window, CudaDnnTensor x, CudaDnnTensor w,
    CudaDnnTensor y);
/* sum = x + other; other may be one pixel, which is added to every pixel */
void ddpm_cuda_dnn_add (CudaDnnGraph * graph, CudaDnnTensor x, CudaDnnTensor
    other, CudaDnnTensor sum);
/* Converts the type */
void ddpm_cuda_dnn_convert (CudaDnnGraph * graph, CudaDnnTensor from,
    CudaDnnTensor to);

G_END_DECLS
