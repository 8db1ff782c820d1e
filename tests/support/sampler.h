/* gst-ddpm: what the tests of the samplers share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/sample/private.h"
#include "tests/support/schedules.h"

static inline DdpmSchedule *
notebook_schedule (void)
{
  return make_schedule (DDPM_SCHEDULE_LINEAR, 1000, 1e-4, 0.02);
}

static inline DdpmSampler *
make (const DdpmSchedule * schedule, DdpmSamplerSpec spec)
{
  GError *error = NULL;
  DdpmSampler *sampler = ddpm_sampler_new (schedule,
      DDPM_DATA_RANGE_SYMMETRIC, &spec, &error);

  g_assert_no_error (error);
  return sampler;
}

static inline DdpmSamplerSpec
spec_of (DdpmSamplerKind kind, guint steps, guint start, guint stop)
{
  DdpmSamplerSpec spec = {.kind = kind,.steps = steps,.start = start,
    .stop = stop
  };

  return spec;
}
