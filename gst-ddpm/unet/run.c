/* gst-ddpm: the UNet: forward and backward
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/unet/private.h"
#include "kernels/timer.h"

/* One forward or backward pass: the caller's tensors */
typedef struct
{
  DdpmUnet *unet;
  const DdpmOps *ops;
  const float *x_t, *deps;
  const gint *labels;           /* NULL: none */
  float *eps;
  const DdpmDropout *drop;
  float *grads;
  gboolean add;
} Pass;

static gpointer
span_pointer (DdpmUnet * unet, gint span)
{
  return unet->arena + g_array_index (unet->memory->spans, DdpmSpan,
      span).offset;
}

/* The activations of a tensor, and their gradient below. The first tensor is the
 * network's input, the last one its output: these are the caller's memory. */
static gpointer
get_activation (Pass * p, gint tensor)
{
  if (tensor == DDPM_NO_TENSOR)
    return NULL;
  if (tensor == 0)
    return (gpointer) p->x_t;
  if (tensor == (gint) p->unet->graph->tensors->len - 1)
    return p->eps;
  return span_pointer (p->unet, p->unet->memory->activations[tensor]);
}

static gpointer
get_gradient (Pass * p, gint tensor)
{
  if (tensor == DDPM_NO_TENSOR || tensor == 0)
    return NULL;
  if (tensor == (gint) p->unet->graph->tensors->len - 1)
    return (gpointer) p->deps;
  return span_pointer (p->unet, p->unet->memory->gradients[tensor]);
}

static const DdpmDropout *
get_dropout (Pass * p, const DdpmNode * node, DdpmDropout * drop)
{
  if (p->drop == NULL || node->dropout < 0 || p->unet->config.dropout <= 0)
    return NULL;
  *drop = *p->drop;
  drop->p = (gfloat) p->unet->config.dropout;
  drop->stream = DDPM_STREAM_DROPOUT + node->dropout;
  return drop;
}

static const float *
get_time_bias (DdpmUnet * unet, const DdpmNode * node)
{
  return node->time_bias < 0 ? NULL : unet->time.projections + node->time_bias;
}

/* Between operations. A step of training takes long: others must not have to
 * wait for its end. */
static gboolean
pass_is_cancelled (Pass * p)
{
  if (p->unet->training && p->ops->yield)
    p->ops->yield (p->unet->backend);
  return ddpm_cancel_check (&p->unet->cancel);
}

/* --- timing --------------------------------------------------------------- */

static void
lap_elementwise (Pass * p)
{
  ddpm_timer_lap (p->unet->backend, DDPM_TIMER_ELEMENTWISE, 0.0);
}

/* gemms: how many products of matrices, each as large as the forward pass */
static void
lap_linear (Pass * p, guint i, DdpmTimerKind kind, guint gemms)
{
  ddpm_timer_lap (p->unet->backend, kind, gemms * p->unet->time.flops[i]);
}

/* The backward pass of attention has two gemms for each one of the forward
 * pass. */
static void
lap_node (Pass * p, guint i, DdpmTimerKind kind)
{
  DdpmUnet *unet = p->unet;
  const DdpmNode *node = ddpm_graph_node (unet->graph, i);
  gdouble flops;

  if (unet->backend->timer == NULL)
    return;
  flops = unet->batch * ddpm_graph_node_flops (unet->graph, i);
  if (kind == DDPM_TIMER_ATTENTION_BACKWARD)
    flops *= 2.0;
  if (node->kind == DDPM_NODE_CONV) {
    const DdpmConvDesc desc = ddpm_unet_conv_desc (unet, node);

    ddpm_timer_end_lap (unet->backend, kind, flops, &desc);
  } else {
    ddpm_timer_end_lap (unet->backend, kind, flops, NULL);
  }
}

/* --- the time embedding --------------------------------------------------- */

static void
time_backward (Pass * p)
{
  DdpmUnet *unet = p->unet;
  DdpmTimeEmbedding *time = &unet->time;
  const float *w = unet->weights;
  float *g = p->grads;
  gsize count = (gsize) unet->batch * time->dim;

  p->ops->linear_backward (time->linear[2], time->out_swish,
      w + time->weight[2], time->dprojections, time->dout_swish,
      g + time->weight[2], g + time->bias[2], p->add, unet->scratch);
  lap_linear (p, 2, DDPM_TIMER_LINEAR_BACKWARD, 2);
  p->ops->swish_backward (unet->backend, count, time->out, time->dout_swish,
      time->dout);
  lap_elementwise (p);
  if (unet->config.classes > 0) {
    p->ops->embedding_backward (unet->backend, p->labels ? unet->batch : 0,
        time->dim, unet->config.classes, p->labels, time->dout,
        g + time->labels, p->add);
    lap_elementwise (p);
  }
  p->ops->linear_backward (time->linear[1], time->hidden_swish,
      w + time->weight[1], time->dout, time->dhidden_swish,
      g + time->weight[1], g + time->bias[1], p->add, unet->scratch);
  lap_linear (p, 1, DDPM_TIMER_LINEAR_BACKWARD, 2);
  p->ops->swish_backward (unet->backend, count, time->hidden,
      time->dhidden_swish, time->dhidden);
  lap_elementwise (p);
  p->ops->linear_backward (time->linear[0], time->embedding,
      w + time->weight[0], time->dhidden, NULL, g + time->weight[0],
      g + time->bias[0], p->add, unet->scratch);
  lap_linear (p, 0, DDPM_TIMER_LINEAR_BACKWARD, 1);
}

