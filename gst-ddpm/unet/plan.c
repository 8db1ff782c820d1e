/* gst-ddpm: where the tensors of a UNet and their gradients live
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Time runs through the nodes forward, 0..n-1, and when training through
 * their backward passes, n..2n-1, last node first. A tensor lives from the
 * node that makes it to its last use; a gradient from the first contribution
 * to the backward pass of the node that made its tensor.
 */
#include "gst-ddpm/unet/plan.h"

#include "kernels/desc.h"

typedef struct
{
  const DdpmGraph *graph;
  DdpmMemoryPlan *plan;
  guint batch;
  gsize act_size;
  gboolean training;
} Planner;

static guint
backward_time (const DdpmGraph * graph, guint node)
{
  return 2 * graph->nodes->len - 1 - node;
}

static gint
add_span (Planner * p, gsize size, guint first, guint last)
{
  DdpmSpan span = { size, first, last, 0 };

  g_array_append_val (p->plan->spans, span);
  return p->plan->spans->len - 1;
}

static DdpmSpan *
get_span (Planner * p, gint i)
{
  return &g_array_index (p->plan->spans, DdpmSpan, i);
}

static gsize
tensor_size (Planner * p, gint tensor)
{
  DdpmTensor *t = ddpm_graph_tensor (p->graph, tensor);

  return ddpm_size_mul (p->batch,
      (gsize) t->c * t->height * t->width * p->act_size);
}

/* Does the backward pass of this node read in0 and in1? */
static gboolean
backward_reads_inputs (const DdpmNode * node)
{
  return node->kind != DDPM_NODE_UPSAMPLE;
}

static guint *
find_last_uses (Planner * p)
{
  guint *last = g_new0 (guint, p->graph->tensors->len);

  for (guint i = 0; i < p->graph->nodes->len; i++) {
    DdpmNode *node = ddpm_graph_node (p->graph, i);
    guint time = p->training && backward_reads_inputs (node) ?
        backward_time (p->graph, i) : i;

    last[node->in0] = MAX (last[node->in0], time);
    if (node->in1 != DDPM_NO_TENSOR)
      last[node->in1] = MAX (last[node->in1], time);
    if (node->residual != DDPM_NO_TENSOR)
      last[node->residual] = MAX (last[node->residual], i);
  }
  return last;
}

static void
plan_activations (Planner * p)
{
  g_autofree guint *last = find_last_uses (p);
  gint eps = p->graph->tensors->len - 1;

  for (guint i = 0; i < p->graph->nodes->len; i++) {
    DdpmNode *node = ddpm_graph_node (p->graph, i);
    gint residual = node->residual;

    if (node->out == eps)
      continue;
    if (residual != DDPM_NO_TENSOR && last[residual] == i) {
      /* This is the last use of the residual: the sum overwrites it. */
      gint span = p->plan->activations[residual];

      p->plan->activations[node->out] = span;
      get_span (p, span)->last = MAX (last[node->out], i);
    } else {
      p->plan->activations[node->out] =
          add_span (p, tensor_size (p, node->out), i, MAX (last[node->out], i));
    }
  }
}

/* Statistics of norms, and what attention keeps: backward reads them. */
static void
plan_kept (Planner * p)
{
  for (guint i = 0; i < p->graph->nodes->len; i++) {
    DdpmNode *node = ddpm_graph_node (p->graph, i);
    guint last = p->training ? backward_time (p->graph, i) : i;
    gint *keep = &p->plan->nodes[i].keep;

    *keep = DDPM_NO_SPAN;
    if (node->kind == DDPM_NODE_NORM)
      *keep =
          add_span (p, (gsize) p->batch * p->graph->groups * 2 * sizeof (float),
          i, last);
    else if (node->kind == DDPM_NODE_ATTENTION) {
      const DdpmAttentionDesc desc = ddpm_graph_attention_desc (p->graph, node,
          p->batch, p->training);

      *keep = add_span (p, ddpm_attention_kept_size (&desc, p->act_size), i,
          last);
    }
  }
}

/* Extends the life of the gradient of a tensor to a time, or begins it there.
 * Returns: TRUE if something was already added to this gradient */
static gboolean
use_gradient (Planner * p, gint tensor, guint time)
{
  gint *span = &p->plan->gradients[tensor];

  if (*span == DDPM_NO_SPAN) {
    *span = add_span (p, tensor_size (p, tensor), time, time);
    return FALSE;
  }
  get_span (p, *span)->last = time;
  return TRUE;
}

static void
plan_gradients (Planner * p)
{
  gint x_t = 0;

  for (guint i = p->graph->nodes->len; i-- > 0;) {
    DdpmNode *node = ddpm_graph_node (p->graph, i);
    DdpmNodePlan *node_plan = &p->plan->nodes[i];
    guint time = backward_time (p->graph, i);
    gint out = p->plan->gradients[node->out];

    if (out != DDPM_NO_SPAN)
      get_span (p, out)->last = time;
    if (node->in0 != x_t)
      node_plan->add0 = use_gradient (p, node->in0, time);
    if (node->in1 != DDPM_NO_TENSOR)
      node_plan->add1 = use_gradient (p, node->in1, time);
    if (node->residual == DDPM_NO_TENSOR)
      continue;
    /* y = conv (x) + r, so dr = dy. If nothing was added to dr yet, it takes
     * over the buffer of dy, which this node is the last to read. */
    if (p->plan->gradients[node->residual] == DDPM_NO_SPAN) {
      node_plan->residual = DDPM_RESIDUAL_SHARED;
      p->plan->gradients[node->residual] = out;
    } else {
      node_plan->residual = DDPM_RESIDUAL_ADDED;
      use_gradient (p, node->residual, time);
    }
  }
}

DdpmMemoryPlan *
ddpm_memory_plan_new (const DdpmGraph * graph, guint batch, gsize act_size,
    gboolean training)
{
  DdpmMemoryPlan *plan = g_new0 (DdpmMemoryPlan, 1);
  Planner p = { graph, plan, batch, act_size, training };

  plan->activations = g_new (gint, graph->tensors->len);
  plan->gradients = g_new (gint, graph->tensors->len);
  for (guint i = 0; i < graph->tensors->len; i++)
    plan->activations[i] = plan->gradients[i] = DDPM_NO_SPAN;
  plan->nodes = g_new0 (DdpmNodePlan, graph->nodes->len);
  plan->spans = g_array_new (FALSE, FALSE, sizeof (DdpmSpan));

  plan_activations (&p);
  plan_kept (&p);
  if (training)
    plan_gradients (&p);
  plan->size = ddpm_arena_place ((DdpmSpan *) plan->spans->data,
      plan->spans->len);
  return plan;
}

void
ddpm_memory_plan_free (DdpmMemoryPlan * plan)
{
  if (plan == NULL)
    return;
  g_free (plan->activations);
  g_free (plan->gradients);
  g_free (plan->nodes);
  g_array_unref (plan->spans);
  g_free (plan);
}
