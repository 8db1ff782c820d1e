/* gst-ddpm: CUDA backend: repeated calls as a CUDA graph
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A step launches some hundred kernels, and the GPU computes a small step
 * faster than the host launches it. So the calls of a step are captured once
 * and then launched as one graph. What changes from step to step (timesteps,
 * coefficients, seeds, images) is not a kernel argument but lies in device
 * memory, at the same place each time: in the graph's parameters.
 *
 *   run 1:  makes the calls as usual, and measures their parameters;
 *   run 2:  captures the calls, and launches the graph;
 *   later:  makes the calls again, which now put nothing on the stream but only
 *           fill in the parameters. One copy takes these to the device, and
 *           the graph is launched after it.
 *
 * The graph copies what the calls download to pinned memory, and the next wait
 * for the stream delivers it to its destination. A run whose calls differ from
 * the captured ones (a smaller last batch), or cannot be captured, makes its
 * calls as usual. If two runs in a row make the same new calls, these are
 * captured instead.
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"

/* Copies of the parameters: how many runs the host may be ahead of the GPU */
#define SLOTS 2
#define ALIGNMENT 16

typedef enum
{
  NOT_MEASURED,
  MEASURED,
  CAPTURED,
  NO_GRAPH,                     /* the calls cannot be captured */
} State;

/* What a run does with its calls */
typedef enum
{
  MEASURE,
  CAPTURE,
  REPLAY,
} Mode;

/* Two runs whose tallies are equal are taken to make the same calls. */
typedef struct
{
  guint calls;
  guint hash;                   /* of all sizes, in their order */
  gsize staged, returned;       /* bytes */
} Tally;

typedef struct
{
  gpointer to;
  gsize offset, size;
} Delivery;

typedef struct _CudaGraph CudaGraph;
struct _CudaGraph
{
  DdpmPlan base;
  State state;
  Mode mode;
  Tally known, now;
  Tally missed;                 /* of the last run, if it differed from known */
  cudaGraphExec_t graph;
  void (*func) (gpointer data); /* makes the calls of this run */
  gpointer data;

  guint8 *device;               /* [known.staged] */
  guint8 *slots[SLOTS];         /* the same size each, pinned */
  cudaEvent_t copied[SLOTS];
  guint slot;
  guint8 *returned;             /* [known.returned], pinned */
  GArray *deliveries;           /* of Delivery, pending */
  CudaGraph *next;              /* in b->delivering */
};

/* --- deliveries --------------------------------------------------------- */

static void
graph_deliver (CudaBackend * b, gboolean ok)
{
  while (b->delivering) {
    CudaGraph *g = b->delivering;

    for (guint i = 0; ok && i < g->deliveries->len; i++) {
      const Delivery *d = &g_array_index (g->deliveries, Delivery, i);

      memcpy (d->to, g->returned + d->offset, d->size);
    }
    g_array_set_size (g->deliveries, 0);
    b->delivering = g->next;
  }
}

void
ddpm_cuda_graph_wait (CudaBackend * b)
{
  graph_deliver (b, ddpm_cuda_ok (b, cudaStreamSynchronize (b->stream),
          "computing"));
}

/* --- the plan ----------------------------------------------------------- */

/* Frees the CUDA graph and its buffers */
static void
free_buffers (CudaGraph * g, CudaBackend * b)
{
  ddpm_cuda_graph_wait (b);     /* it may be running, or have pending deliveries */
  if (g->graph)
    ddpm_cuda_ok (b, cudaGraphExecDestroy (g->graph), "freeing a graph");
  g->graph = NULL;
  if (g->device)
    ddpm_cuda_ok (b, cudaFree (g->device), "freeing memory");
  g->device = NULL;
  for (guint i = 0; i < SLOTS; i++) {
    if (g->slots[i])
      ddpm_cuda_ok (b, cudaFreeHost (g->slots[i]), "freeing pinned memory");
    if (g->copied[i])
      ddpm_cuda_ok (b, cudaEventDestroy (g->copied[i]), "freeing an event");
    g->slots[i] = NULL;
    g->copied[i] = NULL;
  }
  if (g->returned)
    ddpm_cuda_ok (b, cudaFreeHost (g->returned), "freeing pinned memory");
  g->returned = NULL;
}

static void
graph_clear (DdpmPlan * p)
{
  CudaGraph *g = (CudaGraph *) p;

  free_buffers (g, ddpm_cuda_plan_backend (p));
  g_array_unref (g->deliveries);
}

