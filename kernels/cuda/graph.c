/* gst-ddpm: CUDA backend: sequences of calls, as one CUDA graph each
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A step is some hundred launches, and a small one is over before the host has
 * made them all. So the calls of a step are captured once and then launched as
 * one graph. What changes from step to step (timesteps, coefficients, seeds,
 * images) is no argument of a kernel but lies in device memory: in the
 * sequence's parameters, at the same places each time.
 *
 *   1st run: the calls are made as ever, and their parameters are measured;
 *   2nd run: they are captured, and the graph is launched;
 *   later:   they are made once more, but put nothing on the stream: they only
 *            fill in parameters, which go to the device in one copy, and the
 *            graph is launched behind it.
 *
 * What the calls download is copied by the graph, and brought to where it was
 * wanted when the host waits for the stream. A run whose calls are not those
 * that are known (the last batch of an epoch), and each that cannot be
 * captured, is made as ever. Where such a run comes twice in a row, its calls
 * are those that are known from then on.
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/plan.h"

/* Parameters on their way: so many runs may the host be ahead. */
#define SLOTS 2
#define ALIGNMENT 16

typedef enum
{
  NOT_MEASURED,
  MEASURED,
  CAPTURED,
  NO_GRAPH,                     /* cannot be captured */
} State;

/* What the calls of a run are made for */
typedef enum
{
  MEASURE,
  CAPTURE,
  REPLAY,
} Mode;

/* What the calls of a run have in common with those of another */
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
  CudaPlan cuda;
  State state;
  Mode mode;
  Tally known, now;
  Tally missed;                 /* of the last run, if it made other calls */
  cudaGraphExec_t graph;

  guint8 *device;               /* [known.staged] */
  guint8 *slots[SLOTS];         /* the same each, pinned */
  cudaEvent_t copied[SLOTS];
  guint slot;
  guint8 *returned;             /* [known.returned], pinned */
  GArray *deliveries;           /* of Delivery, not yet made */
  CudaGraph *next;              /* of those that have some */
};

/* --- deliveries --------------------------------------------------------- */

static void
deliver (CudaBackend * b, gboolean ok)
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
  deliver (b, ddpm_cuda_ok (b, cudaStreamSynchronize (b->stream), "computing"));
}

/* --- the plan ----------------------------------------------------------- */

/* With all that was taken for it */
static void
free_graph (CudaGraph * g, CudaBackend * b)
{
  ddpm_cuda_graph_wait (b);     /* it may be running, or have deliveries */
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

  free_graph (g, ddpm_cuda_plan_backend (p));
  g_array_unref (g->deliveries);
}

DdpmPlan *
ddpm_cuda_graph_new (DdpmBackend * base)
{
  CudaGraph *g = g_new0 (CudaGraph, 1);

  ddpm_cuda_plan_init (&g->cuda, base, 0);
  g->cuda.clear = graph_clear;
  g->cuda.implementation[0] = "cuda:graph";
  g->deliveries = g_array_new (FALSE, FALSE, sizeof (Delivery));
  return &g->cuda.plan;
}

/* As much as was measured. What has been taken when it fails is freed by
 * free_graph (). */
static gboolean
alloc_buffers (CudaGraph * g, CudaBackend * b)
{
  const gsize staged = MAX (g->known.staged, 1);

  if (!ddpm_cuda_ok (b, cudaMalloc ((void **) &g->device, staged),
          "allocating memory")
      || !ddpm_cuda_ok (b, cudaHostAlloc ((void **) &g->returned,
              MAX (g->known.returned, 1), cudaHostAllocDefault),
          "taking pinned memory"))
    return FALSE;
  for (guint i = 0; i < SLOTS; i++) {
    if (!ddpm_cuda_ok (b, cudaHostAlloc ((void **) &g->slots[i], staged,
                cudaHostAllocDefault), "taking pinned memory")
        || !ddpm_cuda_ok (b, cudaEventCreateWithFlags (&g->copied[i],
                cudaEventDisableTiming), "making an event"))
      return FALSE;
  }
  return TRUE;
}

/* --- what calls ask ----------------------------------------------------- */

static void
note_size (Tally * tally, gsize * total, gsize size)
{
  tally->hash = tally->hash * 31 + (guint) size;
  *total += (size + ALIGNMENT - 1) & ~(gsize) (ALIGNMENT - 1);
}

gboolean
ddpm_cuda_graph_replays (CudaBackend * b)
{
  if (b->graph == NULL)
    return FALSE;
  b->graph->now.calls++;
  return b->graph->mode == REPLAY;
}

