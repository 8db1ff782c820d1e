/* gst-ddpm: CUDA backend: cuDNN's graph interface: what its two files share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/dnn-graph.h"

G_BEGIN_DECLS

struct _CudaDnnGraph
{
  const CudaDnnTarget *target;
  GPtrArray *descriptors;           /* all descriptors */
  GPtrArray *operations;        /* those of them that are operations */
  guint tensors, passing;       /* how many: in memory, and not */
  gboolean exact;               /* all are f32 */
  GString *text;                /* all of it, for the cache */
  GError *failure;              /* the first, or NULL */
};

/* Parts of a graph are its descriptors. After the first failure these do
 * nothing. (dnn.c) */
cudnnBackendDescriptor_t ddpm_cuda_dnn_descriptor_new (CudaDnnGraph * graph,
    cudnnBackendDescriptorType_t type);
void ddpm_cuda_dnn_set_attribute (CudaDnnGraph * graph, cudnnBackendDescriptor_t part,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    gint64 count, gconstpointer values);
void ddpm_cuda_dnn_set_descriptor (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t name,
    cudnnBackendDescriptor_t value);
void ddpm_cuda_dnn_finalize (CudaDnnGraph * graph,
    cudnnBackendDescriptor_t part);

/* NULL: nothing */
void ddpm_cuda_dnn_destroy (gpointer descriptor);

G_END_DECLS
