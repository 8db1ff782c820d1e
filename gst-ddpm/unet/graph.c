/* gst-ddpm: the UNet as a list of operations on tensors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors and nodes are numbered in order of execution. The inputs of a node are
 * in0 and in1, concatenated along the channels; in1 is a skip connection.
 */
#include "gst-ddpm/model/blocks.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/unet/graph.h"

typedef struct
{
  DdpmGraph *graph;
  const DdpmConfig *config;
  const DdpmParams *params;
  guint n_dropouts;
} Builder;

static gsize
offset_of (Builder * b, const gchar * prefix, const gchar * suffix,
    const gchar * what)
{
  g_autofree gchar *name = g_strconcat (prefix, suffix, what, NULL);
  const DdpmParam *param = ddpm_params_find (b->params, name);

  g_assert (param != NULL);
  return param->offset;
}

static gint
add_tensor (Builder * b, guint c, guint height, guint width)
{
  DdpmTensor tensor = { c, height, width };

  g_array_append_val (b->graph->tensors, tensor);
  return b->graph->tensors->len - 1;
}

static gint
add_node (Builder * b, DdpmNode node, guint c, guint height, guint width)
{
  node.out = add_tensor (b, c, height, width);
  g_array_append_val (b->graph->nodes, node);
  return node.out;
}

static gint
add_conv (Builder * b, const gchar * prefix, const gchar * suffix, gint in0,
    gint in1, gint residual, guint cout, guint kernel, guint stride)
{
  DdpmTensor in = *ddpm_graph_tensor (b->graph, in0);
  DdpmNode node = {
    .kind = DDPM_NODE_CONV,.in0 = in0,.in1 = in1,.residual = residual,
    .kernel = kernel,.stride = stride,.time_bias = -1,.dropout = -1,
    .pad_end = stride == 2 && b->config->down_padding == DDPM_PADDING_END,
    .scale = 1.0f,
    .weight = offset_of (b, prefix, suffix, ".weight"),
    .bias = offset_of (b, prefix, suffix, ".bias"),
  };

  return add_node (b, node, cout, (in.height + stride - 1) / stride,
      (in.width + stride - 1) / stride);
}

static gint
add_norm (Builder * b, const gchar * prefix, const gchar * suffix, gint in0,
    gint in1, gboolean swish, gint time_bias, gint dropout)
{
  DdpmTensor in = *ddpm_graph_tensor (b->graph, in0);
  DdpmNode node = {
    .kind = DDPM_NODE_NORM,.in0 = in0,.in1 = in1,.residual = DDPM_NO_TENSOR,
    .swish = swish,.time_bias = time_bias,.dropout = dropout,
    .modulation = time_bias >= 0 && b->config->scale_shift,
    .weight = offset_of (b, prefix, suffix, ".weight"),
    .bias = offset_of (b, prefix, suffix, ".bias"),
  };

  if (in1 != DDPM_NO_TENSOR)
    in.c += ddpm_graph_tensor (b->graph, in1)->c;
  return add_node (b, node, in.c, in.height, in.width);
}

static gint
add_node_without_weights (Builder * b, DdpmNodeKind kind, gint in0, guint c,
    guint height, guint width)
{
  DdpmNode node = {
    .kind = kind,.in0 = in0,.in1 = DDPM_NO_TENSOR,
    .residual = DDPM_NO_TENSOR,.time_bias = -1,.dropout = -1,
  };

  return add_node (b, node, c, height, width);
}

/* Adds a convolution that ends a block: its sum with the residual is scaled. */
static gint
add_last_conv (Builder * b, const DdpmBlock * block, const gchar * suffix,
    gint in, gint residual, guint kernel)
{
  gint out = add_conv (b, block->prefix, suffix, in, DDPM_NO_TENSOR, residual,
      block->cout, kernel, 1);

  ddpm_graph_node (b->graph, b->graph->nodes->len - 1)->scale =
      block->out_scale;
  return out;
}

static gint
add_attention (Builder * b, const DdpmBlock * block, gint x)
{
  const gchar *prefix = block->prefix;
  DdpmTensor in = *ddpm_graph_tensor (b->graph, x);
  gint h = x;

  if (!block->plain_attention)
    h = add_norm (b, prefix, ".attn.group_norm", x, DDPM_NO_TENSOR, FALSE, -1,
        -1);
  /* q, k and v are neighbours in the arena: one convolution. */
  h = add_conv (b, prefix, ".attn.proj_q", h, DDPM_NO_TENSOR, DDPM_NO_TENSOR,
      3 * in.c, 1, 1);
  h = add_node_without_weights (b, DDPM_NODE_ATTENTION, h, in.c, in.height,
      in.width);
  ddpm_graph_node (b->graph, b->graph->nodes->len - 1)->heads =
      ddpm_config_get_heads (b->config, in.c);
  return add_last_conv (b, block, ".attn.proj", h, x, 1);
}

