/* gst-ddpm: names, shapes and places of a network's parameters
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/config.h"

G_BEGIN_DECLS

/**
 * DdpmParam:
 * @name: as in the notebook's UNet.state_dict()
 * @n_dims: of @shape
 * @shape: as in PyTorch: [out][in][k][k], [out][in], [c]
 * @offset: first float in the arena
 * @count: floats
 * @init_gain: Xavier-uniform gain of the notebook's initialisation; 0: not so
 *   initialised (biases and betas 0, gammas 1, the table computed)
 */
typedef struct
{
  gchar *name;
  guint n_dims;
  guint shape[4];
  gsize offset;
  gsize count;
  gfloat init_gain;
  gfloat init_constant;         /* where init_gain is 0 */
} DdpmParam;

/**
 * DdpmParams:
 * @params: in arena order, which groups what is computed together (q, k, v of
 *   one attention; all time projections), not in the order of the state_dict
 * @n_params: number, the embedding table included
 * @trainable: floats of the arena that are trained: [0, @trainable)
 * @total: floats of the arena; the rest is the embedding table [T][channels],
 *   the last parameter
 *
 * Where there are classes, the one before the last is the label embedding,
 * [classes][4 channels]: all others have the places that they have without.
 */
typedef struct
{
  DdpmParam *params;
  guint n_params;
  gsize trainable;
  gsize total;
} DdpmParams;

#define DDPM_PARAM_LABELS "label_embedding.weight"

/* Those of the notebook's UNet with this configuration; DDPM_ERROR_SETTINGS
 * for one that ddpm_config_check () refuses */
DdpmParams *ddpm_params_new (const DdpmConfig * config, GError ** error);
void ddpm_params_free (DdpmParams * params);
/* NULL: no such name */
const DdpmParam *ddpm_params_find (const DdpmParams * params,
    const gchar * name);
/* Weights as the notebook really initialises them, from Philox
 * (seed, index of the parameter, DDPM_STREAM_INIT), and a label embedding of
 * zeros; arena [total] */
void ddpm_params_init_weights (const DdpmParams * params,
    const DdpmConfig * config, guint64 seed, gfloat * arena);
/* The sinusoidal table, [timesteps][channels] floats (Vaswani et al. 2017,
 * section 3.5) */
void ddpm_params_compute_time_table (guint timesteps, guint channels,
    gfloat * table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmParams, ddpm_params_free)

G_END_DECLS