/* Where there is no room the calls are others than before, which shows when
 * they have all been made. */
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
same (const Tally * a, const Tally * k)
{
  return a->calls == k->calls && a->hash == k->hash
      && a->staged == k->staged && a->returned == k->returned;
}

/* Makes the calls of a run. Returns: whether they are those that are known */
static gboolean
make_calls (CudaGraph * g, CudaBackend * b, Mode mode,
    void (*func) (gpointer data), gpointer data)
{
  const Tally none = { 0, };

  g->mode = mode;
  g->now = none;
  b->graph = g;
  func (data);
  b->graph = NULL;
  return same (&g->now, &g->known);
}

/* NULL: what was called cannot be captured, or was not what is known. No
 * failure of this is one of the run. */
static cudaGraphExec_t
capture (CudaGraph * g, CudaBackend * b, void (*func) (gpointer data),
    gpointer data, gboolean * known)
{
  cudaGraph_t captured = NULL;
  cudaGraphExec_t graph = NULL;
  gboolean ok;

  /* other threads go on with what they do */
  if (!ddpm_cuda_ok (b, cudaStreamBeginCapture (b->stream,
              cudaStreamCaptureModeThreadLocal), "capturing a graph"))
    return NULL;
  *known = make_calls (g, b, CAPTURE, func, data);
  ok = ddpm_cuda_ok (b, cudaStreamEndCapture (b->stream, &captured),
      "capturing a graph") && *known && b->failure == NULL;
  if (ok && !ddpm_cuda_ok (b, cudaGraphInstantiate (&graph, captured, 0),
          "making a graph"))
    graph = NULL;
  if (captured)
    ddpm_cuda_ok (b, cudaGraphDestroy (captured), "freeing a graph");
  return graph;
}

static void
launch (CudaGraph * g, CudaBackend * b)
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
measure (CudaGraph * g, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  make_calls (g, b, MEASURE, func, data);
  g->known = g->now;
  g->state = b->failure ? NOT_MEASURED : MEASURED;
}

/* Makes calls as ever that are others than those that are known. */
static void
miss (CudaGraph * g, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  const Tally before = g->missed;

  g_array_set_size (g->deliveries, 0);
  make_calls (g, b, MEASURE, func, data);
  g->missed = g->now;
  if (b->failure || !same (&g->now, &before))
    return;
  free_graph (g, b);
  g->known = g->now;
  g->state = MEASURED;
}

/* FALSE: nothing was launched, the calls are still to be made. */
static gboolean
capture_and_launch (CudaGraph * g, CudaBackend * b,
    void (*func) (gpointer data), gpointer data)
{
  gboolean known = TRUE;

  if (alloc_buffers (g, b))
    g->graph = capture (g, b, func, data, &known);
  if (g->graph) {
    g->state = CAPTURED;
    launch (g, b);
    return TRUE;
  }
  g_debug ("no graph: %s", b->failure ? b->failure->message
      : "there is no memory, or other calls were made than before");
  g_clear_error (&b->failure);
  g_array_set_size (g->deliveries, 0);
  free_graph (g, b);
  if (known) {
    g->state = NO_GRAPH;
    return FALSE;
  }
  miss (g, b, func, data);
  return TRUE;
}

/* An event that was never recorded is over. */
static void
replay (CudaGraph * g, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  if (!ddpm_cuda_ok (b, cudaEventSynchronize (g->copied[g->slot]),
          "waiting for a copy"))
    return;                     /* no more than any other call would do */
  if (make_calls (g, b, REPLAY, func, data))
    launch (g, b);
  else
    miss (g, b, func, data);
}

/* A sequence within another is part of that. While a failure is kept, calls
 * are made as ever: nothing can be learnt from them. */
void
ddpm_cuda_graph_run (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  CudaGraph *g = (CudaGraph *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  gboolean done = FALSE;

  if (b->graph == NULL && b->failure == NULL) {
    if (g->deliveries->len > 0)
      ddpm_cuda_graph_wait (b); /* or what is returned would be lost */
    switch (g->state) {
      case NOT_MEASURED:
        measure (g, b, func, data);
        done = TRUE;
        break;
      case MEASURED:
        done = capture_and_launch (g, b, func, data);
        break;
      case CAPTURED:
        replay (g, b, func, data);
        done = TRUE;
        break;
      case NO_GRAPH:
        break;
    }
  }
  if (!done)
    func (data);
}