static gint
add_res_block (Builder * b, const DdpmBlock * block, gint x, gint skip)
{
  const gchar *prefix = block->prefix;
  guint cout = block->cout;
  gint h, shortcut = x;

  h = add_norm (b, prefix, ".block1.0", x, skip, TRUE, -1, -1);
  h = add_conv (b, prefix, ".block1.2", h, DDPM_NO_TENSOR, DDPM_NO_TENSOR,
      cout, 3, 1);
  h = add_norm (b, prefix, ".block2.0", h, DDPM_NO_TENSOR, TRUE,
      b->graph->time_columns, b->n_dropouts++);
  b->graph->time_columns += b->config->scale_shift ? 2 * cout : cout;
  if (block->cin + block->cskip != cout)
    shortcut = add_conv (b, prefix, ".shortcut", x, skip, DDPM_NO_TENSOR,
        cout, 1, 1);
  h = add_last_conv (b, block, ".block2.3", h, shortcut, 3);
  return block->attention ? add_attention (b, block, h) : h;
}

static gint
add_upsample (Builder * b, const DdpmBlock * block, gint x)
{
  DdpmTensor in = *ddpm_graph_tensor (b->graph, x);

  x = add_node_without_weights (b, DDPM_NODE_UPSAMPLE, x, in.c, 2 * in.height,
      2 * in.width);
  return add_conv (b, block->prefix, ".main", x, DDPM_NO_TENSOR, DDPM_NO_TENSOR,
      block->cout, 3, 1);
}

DdpmGraph *
ddpm_graph_new (const DdpmConfig * config, const DdpmParams * params,
    guint width, guint height)
{
  DdpmGraph *graph = g_new0 (DdpmGraph, 1);
  Builder b = { graph, config, params, 0 };
  g_autoptr (GArray) blocks = ddpm_blocks_new (config);
  g_autoptr (GArray) skips = g_array_new (FALSE, FALSE, sizeof (gint));
  gint h;

  graph->groups = config->groups;
  graph->tensors = g_array_new (FALSE, FALSE, sizeof (DdpmTensor));
  graph->nodes = g_array_new (FALSE, FALSE, sizeof (DdpmNode));

  h = add_tensor (&b, config->image_channels, height, width);
  h = add_conv (&b, "head", "", h, DDPM_NO_TENSOR, DDPM_NO_TENSOR,
      config->channels, 3, 1);
  g_array_append_val (skips, h);

  for (guint i = 0; i < blocks->len; i++) {
    const DdpmBlock *block = &g_array_index (blocks, DdpmBlock, i);
    gint skip = DDPM_NO_TENSOR;

    switch (block->kind) {
      case DDPM_BLOCK_RES:
        if (block->cskip > 0) {
          skip = g_array_index (skips, gint, skips->len - 1);
          g_array_set_size (skips, skips->len - 1);
        }
        h = add_res_block (&b, block, h, skip);
        break;
      case DDPM_BLOCK_DOWN:
        h = add_conv (&b, block->prefix, ".main", h, DDPM_NO_TENSOR,
            DDPM_NO_TENSOR, block->cout, 3, 2);
        break;
      case DDPM_BLOCK_UP:
        h = add_upsample (&b, block, h);
        break;
    }
    if (block->pushes)
      g_array_append_val (skips, h);
  }
  h = add_norm (&b, "tail", ".0", h, DDPM_NO_TENSOR, TRUE, -1, -1);
  add_conv (&b, "tail", ".2", h, DDPM_NO_TENSOR, DDPM_NO_TENSOR,
      ddpm_config_get_out_channels (config), 3, 1);
  return graph;
}

void
ddpm_graph_free (DdpmGraph * graph)
{
  if (graph == NULL)
    return;
  g_array_unref (graph->tensors);
  g_array_unref (graph->nodes);
  g_free (graph);
}

gdouble
ddpm_graph_node_flops (const DdpmGraph * graph, guint i)
{
  const DdpmNode *node = ddpm_graph_node (graph, i);
  const DdpmTensor *in = ddpm_graph_tensor (graph, node->in0);
  const DdpmTensor *out = ddpm_graph_tensor (graph, node->out);
  const gdouble pixels = (gdouble) out->height * out->width;
  guint cin = in->c;

  switch (node->kind) {
    case DDPM_NODE_CONV:
      if (node->in1 != DDPM_NO_TENSOR)
        cin += ddpm_graph_tensor (graph, node->in1)->c;
      return 2.0 * pixels * out->c * cin * node->kernel * node->kernel;
    case DDPM_NODE_ATTENTION:  /* q k^T, and probabilities times v */
      return 4.0 * pixels * pixels * out->c;
    case DDPM_NODE_NORM:
    case DDPM_NODE_UPSAMPLE:
      break;
  }
  return 0.0;
}

DdpmAttentionDesc
ddpm_graph_attention_desc (const DdpmGraph * graph, const DdpmNode * node,
    guint batch, gboolean training)
{
  const DdpmTensor *out = ddpm_graph_tensor (graph, node->out);

  return (DdpmAttentionDesc) {
  .n = batch,.tokens = out->height * out->width,.c = out->c,.heads =
        node->heads,.training = training,};
}
