/* gst-ddpm: the UNet as a list of operations on tensors (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_NODE_CONV,               /* out = conv (in0 | in1) [+ residual] */
  DDPM_NODE_NORM,               /* out = norm (in0 | in1 + t), swish, dropout */
  DDPM_NODE_ATTENTION,          /* out = attention (in0 = q | k | v) */
  DDPM_NODE_UPSAMPLE,           /* out = nearest (in0) */
} DdpmNodeKind;

#define DDPM_NO_TENSOR (-1)

typedef struct
{
  guint c, height, width;
} DdpmTensor;

/**
 * DdpmNode:
 * @weight: offset in the arena of the weight of a convolution, gamma of a norm
 * @bias: offset of its bias, of beta
 * @time_bias: first column in the time projections; -1: none
 * @modulation: these are scales and shifts, two for each channel, instead of
 *   biases
 * @dropout: number of the dropout layer; -1: none
 * @pad_end: zeros are below and right of the input only
 * @scale: factor of the output of a convolution
 * @heads: of an attention
 */
typedef struct
{
  DdpmNodeKind kind;
  gint in0, in1, residual, out;
  guint kernel, stride;
  gsize weight, bias;
  gboolean swish;
  gint time_bias;
  gboolean modulation;
  gint dropout;
  gboolean pad_end;
  gfloat scale;
  guint heads;
} DdpmNode;

/**
 * DdpmGraph:
 * @tensors: of DdpmTensor; the first is x_t, the last is eps
 * @nodes: of DdpmNode, in order of execution
 * @time_columns: channels of all time projections together
 * @groups: groups of each norm
 */
typedef struct
{
  GArray *tensors;
  GArray *nodes;
  guint time_columns;
  guint groups;
} DdpmGraph;

DdpmGraph *ddpm_graph_new (const DdpmConfig * config, const DdpmParams * params,
    guint width, guint height);
void ddpm_graph_free (DdpmGraph * graph);
/* Floating-point operations of node i for one image in a forward pass: those of
 * gemms and convolutions */
gdouble ddpm_graph_node_flops (const DdpmGraph * graph, guint i);
/* The attention of a node, for so many images */
DdpmAttentionDesc ddpm_graph_attention_desc (const DdpmGraph * graph,
    const DdpmNode * node, guint batch, gboolean training);

#define ddpm_graph_node(g, i) (&g_array_index ((g)->nodes, DdpmNode, (i)))
#define ddpm_graph_tensor(g, i) (&g_array_index ((g)->tensors, DdpmTensor, (i)))

G_END_DECLS
