/* gst-ddpm: CUDA backend: launching a kernel, and its shared memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kernels that use these instead of nvcc's notation are plain C++.
 * tests/support/host-cuda.h defines the same for a CPU, and runs the kernels
 * there thread by thread.
 */
#pragma once

#ifdef __CUDACC__

template < typename ... Parameters, typename ... Arguments > static inline void
launch (void (*kernel) (Parameters ...), dim3 grid, dim3 block,
    size_t shared_size, cudaStream_t stream, const Arguments & ... arguments)
{
  kernel <<< grid, block, shared_size, stream >>> (arguments ...);
}

/* The shared memory whose size the launch sets */
__device__ inline uint4 *
launched_shared ()
{
  extern __shared__ uint4 launched_memory[];

  return launched_memory;
}

#endif
