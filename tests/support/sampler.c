/* gst-ddpm: what the tests of the samplers share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/sampler.h"

DdpmSchedule *
notebook_schedule (void)
{
  return make_schedule (DDPM_SCHEDULE_LINEAR, 1000, 1e-4, 0.02);
}

DdpmSampler *
make (const DdpmSchedule * schedule, DdpmSamplerSpec spec)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  config.timesteps = schedule->T;
  return assert_ok (ddpm_sampler_new (schedule, &config, &spec, &error));
}

DdpmSamplerSpec
spec_of (DdpmSamplerKind kind, guint steps, guint start, guint stop)
{
  DdpmSamplerSpec spec = {.kind = kind,.steps = steps,.start = start,
    .stop = stop
  };

  return spec;
}

DdpmSchedule *
make_schedule (DdpmScheduleKind kind, guint T, gdouble beta_start,
    gdouble beta_end)
{
  DdpmConfig config;
  DdpmSchedule *schedule;

  ddpm_config_init_defaults (&config);
  config.schedule = kind;
  config.timesteps = T;
  config.beta_start = beta_start;
  config.beta_end = beta_end;
  schedule = assert_ok (ddpm_schedule_new (&config, &error));
  return schedule;
}
