/* gst-ddpm: GstCuda's own headers against what plugins/common/gstcuda.h says of it, for
 * the compiler to compare: nothing here runs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled where GstCuda's headers and CUDA's are found.
 */
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>

#include "plugins/common/caps.h"
#include "plugins/common/cuda-memory.h"
#include "plugins/common/gstcuda.h"

extern const GstDdpmGstCuda gst_ddpm_check_gstcuda;

const GstDdpmGstCuda gst_ddpm_check_gstcuda = {
  .cuda_load_library = gst_cuda_load_library,
  .cuda_ensure_element_context = gst_cuda_ensure_element_context,
  .cuda_handle_set_context = gst_cuda_handle_set_context,
  .cuda_handle_context_query = gst_cuda_handle_context_query,
  .cuda_context_get_handle = gst_cuda_context_get_handle,
  .cuda_buffer_pool_new = gst_cuda_buffer_pool_new,
  .cuda_memory_init_once = gst_cuda_memory_init_once,
#if GST_CHECK_VERSION (1, 24, 0)
  .cuda_memory_sync = gst_cuda_memory_sync,
  .cuda_memory_get_stream = gst_cuda_memory_get_stream,
  .cuda_stream_get_handle = gst_cuda_stream_get_handle,
  .buffer_pool_config_get_cuda_stream = gst_buffer_pool_config_get_cuda_stream,
  .buffer_pool_config_set_cuda_stream = gst_buffer_pool_config_set_cuda_stream,
#endif
};

G_STATIC_ASSERT (GST_MAP_CUDA == GST_DDPM_MAP_CUDA);
G_STATIC_ASSERT (sizeof (GST_CUDA_CONTEXT_TYPE) ==
    sizeof (GST_DDPM_GSTCUDA_CONTEXT_TYPE));
G_STATIC_ASSERT (sizeof (GST_CUDA_MEMORY_TYPE_NAME) ==
    sizeof (GST_DDPM_GSTCUDA_MEMORY_TYPE));
G_STATIC_ASSERT (sizeof (GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY) ==
    sizeof (GST_DDPM_CUDA_FEATURE));
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstCudaMemory, context) ==
    G_STRUCT_OFFSET (GstDdpmGstCudaMemory, context));
#if GST_CHECK_VERSION (1, 24, 0)
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstCudaStream, context) ==
    G_STRUCT_OFFSET (GstDdpmGstCudaStream, context));
#endif
