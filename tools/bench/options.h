/* gst-ddpm: ddpm-bench: what is to be measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/samples.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef enum
{
  BENCH_FORWARD,                /* one evaluation of the network */
  BENCH_SAMPLE,                 /* a batch from noise to images */
  BENCH_TRAIN,                  /* one optimizer step */
} BenchMode;

/**
 * BenchOptions:
 * @mode: what one step is
 * @model: a checkpoint's, or one with random weights, which are 0 for a
 *   trainer: it makes them
 * @width: pixels of an image
 * @height: pixels of an image
 * @backend: compute backend
 * @precision: precision of activations
 * @threads: compute threads; 0: one per core
 * @batches: of guint: batches to measure one after the other
 * @micro_batch: training: images of one pass; 0: automatic
 * @sampler: sampling: sampler
 * @steps: sampling: reverse steps from noise to image
 * @guidance: sampling with classes: guidance scale
 * @clock: clock of all times
 * @repeats: steps to time
 * @warmup: steps before them
 * @beside: busy processes, beside which as many steps are timed; 0: none
 * @json: print a line of JSON for each batch instead of a table
 * @shapes: list each convolution in the table
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
  guint repeats, warmup, beside;
  gboolean json, shapes;
} BenchOptions;

/* Errors are those of options_parse (), and of loading the model. */
gboolean bench_options_parse (BenchOptions * options, gchar *** argv,
    GError ** error);
void bench_options_clear (BenchOptions * options);
/* "forward", "sample", "train" */
const gchar *bench_mode_to_string (BenchMode mode);

G_END_DECLS
