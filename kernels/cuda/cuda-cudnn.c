/* gst-ddpm: CUDA backend: cuDNN's graph interface
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdbool.h>
#include <string.h>

#include "cuda-cudnn.h"

/* What one mode of the heuristics is asked for */
#define MAX_CONFIGS 64
/* More workspace than this for one plan is not worth its speed. */
#define MAX_SCRATCH ((gint64) 1 << 30)
/* All memory that backends and the layouts of plans give out */
#define ALIGNMENT 16

struct _CudaDnnGraph
{
  const CudaDnnTarget *target;
  GPtrArray *parts;             /* all descriptors */
  GPtrArray *operations;        /* those of them that are operations */
  guint tensors, passing;       /* how many: in memory, and not */
  gboolean exact;               /* all are f32 */
  GError *failure;              /* the first, or NULL */
};

struct _CudaDnnPlan
{
  cudnnBackendDescriptor_t plan;
  guint tensors;
  gsize scratch;
  const gchar *name;
};

/* --- descriptors -------------------------------------------------------- */

static gboolean
check (cudnnStatus_t status, const gchar * what, GError ** error)
{
  gchar words[512] = "";
  const gboolean memory =
      status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;

  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudnnGetLastErrorString (words, sizeof (words));
  g_set_error (error, DDPM_ERROR, memory ? DDPM_ERROR_NO_SPACE
      : DDPM_ERROR_LIBRARY, "cuDNN, %s: %s%s%s", what,
      cudnnGetErrorString (status), *words ? ": " : "", words);
  return FALSE;
}

static void
destroy (gpointer descriptor)
{
  if (descriptor)
    cudnnBackendDestroyDescriptor (descriptor);
}

static gboolean
get (cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
    cudnnBackendAttributeType_t type, gint64 room, gint64 * count,
    gpointer values)
{
  gint64 n = 0;

  return cudnnBackendGetAttribute (from, name, type, room, count ? count : &n,
      values) == CUDNN_STATUS_SUCCESS;
}

/* Parts of a graph. After the first failure they do nothing. */
static cudnnBackendDescriptor_t
part_new (CudaDnnGraph * graph, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t part = NULL;

  if (graph->failure == NULL
      && check (cudnnBackendCreateDescriptor (type, &part), "making a graph",
          &graph->failure))
    g_ptr_array_add (graph->parts, part);
  return part;
}

static void
part_set (CudaDnnGraph * graph, cudnnBackendDescriptor_t part,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    gint64 count, gconstpointer values)
{
  if (graph->failure == NULL)
    check (cudnnBackendSetAttribute (part, name, type, count, values),
        "describing a graph", &graph->failure);
}

static void
part_set_part (CudaDnnGraph * graph, cudnnBackendDescriptor_t part,
    cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
  part_set (graph, part, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void
part_finish (CudaDnnGraph * graph, cudnnBackendDescriptor_t part)
{
  if (graph->failure == NULL)
    check (cudnnBackendFinalize (part), "finishing a graph", &graph->failure);
}

/* --- the device ---------------------------------------------------------- */

gboolean
cuda_dnn_target_describe (CudaDnnTarget * target, const gchar * json,
    GError ** error)
{
  target->handle = NULL;
  target->device = NULL;
  if (check (cudnnBackendCreateDescriptor
          (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &target->device),
          "describing a device", error)
      && check (cudnnBackendSetAttribute (target->device,
              CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
              strlen (json) + 1, json), "describing a device", error)
      && check (cudnnBackendFinalize (target->device), "describing a device",
          error))
    return TRUE;
  cuda_dnn_target_clear (target);
  return FALSE;
}

void
cuda_dnn_target_clear (CudaDnnTarget * target)
{
  g_clear_pointer (&target->device, destroy);
}

/* --- graphs -------------------------------------------------------------- */

CudaDnnGraph *
cuda_dnn_graph_new (const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = g_new0 (CudaDnnGraph, 1);

  graph->target = target;
  graph->parts = g_ptr_array_new_with_free_func (destroy);
  graph->operations = g_ptr_array_new ();
  graph->exact = TRUE;
  return graph;
}

void
cuda_dnn_graph_free (CudaDnnGraph * graph)
{
  if (graph == NULL)
    return;
  g_ptr_array_unref (graph->operations);
  g_ptr_array_unref (graph->parts);
  g_clear_error (&graph->failure);
  g_free (graph);
}

static CudaDnnTensor
tensor_new (CudaDnnGraph * graph, gint64 id, gboolean passing, DdpmType type,
    CudaDnnShape shape)
{
  const cudnnDataType_t data_type =
      type == DDPM_TYPE_F32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
  const gint64 dims[] = { shape.n, shape.c, shape.height, shape.width };
  const gint64 strides[] = { shape.height * shape.width * shape.c, 1,
    shape.width * shape.c, shape.c
  };
  const gint64 alignment = ALIGNMENT;
  const bool is_virtual = passing;
  CudaDnnTensor tensor = part_new (graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

  graph->exact = graph->exact && type == DDPM_TYPE_F32;
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1,
      &id);
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
      1, &data_type);
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4,
      dims);
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4,
      strides);
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64,
      1, &alignment);
  part_set (graph, tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
      &is_virtual);
  part_finish (graph, tensor);
  return tensor;
}

