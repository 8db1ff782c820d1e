/* gst-ddpm: CUDA's runtime on the CPU: streams, memory and graphs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The device is as far behind the host as it may be, so that a test notices if
 * memory is overwritten before it was used. Calls between the begin and the end
 * of a capture are not done but become the graph. Each call ends the test if
 * its thread has entered no context, or if another thread makes a call at the
 * same time.
 */
#include <atomic>
#include <cuda.h>
#include <deque>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

#include "tests/support/host-cuda.h"

struct Graph
{
  std::vector < HostCudaWork > works;
};

struct Stream
{
  std::deque < HostCudaWork > queue;
  size_t put, done;
};

/* The last work of a stream before an event was recorded */
struct Mark
{
  Stream *stream;
  size_t number;
};

typedef std::vector < Mark > Event;

static Stream own;
static std::vector < Stream * > others;     /* all of them blocking */
static Graph *capturing;
static unsigned allocations, allowed = ~0u;
static bool captures = true;
static bool enters = true;
static thread_local unsigned contexts;  /* that the thread has entered */

/* One call of the runtime */
struct Call
{
  static std::atomic < int > now;

  Call ()
  {
    if (contexts == 0 || now++ != 0) {
      fprintf (stderr, "%s\n", contexts == 0 ? "a call without a context"
          : "two calls at the same time");
      abort ();
    }
  }
  ~Call () { now--; }
};

std::atomic < int > Call::now;

/* A stream that is none of the others is the backend's. */
static Stream *
find (cudaStream_t stream)
{
  for (Stream * other : others) {
    if ((cudaStream_t) other == stream)
      return other;
  }
  return &own;
}

static void
put (Stream * stream, const HostCudaWork & work)
{
  stream->queue.push_back (work);
  stream->put++;
}

static void
take (const HostCudaWork & work)
{
  if (capturing)
    capturing->works.push_back (work);
  else
    put (&own, work);
}

static struct Start
{
  Start () { host_cuda_take = take; }
} start;

static void
catch_up (Stream * stream, size_t number)
{
  while (stream->done < number) {
    const HostCudaWork work = stream->queue.front ();

    stream->queue.pop_front ();
    work ();
    stream->done++;
  }
}

static void
catch_up_with (const Event & event)
{
  for (const Mark & mark : event)
    catch_up (mark.stream, mark.number);
}

/* The default stream has no work of its own: it stands for all others. */
static std::vector < Stream * > streams_of (cudaStream_t stream)
{
  if (stream == cudaStreamLegacy)
    return others;
  return { find (stream) };
}

static cudaError_t
allocate (void **p, size_t size)
{
  const Call call;

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
  const Call call;

  catch_up (&own, own.put);
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
  return own.put;
}

unsigned
host_cuda_behind ()
{
  return own.put - own.done;
}

void *
host_cuda_stream_new ()
{
  others.push_back (new Stream ());
  return others.back ();
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

void
host_cuda_let_enter (int succeed)
{
  enters = succeed;
}

unsigned
host_cuda_contexts ()
{
  return contexts;
}

/* --- CUDA's --------------------------------------------------------------- */

static CUresult
push_context (CUcontext)
{
  if (!enters)
    return CUDA_ERROR_INVALID_CONTEXT;
  contexts++;
  return CUDA_SUCCESS;
}

static CUresult
pop_context (CUcontext *)
{
  contexts--;
  return CUDA_SUCCESS;
}

static CUresult
get_device (CUdevice * device, int number)
{
  *device = number;
  return CUDA_SUCCESS;
}

static CUresult
retain_primary (CUcontext *, CUdevice)
{
  return CUDA_SUCCESS;
}

static CUresult
release_primary (CUdevice)
{
  return CUDA_SUCCESS;
}

extern "C"
{

cudaError_t
cudaGetDriverEntryPointByVersion (const char *name, void **function,
    unsigned, unsigned long long, cudaDriverEntryPointQueryResult *)
{
  static const struct
  {
    const char *name;
    void *function;
  } functions[] = {
    {"cuCtxPushCurrent", (void *) push_context},
    {"cuCtxPopCurrent", (void *) pop_context},
    {"cuDeviceGet", (void *) get_device},
    {"cuDevicePrimaryCtxRetain", (void *) retain_primary},
    {"cuDevicePrimaryCtxRelease", (void *) release_primary},
  };

  for (const auto & f : functions) {
    if (strcmp (f.name, name) == 0)
      *function = f.function;
  }
  return cudaSuccess;
}

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
    cudaStream_t stream)
{
  const Call call;
  const HostCudaWork work = [=] { memcpy (dst, src, size); };

  if (find (stream) == &own)
    host_cuda_do (work);
  else
    put (find (stream), work);
  return cudaSuccess;
}

cudaError_t
cudaMemsetAsync (void *dst, int value, size_t size, cudaStream_t)
{
  const Call call;

  host_cuda_do ([=] { memset (dst, value, size); });
  return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize (cudaStream_t stream)
{
  const Call call;

  if (capturing)
    return cudaErrorStreamCaptureUnsupported;
  catch_up (find (stream), find (stream)->put);
  return cudaSuccess;
}

cudaError_t
cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event, unsigned)
{
  const Call call;
  const Event marks = *(Event *) event;

  for (Stream * behind : streams_of (stream))
    put (behind, [=] { catch_up_with (marks); });
  return cudaSuccess;
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t * event, unsigned)
{
  const Call call;

  *event = (cudaEvent_t) new Event;
  return cudaSuccess;
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  const Call call;

  delete (Event *) event;
  return cudaSuccess;
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  const Call call;
  Event marks;

  for (Stream * marked : streams_of (stream))
    marks.push_back ({ marked, marked->put });
  *(Event *) event = marks;
  return cudaSuccess;
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  const Call call;

  if (capturing)
    return cudaErrorStreamCaptureUnsupported;
  catch_up_with (*(Event *) event);
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
  const Call call;

  capturing = new Graph;
  return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture (cudaStream_t, cudaGraph_t * graph)
{
  const Call call;
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
  const Call call;

  *executable = (cudaGraphExec_t) new Graph (*(Graph *) graph);
  return cudaSuccess;
}

cudaError_t
cudaGraphDestroy (cudaGraph_t graph)
{
  const Call call;

  delete (Graph *) graph;
  return cudaSuccess;
}

cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t executable)
{
  const Call call;

  delete (Graph *) executable;
  return cudaSuccess;
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t executable, cudaStream_t)
{
  const Call call;
  const Graph *graph = (const Graph *) executable;

  host_cuda_do ([=] {
        for (const HostCudaWork & work : graph->works)
          work ();
      });
  return cudaSuccess;
}

}