DdpmPlan *
ddpm_cuda_graph_new (DdpmBackend * base)
{
  CudaGraph *g =
      ddpm_plan_new (sizeof (CudaGraph), base, graph_clear, "cuda:graph");

  g->deliveries = g_array_new (FALSE, FALSE, sizeof (Delivery));
  return &g->base;
}

/* Allocates what the first run measured. If this fails, free_buffers () frees what
 * was allocated. */
static gboolean
alloc_buffers (CudaGraph * g, CudaBackend * b)
{
  const gsize staged = MAX (g->known.staged, 1);

  if (!ddpm_cuda_ok (b, cudaMalloc ((void **) &g->device, staged),
          "allocating memory")
      || !ddpm_cuda_ok (b, cudaHostAlloc ((void **) &g->returned,
              MAX (g->known.returned, 1), cudaHostAllocDefault),
          "allocating pinned memory"))
    return FALSE;
  for (guint i = 0; i < SLOTS; i++) {
    if (!ddpm_cuda_ok (b, cudaHostAlloc ((void **) &g->slots[i], staged,
                cudaHostAllocDefault), "allocating pinned memory")
        || !ddpm_cuda_ok (b, cudaEventCreateWithFlags (&g->copied[i],
                cudaEventDisableTiming), "creating an event"))
      return FALSE;
  }
  return TRUE;
}

/* --- called by operations ----------------------------------------------- */

static void
note_size (Tally * tally, gsize * total, gsize size)
{
  tally->hash = tally->hash * 31 + (guint) size;
  *total += (size + ALIGNMENT - 1) & ~(gsize) (ALIGNMENT - 1);
}

gboolean
ddpm_cuda_graph_count_call (CudaBackend * b)
{
  if (b->graph == NULL)
    return FALSE;
  b->graph->now.calls++;
  return b->graph->mode == REPLAY;
}

/* If there is no room, the calls differ from the known ones;
 * graph_make_calls () finds out when all have been made. */
gboolean
ddpm_cuda_graph_stage_args (CudaBackend * b, gconstpointer src, gsize size,
    gpointer * place)
{
  CudaGraph *g = b->graph;
  gsize offset;

  if (g == NULL)
    return FALSE;
  offset = g->now.staged;
  note_size (&g->now, &g->now.staged, size);
  if (g->mode == MEASURE)
    return FALSE;
  *place = NULL;
  if (g->now.staged <= g->known.staged) {
    memcpy (g->slots[g->slot] + offset, src, size);
    *place = g->device + offset;
  }
  return TRUE;
}

gboolean
ddpm_cuda_graph_download (CudaBackend * b, gpointer dst, gconstpointer src,
    gsize size)
{
  CudaGraph *g = b->graph;
  Delivery delivery = { dst, 0, size };

  if (g == NULL)
    return FALSE;
  delivery.offset = g->now.returned;
  note_size (&g->now, &g->now.returned, size);
  if (g->mode == MEASURE)
    return FALSE;
  if (g->now.returned > g->known.returned)
    return TRUE;
  if (g->mode == CAPTURE)
    ddpm_cuda_ok (b, cudaMemcpyAsync (g->returned + delivery.offset, src, size,
            cudaMemcpyDeviceToHost, b->stream), "copying from the device");
  g_array_append_val (g->deliveries, delivery);
  return TRUE;
}

/* --- runs --------------------------------------------------------------- */

static gboolean
tallies_are_equal (const Tally * a, const Tally * k)
{
  return a->calls == k->calls && a->hash == k->hash
      && a->staged == k->staged && a->returned == k->returned;
}

/* Makes the calls of a run. Returns whether they are the known ones */
static gboolean
graph_make_calls (CudaGraph * g, CudaBackend * b, Mode mode)
{
  const Tally none = { 0, };

  g->mode = mode;
  g->now = none;
  b->graph = g;
  g->func (g->data);
  b->graph = NULL;
  return tallies_are_equal (&g->now, &g->known);
}

/* NULL: the calls cannot be captured, or are not the known ones. The caller
 * clears the failure: the run itself has not failed. */