CudaDnnTensor
cuda_dnn_tensor (CudaDnnGraph * graph, DdpmType type, CudaDnnShape shape)
{
  return tensor_new (graph, ++graph->tensors, FALSE, type, shape);
}

CudaDnnTensor
cuda_dnn_passing (CudaDnnGraph * graph, DdpmType type, CudaDnnShape shape)
{
  return tensor_new (graph, CUDA_DNN_MAX_TENSORS + ++graph->passing, TRUE,
      type, shape);
}

static cudnnBackendDescriptor_t
window_new (CudaDnnGraph * graph, const CudaDnnWindow * window)
{
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const gint64 rank = 2, ones[] = { 1, 1 };
  const gint64 strides[] = { window->stride, window->stride };
  const gint64 padding[] = { window->padding, window->padding };
  cudnnBackendDescriptor_t part =
      part_new (graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
      CUDNN_TYPE_DATA_TYPE, 1, &sums);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
      CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64,
      1, &rank);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2,
      ones);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
      CUDNN_TYPE_INT64, 2, strides);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64,
      2, padding);
  part_set (graph, part, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
      CUDNN_TYPE_INT64, 2, padding);
  part_finish (graph, part);
  return part;
}

void
cuda_dnn_convolve (CudaDnnGraph * graph, CudaDnnPass pass,
    const CudaDnnWindow * window, CudaDnnTensor x, CudaDnnTensor w,
    CudaDnnTensor y)
{
  static const struct
  {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, x, w, y, alpha, beta;
  } names[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
  };
  const float alpha = 1.0f, beta = 0.0f;
  cudnnBackendDescriptor_t part = part_new (graph, names[pass].type);

  part_set_part (graph, part, names[pass].window, window_new (graph, window));
  part_set_part (graph, part, names[pass].x, x);
  part_set_part (graph, part, names[pass].w, w);
  part_set_part (graph, part, names[pass].y, y);
  part_set (graph, part, names[pass].alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
  part_set (graph, part, names[pass].beta, CUDNN_TYPE_FLOAT, 1, &beta);
  part_finish (graph, part);
  g_ptr_array_add (graph->operations, part);
}

/* y = mode (x, other), where mode takes two */
static void
pointwise (CudaDnnGraph * graph, cudnnPointwiseMode_t mode, CudaDnnTensor x,
    CudaDnnTensor other, CudaDnnTensor y)
{
  const cudnnDataType_t precision = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t how =
      part_new (graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  cudnnBackendDescriptor_t part;

  part_set (graph, how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE,
      1, &mode);
  part_set (graph, how, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE,
      1, &precision);
  part_finish (graph, how);

  part = part_new (graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  part_set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
      how);
  part_set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (other)
    part_set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
  part_set_part (graph, part, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  part_finish (graph, part);
  g_ptr_array_add (graph->operations, part);
}

void
cuda_dnn_add (CudaDnnGraph * graph, CudaDnnTensor x, CudaDnnTensor other,
    CudaDnnTensor sum)
{
  pointwise (graph, CUDNN_POINTWISE_ADD, x, other, sum);
}

void
cuda_dnn_convert (CudaDnnGraph * graph, CudaDnnTensor from, CudaDnnTensor to)
{
  pointwise (graph, CUDNN_POINTWISE_IDENTITY, from, NULL, to);
}

/* --- engines -------------------------------------------------------------- */

/* Whether what an engine says of its numbers keeps the rules */
static gboolean
keeps_rules (cudnnBackendDescriptor_t engine, gboolean exact)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  gint64 count = 0;

  if (!get (engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
          CUDNN_TYPE_NUMERICAL_NOTE, G_N_ELEMENTS (notes), &count, notes))
    return FALSE;
  for (gint64 i = 0; i < count; i++) {
    switch (notes[i]) {
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        return FALSE;
      case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP:
        break;
      default:                 /* tensor cores, Winograd, Fourier */
        if (exact)
          return FALSE;
    }
  }
  return TRUE;
}

/* The interned name of a configuration's engine; NULL: it breaks the rules */
static const gchar *
engine_name (cudnnBackendDescriptor_t config, gboolean exact)
{
  cudnnBackendDescriptor_t engine = NULL;
  g_autofree gchar *text = NULL;
  gint64 index;

  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine)
      != CUDNN_STATUS_SUCCESS)
    return NULL;
  if (get (config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
          1, NULL, &engine) && keeps_rules (engine, exact)
      && get (engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
          NULL, &index))
    text = g_strdup_printf ("cudnn:eng%" G_GINT64_FORMAT, index);
  cudnnBackendDestroyDescriptor (engine);
  return g_intern_string (text);
}

