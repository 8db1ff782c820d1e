/* gst-ddpm: the UNet: making plans, taking memory, setting weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "gst-ddpm/unet/private.h"
#include "gst-ddpm/model/params.h"
#include "kernels/desc.h"
#include "kernels/timer.h"

gsize ddpm_kept_times_size = 4 << 20;

static DdpmType
tensor_type (const DdpmUnet * unet, gint tensor)
{
  gboolean outside = tensor == 0
      || tensor == (gint) unet->graph->tensors->len - 1;

  return outside ? DDPM_TYPE_F32 : unet->backend->act_type;
}

static guint
channels_of (const DdpmUnet * unet, gint tensor)
{
  return tensor == DDPM_NO_TENSOR ? 0 :
      ddpm_graph_tensor (unet->graph, tensor)->c;
}

DdpmConvDesc
ddpm_unet_conv_desc (const DdpmUnet * unet, const DdpmNode * node)
{
  const DdpmTensor *in = ddpm_graph_tensor (unet->graph, node->in0);

  return (DdpmConvDesc) {
  .n = unet->batch,.height = in->height,.width = in->width,.cin0 =
        in->c,.cin1 = channels_of (unet, node->in1),.cout =
        channels_of (unet, node->out),.kernel = node->kernel,.stride =
        node->stride,.pad_end =
        node->pad_end,.src_type = tensor_type (unet, node->in0),.dst_type =
        tensor_type (unet, node->out),.training = unet->training,};
}

static DdpmPlan *
plan_conv (DdpmUnet * unet, const DdpmNode * node, GError ** error)
{
  const DdpmConvDesc desc = ddpm_unet_conv_desc (unet, node);

  return unet->backend->ops->conv_new (unet->backend, &desc, error);
}

static DdpmPlan *
plan_norm (DdpmUnet * unet, const DdpmNode * node, GError ** error)
{
  DdpmTensor *in = ddpm_graph_tensor (unet->graph, node->in0);
  DdpmNormDesc desc = {
    .n = unet->batch,.pixels = in->height * in->width,
    .c0 = in->c,.c1 = channels_of (unet, node->in1),
    .groups = unet->config.groups,.eps = unet->config.norm_eps,
    .swish = node->swish,.time_bias = node->time_bias >= 0
        && !node->modulation,.modulation = node->modulation,
    .training = unet->training,
  };

  return unet->backend->ops->norm_new (unet->backend, &desc, error);
}

static DdpmPlan *
plan_attention (DdpmUnet * unet, const DdpmNode * node, GError ** error)
{
  const DdpmAttentionDesc desc = ddpm_graph_attention_desc (unet->graph, node,
      unet->batch, unet->training);

  return unet->backend->ops->attention_new (unet->backend, &desc, error);
}

static gboolean
take_plan (DdpmUnet * unet, DdpmPlan ** place, DdpmPlan * plan)
{
  *place = plan;
  if (plan == NULL)
    return FALSE;
  unet->scratch_size = MAX (unet->scratch_size, plan->scratch);
  unet->plans_size += plan->memory;
  return TRUE;
}

static gboolean
plan_nodes (DdpmUnet * unet, GError ** error)
{
  for (guint i = 0; i < unet->graph->nodes->len; i++) {
    DdpmNode *node = ddpm_graph_node (unet->graph, i);
    DdpmPlan *plan = NULL;

    switch (node->kind) {
      case DDPM_NODE_CONV:
        plan = plan_conv (unet, node, error);
        break;
      case DDPM_NODE_NORM:
        plan = plan_norm (unet, node, error);
        break;
      case DDPM_NODE_ATTENTION:
        plan = plan_attention (unet, node, error);
        break;
      case DDPM_NODE_UPSAMPLE:
        continue;
    }
    if (!take_plan (unet, &unet->plans[i], plan))
      return FALSE;
  }
  return TRUE;
}

static gboolean
plan_time_linears (DdpmUnet * unet, DdpmTimeEmbedding * time, GError ** error)
{
  static const gchar *const names[] = { "time_embedding.timembedding.1",
    "time_embedding.timembedding.3", "downblocks.0.temb_proj.1"
  };
  const guint in[] = { unet->config.channels, time->dim, time->dim };
  const guint out[] = { time->dim, time->dim, time->columns };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *weight = g_strconcat (names[i], ".weight", NULL);
    g_autofree gchar *bias = g_strconcat (names[i], ".bias", NULL);

    time->weight[i] = ddpm_params_find (unet->params, weight)->offset;
    time->bias[i] = ddpm_params_find (unet->params, bias)->offset;
    time->flops[i] = 2.0 * time->rows * in[i] * out[i];
    if (!take_plan (unet, &time->linear[i],
            unet->backend->ops->linear_new (unet->backend, time->rows, in[i],
                out[i], error)))
      return FALSE;
  }
  return TRUE;
}

/* Lays out the buffers of a time embedding from p on. Returns: floats */
static gsize
lay_out_time (DdpmUnet * unet, DdpmTimeEmbedding * time, float *p)
{
  const struct
  {
    float **place;
    gsize width;
  } buffers[] = {
    {&time->embedding, unet->config.channels}, {&time->hidden, time->dim},
    {&time->hidden_swish, time->dim}, {&time->out, time->dim},
    {&time->out_swish, time->dim}, {&time->projections, time->columns},
    /* gradients */
    {&time->dhidden, time->dim}, {&time->dhidden_swish, time->dim},
    {&time->dout, time->dim}, {&time->dout_swish, time->dim},
    {&time->dprojections, time->columns},
  };
  const guint n = unet->training ? G_N_ELEMENTS (buffers) : 6;
  gsize used = 0;

  for (guint i = 0; i < n; i++) {
    *buffers[i].place = p ? p + used : NULL;
    used += buffers[i].width * time->rows;
  }
  return used;
}

