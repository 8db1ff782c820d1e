/* gst-ddpm: CUDA backend: a graph as its plan reads it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/dnn-graph.h"

G_BEGIN_DECLS

struct _CudaDnnGraph
{
  const CudaDnnTarget *target;
  GPtrArray *descriptors;       /* all of them, owned */
  GPtrArray *operations;        /* the descriptors of operations */
  guint tensors, virtuals;      /* tensors in memory, and not */
  gboolean exact;               /* all tensors are f32 */
  GString *text;                /* describes the whole graph: the cache's key */
  GError *failure;              /* the first, or NULL */
};

/* Each sets graph->failure if it fails, and does nothing if it is set. */
cudnnBackendDescriptor_t ddpm_cuda_dnn_descriptor_new (CudaDnnGraph * graph,
    cudnnBackendDescriptorType_t type);
void ddpm_cuda_dnn_set_attribute (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
    cudnnBackendAttributeType_t type, gint64 count, gconstpointer values);
void ddpm_cuda_dnn_set_descriptor (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
    cudnnBackendDescriptor_t value);
void ddpm_cuda_dnn_finalize (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t descriptor);

/* NULL: nothing */
void ddpm_cuda_dnn_destroy (gpointer descriptor);

G_END_DECLS