static cudnnBackendDescriptor_t
finish_graph (CudaDnnGraph * graph)
{
  cudnnBackendDescriptor_t part =
      part_new (graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

  part_set (graph, part, CUDNN_ATTR_OPERATIONGRAPH_OPS,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, graph->operations->len,
      graph->operations->pdata);
  if (graph->target->handle)
    part_set (graph, part, CUDNN_ATTR_OPERATIONGRAPH_HANDLE,
        CUDNN_TYPE_HANDLE, 1, &graph->target->handle);
  part_finish (graph, part);
  return part;
}

static cudnnBackendDescriptor_t
make_heuristics (CudaDnnGraph * graph, cudnnBackendDescriptor_t operations,
    cudnnBackendHeurMode_t mode)
{
  cudnnBackendDescriptor_t part =
      part_new (graph, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);

  part_set_part (graph, part, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
      operations);
  part_set (graph, part, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1,
      &mode);
  if (graph->target->device)
    part_set_part (graph, part, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
        graph->target->device);
  part_finish (graph, part);
  return part;
}

/* --- plans ---------------------------------------------------------------- */

/* Engines refuse what they cannot do only here: that is no failure of the
 * graph. */
static cudnnBackendDescriptor_t
make_plan (const CudaDnnTarget * target, cudnnBackendDescriptor_t config)
{
  cudnnBackendDescriptor_t part = NULL;
  cudnnStatus_t status;

  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
          &part) != CUDNN_STATUS_SUCCESS)
    return NULL;
  status = cudnnBackendSetAttribute (part,
      CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      1, &config);
  if (status == CUDNN_STATUS_SUCCESS && target->handle)
    status = cudnnBackendSetAttribute (part, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
        CUDNN_TYPE_HANDLE, 1, &target->handle);
  if (status == CUDNN_STATUS_SUCCESS && target->device)
    status = cudnnBackendSetAttribute (part,
        CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
        &target->device);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (part);
  if (status != CUDNN_STATUS_SUCCESS)
    g_clear_pointer (&part, destroy);
  return part;
}

static CudaDnnPlan *
try_config (CudaDnnGraph * graph, cudnnBackendDescriptor_t config)
{
  const gchar *name = engine_name (config, graph->exact);
  cudnnBackendDescriptor_t part;
  gint64 scratch;
  CudaDnnPlan *plan;

  if (name == NULL || !(part = make_plan (graph->target, config)))
    return NULL;
  if (!get (part, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
          1, NULL, &scratch) || scratch < 0 || scratch > MAX_SCRATCH) {
    destroy (part);
    return NULL;
  }

  plan = g_new0 (CudaDnnPlan, 1);
  plan->plan = part;
  plan->tensors = graph->tensors;
  plan->scratch = scratch;
  plan->name = name;
  return plan;
}

