/* gst-ddpm: what the tests of the samplers share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/sample/private.h"
#include "tests/support/calls.h"

DdpmSchedule *notebook_schedule (void);
DdpmSampler *make (const DdpmSchedule * schedule, DdpmSamplerSpec spec);
DdpmSamplerSpec spec_of (DdpmSamplerKind kind, guint steps, guint start,
    guint stop);
DdpmSchedule *make_schedule (DdpmScheduleKind kind, guint T,
    gdouble beta_start, gdouble beta_end);
