/* gst-ddpm: CUDA backend: cuDNN's graph interface
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A graph is made of tensors, convolutions and pointwise operations. cuDNN's
 * heuristics name engines for it, the best first; the first of them that keeps
 * the rules and whose plan can be made computes the graph.
 *
 * The rules: what a plan computes is the same in every run, and summed in f32.
 * Where all tensors are f32, products are those of floats too: neither rounded
 * to TF32 or bf16 nor replaced by others (Winograd, Fourier).
 *
 * Plans are made for the device of a handle, or for a device that is only
 * described: these cannot run; they show on any machine what a device would do.
 * Where there is a cache, a plan that has been made once is taken from it.
 */
#pragma once

#include <cudnn.h>

#include "kernels/ops.h"
#include "kernels/cuda/plan-cache.h"

G_BEGIN_DECLS

/* --- the device that plans are made for -------------------------------------- */

typedef struct
{
  cudnnHandle_t handle;         /* NULL: the device is only described */
  cudnnBackendDescriptor_t device;      /* its description; NULL: a handle */
  const CudaPlanCache *cache;   /* NULL: none */
} CudaDnnTarget;

/* json: the properties of a device, as cuDNN writes them. Needs no device.
 * There is no cache at first. */
gboolean ddpm_cuda_dnn_target_describe (CudaDnnTarget * target, const gchar * json,
    GError ** error);
void ddpm_cuda_dnn_target_clear (CudaDnnTarget * target);

/* --- graphs ------------------------------------------------------------------ */

/* Packed, channels innermost. A filter has an "image" for each channel of y,
 * as high and wide as the kernel. */
typedef struct
{
  gint64 n, height, width, c;
} CudaDnnShape;

/* Tensors and operations belong to their graph. What fails while a graph is
 * put together is told when its plan is asked for. */
typedef struct _CudaDnnGraph CudaDnnGraph;
typedef cudnnBackendDescriptor_t CudaDnnTensor;

CudaDnnGraph *ddpm_cuda_dnn_graph_new (const CudaDnnTarget * target);
void ddpm_cuda_dnn_graph_free (CudaDnnGraph * graph);

/* In memory; virtual ones are not counted. */
#define CUDA_DNN_MAX_TENSORS 5

/* What each run is given the memory of, in the order of these calls */
CudaDnnTensor ddpm_cuda_dnn_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape);
/* What goes from one operation to the next and is nowhere in memory */
CudaDnnTensor ddpm_cuda_dnn_virtual_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape);

typedef enum
{
  CUDA_DNN_FORWARD,             /* y of x and w */
  CUDA_DNN_BACKWARD_DATA,       /* x of y and w */
  CUDA_DNN_BACKWARD_WEIGHTS,    /* w of x and y */
} CudaDnnPass;

/* padding: rows and columns of zeros on each side of x */
typedef struct
{
  gint64 stride, padding;
} CudaDnnWindow;

void ddpm_cuda_dnn_convolve (CudaDnnGraph * graph, CudaDnnPass pass,
    const CudaDnnWindow * window, CudaDnnTensor x, CudaDnnTensor w,
    CudaDnnTensor y);
/* sum = x + other; other may be one pixel, which is added to each */
void ddpm_cuda_dnn_add (CudaDnnGraph * graph, CudaDnnTensor x, CudaDnnTensor other,
    CudaDnnTensor sum);
/* The same numbers in another type */
void ddpm_cuda_dnn_convert (CudaDnnGraph * graph, CudaDnnTensor from,
    CudaDnnTensor to);

G_END_DECLS