/* The first of a mode's configurations that will do */
static CudaDnnPlan *
try_mode (CudaDnnGraph * graph, cudnnBackendDescriptor_t operations,
    cudnnBackendHeurMode_t mode)
{
  cudnnBackendDescriptor_t heuristics =
      make_heuristics (graph, operations, mode);
  cudnnBackendDescriptor_t configs[MAX_CONFIGS];
  CudaDnnPlan *plan = NULL;
  gint64 count = 0;

  for (guint i = 0; i < MAX_CONFIGS; i++)
    configs[i] = part_new (graph, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (graph->failure || !get (heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
          CUDNN_TYPE_BACKEND_DESCRIPTOR, MAX_CONFIGS, &count, configs))
    return NULL;
  for (gint64 i = 0; i < MIN (count, MAX_CONFIGS) && plan == NULL; i++)
    plan = try_config (graph, configs[i]);
  return plan;
}

CudaDnnPlan *
cuda_dnn_plan_new (CudaDnnGraph * graph, const gchar * what, GError ** error)
{
  static const cudnnBackendHeurMode_t modes[] = { CUDNN_HEUR_MODE_A,
    CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK
  };
  cudnnBackendDescriptor_t operations = finish_graph (graph);
  CudaDnnPlan *plan = NULL;

  if (graph->failure)
    goto done;
  for (guint i = 0; i < G_N_ELEMENTS (modes) && plan == NULL; i++) {
    g_clear_error (&graph->failure);    /* another mode may know more */
    plan = try_mode (graph, operations, modes[i]);
  }

done:
  if (plan == NULL && graph->failure) {
    g_propagate_prefixed_error (error, g_steal_pointer (&graph->failure),
        "%s: ", what);
  } else if (plan == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY,
        "%s: no engine of cuDNN %zu computes it", what, cudnnGetVersion ());
  }
  cuda_dnn_graph_free (graph);
  return plan;
}

void
cuda_dnn_plan_free (CudaDnnPlan * plan)
{
  if (plan == NULL)
    return;
  destroy (plan->plan);
  g_free (plan);
}

gsize
cuda_dnn_plan_scratch (const CudaDnnPlan * plan)
{
  return plan->scratch;
}

const gchar *
cuda_dnn_plan_name (const CudaDnnPlan * plan)
{
  return plan->name;
}

/* --- runs ----------------------------------------------------------------- */

static cudnnStatus_t
make_pack (CudaDnnRun * run, guint tensors)
{
  gint64 ids[CUDA_DNN_MAX_TENSORS];
  cudnnStatus_t status =
      cudnnBackendCreateDescriptor (CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR,
      &run->pack);

  for (guint i = 0; i < tensors; i++)
    ids[i] = i + 1;
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (run->pack,
        CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, tensors, ids);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (run->pack,
        CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, tensors,
        run->memory);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute (run->pack,
        CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
        &run->scratch);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (run->pack);
  if (status != CUDNN_STATUS_SUCCESS)
    cuda_dnn_run_clear (run);
  return status;
}

/* A pack that is finished cannot be changed. */
cudnnStatus_t
cuda_dnn_run (CudaDnnRun * run, const CudaDnnPlan * plan,
    cudnnHandle_t handle, const gconstpointer * memory, gpointer scratch)
{
  const gsize size = plan->tensors * sizeof (*memory);
  cudnnStatus_t status;

  if (run->pack == NULL || run->scratch != scratch
      || memcmp (run->memory, memory, size) != 0) {
    cuda_dnn_run_clear (run);
    memcpy (run->memory, memory, size);
    run->scratch = scratch;
    status = make_pack (run, plan->tensors);
    if (status != CUDNN_STATUS_SUCCESS)
      return status;
  }
  return cudnnBackendExecute (handle, plan->plan, run->pack);
}

void
cuda_dnn_run_clear (CudaDnnRun * run)
{
  g_clear_pointer (&run->pack, destroy);
}
