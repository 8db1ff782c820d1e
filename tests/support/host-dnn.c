/* gst-ddpm: the CUDA backend's convolutions by the formula, for tests of what
 * calls them
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/host-dnn.h"

#include "kernels/cuda/convolution-plan.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/libraries.h"
#include "tests/support/host-backend.h"

/* --- graphs, by the formula ----------------------------------------------- */

typedef struct
{
  DdpmType type;
  CudaDnnShape shape;
  gint place;                   /* index of its address; -1: virtual */
  float *values;                /* of a virtual tensor */
} HostTensor;

typedef struct
{
  gboolean convolution;
  CudaDnnPass pass;
  CudaDnnWindow window;
  HostTensor *x, *other, *y;    /* other: weights; NULL: none */
} HostOperation;

struct _CudaDnnGraph
{
  GPtrArray *tensors;
  GArray *operations;
  gint in_memory;
};

struct _CudaDnnPlan
{
  CudaDnnGraph *graph;
};

guint host_dnn_longest = 3;

static gsize
count_of (const HostTensor * t)
{
  return t->shape.n * t->shape.height * t->shape.width * t->shape.c;
}

static void
tensor_clear (gpointer tensor)
{
  HostTensor *t = tensor;

  g_free (t->values);
  g_free (t);
}

CudaDnnGraph *
ddpm_cuda_dnn_graph_new (const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = g_new0 (CudaDnnGraph, 1);

  graph->tensors = g_ptr_array_new_with_free_func (tensor_clear);
  graph->operations = g_array_new (FALSE, TRUE, sizeof (HostOperation));
  return graph;
}

void
ddpm_cuda_dnn_graph_free (CudaDnnGraph * graph)
{
  g_ptr_array_unref (graph->tensors);
  g_array_unref (graph->operations);
  g_free (graph);
}

static HostTensor *
add_tensor (CudaDnnGraph * graph, DdpmType type, CudaDnnShape shape, gint place)
{
  HostTensor *t = g_new0 (HostTensor, 1);

  t->type = type;
  t->shape = shape;
  t->place = place;
  g_ptr_array_add (graph->tensors, t);
  return t;
}

CudaDnnTensor
ddpm_cuda_dnn_tensor (CudaDnnGraph * graph, DdpmType type, CudaDnnShape shape)
{
  return add_tensor (graph, type, shape, graph->in_memory++);
}

CudaDnnTensor
ddpm_cuda_dnn_virtual_tensor (CudaDnnGraph * graph, DdpmType type,
    CudaDnnShape shape)
{
  HostTensor *t = add_tensor (graph, type, shape, -1);

  g_assert_cmpint (type, ==, DDPM_TYPE_F32);
  t->values = g_new (float, count_of (t));
  return t;
}

void
ddpm_cuda_dnn_convolve (CudaDnnGraph * graph, CudaDnnPass pass,
    const CudaDnnWindow * window, CudaDnnTensor x, CudaDnnTensor w,
    CudaDnnTensor y)
{
  const HostOperation op = { TRUE, pass, *window, x, w, y };

  g_array_append_val (graph->operations, op);
}

void
ddpm_cuda_dnn_add (CudaDnnGraph * graph, CudaDnnTensor x, CudaDnnTensor other,
    CudaDnnTensor sum)
{
  const HostOperation op = {.x = x,.other = other,.y = sum };

  g_array_append_val (graph->operations, op);
}

void
ddpm_cuda_dnn_convert (CudaDnnGraph * graph, CudaDnnTensor from,
    CudaDnnTensor to)
{
  const HostOperation op = {.x = from,.y = to };

  g_array_append_val (graph->operations, op);
}

CudaDnnPlan *
ddpm_cuda_dnn_plan_new (CudaDnnGraph * graph, const gchar * what,
    GError ** error)
{
  CudaDnnPlan *plan;

  if (graph->operations->len > host_dnn_longest) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, "%s: too long", what);
    ddpm_cuda_dnn_graph_free (graph);
    return NULL;
  }
  plan = g_new (CudaDnnPlan, 1);
  plan->graph = graph;
  return plan;
}

void
ddpm_cuda_dnn_plan_free (CudaDnnPlan * plan)
{
  if (plan)
    ddpm_cuda_dnn_graph_free (plan->graph);
  g_free (plan);
}

gsize
ddpm_cuda_dnn_plan_scratch (const CudaDnnPlan * plan)
{
  return 40;
}

const gchar *
ddpm_cuda_dnn_plan_name (const CudaDnnPlan * plan)
{
  return "formula";
}

