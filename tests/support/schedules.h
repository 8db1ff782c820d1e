/* gst-ddpm: schedules for tests
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"

static inline DdpmSchedule *
make_schedule (DdpmScheduleKind kind, guint T, gdouble beta_start,
    gdouble beta_end)
{
  DdpmConfig config;
  DdpmSchedule *schedule;
  GError *error = NULL;

  ddpm_config_init_defaults (&config);
  config.schedule = kind;
  config.timesteps = T;
  config.beta_start = beta_start;
  config.beta_end = beta_end;
  schedule = ddpm_schedule_new (&config, &error);
  g_assert_no_error (error);
  return schedule;
}
