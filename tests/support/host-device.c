/* gst-ddpm: the CUDA backend without a device: what the norms ask one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/host-device.h"

#include <cuda_runtime_api.h>

gint host_shared_memory = 227 << 10;    /* on Hopper */

cudaError_t
cudaDeviceGetAttribute (int *value, enum cudaDeviceAttr attribute, int device)
{
  g_assert_cmpint (attribute, ==, cudaDevAttrMaxSharedMemoryPerBlockOptin);
  *value = host_shared_memory;
  return cudaSuccess;
}

cudaError_t
cudaFuncSetAttribute (const void *kernel, enum cudaFuncAttribute attribute,
    int value)
{
  return cudaSuccess;
}