/* Lays out all that begins in time_arena. Returns: floats */
static gsize
lay_out_times (DdpmUnet * unet, float *p)
{
  DdpmKeptTimes *kept = &unet->kept;
  gsize used = lay_out_time (unet, &unet->time, p);

  if (kept->n_rows == 0)
    return used;
  used += lay_out_time (unet, &kept->ahead, p ? p + used : NULL);
  kept->table = p ? p + used : NULL;
  return used + (gsize) kept->n_rows * kept->ahead.columns;
}

static void
init_time (DdpmUnet * unet, DdpmTimeEmbedding * time, guint rows)
{
  time->rows = rows;
  time->dim = ddpm_config_get_time_dim (&unet->config);
  time->columns = unet->graph->time_columns;
  if (unet->config.classes > 0)
    time->labels = ddpm_params_find (unet->params, DDPM_PARAM_LABELS)->offset;
}

/* With two rows for each image, what a batch needs is not forgotten when that of
 * the following ones is computed with it. */
static void
init_kept_times (DdpmUnet * unet)
{
  DdpmKeptTimes *kept = &unet->kept;
  gsize rows;

  init_time (unet, &kept->ahead, DDPM_TIMES_AT_ONCE);
  rows = ddpm_kept_times_size / (sizeof (float) * kept->ahead.columns);
  rows = MAX (rows, 2 * (gsize) MAX (unet->batch, DDPM_TIMES_AT_ONCE));
  kept->n_rows =
      unet->config.classes > 0 ? rows : MIN (rows, unet->config.timesteps);
}

/* A sum that is too large stays G_MAXSIZE. */
static gsize
add_sizes (gsize a, gsize b)
{
  return a > G_MAXSIZE - b ? G_MAXSIZE : a + b;
}

static gboolean
check_room (DdpmUnet * unet, gsize others, GError ** error)
{
  const DdpmTensor *image = ddpm_graph_tensor (unet->graph, 0);
  g_autofree gchar *purpose = g_strdup_printf ("%s with %u image%s of %ux%u "
      "pixels at a time", unet->training ? "training" : "a network",
      unet->batch, unet->batch == 1 ? "" : "s", image->width, image->height);

  return ddpm_backend_check_room (unet->backend,
      add_sizes (ddpm_unet_get_memory (unet), others), purpose, error);
}

/* Returns: NULL: no memory */
static gpointer
alloc_memory (DdpmUnet * unet, gsize size)
{
  return ddpm_backend_alloc (unet->backend, MAX (size, 64));
}

