/* gst-ddpm: samplers and predictors from inside of the library (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/sample/predictor.h"
#include "gst-ddpm/sample/sampler.h"
#include "gst-ddpm/sample/network.h"

G_BEGIN_DECLS

/* One evaluation of the network at timestep t = state - 1, and the reverse step
 * from there to next_state. The state of the following step may differ from
 * that in the spacings of diffusers. */
typedef struct
{
  guint state, next_state;
  guint t;
  DdpmReverseStep coefs;
} DdpmSamplerStep;

typedef struct
{
  DdpmSamplerSpec spec;         /* steps 0 replaced by T */
  guint n_steps;
  DdpmSamplerStep *steps;
  gboolean multistep;           /* a step needs the x_0 of the previous one */
  gboolean learned_noise;       /* a step has it */
  DdpmPrediction prediction;    /* that the steps are for: the model's or eps */
} DdpmSampler;

/**
 * ddpm_sampler_new:
 * @schedule: the model's beta schedule; read during the call only
 * @config: the configuration that @schedule is of
 * @spec: what to sample, and how
 * @error: as ddpm_sampler_spec_check ()
 *
 * Computes the timestep schedule and the coefficients of each step. The
 * schedule of S steps has the states of its spacing; sampling goes from
 * spec->start to the next lower state of it, and so on, and ends at spec->stop.
 *
 * Returns: (transfer full): the sampler, or %NULL
 */
DdpmSampler *ddpm_sampler_new (const DdpmSchedule * schedule,
    const DdpmConfig * config, const DdpmSamplerSpec * spec, GError ** error);
void ddpm_sampler_free (DdpmSampler * sampler);

/* Parts of ddpm_sampler_new (): the states of the steps, and then their
 * coefficients */
void ddpm_sampler_build_timesteps (DdpmSampler * sampler, guint T);
void ddpm_sampler_fill_steps (DdpmSampler * sampler,
    const DdpmSchedule * schedule, const DdpmConfig * config);

/* Whether it spreads the timesteps that the network sees, as in diffusers,
 * instead of states */
gboolean ddpm_spacing_is_of_timesteps (DdpmSpacing spacing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSampler, ddpm_sampler_free)

/**
 * DdpmPredictor:
 * @batch: images
 * @rows: images that pass the network: @batch, or 2 @batch with guidance, first
 *   with their labels and then the same without
 * @elements: floats of one image
 * @guidance: guidance scale, as in DdpmSamplerSpec
 * @network: may be that of other predictors too
 * @cancel_func: as of ddpm_unet_set_cancel ()
 * @x: (rows, elements): the states, of which the first @batch are read
 * @out: (rows, elements): what is predicted, in the first @batch
 * @variance: likewise, for the variance, of a network that predicts it; %NULL:
 *   it does not
 * @both: (rows, 2 elements): @out and @variance, pixel by pixel; or %NULL
 * @t: [rows] of the host, of which the first @batch are read
 * @labels: [rows] of the host, likewise; all are DDPM_NO_LABEL at first
 * @classes: [rows] of the host, likewise: the same labels and what they are
 *   mixed with, which are read instead once ddpm_predictor_mix () was called
 * @graph_plan: the calls of ddpm_predictor_predict (); %NULL: the backend has
 *   no graphs
 *
 * Memory but @t and @labels is the backend's.
 */
struct _DdpmPredictor
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmNetwork *network;
  DdpmCancelFunc cancel_func;
  gpointer cancel_data;
  guint batch, rows, elements;
  gdouble guidance;
  float *x, *out, *variance, *both;
  gint *t, *labels;
  DdpmClass *classes;
  gboolean mixes;
  DdpmPlan *graph_plan;
};

/* Returns: FALSE if that takes another number of rows: nothing has changed */
gboolean ddpm_predictor_set_guidance (DdpmPredictor * predictor,
    gdouble guidance);
/* From now on, @classes are read in the place of @labels. What graphs have
 * recorded does not hold any more. */
void ddpm_predictor_mix (DdpmPredictor * predictor);

/* As ddpm_unet_set_cancel (), for the passes of this predictor */
void ddpm_predictor_set_cancel (DdpmPredictor * predictor, DdpmCancelFunc func,
    gpointer data);
/* Computes together, for this batch's t and labels and for the timesteps next
 * [n], what the network needs of them. Inside ddpm_backend_run (), before the
 * same calls that ddpm_predictor_run () makes each time. */
void ddpm_predictor_prepare (DdpmPredictor * predictor, guint n,
    const gint * next);
/* Predicts out from x, t and labels. Inside ddpm_backend_run (); it makes the
 * same calls each time. Returns: FALSE if it was cancelled: out and the second
 * half of x are then undefined */
gboolean ddpm_predictor_run (DdpmPredictor * predictor);

G_END_DECLS
