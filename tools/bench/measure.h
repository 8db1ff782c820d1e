/* gst-ddpm: ddpm-bench: one measurement
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/convolutions.h"
#include "tools/bench/options.h"
#include "tools/bench/process.h"

G_BEGIN_DECLS

/**
 * BenchResult:
 * @batch: images of a step
 * @pass: of these, images that pass the network at a time
 * @evaluations: of the network, for each image, in a step
 * @setup: seconds to plan, take memory and arrange weights
 * @step: seconds
 * @cpu: seconds of processors in a step, which other load changes little
 * @flops: operations of a step: those of matrix products and convolutions,
 *   backward passes counted as twice the forward pass
 * @entries: of all watched steps, by kind of operation
 * @total: seconds of all watched steps: those that are timed, or, where a
 *   device runs behind, as many beside them
 * @shapes: of BenchShape
 * @convolutions: seconds of a step's convolutions, each timed alone
 * @ratio: median of step : convolutions, both timed in one repeat
 * @ceiling: operations a second of the fastest convolution
 * @ceiling_shape: index of it in shapes
 * @ceiling_pass: and its pass
 * @peak_memory: bytes, before convolutions were timed alone; 0: not known
 * @first: allocations of the first step
 * @steady: of the timed steps together; calls -1: not known
 */
typedef struct
{
  guint batch, pass, evaluations;
  gdouble setup;
  BenchSpread step, cpu;
  gdouble flops;
  DdpmTimerEntry entries[DDPM_TIMER_N_KINDS];
  gdouble total;
  GArray *shapes;
  BenchSpread convolutions;
  gdouble ratio;
  gdouble ceiling;
  guint ceiling_shape, ceiling_pass;
  guint64 peak_memory;
  BenchAllocations first, steady;
} BenchResult;

/* From those of a forward pass of one image: a backward pass by data and one
 * by weights are as long as the forward pass. */
gdouble bench_flops_of_image (BenchMode mode, gdouble forward);
gboolean bench_measure (const BenchOptions * options, DdpmBackend * backend,
    guint batch, BenchResult * result, GError ** error);
void bench_result_clear (BenchResult * result);

G_END_DECLS