static gsize
input_size (const DdpmUnet * unet)
{
  const DdpmTensor *x_t = ddpm_graph_tensor (unet->graph, 0);

  return ddpm_size_mul (unet->batch, (gsize) x_t->c * x_t->height
      * x_t->width * sizeof (float));
}

/* What makes 2 x_t - 1 of x_t: a sum of it and of ones */
static gboolean
alloc_centered_input (DdpmUnet * unet)
{
  const gsize size = input_size (unet);
  g_autofree gfloat *ones = g_try_malloc (size);

  unet->centered = ddpm_backend_alloc (unet->backend, size);
  unet->ones = ddpm_backend_alloc (unet->backend, size);
  if (ones == NULL || unet->centered == NULL || unet->ones == NULL)
    return FALSE;
  for (gsize i = 0; i < size / sizeof (gfloat); i++)
    ones[i] = 1.0f;
  ddpm_backend_upload (unet->backend, unet->ones, ones, size);
  unet->two = g_new (gfloat, unet->batch);
  unet->minus_one = g_new (gfloat, unet->batch);
  for (guint i = 0; i < unet->batch; i++) {
    unet->two[i] = 2.0f;
    unet->minus_one[i] = -1.0f;
  }
  return TRUE;
}

static gboolean
alloc_kept_times (DdpmUnet * unet)
{
  DdpmKeptTimes *kept = &unet->kept;
  const guint rows = MAX (unet->batch, DDPM_TIMES_AT_ONCE);

  kept->rows = g_try_new (DdpmKeptTime, kept->n_rows);
  kept->found = g_try_new (gint, unet->batch);
  kept->of_sum = g_try_new (gfloat, rows);
  kept->of_term = g_try_new (gfloat, rows);
  kept->index = g_try_new (gint, rows);
  if (kept->rows == NULL || kept->found == NULL || kept->of_sum == NULL
      || kept->of_term == NULL || kept->index == NULL)
    return FALSE;
  ddpm_unet_forget_times (unet);
  return TRUE;
}

static gboolean
alloc_all_memory (DdpmUnet * unet, GError ** error)
{
  unet->time_arena = alloc_memory (unet, unet->time_arena_size);
  unet->arena = alloc_memory (unet, unet->memory->size);
  unet->scratch = alloc_memory (unet, unet->scratch_size);
  if (unet->time_arena == NULL || unet->arena == NULL || unet->scratch == NULL
      || (unet->config.center_input && !alloc_centered_input (unet))
      || (!unet->training && !alloc_kept_times (unet)))
    goto no_memory;
  lay_out_times (unet, unet->time_arena);
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the network: it needs %" G_GSIZE_FORMAT " MiB for %u "
      "images at a time", ddpm_unet_get_memory (unet) >> 20, unet->batch);
  return FALSE;
}

/* Arguments of plan_all () */
typedef struct
{
  DdpmUnet *unet;
  gboolean ok;
  GError **error;
} PlanAll;

static void
plan_all (gpointer data)
{
  PlanAll *plan = data;

  plan->ok = plan_nodes (plan->unet, plan->error)
      && plan_time_linears (plan->unet, &plan->unet->time, plan->error)
      && (plan->unet->training || plan_time_linears (plan->unet,
          &plan->unet->kept.ahead, plan->error));
}

DdpmUnet *
ddpm_unet_new (const DdpmConfig * config, DdpmBackend * backend, guint batch,
    guint width, guint height, gboolean training, gsize others, GError ** error)
{
  PlanAll plan = { NULL, FALSE, error };
  DdpmUnet *unet;

  if (batch == 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "a batch of 0 images was asked for, expected 1 or more");
    return NULL;
  }
  if (!ddpm_config_check (config, error)
      || !ddpm_config_check_size (config, width, height, error))
    return NULL;

  unet = g_new0 (DdpmUnet, 1);
  unet->config = *config;
  unet->backend = ddpm_backend_ref (backend);
  unet->batch = batch;
  unet->training = training;
  unet->params = ddpm_params_new (config, NULL);
  unet->graph = ddpm_graph_new (config, unet->params, width, height);
  unet->memory = ddpm_memory_plan_new (unet->graph, batch,
      ddpm_type_size (backend->act_type), training);
  unet->plans = g_new0 (DdpmPlan *, unet->graph->nodes->len);
  init_time (unet, &unet->time, batch);
  if (!training)
    init_kept_times (unet);

  plan.unet = unet;
  unet->time_arena_size = lay_out_times (unet, NULL) * sizeof (float);
  ddpm_backend_run (backend, plan_all, &plan);
  if (!plan.ok || !check_room (unet, others, error)
      || !alloc_all_memory (unet, error)) {
    ddpm_unet_free (unet);
    return NULL;
  }
  return unet;
}

