/* gst-ddpm: inside of a DdpmUnet (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/unet/unet.h"
#include "gst-ddpm/unet/graph.h"
#include "gst-ddpm/unet/plan.h"

G_BEGIN_DECLS

/* The time embedding: table -> linear -> swish -> linear -> + label embedding
 * -> swish -> all time projections. A row is an image. The gradients d* exist
 * only in training. */
typedef struct
{
  gsize weight[3], bias[3];     /* offsets: the two linears, the projections */
  gsize labels;                 /* offset, where there are classes */
  DdpmPlan *linear[3];
  gdouble flops[3];             /* of a linear's forward pass */
  guint dim, columns;
  float *embedding;             /* (batch, channels) */
  float *hidden, *hidden_swish; /* (batch, dim) */
  float *out, *out_swish;       /* (batch, dim) */
  float *projections;           /* (batch, columns) */
  float *dhidden, *dhidden_swish, *dout, *dout_swish, *dprojections;
} DdpmTimeEmbedding;

struct _DdpmUnet
{
  DdpmConfig config;
  DdpmBackend *backend;
  guint batch;
  gboolean training;

  DdpmParams *params;
  DdpmGraph *graph;
  DdpmMemoryPlan *memory;
  DdpmPlan **plans;             /* by node; NULL for upsampling */
  DdpmTimeEmbedding time;

  /* of a network that sees 2 x_t - 1; else NULL */
  float *centered, *ones;       /* as x_t */
  gfloat *two, *minus_one;      /* [batch], of the host */

  guint8 *arena;                /* activations, gradients: memory->size */
  float *time_arena;
  gpointer scratch;
  gsize scratch_size, time_arena_size, plans_size;
  const float *weights;         /* the caller's */
  guint n_set;                  /* the plans of nodes 0..n_set - 1 have them */
  DdpmCancel cancel;
};

/* Whether operations are done when they return, and no graph records them */
gboolean ddpm_unet_is_synchronous (const DdpmUnet * unet);
/* Gives the plans the weights that they do not have yet, until cancelled. */
void ddpm_unet_update_plans (DdpmUnet * unet);
/* Describes a convolution node for the backend */
DdpmConvDesc ddpm_unet_conv_desc (const DdpmUnet * unet, const DdpmNode * node);

G_END_DECLS
