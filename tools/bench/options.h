/* gst-ddpm: ddpm-bench: what is to be measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/samples.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/sample/sampler.h"

G_BEGIN_DECLS

typedef enum
{
  BENCH_FORWARD,                /* one evaluation of the network */
  BENCH_SAMPLE,                 /* a batch from noise to images */
  BENCH_TRAIN,                  /* one optimizer step */
} BenchMode;

/**
 * BenchOptions:
 * @mode: what is one step
 * @model: weights; random ones unless a checkpoint is named, which a trainer
 *   makes itself
 * @width: pixels of an image
 * @height: pixels
 * @backend: which machine
 * @precision: of activations
 * @threads: 0: one per core
 * @batches: of guint: each is measured, one after the other
 * @micro_batch: of training; 0: chosen
 * @sampler: of sampling
 * @steps: reverse steps from noise to image
 * @guidance: of sampling, where the model has classes
 * @clock: that all times are of
 * @repeats: steps that are timed
 * @warmup: steps before them
 * @json: a line of JSON for each batch, instead of a table
 * @shapes: the table shows each convolution
 */
typedef struct
{
  BenchMode mode;
  DdpmModel *model;
  guint width, height;
  DdpmBackendKind backend;
  DdpmPrecision precision;
  guint threads;
  GArray *batches;
  guint micro_batch;
  DdpmSamplerKind sampler;
  guint steps;
  gdouble guidance;
  clockid_t clock;
  guint repeats, warmup;
  gboolean json, shapes;
} BenchOptions;

/* FALSE: error says what is wrong. --help prints and exits. */
gboolean bench_options_parse (BenchOptions * options, gchar *** argv,
    GError ** error);
void bench_options_clear (BenchOptions * options);
/* "forward", "sample", "train" */
const gchar *bench_mode_to_string (BenchMode mode);

G_END_DECLS
