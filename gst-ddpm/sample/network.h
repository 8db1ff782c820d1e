/* gst-ddpm: the networks of predictors (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/unet/unet.h"

G_BEGIN_DECLS

/**
 * DdpmDeviceWeights:
 * @key: what they are shared by; %NULL: they are not shared
 * @data: a copy of the model's weights, in memory of @backend
 *
 * The weights of a model on a device, which all networks of this model in one
 * context read.
 */
typedef struct
{
  gatomicrefcount refcount;
  gchar *key;
  DdpmModel *model;
  DdpmBackend *backend;
  float *data;
} DdpmDeviceWeights;

/**
 * DdpmNetwork:
 * @key: what it is shared by; %NULL: it is not shared
 * @weights: (nullable): %NULL: those of the model are read
 * @images: of one pass through the network
 * @unet: the network, for inference. Only inside of ddpm_backend_run ()
 *
 * A network with the weights of a model. Predictors on the CPU share it, with
 * its packed weights and its activations, if model, precision, threads and
 * shape are the same: such predictors compute in one thread, and what a network
 * keeps from one pass to the next is the same for all.
 */
typedef struct
{
  gatomicrefcount refcount;
  gchar *key;
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmDeviceWeights *weights;
  guint images;
  DdpmUnet *unet;
} DdpmNetwork;

/* Floating-point operations of a pass on the host, which tests change */
extern gdouble ddpm_network_pass_flops;

/* rows: images of all passes. Errors: as of ddpm_unet_new () */
DdpmNetwork *ddpm_network_new (DdpmModel * model, DdpmBackend * backend,
    guint rows, guint width, guint height, GError ** error);
/* NULL: nothing */
void ddpm_network_free (DdpmNetwork * network);

G_END_DECLS
