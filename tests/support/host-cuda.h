/* gst-ddpm: CUDA kernels on a processor
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Included before a .cu file, in C++, this makes its kernels functions of the
 * host. Blocks run one after the other; the threads of one take turns and
 * change where they wait for each other (__syncthreads, shuffles). That shows,
 * without a GPU, what a kernel computes, and:
 * - that all threads come to each barrier (else the test fails);
 * - that memory is not left: what tests allocate, and shared memory whose size
 *   the launch says, ends where the process may not go on reading;
 * - that no thread relies on another's turn: shared memory holds NaNs at
 *   first, and tests run all in more than one order.
 *
 * With host-cuda-runtime.cpp there are a stream, those of others, memory and
 * graphs besides, for what asks CUDA's runtime for them. Work on a stream is
 * done as late as it may be: when somebody waits for it.
 */
#pragma once

#include <stddef.h>

typedef enum
{
  HOST_CUDA_FIRST_TO_LAST,
  HOST_CUDA_LAST_TO_FIRST,
  HOST_CUDA_MIXED,
  HOST_CUDA_ORDERS,
} HostCudaOrder;

#ifdef __cplusplus
extern "C"
{
#endif

/* In what order blocks, and the threads of each, have their turns */
void host_cuda_set_order (HostCudaOrder order);
/* How many kernels have been launched */
unsigned host_cuda_launches (void);
/* Zeroed, a multiple of 16 bytes; behind it, rounded up to 16 bytes, is a page
 * that cannot be touched. */
void *host_cuda_alloc (size_t size);
void host_cuda_free (void *p);

/* --- host-cuda-runtime.cpp */

/* How often memory has been asked for, and how often work was put on the
 * stream: a graph is one */
unsigned host_cuda_allocations (void);
unsigned host_cuda_puts (void);
/* How much of it is not done yet */
unsigned host_cuda_behind (void);
/* A stream of others; never freed */
void *host_cuda_stream_new (void);
/* From now on so many allocations succeed, and captures do or do not. */
void host_cuda_let_allocate (unsigned count);
void host_cuda_let_capture (int succeed);
/* From now on contexts can be entered, or cannot. */
void host_cuda_let_enter (int succeed);
/* How many contexts this thread has entered and not left */
unsigned host_cuda_contexts (void);

#ifdef __cplusplus
}

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <functional>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct HostCudaThread
{
  uint3 thread, block;
  dim3 threads, blocks;
};

extern HostCudaThread *host_cuda_now;

/* Whoever takes work does it later; nullptr: it is done at once. */
typedef std::function < void () > HostCudaWork;
extern void (*host_cuda_take) (const HostCudaWork & work);
void host_cuda_do (const HostCudaWork & work);

void host_cuda_launch (const HostCudaWork & kernel, dim3 grid, dim3 block,
    size_t shared_size);
uint4 *launched_shared ();
void host_cuda_sync_block ();
/* What the thread of this warp with the other number has given */
uint64_t host_cuda_exchange (uint64_t value, unsigned lane_mask);

#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)
#define threadIdx (host_cuda_now->thread)
#define blockIdx (host_cuda_now->block)
#define blockDim (host_cuda_now->threads)
#define gridDim (host_cuda_now->blocks)
#define __syncthreads host_cuda_sync_block

template < typename T > static inline T
__shfl_xor_sync (unsigned, T value, int lane_mask)
{
  uint64_t bits = 0;

  memcpy (&bits, &value, sizeof (T));
  bits = host_cuda_exchange (bits, lane_mask);
  memcpy (&value, &bits, sizeof (T));
  return value;
}

template < typename T > static inline T
__ldg (const T * from)
{
  return *from;
}

template < typename ... Parameters, typename ... Arguments > static inline void
launch (void (*kernel) (Parameters ...), dim3 grid, dim3 block,
    size_t shared_size, cudaStream_t, const Arguments & ... arguments)
{
  host_cuda_do ([=] {
        host_cuda_launch ([&] { kernel (arguments ...); }, grid, block,
            shared_size);
      });
}

#endif
