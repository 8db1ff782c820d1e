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

#include "kernels/cuda/private.h"

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

/* --- the plan ----------------------------------------------------------- */

/* With all that was taken for it */
static void
free_graph (CudaGraph * s, CudaBackend * b)
{
  ddpm_cuda_wait (&b->base);    /* it may be running, or have deliveries */
  if (s->graph)
    ddpm_cuda_ok (b, cudaGraphExecDestroy (s->graph), "freeing a graph");
  s->graph = NULL;
  ddpm_cuda_free (&b->base, s->device);
  s->device = NULL;
  for (guint i = 0; i < SLOTS; i++) {
    if (s->slots[i])
      ddpm_cuda_ok (b, cudaFreeHost (s->slots[i]), "freeing pinned memory");
    if (s->copied[i])
      ddpm_cuda_ok (b, cudaEventDestroy (s->copied[i]), "freeing an event");
    s->slots[i] = NULL;
    s->copied[i] = NULL;
  }
  if (s->returned)
    ddpm_cuda_ok (b, cudaFreeHost (s->returned), "freeing pinned memory");
  s->returned = NULL;
}

static void
sequence_clear (DdpmPlan * p)
{
  CudaGraph *s = (CudaGraph *) p;

  free_graph (s, ddpm_cuda_plan_backend (p));
  g_array_unref (s->deliveries);
}

DdpmPlan *
ddpm_cuda_graph_new (DdpmBackend * base)
{
  CudaGraph *s = g_new0 (CudaGraph, 1);

  ddpm_cuda_plan_init (&s->cuda, base, 0);
  s->cuda.clear = sequence_clear;
  s->cuda.implementation[0] = "cuda:graph";
  s->deliveries = g_array_new (FALSE, FALSE, sizeof (Delivery));
  return &s->cuda.plan;
}

/* As much as was measured. What has been taken when it fails is freed by
 * free_graph (). */
