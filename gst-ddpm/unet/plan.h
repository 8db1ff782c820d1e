/* gst-ddpm: where the tensors of a UNet and their gradients live (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/unet/arena.h"
#include "gst-ddpm/unet/graph.h"

G_BEGIN_DECLS

#define DDPM_NO_SPAN (-1)

/* How the gradient of a residual input comes from that of the output */
typedef enum
{
  DDPM_RESIDUAL_NONE,
  DDPM_RESIDUAL_SHARED,         /* it is that buffer: the first contribution */
  DDPM_RESIDUAL_ADDED,
} DdpmResidualGradient;

/**
 * DdpmNodePlan:
 * @add0: the gradient of in0 has a contribution already
 * @add1: that of in1 has
 * @residual: how that of the residual is made
 * @keep: span of attention probabilities or norm statistics
 */
typedef struct
{
  gboolean add0, add1;
  DdpmResidualGradient residual;
  gint keep;
} DdpmNodePlan;

/**
 * DdpmMemoryPlan:
 * @activations: span of each tensor; x_t and eps are the caller's: NO_SPAN
 * @gradients: span of the gradient of each tensor
 * @nodes: by node
 * @spans: all of them, placed
 * @size: bytes of the arena; G_MAXSIZE: more than there can be
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
