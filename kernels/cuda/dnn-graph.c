/* gst-ddpm: CUDA backend: operation graphs of cuDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdbool.h>
#include <string.h>

#include "kernels/cuda/dnn-graph-private.h"

/* Of all memory that the backend allocates, and of offsets into workspaces */
#define ALIGNMENT 16

/* --- descriptors -------------------------------------------------------- */

static gboolean
check (cudnnStatus_t status, const gchar * what, GError ** error)
{
  gchar words[512] = "";
  const gboolean memory =
      status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;

  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudnnGetLastErrorString (words, sizeof (words));
  g_set_error (error, DDPM_ERROR, memory ? DDPM_ERROR_NO_SPACE
      : DDPM_ERROR_LIBRARY, "cuDNN, %s: %s%s%s", what,
      cudnnGetErrorString (status), *words ? ": " : "", words);
  return FALSE;
}

void
ddpm_cuda_dnn_destroy (gpointer descriptor)
{
  if (descriptor)
    cudnnBackendDestroyDescriptor (descriptor);
}

cudnnBackendDescriptor_t
ddpm_cuda_dnn_descriptor_new (CudaDnnGraph * graph,
    cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t descriptor = NULL;

  if (graph->failure == NULL
      && check (cudnnBackendCreateDescriptor (type, &descriptor),
          "creating a descriptor", &graph->failure))
    g_ptr_array_add (graph->descriptors, descriptor);
  return descriptor;
}

void
ddpm_cuda_dnn_set_attribute (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
    cudnnBackendAttributeType_t type, gint64 count, gconstpointer values)
{
  if (graph->failure == NULL)
    check (cudnnBackendSetAttribute (descriptor, name, type, count, values),
        "setting an attribute", &graph->failure);
}

void
ddpm_cuda_dnn_set_descriptor (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
    cudnnBackendDescriptor_t value)
{
  ddpm_cuda_dnn_set_attribute (graph, descriptor, name,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

void
ddpm_cuda_dnn_finalize (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor)
{
  if (graph->failure == NULL)
    check (cudnnBackendFinalize (descriptor), "finalizing a descriptor",
        &graph->failure);
}

/* --- the device ---------------------------------------------------------- */

gboolean
ddpm_cuda_dnn_target_describe (CudaDnnTarget * target, const gchar * json,
    GError ** error)
{
  target->handle = NULL;
  target->device = NULL;
  target->cache = NULL;
  if (check (cudnnBackendCreateDescriptor
          (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &target->device),
          "describing a device", error)
      && check (cudnnBackendSetAttribute (target->device,
              CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
              strlen (json) + 1, json), "describing a device", error)
      && check (cudnnBackendFinalize (target->device), "describing a device",
          error))
    return TRUE;
  ddpm_cuda_dnn_target_clear (target);
  return FALSE;
}

void
ddpm_cuda_dnn_target_clear (CudaDnnTarget * target)
{
  g_clear_pointer (&target->device, ddpm_cuda_dnn_destroy);
}

/* --- graphs -------------------------------------------------------------- */

CudaDnnGraph *
ddpm_cuda_dnn_graph_new (const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = g_new0 (CudaDnnGraph, 1);

  graph->target = target;
  graph->descriptors = g_ptr_array_new_with_free_func (ddpm_cuda_dnn_destroy);
  graph->operations = g_ptr_array_new ();
  graph->exact = TRUE;
  graph->text = g_string_new (NULL);
  return graph;
}

void
ddpm_cuda_dnn_graph_free (CudaDnnGraph * graph)
{
  if (graph == NULL)
    return;
  g_ptr_array_unref (graph->operations);
  g_ptr_array_unref (graph->descriptors);
  g_string_free (graph->text, TRUE);
  g_clear_error (&graph->failure);
  g_free (graph);
}

/* Names a descriptor in graph->text: equal graphs number theirs equally. */
static gint
number_of (CudaDnnGraph * graph, cudnnBackendDescriptor_t descriptor)
{
  guint number;

  return descriptor
      && g_ptr_array_find (graph->descriptors, descriptor,
      &number) ? (gint) number : -1;
}

static CudaDnnTensor
tensor_new (CudaDnnGraph * graph, gint64 id, gboolean is_virtual, DdpmType type,
    CudaDnnShape shape)
{
  const cudnnDataType_t data_type =
      type == DDPM_TYPE_F32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
  const gint64 dims[] = { shape.n, shape.c, shape.height, shape.width };
  const gint64 strides[] = { shape.height * shape.width * shape.c, 1,
    shape.width * shape.c, shape.c
  };
  const gint64 alignment = ALIGNMENT;
  const bool value = is_virtual;
  CudaDnnTensor tensor =
      ddpm_cuda_dnn_descriptor_new (graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

  graph->exact = graph->exact && type == DDPM_TYPE_F32;
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID,
      CUDNN_TYPE_INT64, 1, &id);
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE,
      CUDNN_TYPE_DATA_TYPE, 1, &data_type);
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS,
      CUDNN_TYPE_INT64, 4, dims);
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_STRIDES,
      CUDNN_TYPE_INT64, 4, strides);
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT,
      CUDNN_TYPE_INT64, 1, &alignment);
  ddpm_cuda_dnn_set_attribute (graph, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL,
      CUDNN_TYPE_BOOLEAN, 1, &value);
  ddpm_cuda_dnn_finalize (graph, tensor);
  g_string_append_printf (graph->text, " %d=%s%d:%" G_GINT64_FORMAT "x%"
      G_GINT64_FORMAT "x%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT "/%d",
      number_of (graph, tensor), is_virtual ? "virtual" : "tensor", type,
      shape.n, shape.height, shape.width, shape.c, ALIGNMENT);
  return tensor;
}

