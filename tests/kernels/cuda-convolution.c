/* gst-ddpm: the CUDA backend's convolutions agree with the reference. Their
 * kernels run on the CPU (tests/support/host-cuda.h), and a stand-in for cuDNN
 * computes their graphs by the formula.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/convolution-plan.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/libraries.h"
#include "kernels/cuda/operations.h"
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

/* How many operations an engine can fuse */
static guint longest = 3;

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

  if (graph->operations->len > longest) {
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

/* --- cases ---------------------------------------------------------------- */

/* Aligned and odd channels, one source and two, image and eps */
TABLE_TEST (convolutions_agree_with_the_reference, host_precisions)
{
  static const guint shapes[][10] = {
    /* n, height, width, cin0, cin1, cout, kernel, stride, f32: x 1, y 2,
     * padded at the end */
    {2, 6, 5, 8, 0, 16, 3, 1, 0}, {1, 5, 4, 16, 0, 8, 3, 2, 0},
    {2, 4, 4, 16, 0, 24, 1, 1, 0}, {2, 3, 4, 8, 16, 8, 1, 1, 0},
    {1, 4, 3, 3, 6, 7, 3, 1, 0}, {1, 5, 5, 3, 0, 16, 3, 1, 1},
    {2, 4, 4, 16, 0, 3, 3, 1, 2}, {1, 3, 3, 8, 8, 8, 3, 2, 3},
    {2, 9, 9, 4, 0, 20, 1, 1, 0}, {2, 6, 4, 16, 0, 8, 3, 2, 0, TRUE},
    {1, 5, 7, 3, 2, 5, 3, 2, 0, TRUE}, {1, 1, 1, 8, 0, 8, 3, 2, 0, TRUE},
    {1, 5, 5, 4, 0, 16, 3, 1, 1}, {2, 4, 4, 16, 0, 2, 3, 1, 2},
  };
  const DdpmType act = row->type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const guint *s = shapes[i];

    for (guint variant = 0; variant < 6; variant++) {
      const Case c = {
        .run = run_conv,
        .conv = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7],
              s[8] & 1 ? DDPM_TYPE_F32 : act, s[8] & 2 ? DDPM_TYPE_F32 : act,
            variant < 5, s[9]},
        .residual = variant % 3,
        .add = variant / 2 % 2,
      };

      for (longest = 1; longest <= 3; longest++)
        host_assert_as_reference (row, &c, c.conv.n, 0);
    }
  }
}

/* More than one chunk, and blocks that loop */
TABLE_TEST (a_large_convolution_agrees_with_the_reference, host_precisions)
{
  const DdpmType act = row->type;
  const Case c = {
    .run = run_conv,
    .conv = {5, 32, 32, 8, 8, 40, 1, 1, act, act, TRUE},
    .add = TRUE,
  };

  host_assert_as_reference (row, &c, c.conv.n, 0);
}

TABLE_TEST (a_replayed_graph_launches_nothing, host_precisions)
{
  const DdpmType act = row->type;
  const Case c = {
    .run = run_conv,
    .conv = {1, 4, 3, 3, 6, 7, 3, 1, act, act, TRUE},
    .residual = OTHER_RESIDUAL,
  };
  CudaBackend b = host_backend (act);

  host_assert_replay (&b.base, &c);
  g_hash_table_unref (b.convolutions);
}

/* --- layouts -------------------------------------------------------------- */

TEST (krsc_and_kcrs_indices_are_inverse)
{
  const CudaWeightShape s = { 5, 3, 9, 8, 8 };
  const guint count = ddpm_cuda_kcrs_count (&s);
  guint padding = 0;

  for (guint i = 0; i < count; i++)
    g_assert_cmpuint (ddpm_cuda_kcrs_index (&s, ddpm_cuda_krsc_index (&s,
                i)), ==, i);
  for (guint i = 0; i < ddpm_cuda_krsc_count (&s); i++) {
    const guint source = ddpm_cuda_kcrs_index (&s, i);

    if (source == count)
      padding++;
    else
      g_assert_cmpuint (ddpm_cuda_krsc_index (&s, source), ==, i);
  }
  g_assert_cmpuint (padding, ==, 8 * 9 * 8 - 5 * 3 * 9);
  /* [co][ci][tap] = [1][2][3] is [co][tap][ci] */
  g_assert_cmpuint (ddpm_cuda_krsc_index (&s, (1 * 3 + 2) * 9 + 3), ==,
      (1 * 9 + 3) * 8 + 2);
}

TEST (chunks_cover_all_pixels)
{
  for (gsize pixels = 1; pixels < 200000; pixels = pixels * 3 / 2 + 1) {
    const gsize part = ddpm_cuda_chunk_pixels (pixels);
    const gsize count = ddpm_cuda_chunk_count (pixels);

    g_assert_cmpuint (count, <=, 512);
    g_assert_cmpuint (count * part, >=, pixels);
    g_assert_cmpuint ((count - 1) * part, <, pixels);
  }
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ddpm_cuda_convolution_set_ops (&host_ops);
  return g_test_run ();
}