/* --- nodes ---------------------------------------------------------------- */

/* Scales the output of a convolution, or its gradient. */
static void
scale_output (Pass * p, const DdpmNode * node, gpointer y)
{
  const DdpmTensor *out = ddpm_graph_tensor (p->unet->graph, node->out);

  if (node->scale == 1.0f)
    return;
  p->ops->scale (p->unet->backend,
      (gsize) p->unet->batch * out->c * out->height * out->width, node->scale,
      y);
  lap_elementwise (p);
}

static void
node_forward (Pass * p, guint i)
{
  DdpmUnet *unet = p->unet;
  const DdpmNode *node = ddpm_graph_node (unet->graph, i);
  const DdpmTensor *in = ddpm_graph_tensor (unet->graph, node->in0);
  gint keep = unet->memory->nodes[i].keep;
  gpointer x0 = get_activation (p, node->in0), x1 =
      get_activation (p, node->in1);
  gpointer y = get_activation (p, node->out);
  const float *w = unet->weights;
  DdpmDropout drop;

  switch (node->kind) {
    case DDPM_NODE_CONV:
      p->ops->conv_forward (unet->plans[i], x0, x1,
          get_activation (p, node->residual), y, unet->scratch);
      lap_node (p, i, DDPM_TIMER_CONV_FORWARD);
      scale_output (p, node, y);
      break;
    case DDPM_NODE_NORM:
      p->ops->norm_forward (unet->plans[i], x0, x1, get_time_bias (unet, node),
          unet->time.columns, w + node->weight, w + node->bias,
          get_dropout (p, node, &drop), y, span_pointer (unet, keep),
          unet->scratch);
      lap_node (p, i, DDPM_TIMER_NORM_FORWARD);
      break;
    case DDPM_NODE_ATTENTION:
      p->ops->attention_forward (unet->plans[i], x0, y,
          span_pointer (unet, keep), unet->scratch);
      lap_node (p, i, DDPM_TIMER_ATTENTION_FORWARD);
      break;
    case DDPM_NODE_UPSAMPLE:
      p->ops->upsample_forward (unet->backend, unet->batch, in->height,
          in->width, in->c, x0, y);
      lap_node (p, i, DDPM_TIMER_UPSAMPLE);
      break;
  }
}

static void
conv_backward (Pass * p, guint i)
{
  DdpmUnet *unet = p->unet;
  const DdpmNode *node = ddpm_graph_node (unet->graph, i);
  const DdpmNodePlan *plan = &unet->memory->nodes[i];
  const DdpmTensor *out = ddpm_graph_tensor (unet->graph, node->out);
  gpointer dy = get_gradient (p, node->out);

  scale_output (p, node, dy);
  p->ops->conv_backward_weights (unet->plans[i], get_activation (p, node->in0),
      get_activation (p, node->in1), dy, p->grads + node->weight,
      p->grads + node->bias, p->add, unet->scratch);
  lap_node (p, i, DDPM_TIMER_CONV_BACKWARD_WEIGHTS);
  if (pass_is_cancelled (p))
    return;
  if (node->in0 != 0) {
    p->ops->conv_backward_data (unet->plans[i], dy, get_gradient (p, node->in0),
        plan->add0, get_gradient (p, node->in1), plan->add1, unet->scratch);
    lap_node (p, i, DDPM_TIMER_CONV_BACKWARD_DATA);
  }
  if (plan->residual == DDPM_RESIDUAL_ADDED) {
    p->ops->accumulate (unet->backend,
        (gsize) unet->batch * out->c * out->height * out->width, dy,
        get_gradient (p, node->residual));
    lap_elementwise (p);
  }
}

