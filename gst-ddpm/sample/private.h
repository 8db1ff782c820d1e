/* gst-ddpm: a predictor from inside of the library (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/sample/predictor.h"
#include "gst-ddpm/unet/unet.h"

G_BEGIN_DECLS

/**
 * DdpmPredictor:
 * @batch: images
 * @rows: images that pass the network: @batch, or 2 @batch with guidance, first
 *   with their labels and then the same without
 * @elements: floats of one image
 * @guidance: guidance scale, as in DdpmSamplerSpec
 * @weights: a copy of the model's; %NULL: the model's own are read
 * @x: (rows, elements): the states, of which the first @batch are read
 * @out: (rows, elements): what is predicted, in the first @batch
 * @t: [rows] of the host, of which the first @batch are read
 * @labels: [rows] of the host, likewise; all are DDPM_NO_LABEL at first
 * @graph_plan: the calls of ddpm_predictor_predict (); %NULL: the backend has no
 *   graphs
 *
 * Memory but @t and @labels is the backend's.
 */
struct _DdpmPredictor
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmUnet *unet;
  guint batch, rows, elements;
  gdouble guidance;
  float *weights;
  float *x, *out;
  gint *t, *labels;
  DdpmPlan *graph_plan;
};

/* Predicts out from x, t and labels. Inside ddpm_backend_run (); it makes the
 * same calls each time */
void ddpm_predictor_run (DdpmPredictor * predictor);

G_END_DECLS
