/* gst-ddpm: ddpm-bench: one measurement
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/convolutions.h"
#include "tools/bench/limit.h"
#include "tools/bench/options.h"
#include "tools/bench/process.h"

G_BEGIN_DECLS

/**
 * BenchResult:
 * @batch: images of a step
 * @pass: images that pass the network at a time
 * @evaluations: evaluations of the network in a step, for each image
 * @setup: seconds for making plans, allocating memory and loading weights
 * @step: seconds of a step
 * @cpu: seconds of processors in a step, which other load changes little
 * @flops: floating-point operations of a step, as far as they are of gemms and
 *   convolutions; a backward pass counts as two forward passes
 * @entries: operations by kind, of all steps with a timer
 * @total: seconds of these steps: on a GPU they are other steps than the timed
 *   ones, and as many
 * @shapes: of BenchShape
 * @convolutions: seconds of a step's convolutions, each timed alone
 * @ratio: median of step : convolutions, both timed in one repeat
 * @ceiling: floating-point operations a second of the fastest convolution
 * @ceiling_shape: its index in @shapes
 * @ceiling_pass: its pass
 * @beside: seconds of a step beside busy processes
 * @beside_speed: median of the speed beside them : the speed without, both
 *   timed in one repeat
 * @limit: of the processor's arithmetic: the larger of two, before and after
 *   the timed steps
 * @peak_memory: bytes, before convolutions were timed alone; 0: not known
 * @first: allocations of the first step
 * @steady: allocations of all timed steps; calls -1: not known
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
  BenchSpread beside;
  gdouble beside_speed;
  BenchLimit limit;
  guint64 peak_memory;
  BenchAllocations first, steady;
} BenchResult;

/* Operations for one image in a step, of those of its forward pass: a backward
 * pass by data and one by weights have as many as the forward pass. */
gdouble bench_flops_of_image (BenchMode mode, gdouble forward);
gboolean bench_measure (const BenchOptions * options, DdpmBackend * backend,
    guint batch, BenchResult * result, GError ** error);
void bench_result_clear (BenchResult * result);

G_END_DECLS