void
ddpm_unet_free (DdpmUnet * unet)
{
  if (unet == NULL)
    return;
  ddpm_backend_free_plans (unet->backend, unet->plans, unet->graph->nodes->len);
  ddpm_backend_free_plans (unet->backend, unet->time.linear,
      G_N_ELEMENTS (unet->time.linear));
  ddpm_backend_free_plans (unet->backend, unet->kept.ahead.linear,
      G_N_ELEMENTS (unet->kept.ahead.linear));
  ddpm_backend_free (unet->backend, unet->arena);
  ddpm_backend_free (unet->backend, unet->time_arena);
  ddpm_backend_free (unet->backend, unet->scratch);
  ddpm_backend_free (unet->backend, unet->centered);
  ddpm_backend_free (unet->backend, unet->ones);
  g_free (unet->kept.rows);
  g_free (unet->kept.found);
  g_free (unet->kept.of_sum);
  g_free (unet->kept.of_term);
  g_free (unet->kept.index);
  g_free (unet->two);
  g_free (unet->minus_one);
  g_free (unet->plans);
  ddpm_memory_plan_free (unet->memory);
  ddpm_graph_free (unet->graph);
  ddpm_params_free (unet->params);
  ddpm_backend_unref (unet->backend);
  g_free (unet);
}

gsize
ddpm_unet_get_memory (DdpmUnet * unet)
{
  const gsize centered = unet->config.center_input ? input_size (unet) : 0;

  return add_sizes (unet->memory->size, add_sizes (unet->scratch_size,
          add_sizes (add_sizes (centered, centered),
              unet->plans_size + unet->time_arena_size)));
}

gdouble
ddpm_unet_count_flops (const DdpmConfig * config, guint width, guint height)
{
  const gdouble dim = ddpm_config_get_time_dim (config);
  DdpmParams *params = ddpm_params_new (config, NULL);
  DdpmGraph *graph = ddpm_graph_new (config, params, width, height);
  gdouble flops = 2.0 * dim * (config->channels + dim + graph->time_columns);

  for (guint i = 0; i < graph->nodes->len; i++)
    flops += ddpm_graph_node_flops (graph, i);
  ddpm_graph_free (graph);
  ddpm_params_free (params);
  return flops;
}

gboolean
ddpm_unet_is_synchronous (const DdpmUnet * unet)
{
  return unet->backend->host_memory && unet->backend->ops->graph_new == NULL;
}

void
ddpm_unet_update_plans (DdpmUnet * unet)
{
  ddpm_timer_start (unet->backend);
  for (; unet->n_set < unet->graph->nodes->len
      && !ddpm_cancel_check (&unet->cancel); unet->n_set++) {
    DdpmNode *node = ddpm_graph_node (unet->graph, unet->n_set);

    if (node->kind != DDPM_NODE_CONV)
      continue;
    unet->backend->ops->conv_set_weights (unet->plans[unet->n_set],
        unet->weights + node->weight, unet->weights + node->bias);
    ddpm_timer_lap (unet->backend, DDPM_TIMER_CONV_SET_WEIGHTS, 0.0);
  }
}

/* On the host, the next forward pass updates the plans: it can be cancelled. */
void
ddpm_unet_set_weights (DdpmUnet * unet, const float *arena)
{
  unet->weights = arena;
  unet->n_set = 0;
  ddpm_unet_forget_times (unet);
  if (!ddpm_unet_is_synchronous (unet))
    ddpm_unet_update_plans (unet);
}

static void
set_weights (gpointer data)
{
  DdpmUnet *unet = data;

  ddpm_unet_set_weights (unet, unet->weights);
}

void
ddpm_unet_load_weights (DdpmUnet * unet, const float *arena)
{
  unet->weights = arena;
  ddpm_backend_run (unet->backend, set_weights, unet);
}
