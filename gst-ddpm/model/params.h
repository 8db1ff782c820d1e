/* gst-ddpm: names, shapes and offsets of a network's parameters
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

/**
 * DdpmParam:
 * @name: name in the notebook's UNet.state_dict()
 * @n_dims: length of @shape
 * @shape: PyTorch's shape: [out][in][k][k], [out][in] or [c]
 * @offset: index of the first float in the array of all weights
 * @count: number of floats
 * @init_gain: gain of the Xavier-uniform initialisation; 0: none
 * @init_constant: initial value where @init_gain is 0
 *
 * One parameter of the network.
 */
typedef struct
{
  gchar *name;
  guint n_dims;
  guint shape[4];
  gsize offset;
  gsize count;
  gfloat init_gain;
  gfloat init_constant;
} DdpmParam;

/**
 * DdpmParams:
 * @params: (array length=n_params): the parameters in the order of the array.
 *   Parameters that are computed together are neighbours (q, k and v of an
 *   attention block; all time projections), so it is not the state_dict's
 *   order.
 * @n_params: number of parameters, the embedding table included
 * @trainable: number of floats that are trained: [0, @trainable)
 * @total: number of floats; the rest is the embedding table [T][channels],
 *   which is the last parameter
 *
 * The parameters of a network, which are stored in one array of @total floats.
 * If there are classes, the last parameter but one is the label embedding,
 * [classes][time_dim]; all others have the same offsets as without classes.
 */
struct _DdpmParams
{
  DdpmParam *params;
  guint n_params;
  gsize trainable;
  gsize total;
};

#define DDPM_PARAM_LABELS "label_embedding.weight"
#define DDPM_PARAM_TABLE "time_embedding.timembedding.0.weight"

/**
 * ddpm_params_new:
 * @config: a configuration
 * @error: return location for a #GError
 *
 * Returns: (transfer full): the parameters of the notebook's UNet with this
 *   configuration; %NULL and %DDPM_ERROR_SETTINGS where ddpm_config_check()
 *   fails
 */
DdpmParams *ddpm_params_new (const DdpmConfig * config, GError ** error);
void ddpm_params_free (DdpmParams * params);

/**
 * ddpm_params_find:
 * @params: parameters
 * @name: name of a parameter
 *
 * Returns: (transfer none) (nullable): the parameter of this name
 */
const DdpmParam *ddpm_params_find (const DdpmParams * params,
    const gchar * name);

/**
 * ddpm_params_init_param:
 * @params: parameters of @config
 * @config: a configuration
 * @seed: seed
 * @i: index of the parameter
 * @arena: (array): [@params->total] floats; those of the parameter are written
 *
 * Does the part of ddpm_params_init_weights() for one parameter.
 */
void ddpm_params_init_param (const DdpmParams * params,
    const DdpmConfig * config, guint64 seed, guint i, gfloat * arena);

/**
 * ddpm_params_init_weights:
 * @params: parameters of @config
 * @config: a configuration
 * @seed: seed
 * @arena: (array): [@params->total] floats to write
 *
 * Sets the weights that the notebook begins with: Xavier-uniform from the
 * stream %DDPM_STREAM_INIT (sample: index of the parameter), biases 0, norms 1,
 * and a label embedding of zeros.
 */
void ddpm_params_init_weights (const DdpmParams * params,
    const DdpmConfig * config, guint64 seed, gfloat * arena);

/**
 * ddpm_params_compute_time_table:
 * @timesteps: T
 * @channels: channels of the first level
 * @table: (array): [@timesteps][@channels] floats to write
 *
 * Computes the sinusoidal embedding of each timestep (Vaswani et al. 2017,
 * section 3.5).
 */
void ddpm_params_compute_time_table (guint timesteps, guint channels,
    gfloat * table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmParams, ddpm_params_free)

G_END_DECLS