static void
node_backward (Pass * p, guint i)
{
  DdpmUnet *unet = p->unet;
  const DdpmNode *node = ddpm_graph_node (unet->graph, i);
  const DdpmNodePlan *plan = &unet->memory->nodes[i];
  const DdpmTensor *in = ddpm_graph_tensor (unet->graph, node->in0);
  const float *w = unet->weights;
  DdpmDropout drop;

  switch (node->kind) {
    case DDPM_NODE_CONV:
      conv_backward (p, i);
      break;
    case DDPM_NODE_NORM:
      p->ops->norm_backward (unet->plans[i], get_gradient (p, node->out),
          get_activation (p, node->in0), get_activation (p, node->in1),
          get_time_bias (unet, node), unet->time.columns, w + node->weight,
          w + node->bias, get_dropout (p, node, &drop),
          span_pointer (unet, plan->keep), get_gradient (p, node->in0),
          plan->add0, get_gradient (p, node->in1), plan->add1,
          p->grads + node->weight, p->grads + node->bias, p->add,
          node->time_bias <
          0 ? NULL : unet->time.dprojections + node->time_bias, unet->scratch);
      lap_node (p, i, DDPM_TIMER_NORM_BACKWARD);
      break;
    case DDPM_NODE_ATTENTION:
      p->ops->attention_backward (unet->plans[i], get_gradient (p, node->out),
          get_activation (p, node->in0), span_pointer (unet, plan->keep),
          get_gradient (p, node->in0), unet->scratch);
      lap_node (p, i, DDPM_TIMER_ATTENTION_BACKWARD);
      break;
    case DDPM_NODE_UPSAMPLE:
      p->ops->upsample_backward (unet->backend, unet->batch, in->height,
          in->width, in->c, get_gradient (p, node->out), get_gradient (p,
              node->in0), plan->add0);
      lap_node (p, i, DDPM_TIMER_UPSAMPLE);
      break;
  }
}

/* --- both passes ---------------------------------------------------------- */

void
ddpm_unet_set_cancel (DdpmUnet * unet, DdpmCancelFunc func, gpointer data)
{
  unet->cancel.func = ddpm_unet_is_synchronous (unet) ? func : NULL;
  unet->cancel.data = data;
}

/* Lets the backend ask, too, until end_pass () */
static void
begin_pass (Pass * p)
{
  p->unet->cancel.cancelled = FALSE;
  if (p->ops->set_cancel)
    p->ops->set_cancel (p->unet->backend, &p->unet->cancel);
  ddpm_timer_start (p->unet->backend);
}

/* Returns: FALSE if the pass was cancelled */
static gboolean
end_pass (Pass * p)
{
  if (p->ops->set_cancel)
    p->ops->set_cancel (p->unet->backend, NULL);
  return !p->unet->cancel.cancelled;
}

/* Puts 2 x_t - 1 in the place of x_t. */
static void
center_input (Pass * p)
{
  DdpmUnet *unet = p->unet;
  const DdpmTensor *x_t = ddpm_graph_tensor (unet->graph, 0);

  p->ops->q_sample (unet->backend, unet->batch,
      x_t->c * x_t->height * x_t->width, unet->two, unet->minus_one, p->x_t,
      unet->ones, unet->centered);
  lap_elementwise (p);
  p->x_t = unet->centered;
}

void
ddpm_unet_set_classes (DdpmUnet * unet, const DdpmClass * classes)
{
  unet->classes = unet->config.classes > 0 ? classes : NULL;
}

gboolean
ddpm_unet_forward (DdpmUnet * unet, const float *x_t, const gint * t,
    const gint * labels, const DdpmDropout * drop, float *eps)
{
  Pass p = {.unet = unet,.ops = unet->backend->ops,.x_t = x_t,.eps = eps,
    .labels = unet->config.classes > 0 ? labels : NULL,.drop = drop
  };

  begin_pass (&p);
  ddpm_unet_update_plans (unet);
  if (!pass_is_cancelled (&p) && !ddpm_unet_find_times (unet, t, p.labels))
    ddpm_unet_embed_times (unet, &unet->time, t, p.labels, unet->classes);
  if (unet->config.center_input && !pass_is_cancelled (&p))
    center_input (&p);
  for (guint i = 0; i < unet->graph->nodes->len && !pass_is_cancelled (&p); i++)
    node_forward (&p, i);
  return end_pass (&p);
}

gboolean
ddpm_unet_backward (DdpmUnet * unet, const float *x_t,
    const gint * labels, const DdpmDropout * drop, const float *deps,
    float *grads, gboolean add)
{
  Pass p = {.unet = unet,.ops = unet->backend->ops,.x_t = x_t,.deps = deps,
    .labels = unet->config.classes > 0 ? labels : NULL,.drop = drop,
    .grads = grads,.add = add
  };

  /* as the forward pass has left it */
  if (unet->config.center_input)
    p.x_t = unet->centered;
  begin_pass (&p);
  for (guint i = unet->graph->nodes->len; i > 0 && !pass_is_cancelled (&p); i--)
    node_backward (&p, i - 1);
  if (!pass_is_cancelled (&p))
    time_backward (&p);
  return end_pass (&p);
}
