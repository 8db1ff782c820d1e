/* gst-ddpm: CUDA kernels on the CPU
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * If a C++ compiler includes this before a .cu file, the file's kernels become
 * functions of the host. Blocks run one after the other; the threads of a block
 * take turns, and change where they wait for each other (__syncthreads,
 * shuffles). Without a GPU, this tests what a kernel computes, and that
 * - all threads reach each barrier: otherwise the test fails;
 * - no access is out of bounds: an unreadable page follows what tests allocate,
 *   and shared memory whose size the launch sets;
 * - no thread depends on the order of threads: shared memory starts as NaN, and
 *   tests run everything in several orders.
 *
 * host-cuda-runtime.cpp adds streams, memory and graphs, for files that call
 * CUDA's runtime. Work on a stream is done as late as it may be: when somebody
 * waits for it.
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

/* The order in which blocks, and the threads of each, take turns */
void host_cuda_set_order (HostCudaOrder order);
/* How many kernels have been launched */
unsigned host_cuda_launches (void);
/* Zeroed, aligned to 16 bytes. An unreadable page follows it, after rounding up
 * to 16 bytes. */
void *host_cuda_alloc (size_t size);
void host_cuda_free (void *p);

/* --- host-cuda-runtime.cpp */

/* How many allocations were made, and how many pieces of work were put on the
 * backend's stream; a graph counts as one */
unsigned host_cuda_allocations (void);
unsigned host_cuda_puts (void);
/* How many of these are not done yet */
unsigned host_cuda_behind (void);
/* Another stream, never freed */
void *host_cuda_stream_new (void);
/* From now on this many allocations succeed; captures succeed or fail. */
void host_cuda_let_allocate (unsigned count);
void host_cuda_let_capture (int succeed);
/* From now on contexts can or cannot be entered. */
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

/* Queues work for later; nullptr: it is done at once. */
typedef std::function < void () > HostCudaWork;
extern void (*host_cuda_take) (const HostCudaWork & work);
void host_cuda_do (const HostCudaWork & work);

void host_cuda_launch (const HostCudaWork & kernel, dim3 grid, dim3 block,
    size_t shared_size);
uint4 *launched_shared ();
void host_cuda_sync_block ();
/* The value of the thread of this warp whose number differs by lane_mask */
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
