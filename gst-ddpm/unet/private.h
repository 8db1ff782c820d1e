/* gst-ddpm: inside of a DdpmUnet (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/unet/unet.h"
#include "gst-ddpm/unet/graph.h"
#include "gst-ddpm/unet/plan.h"

G_BEGIN_DECLS

/* The time embedding: table -> linear -> swish -> linear -> + label embedding
 * -> swish -> all time projections. A row is a timestep and a label: those of
 * an image, or of what is computed ahead. The gradients d* exist only in
 * training. */
typedef struct
{
  guint rows;
  gsize weight[3], bias[3];     /* offsets: the two linears, the projections */
  gsize labels;                 /* offset, where there are classes */
  DdpmPlan *linear[3];
  gdouble flops[3];             /* of a linear's forward pass */
  guint dim, columns;
  float *embedding;             /* (rows, channels) */
  float *hidden, *hidden_swish; /* (rows, dim) */
  float *out, *out_swish;       /* (rows, dim) */
  float *projections;           /* (rows, columns) */
  float *dhidden, *dhidden_swish, *dout, *dout_swish, *dprojections;
} DdpmTimeEmbedding;

typedef struct
{
  gint t;                       /* -1: the row is free */
  DdpmClass of;                 /* with weight 0, other is -1 */
  guint64 used;                 /* when it was asked for last */
} DdpmKeptTime;

/* Time projections that are kept for later forward passes. The row that was not
 * asked for longest makes room for another. */
typedef struct
{
  guint n_rows;                 /* 0: of training, where the weights change */
  float *table;                 /* (n_rows, columns), of the backend */
  DdpmKeptTime *rows;
  gint *found;                  /* [batch]: the rows of a pass */
  /* of what is mixed; see mix_classes () in times.c */
  gfloat *of_sum, *of_term;
  gint *index;
  guint64 clock;
  /* rows that are yet to be computed */
  guint waiting[DDPM_TIMES_AT_ONCE];
  guint n_waiting;
  DdpmTimeEmbedding ahead;      /* computes them */
} DdpmKeptTimes;

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
  DdpmKeptTimes kept;

  /* of a network that sees 2 x_t - 1; else NULL */
  float *centered, *ones;       /* as x_t */
  gfloat *two, *minus_one;      /* [batch], of the host */

  guint8 *arena;                /* activations, gradients: memory->size */
  float *time_arena;
  gpointer scratch;
  gsize scratch_size, time_arena_size, plans_size;
  const float *weights;         /* the caller's */
  const DdpmClass *classes;     /* the caller's, or NULL */
  guint n_set;                  /* the plans of nodes 0..n_set - 1 have them */
  DdpmCancel cancel;
};

/* Whether operations are done when they return, and no graph records them */
gboolean ddpm_unet_is_synchronous (const DdpmUnet * unet);
/* Gives the plans the weights that they do not have yet, until cancelled. */
void ddpm_unet_update_plans (DdpmUnet * unet);
/* Computes the projections of time->rows timesteps. labels NULL: none. classes:
 * in their place; NULL: labels are read */
void ddpm_unet_embed_times (DdpmUnet * unet, DdpmTimeEmbedding * time,
    const gint * t, const gint * labels, const DdpmClass * classes);
/* Copies the projections of a batch from those that are kept. Returns: FALSE if
 * not all are kept: nothing is copied */
gboolean ddpm_unet_find_times (DdpmUnet * unet, const gint * t,
    const gint * labels);
void ddpm_unet_forget_times (DdpmUnet * unet);
/* Describes a convolution node for the backend */
DdpmConvDesc ddpm_unet_conv_desc (const DdpmUnet * unet, const DdpmNode * node);

G_END_DECLS