static cudaGraphExec_t
graph_capture (CudaGraph * g, CudaBackend * b, gboolean * known)
{
  cudaGraph_t captured = NULL;
  cudaGraphExec_t graph = NULL;
  gboolean ok;

  /* thread local: other threads may go on using CUDA */
  if (!ddpm_cuda_ok (b, cudaStreamBeginCapture (b->stream,
              cudaStreamCaptureModeThreadLocal), "capturing a graph"))
    return NULL;
  *known = graph_make_calls (g, b, CAPTURE);
  ok = ddpm_cuda_ok (b, cudaStreamEndCapture (b->stream, &captured),
      "capturing a graph") && *known && b->failure == NULL;
  if (ok && !ddpm_cuda_ok (b, cudaGraphInstantiate (&graph, captured, 0),
          "creating a graph"))
    graph = NULL;
  if (captured)
    ddpm_cuda_ok (b, cudaGraphDestroy (captured), "freeing a graph");
  return graph;
}

static void
graph_launch (CudaGraph * g, CudaBackend * b)
{
  const Tally none = { 0, };
  const gboolean ok = (g->known.staged == 0
      || ddpm_cuda_ok (b, cudaMemcpyAsync (g->device, g->slots[g->slot],
              g->known.staged, cudaMemcpyHostToDevice, b->stream),
          "copying parameters"))
      && ddpm_cuda_ok (b, cudaEventRecord (g->copied[g->slot], b->stream),
      "marking a copy")
      && ddpm_cuda_ok (b, cudaGraphLaunch (g->graph, b->stream),
      "launching a graph");

  g->slot = (g->slot + 1) % SLOTS;
  g->missed = none;
  if (!ok) {
    g_array_set_size (g->deliveries, 0);
  } else if (g->deliveries->len > 0) {
    g->next = b->delivering;
    b->delivering = g;
  }
}

static void
graph_measure (CudaGraph * g, CudaBackend * b)
{
  graph_make_calls (g, b, MEASURE);
  g->known = g->now;
  g->state = b->failure ? NOT_MEASURED : MEASURED;
}

/* Makes the calls without the graph, because they differ from the captured
 * ones. */
static void
graph_run_uncaptured (CudaGraph * g, CudaBackend * b)
{
  const Tally before = g->missed;

  g_array_set_size (g->deliveries, 0);
  graph_make_calls (g, b, MEASURE);
  g->missed = g->now;
  if (b->failure || !tallies_are_equal (&g->now, &before))
    return;
  free_buffers (g, b);
  g->known = g->now;
  g->state = MEASURED;
}

/* FALSE: nothing was launched; the calls must still be made. */
static gboolean
graph_capture_and_launch (CudaGraph * g, CudaBackend * b)
{
  gboolean known = TRUE;

  if (alloc_buffers (g, b))
    g->graph = graph_capture (g, b, &known);
  if (g->graph) {
    g->state = CAPTURED;
    graph_launch (g, b);
    return TRUE;
  }
  g_debug ("cannot make a graph: %s", b->failure ? b->failure->message
      : "the calls differ from those of the last run");
  g_clear_error (&b->failure);
  g_array_set_size (g->deliveries, 0);
  free_buffers (g, b);
  if (known) {
    g->state = NO_GRAPH;
    return FALSE;
  }
  graph_run_uncaptured (g, b);
  return TRUE;
}

/* An event that was never recorded counts as complete. */
static void
graph_replay (CudaGraph * g, CudaBackend * b)
{
  if (!ddpm_cuda_ok (b, cudaEventSynchronize (g->copied[g->slot]),
          "waiting for a copy"))
    return;                     /* like any other call that fails */
  if (graph_make_calls (g, b, REPLAY))
    graph_launch (g, b);
  else
    graph_run_uncaptured (g, b);
}

/* A run inside another run is part of that one. While a failure is stored, calls
 * are made as usual: their tally would mean nothing. */
void
ddpm_cuda_graph_run (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  CudaGraph *g = (CudaGraph *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  gboolean done = FALSE;

  if (b->graph == NULL && b->failure == NULL) {
    g->func = func;
    g->data = data;
    if (g->deliveries->len > 0)
      ddpm_cuda_graph_wait (b); /* or pending deliveries would be lost */
    switch (g->state) {
      case NOT_MEASURED:
        graph_measure (g, b);
        done = TRUE;
        break;
      case MEASURED:
        done = graph_capture_and_launch (g, b);
        break;
      case CAPTURED:
        graph_replay (g, b);
        done = TRUE;
        break;
      case NO_GRAPH:
        break;
    }
  }
  if (!done)
    func (data);
}
