/* gst-ddpm: CUDA backend: execution plans of cuDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/dnn-graph-private.h"
#include "kernels/cuda/dnn-plan.h"

/* How many configurations one mode of the heuristics may return */
#define MAX_CONFIGS 64
/* No plan is fast enough to be worth more workspace than this. */
#define MAX_SCRATCH ((gint64) 1 << 30)

struct _CudaDnnPlan
{
  cudnnBackendDescriptor_t plan;
  guint tensors;
  gsize scratch;
  const gchar *name;
};

static gboolean
get (cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
    cudnnBackendAttributeType_t type, gint64 room, gint64 * count,
    gpointer values)
{
  gint64 n = 0;

  return cudnnBackendGetAttribute (from, name, type, room, count ? count : &n,
      values) == CUDNN_STATUS_SUCCESS;
}

/* --- engines -------------------------------------------------------------- */

/* Whether an engine's numerical notes keep the rules of dnn-plan.h */
static gboolean
keeps_rules (cudnnBackendDescriptor_t engine, gboolean exact)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  gint64 count = 0;

  if (!get (engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
          CUDNN_TYPE_NUMERICAL_NOTE, G_N_ELEMENTS (notes), &count, notes))
    return FALSE;
  /* a later cuDNN may have more notes */
  if (count > (gint64) G_N_ELEMENTS (notes))
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
  cudnnBackendDescriptor_t descriptor = ddpm_cuda_dnn_descriptor_new (graph,
      CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

  ddpm_cuda_dnn_set_attribute (graph, descriptor, CUDNN_ATTR_OPERATIONGRAPH_OPS,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, graph->operations->len,
      graph->operations->pdata);
  if (graph->target->handle)
    ddpm_cuda_dnn_set_attribute (graph, descriptor,
        CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
        &graph->target->handle);
  ddpm_cuda_dnn_finalize (graph, descriptor);
  return descriptor;
}

static cudnnBackendDescriptor_t
make_heuristics (CudaDnnGraph * graph, cudnnBackendDescriptor_t operations,
    cudnnBackendHeurMode_t mode)
{
  cudnnBackendDescriptor_t descriptor =
      ddpm_cuda_dnn_descriptor_new (graph, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);

  ddpm_cuda_dnn_set_descriptor (graph, descriptor,
      CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations);
  ddpm_cuda_dnn_set_attribute (graph, descriptor, CUDNN_ATTR_ENGINEHEUR_MODE,
      CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (graph->target->device)
    ddpm_cuda_dnn_set_descriptor (graph, descriptor,
        CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, graph->target->device);
  ddpm_cuda_dnn_finalize (graph, descriptor);
  return descriptor;
}

/* --- plans ---------------------------------------------------------------- */

/* Makes a plan from an engine's configuration, or from a plan's JSON. An engine
 * that cannot compute the graph says so only here, so this is not a failure. */
static cudnnBackendDescriptor_t
make_plan (const CudaDnnTarget * target, cudnnBackendAttributeName_t source,
    cudnnBackendAttributeType_t type, gint64 count, gconstpointer values)
{
  cudnnBackendDescriptor_t descriptor = NULL;
  cudnnStatus_t status;

  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
          &descriptor) != CUDNN_STATUS_SUCCESS)
    return NULL;
  status = cudnnBackendSetAttribute (descriptor, source, type, count, values);
  if (status == CUDNN_STATUS_SUCCESS && target->handle)
    status =
        cudnnBackendSetAttribute (descriptor, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
        CUDNN_TYPE_HANDLE, 1, &target->handle);
  if (status == CUDNN_STATUS_SUCCESS && target->device)
    status = cudnnBackendSetAttribute (descriptor,
        CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
        &target->device);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize (descriptor);
  if (status != CUDNN_STATUS_SUCCESS)
    g_clear_pointer (&descriptor, ddpm_cuda_dnn_destroy);
  return descriptor;
}

/* Takes ownership of descriptor. NULL: the plan breaks the rules, or needs too
 * much workspace. */
static CudaDnnPlan *
wrap_plan (CudaDnnGraph * graph, cudnnBackendDescriptor_t descriptor,
    const gchar * name)
{
  gint64 scratch;
  CudaDnnPlan *plan;

  if (name == NULL
      || !get (descriptor, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
          CUDNN_TYPE_INT64, 1, NULL, &scratch) || scratch < 0
      || scratch > MAX_SCRATCH) {
    ddpm_cuda_dnn_destroy (descriptor);
    return NULL;
  }

  plan = g_new0 (CudaDnnPlan, 1);
  plan->plan = descriptor;
  plan->tensors = graph->tensors;
  plan->scratch = scratch;
  plan->name = name;
  return plan;
}

static CudaDnnPlan *
try_config (CudaDnnGraph * graph, cudnnBackendDescriptor_t config)
{
  const gchar *name = engine_name (config, graph->exact);
  cudnnBackendDescriptor_t descriptor = NULL;

  if (name)
    descriptor =
        make_plan (graph->target, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config);
  return descriptor ? wrap_plan (graph, descriptor, name) : NULL;
}