CudaDnnTensor
ddpm_cuda_dnn_tensor (CudaDnnGraph * graph, DdpmType type, CudaDnnShape shape)
{
  return tensor_new (graph, ++graph->tensors, FALSE, type, shape);
}

CudaDnnTensor
ddpm_cuda_dnn_virtual_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape)
{
  return tensor_new (graph, CUDA_DNN_MAX_TENSORS + ++graph->virtuals, TRUE,
      type, shape);
}

static cudnnBackendDescriptor_t
window_new (CudaDnnGraph * graph, const CudaDnnWindow * window)
{
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const gint64 rank = 2, ones[] = { 1, 1 };
  const gint64 strides[] = { window->stride, window->stride };
  const gint64 before[] = { window->before, window->before };
  const gint64 after[] = { window->after, window->after };
  cudnnBackendDescriptor_t descriptor = ddpm_cuda_dnn_descriptor_new (graph,
      CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &rank);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, before);
  ddpm_cuda_dnn_set_attribute (graph, descriptor,
      CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, after);
  ddpm_cuda_dnn_finalize (graph, descriptor);
  return descriptor;
}

void
ddpm_cuda_dnn_convolve (CudaDnnGraph * graph, CudaDnnPass pass,
    const CudaDnnWindow * window, CudaDnnTensor x, CudaDnnTensor w,
    CudaDnnTensor y)
{
  static const struct
  {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, x, w, y, alpha, beta;
  } names[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
  };
  const float alpha = 1.0f, beta = 0.0f;
  cudnnBackendDescriptor_t descriptor =
      ddpm_cuda_dnn_descriptor_new (graph, names[pass].type);

  ddpm_cuda_dnn_set_descriptor (graph, descriptor, names[pass].window,
      window_new (graph, window));
  ddpm_cuda_dnn_set_descriptor (graph, descriptor, names[pass].x, x);
  ddpm_cuda_dnn_set_descriptor (graph, descriptor, names[pass].w, w);
  ddpm_cuda_dnn_set_descriptor (graph, descriptor, names[pass].y, y);
  ddpm_cuda_dnn_set_attribute (graph, descriptor, names[pass].alpha,
      CUDNN_TYPE_FLOAT, 1, &alpha);
  ddpm_cuda_dnn_set_attribute (graph, descriptor, names[pass].beta,
      CUDNN_TYPE_FLOAT, 1, &beta);
  ddpm_cuda_dnn_finalize (graph, descriptor);
  g_ptr_array_add (graph->operations, descriptor);
  g_string_append_printf (graph->text, " convolve%d:%" G_GINT64_FORMAT ",%"
      G_GINT64_FORMAT ",%" G_GINT64_FORMAT "(%d,%d,%d)", pass,
      window->stride, window->before, window->after, number_of (graph, x),
      number_of (graph, w), number_of (graph, y));
}

/* y = mode (x, other), where mode takes two */
static void
pointwise (CudaDnnGraph * graph, cudnnPointwiseMode_t mode, CudaDnnTensor x,
    CudaDnnTensor other, CudaDnnTensor y)
{
  const cudnnDataType_t precision = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t how =
      ddpm_cuda_dnn_descriptor_new (graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  cudnnBackendDescriptor_t descriptor;

  ddpm_cuda_dnn_set_attribute (graph, how, CUDNN_ATTR_POINTWISE_MODE,
      CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  ddpm_cuda_dnn_set_attribute (graph, how, CUDNN_ATTR_POINTWISE_MATH_PREC,
      CUDNN_TYPE_DATA_TYPE, 1, &precision);
  ddpm_cuda_dnn_finalize (graph, how);

  descriptor =
      ddpm_cuda_dnn_descriptor_new (graph,
      CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  ddpm_cuda_dnn_set_descriptor (graph, descriptor,
      CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  ddpm_cuda_dnn_set_descriptor (graph, descriptor,
      CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (other)
    ddpm_cuda_dnn_set_descriptor (graph, descriptor,
        CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
  ddpm_cuda_dnn_set_descriptor (graph, descriptor,
      CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  ddpm_cuda_dnn_finalize (graph, descriptor);
  g_ptr_array_add (graph->operations, descriptor);
  g_string_append_printf (graph->text, " pointwise%d(%d,%d,%d)", mode,
      number_of (graph, x), number_of (graph, other), number_of (graph, y));
}

void
ddpm_cuda_dnn_add (CudaDnnGraph * graph, CudaDnnTensor x, CudaDnnTensor other,
    CudaDnnTensor sum)
{
  pointwise (graph, CUDNN_POINTWISE_ADD, x, other, sum);
}

void
ddpm_cuda_dnn_convert (CudaDnnGraph * graph, CudaDnnTensor from,
    CudaDnnTensor to)
{
  pointwise (graph, CUDNN_POINTWISE_IDENTITY, from, NULL, to);
}
