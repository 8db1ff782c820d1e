/* gst-ddpm: CUDA's runtime on a processor: a stream, memory and graphs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The device is as far behind the host as it may be: so what is overwritten
 * before it was used shows. What comes between the begin and the end of a
 * capture is not done but becomes the graph.
 */
#include <deque>
#include <vector>

#include "host-cuda.h"

struct Graph
{
  std::vector < HostCudaWork > works;
};

struct Event
{
  size_t number;                /* of the last work before it */
};

static std::deque < HostCudaWork > queue;
static size_t put, done;
static Graph *capturing;
static unsigned allocations, allowed = ~0u;
static bool captures = true;

static void
take (const HostCudaWork & work)
{
  if (capturing) {
    capturing->works.push_back (work);
  } else {
    queue.push_back (work);
    put++;
  }
}

static struct Start
{
  Start () { host_cuda_take = take; }
} start;

static void
catch_up (size_t number)
{
  while (done < number) {
    queue.front () ();
    queue.pop_front ();
    done++;
  }
}

static cudaError_t
allocate (void **p, size_t size)
{
  allocations++;
  if (allowed == 0)
    return cudaErrorMemoryAllocation;
  allowed--;
  *p = host_cuda_alloc (size);
  return cudaSuccess;
}

static cudaError_t
release (void *p)
{
  catch_up (put);
  host_cuda_free (p);
  return cudaSuccess;
}

/* --- for tests ------------------------------------------------------------ */

unsigned
host_cuda_allocations ()
{
  return allocations;
}

unsigned
host_cuda_puts ()
{
  return put;
}

unsigned
host_cuda_behind ()
{
  return put - done;
}

void
host_cuda_let_allocate (unsigned count)
{
  allowed = count;
}

void
host_cuda_let_capture (int succeed)
{
  captures = succeed;
}

/* --- CUDA's ------------------------------------------------------------------ */

extern "C"
{

cudaError_t
cudaMalloc (void **p, size_t size)
{
  return allocate (p, size);
}

cudaError_t
cudaFree (void *p)
{
  return release (p);
}

cudaError_t
cudaHostAlloc (void **p, size_t size, unsigned)
{
  return allocate (p, size);
}

cudaError_t
cudaFreeHost (void *p)
{
  return release (p);
}

cudaError_t
cudaMemcpyAsync (void *dst, const void *src, size_t size, cudaMemcpyKind,
    cudaStream_t)
{
  host_cuda_do ([=] { memcpy (dst, src, size); });
  return cudaSuccess;
}

cudaError_t
cudaMemsetAsync (void *dst, int value, size_t size, cudaStream_t)
{
  host_cuda_do ([=] { memset (dst, value, size); });
  return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize (cudaStream_t)
{
  if (capturing)
    return cudaErrorStreamCaptureUnsupported;
  catch_up (put);
  return cudaSuccess;
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t * event, unsigned)
{
  *event = (cudaEvent_t) new Event { 0 };
  return cudaSuccess;
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  delete (Event *) event;
  return cudaSuccess;
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t)
{
  ((Event *) event)->number = put;
  return cudaSuccess;
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  if (capturing)
    return cudaErrorStreamCaptureUnsupported;
  catch_up (((Event *) event)->number);
  return cudaSuccess;
}

cudaError_t
cudaGetLastError ()
{
  return cudaSuccess;
}

const char *
cudaGetErrorString (cudaError_t)
{
  return "an error";
}

cudaError_t
cudaStreamBeginCapture (cudaStream_t, cudaStreamCaptureMode)
{
  capturing = new Graph;
  return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture (cudaStream_t, cudaGraph_t * graph)
{
  Graph *captured = capturing;

  capturing = nullptr;
  if (!captures) {
    delete captured;
    return cudaErrorStreamCaptureInvalidated;
  }
  *graph = (cudaGraph_t) captured;
  return cudaSuccess;
}

cudaError_t
cudaGraphInstantiate (cudaGraphExec_t * executable, cudaGraph_t graph,
    unsigned long long)
{
  *executable = (cudaGraphExec_t) new Graph (*(Graph *) graph);
  return cudaSuccess;
}

cudaError_t
cudaGraphDestroy (cudaGraph_t graph)
{
  delete (Graph *) graph;
  return cudaSuccess;
}

cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t executable)
{
  delete (Graph *) executable;
  return cudaSuccess;
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t executable, cudaStream_t)
{
  const Graph *graph = (const Graph *) executable;

  host_cuda_do ([=] {
        for (const HostCudaWork & work : graph->works)
          work ();
      });
  return cudaSuccess;
}

}