/* The first usable configuration of a mode */
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
    configs[i] =
        ddpm_cuda_dnn_descriptor_new (graph,
        CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (graph->failure
      || !get (heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
          CUDNN_TYPE_BACKEND_DESCRIPTOR, MAX_CONFIGS, &count, configs))
    return NULL;
  for (gint64 i = 0; i < MIN (count, MAX_CONFIGS) && plan == NULL; i++)
    plan = try_config (graph, configs[i]);
  return plan;
}

/* --- plans in the cache ----------------------------------------------------- */

static const gchar *
plan_engine_name (cudnnBackendDescriptor_t descriptor, gboolean exact)
{
  cudnnBackendDescriptor_t config = NULL;
  const gchar *name = NULL;

  if (cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
          &config) != CUDNN_STATUS_SUCCESS)
    return NULL;
  if (get (descriptor, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
          CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, NULL, &config))
    name = engine_name (config, exact);
  cudnnBackendDestroyDescriptor (config);
  return name;
}

/* The rules apply to a plan from the cache as well. */
static CudaDnnPlan *
restore_plan (CudaDnnGraph * graph)
{
  const CudaDnnTarget *target = graph->target;
  g_autofree gchar *text = NULL;
  cudnnBackendDescriptor_t descriptor;

  if (target->cache == NULL || graph->failure)
    return NULL;
  text = ddpm_cuda_plan_cache_read (target->cache, graph->text->str);
  if (text == NULL)
    return NULL;
  descriptor = make_plan (target, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
      CUDNN_TYPE_CHAR, strlen (text), text);
  return descriptor ? wrap_plan (graph, descriptor,
      plan_engine_name (descriptor, graph->exact))
      : NULL;
}

/* cuDNN cannot write every plan as JSON. */
static void
keep_plan (const CudaDnnGraph * graph, const CudaDnnPlan * plan)
{
  const cudnnBackendAttributeName_t name =
      CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION;
  g_autofree gchar *text = NULL;
  gint64 size = 0;

  if (graph->target->cache == NULL
      || !get (plan->plan, name, CUDNN_TYPE_CHAR, 0, &size, NULL) || size <= 0)
    return;
  text = g_try_malloc0 (size + 1);
  if (text && get (plan->plan, name, CUDNN_TYPE_CHAR, size, &size, text))
    ddpm_cuda_plan_cache_write (graph->target->cache, graph->text->str, text);
}

/* --- a plan ----------------------------------------------------------------- */

/* A plan with an engine that cuDNN's heuristics list; NULL: there is none */
static CudaDnnPlan *
search_plan (CudaDnnGraph * graph)
{
  static const cudnnBackendHeurMode_t modes[] = { CUDNN_HEUR_MODE_A,
    CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK
  };
  cudnnBackendDescriptor_t operations = finish_graph (graph);
  CudaDnnPlan *plan = NULL;

  if (graph->failure)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (modes) && plan == NULL; i++) {
    g_clear_error (&graph->failure);    /* another mode may find an engine */
    plan = try_mode (graph, operations, modes[i]);
  }
  if (plan)
    keep_plan (graph, plan);
  return plan;
}

CudaDnnPlan *
ddpm_cuda_dnn_plan_new (CudaDnnGraph * graph, const gchar * what,
    GError ** error)
{
  CudaDnnPlan *plan = restore_plan (graph);

  if (plan == NULL)
    plan = search_plan (graph);
  cudaGetLastError ();          /* of an engine that was tried and failed */
  if (plan == NULL && graph->failure) {
    g_propagate_prefixed_error (error, g_steal_pointer (&graph->failure),
        "%s: ", what);
  } else if (plan == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY,
        "%s: cuDNN %zu has no engine for it", what, cudnnGetVersion ());
  }
  ddpm_cuda_dnn_graph_free (graph);
  return plan;
}

void
ddpm_cuda_dnn_plan_free (CudaDnnPlan * plan)
{
  if (plan == NULL)
    return;
  ddpm_cuda_dnn_destroy (plan->plan);
  g_free (plan);
}

gsize
ddpm_cuda_dnn_plan_scratch (const CudaDnnPlan * plan)
{
  return plan->scratch;
}

const gchar *
ddpm_cuda_dnn_plan_name (const CudaDnnPlan * plan)
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
    ddpm_cuda_dnn_run_clear (run);
  return status;
}

/* A finalized pack cannot be changed, so other addresses need a new one. */
cudnnStatus_t
ddpm_cuda_dnn_run (CudaDnnRun * run, const CudaDnnPlan * plan,
    cudnnHandle_t handle, const gconstpointer * memory, gpointer scratch)
{
  const gsize size = plan->tensors * sizeof (*memory);
  cudnnStatus_t status;

  if (run->pack == NULL || run->scratch != scratch
      || memcmp (run->memory, memory, size) != 0) {
    ddpm_cuda_dnn_run_clear (run);
    memcpy (run->memory, memory, size);
    run->scratch = scratch;
    status = make_pack (run, plan->tensors);
    if (status != CUDNN_STATUS_SUCCESS)
      return status;
  }
  return cudnnBackendExecute (handle, plan->plan, run->pack);
}

void
ddpm_cuda_dnn_run_clear (CudaDnnRun * run)
{
  g_clear_pointer (&run->pack, ddpm_cuda_dnn_destroy);
}
