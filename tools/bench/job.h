/* gst-ddpm: ddpm-bench: the step that is timed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/options.h"
#include "kernels/measure.h"

G_BEGIN_DECLS

typedef struct _BenchJob BenchJob;

BenchJob *bench_job_new (const BenchOptions * options, DdpmBackend * backend,
    guint batch, GError ** error);
void bench_job_free (BenchJob * job);
/* Makes one evaluation, one batch of images, or one optimizer step, and waits
 * until it is done. timer: attached to the backend meanwhile; NULL: none */
gboolean bench_job_step (BenchJob * job, DdpmTimer * timer, GError ** error);
/* Evaluations of the network in a step, for each image */
guint bench_job_get_evaluations (BenchJob * job);
/* Images that pass the network at a time */
guint bench_job_get_pass (BenchJob * job);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchJob, bench_job_free)

G_END_DECLS
