/* gst-ddpm: what a model says of a batch of states, guided (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/unet/unet.h"

G_BEGIN_DECLS

/**
 * DdpmPredictor:
 * @batch: images
 * @rows: of the network: @batch, or 2 @batch, then first with labels and behind
 *   them the same without
 * @elements: floats of one image
 * @guidance: as in DdpmSamplerSpec
 * @weights: %NULL: those of the model are read
 * @x: (rows, elements): the states, of which the first @batch are read
 * @out: (rows, elements): what is predicted, in the first @batch
 * @t: [rows], of the host, of which the first @batch are read
 * @labels: [rows], of the host, likewise; -1: none, as all are at first
 *
 * Memory but @t and @labels is the backend's.
 */
typedef struct
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmUnet *unet;
  guint batch, rows, elements;
  gdouble guidance;
  float *weights;
  float *x, *out;
  gint *t, *labels;
} DdpmPredictor;

/* Loads the weights into the backend and takes all memory. References model
 * and backend. Errors are those of ddpm_unet_new (). */
DdpmPredictor *ddpm_predictor_new (DdpmModel * model, DdpmBackend * backend,
    guint batch, guint width, guint height, gdouble guidance, GError ** error);
void ddpm_predictor_free (DdpmPredictor * predictor);
/* Inside run (); the same calls each time */
void ddpm_predictor_run (DdpmPredictor * predictor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmPredictor, ddpm_predictor_free)

G_END_DECLS
