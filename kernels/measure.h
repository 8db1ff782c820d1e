/* gst-ddpm: timing the convolutions of a backend one by one (private, for
 * ddpm-bench)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/timer.h"

G_BEGIN_DECLS

/* Compute threads of a backend */
guint ddpm_measure_get_threads (DdpmBackend * backend);

typedef struct _DdpmMeasure DdpmMeasure;

/* Plans the convolutions that a timer has seen, with memory that all of them
 * share. Number i here is number i of timer->convolutions. */
DdpmMeasure *ddpm_measure_new (DdpmBackend * backend, const DdpmTimer * timer,
    GError ** error);
void ddpm_measure_free (DdpmMeasure * measure);
/* Makes one pass (0: forward, 1: backward by data, 2: by weights) of
 * convolution i, again and again. A backward pass needs desc.training.
 * Returns: mean seconds of a call */
gdouble ddpm_measure_time (DdpmMeasure * measure, guint i, guint pass,
    guint calls);
/* What computes it, such as "jit:avx2" (valid as long as the measure) */
const gchar *ddpm_measure_get_engine (DdpmMeasure * measure, guint i,
    guint pass);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmMeasure, ddpm_measure_free)

G_END_DECLS