static gboolean
take_memory (CudaGraph * s, CudaBackend * b)
{
  const gsize staged = MAX (s->known.staged, 1);

  s->device = ddpm_cuda_alloc (&b->base, staged);
  if (s->device == NULL
      || !ddpm_cuda_ok (b, cudaHostAlloc ((void **) &s->returned,
              MAX (s->known.returned, 1), cudaHostAllocDefault),
          "taking pinned memory"))
    return FALSE;
  for (guint i = 0; i < SLOTS; i++) {
    if (!ddpm_cuda_ok (b, cudaHostAlloc ((void **) &s->slots[i], staged,
                cudaHostAllocDefault), "taking pinned memory")
        || !ddpm_cuda_ok (b, cudaEventCreateWithFlags (&s->copied[i],
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
ddpm_cuda_replayed (CudaBackend * b)
{
  if (b->sequence == NULL)
    return FALSE;
  b->sequence->now.calls++;
  return b->sequence->mode == REPLAY;
}

/* Where there is no room the calls are others than before, which shows when
 * they have all been made. */
gboolean
ddpm_cuda_graph_stage (CudaBackend * b, gconstpointer src, gsize size,
    gpointer * place)
{
  CudaGraph *s = b->sequence;
  gsize offset;

  if (s == NULL)
    return FALSE;
  offset = s->now.staged;
  note_size (&s->now, &s->now.staged, size);
  if (s->mode == MEASURE)
    return FALSE;
  *place = NULL;
  if (s->now.staged <= s->known.staged) {
    memcpy (s->slots[s->slot] + offset, src, size);
    *place = s->device + offset;
  }
  return TRUE;
}

gboolean
ddpm_cuda_graph_download (CudaBackend * b, gpointer dst, gconstpointer src,
    gsize size)
{
  CudaGraph *s = b->sequence;
  Delivery delivery = { dst, 0, size };

  if (s == NULL)
    return FALSE;
  delivery.offset = s->now.returned;
  note_size (&s->now, &s->now.returned, size);
  if (s->mode == MEASURE)
    return FALSE;
  if (s->now.returned > s->known.returned)
    return TRUE;
  if (s->mode == CAPTURE)
    ddpm_cuda_ok (b, cudaMemcpyAsync (s->returned + delivery.offset, src, size,
            cudaMemcpyDeviceToHost, b->stream), "copying from the device");
  g_array_append_val (s->deliveries, delivery);
  return TRUE;
}

/* --- deliveries --------------------------------------------------------- */

void
ddpm_cuda_graph_deliver (CudaBackend * b, gboolean ok)
{
  while (b->delivering) {
    CudaGraph *s = b->delivering;

    for (guint i = 0; ok && i < s->deliveries->len; i++) {
      const Delivery *d = &g_array_index (s->deliveries, Delivery, i);

      memcpy (d->to, s->returned + d->offset, d->size);
    }
    g_array_set_size (s->deliveries, 0);
    b->delivering = s->next;
  }
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
make_calls (CudaGraph * s, CudaBackend * b, Mode mode,
    void (*func) (gpointer data), gpointer data)
{
  const Tally none = { 0, };

  s->mode = mode;
  s->now = none;
  b->sequence = s;
  func (data);
  b->sequence = NULL;
  return same (&s->now, &s->known);
}

/* NULL: what was called cannot be captured, or was not what is known. No
 * failure of this is one of the run. */
static cudaGraphExec_t
capture (CudaGraph * s, CudaBackend * b, void (*func) (gpointer data),
    gpointer data, gboolean * known)
{
  cudaGraph_t captured = NULL;
  cudaGraphExec_t graph = NULL;
  gboolean ok;

  /* other threads go on with what they do */
  if (!ddpm_cuda_ok (b, cudaStreamBeginCapture (b->stream,
              cudaStreamCaptureModeThreadLocal), "capturing a graph"))
    return NULL;
  *known = make_calls (s, b, CAPTURE, func, data);
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
launch (CudaGraph * s, CudaBackend * b)
{
  const Tally none = { 0, };
  const gboolean ok = (s->known.staged == 0
      || ddpm_cuda_ok (b, cudaMemcpyAsync (s->device, s->slots[s->slot],
              s->known.staged, cudaMemcpyHostToDevice, b->stream),
          "copying parameters"))
      && ddpm_cuda_ok (b, cudaEventRecord (s->copied[s->slot], b->stream),
      "marking a copy")
      && ddpm_cuda_ok (b, cudaGraphLaunch (s->graph, b->stream),
      "launching a graph");

  s->slot = (s->slot + 1) % SLOTS;
  s->missed = none;
  if (!ok) {
    g_array_set_size (s->deliveries, 0);
  } else if (s->deliveries->len > 0) {
    s->next = b->delivering;
    b->delivering = s;
  }
}

static void
measure (CudaGraph * s, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  make_calls (s, b, MEASURE, func, data);
  s->known = s->now;
  s->state = b->failure ? NOT_MEASURED : MEASURED;
}

/* Makes calls as ever that are others than those that are known. */
static void
miss (CudaGraph * s, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  const Tally before = s->missed;

  g_array_set_size (s->deliveries, 0);
  make_calls (s, b, MEASURE, func, data);
  s->missed = s->now;
  if (b->failure || !same (&s->now, &before))
    return;
  free_graph (s, b);
  s->known = s->now;
  s->state = MEASURED;
}

/* FALSE: nothing was launched, the calls are still to be made. */
static gboolean
capture_and_launch (CudaGraph * s, CudaBackend * b,
    void (*func) (gpointer data), gpointer data)
{
  gboolean known = TRUE;

  if (take_memory (s, b))
    s->graph = capture (s, b, func, data, &known);
  if (s->graph) {
    s->state = CAPTURED;
    launch (s, b);
    return TRUE;
  }
  g_debug ("no graph: %s", b->failure ? b->failure->message
      : "there is no memory, or other calls were made than before");
  g_clear_error (&b->failure);
  g_array_set_size (s->deliveries, 0);
  free_graph (s, b);
  if (known) {
    s->state = NO_GRAPH;
    return FALSE;
  }
  miss (s, b, func, data);
  return TRUE;
}

/* An event that was never recorded is over. */
static void
replay (CudaGraph * s, CudaBackend * b, void (*func) (gpointer data),
    gpointer data)
{
  if (!ddpm_cuda_ok (b, cudaEventSynchronize (s->copied[s->slot]),
          "waiting for a copy"))
    return;                     /* no more than any other call would do */
  if (make_calls (s, b, REPLAY, func, data))
    launch (s, b);
  else
    miss (s, b, func, data);
}

/* A sequence within another is part of that. While a failure is kept, calls
 * are made as ever: nothing can be learnt from them. */
void
ddpm_cuda_graph_run (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  CudaGraph *s = (CudaGraph *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  gboolean done = FALSE;

  if (b->sequence == NULL && b->failure == NULL) {
    if (s->deliveries->len > 0)
      ddpm_cuda_wait (p->backend);      /* or what is returned would be lost */
    switch (s->state) {
      case NOT_MEASURED:
        measure (s, b, func, data);
        done = TRUE;
        break;
      case MEASURED:
        done = capture_and_launch (s, b, func, data);
        break;
      case CAPTURED:
        replay (s, b, func, data);
        done = TRUE;
        break;
      case NO_GRAPH:
        break;
    }
  }
  if (!done)
    func (data);
}
