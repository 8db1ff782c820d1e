/* gst-ddpm: where the tensors of a UNet and their gradients live (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/unet/arena.h"
#include "gst-ddpm/unet/graph.h"

G_BEGIN_DECLS

#define DDPM_NO_SPAN (-1)

/* How the gradient of a residual input is made from that of the output */
typedef enum
{
  DDPM_RESIDUAL_NONE,
  DDPM_RESIDUAL_SHARED,         /* both are one buffer */
  DDPM_RESIDUAL_ADDED,
} DdpmResidualGradient;

/**
 * DdpmNodePlan:
 * @add0: whether to add to the gradient of in0, which other nodes have written
 * @add1: the same of in1
 * @residual: how the gradient of the residual is made
 * @keep: span of the attention probabilities or norm statistics that the
 *   backward pass reads
 */
typedef struct
{
  gboolean add0, add1;
  DdpmResidualGradient residual;
  gint keep;
} DdpmNodePlan;

/**
 * DdpmMemoryPlan:
 * @activations: span of each tensor; DDPM_NO_SPAN for x_t and eps, which are
 *   the caller's
 * @gradients: span of the gradient of each tensor
 * @nodes: plan of each node
 * @spans: all spans, with their offsets
 * @size: bytes of the arena; G_MAXSIZE: the size overflows
 */
typedef struct
{
  gint *activations;
  gint *gradients;
  DdpmNodePlan *nodes;
  GArray *spans;
  gsize size;
} DdpmMemoryPlan;

DdpmMemoryPlan *ddpm_memory_plan_new (const DdpmGraph * graph, guint batch,
    gsize act_size, gboolean training);
void ddpm_memory_plan_free (DdpmMemoryPlan * plan);

G_END_DECLS