static Tensor
memory_of (const HostTensor * t, const gconstpointer * memory)
{
  const Tensor place = {.type = t->type,.count = count_of (t),
    .data = t->place < 0 ? t->values : (gpointer) memory[t->place]
  };

  return place;
}

/* All three passes are sums over the same products. */
static void
convolve (const HostOperation * op, const gconstpointer * memory)
{
  const CudaDnnShape *x = &op->x->shape, *w = &op->other->shape;
  const CudaDnnShape *y = &op->y->shape;
  const HostTensor *tensors[] = { op->x, op->other, op->y };
  const guint result = op->pass == CUDA_DNN_FORWARD ? 2
      : op->pass == CUDA_DNN_BACKWARD_WEIGHTS;
  const Tensor out = memory_of (tensors[result], memory);
  double *value[3];

  g_assert_cmpint (w->c, ==, x->c);
  g_assert_cmpint (w->n, ==, y->c);
  /* in place: y may be written before everything was read */
  memset (out.data, 0xff, out.count * ddpm_type_size (out.type));
  for (guint i = 0; i < 3; i++) {
    const Tensor t = memory_of (tensors[i], memory);

    value[i] = g_new0 (double, t.count);
    for (gsize e = 0; i != result && e < t.count; e++)
      value[i][e] = tensor_get (&t, e);
  }
  for (gint64 i = 0; i < y->n * y->height * y->width * w->height * w->width;
      i++) {
    const gint64 tap = i % (w->height * w->width);
    const gint64 pixel = i / (w->height * w->width);
    const gint64 row = pixel / y->width % y->height * op->window.stride
        + tap / w->width - op->window.before;
    const gint64 column = pixel % y->width * op->window.stride
        + tap % w->width - op->window.before;
    const gint64 from = pixel / y->width / y->height * x->height + row;

    if (row < 0 || column < 0 || row >= x->height || column >= x->width)
      continue;
    for (gint64 k = 0; k < y->c; k++) {
      for (gint64 c = 0; c < x->c; c++) {
        double *px = &value[0][(from * x->width + column) * x->c + c];
        double *pw = &value[1][(k * w->height * w->width + tap) * w->c + c];
        double *py = &value[2][pixel * y->c + k];

        if (result == 2)
          *py += *px * *pw;
        else if (result == 1)
          *pw += *px * *py;
        else
          *px += *py * *pw;
      }
    }
  }
  for (gsize e = 0; e < out.count; e++)
    tensor_set (&out, e, value[result][e]);
  for (guint i = 0; i < 3; i++)
    g_free (value[i]);
}

static void
add_or_convert (const HostOperation * op, const gconstpointer * memory)
{
  const Tensor x = memory_of (op->x, memory), y = memory_of (op->y, memory);

  for (gsize e = 0; e < y.count; e++) {
    double value = tensor_get (&x, e);

    if (op->other) {
      const Tensor other = memory_of (op->other, memory);

      value += tensor_get (&other, e % other.count);
    }
    tensor_set (&y, e, value);
  }
}

cudnnStatus_t
ddpm_cuda_dnn_run (CudaDnnRun * run, const CudaDnnPlan * plan,
    cudnnHandle_t handle, const gconstpointer * memory, gpointer scratch)
{
  const GArray *operations = plan->graph->operations;

  g_assert_false (host_replayed);
  memset (scratch, 0xff, ddpm_cuda_dnn_plan_scratch (plan));
  for (guint i = 0; i < operations->len; i++) {
    const HostOperation *op = &g_array_index (operations, HostOperation, i);

    (op->convolution ? convolve : add_or_convert) (op, memory);
  }
  return CUDNN_STATUS_SUCCESS;
}

void
ddpm_cuda_dnn_run_clear (CudaDnnRun * run)
{
}

/* --- the backend ---------------------------------------------------------- */

gboolean
ddpm_cuda_open_cudnn (CudaBackend * b)
{
  return TRUE;
}

cudaError_t
cudaMemcpyAsync (void *dst, const void *src, size_t size,
    enum cudaMemcpyKind kind, cudaStream_t stream)
{
  g_assert_false (host_replayed);
  g_assert_cmpint (kind, ==, cudaMemcpyDeviceToDevice);
  memcpy (dst, src, size);
  return cudaSuccess;
}

gboolean
ddpm_cuda_dnn_ok (CudaBackend * b, cudnnStatus_t status, const gchar * what)
{
  return status == CUDNN_STATUS_SUCCESS;
}
