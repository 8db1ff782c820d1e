/* gst-ddpm: the states that a sampler visits
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "tests/support/sampler.h"
#include "tests/support/test.h"

/* states: those left, and last the one reached, ended by G_MAXUINT */
static void
assert_states (DdpmSpacing spacing, guint T, guint steps, guint start,
    guint stop, const guint * states)
{
  g_autoptr (DdpmSchedule) schedule =
      make_schedule (DDPM_SCHEDULE_COSINE, T, 1e-4, 0.02);
  g_autoptr (DdpmSampler) sampler = NULL;
  DdpmSamplerSpec spec = spec_of (DDPM_SAMPLER_DDIM, steps, start, stop);
  guint i;

  spec.spacing = spacing;
  sampler = make (schedule, spec);
  for (i = 0; i < sampler->n_steps; i++) {
    g_assert_cmpuint (sampler->steps[i].state, ==, states[i]);
    g_assert_cmpuint (sampler->steps[i].next_state, ==, states[i + 1]);
    g_assert_cmpuint (sampler->steps[i].t, ==, states[i] - 1);
    g_assert_cmpuint (sampler->steps[i].coefs.stream, ==, states[i] - 1);
  }
  g_assert_cmpuint (states[sampler->n_steps + 1], ==, G_MAXUINT);
}

#define ASSERT_STATES_OF(spacing, T, steps, start, stop, ...) G_STMT_START { \
    static const guint states[] = { __VA_ARGS__, G_MAXUINT }; \
    assert_states (spacing, T, steps, start, stop, states); \
  } G_STMT_END
#define ASSERT_STATES(...) ASSERT_STATES_OF (DDPM_SPACING_LINEAR, __VA_ARGS__)

TEST (timesteps_is_even)
{
  ASSERT_STATES (1000, 4, 1000, 0, 1000, 750, 500, 250, 0);
  ASSERT_STATES (10, 3, 10, 0, 10, 7, 3, 0);
  ASSERT_STATES (5, 2, 5, 0, 5, 3, 0);  /* 2.5 goes up */
  ASSERT_STATES (4, 0, 4, 0, 4, 3, 2, 1, 0);
  ASSERT_STATES (4, 4, 4, 0, 4, 3, 2, 1, 0);
  ASSERT_STATES (1000, 1, 1000, 0, 1000, 0);
  ASSERT_STATES (1, 1, 1, 0, 1, 0);
}

/* 1000 (4/5)^2 and so on: Song et al. 2021, appendix D.2 */
TEST (quadratic_spacing_is_finer_towards_the_image)
{
#define ASSERT_QUADRATIC(...) \
    ASSERT_STATES_OF (DDPM_SPACING_QUADRATIC, __VA_ARGS__)
  ASSERT_QUADRATIC (1000, 5, 1000, 0, 1000, 640, 360, 160, 40, 0);
  ASSERT_QUADRATIC (1000, 4, 1000, 0, 1000, 563, 250, 63, 0);   /* .5 goes up */
  ASSERT_QUADRATIC (1000, 5, 500, 50, 500, 360, 160, 50);
  ASSERT_QUADRATIC (10, 5, 10, 0, 10, 6, 4, 2, 1, 0);
  ASSERT_QUADRATIC (1000, 1, 1000, 0, 1000, 0);
}

/* Squares of small numbers would be one state, or none. */
TEST (quadratic_spacing_has_all_its_steps)
{
  ASSERT_QUADRATIC (10, 8, 10, 0, 10, 8, 6, 5, 4, 3, 2, 1, 0);
  ASSERT_QUADRATIC (4, 4, 4, 0, 4, 3, 2, 1, 0);
  ASSERT_QUADRATIC (4, 0, 4, 0, 4, 3, 2, 1, 0);
  ASSERT_QUADRATIC (1, 1, 1, 0, 1, 0);
}

TEST (timesteps_of_the_longest_schedule)
{
  ASSERT_QUADRATIC (DDPM_MAX_TIMESTEPS, DDPM_MAX_TIMESTEPS, 3, 0, 3, 2, 1, 0);
}

TEST (timesteps_starts_and_stops_anywhere)
{
  ASSERT_STATES (1000, 4, 800, 0, 800, 750, 500, 250, 0);
  ASSERT_STATES (1000, 4, 750, 250, 750, 500, 250);
  ASSERT_STATES (1000, 4, 740, 260, 740, 500, 260);
  ASSERT_STATES (1000, 4, 400, 300, 400, 300);
  ASSERT_STATES (1000, 4, 1000, 999, 1000, 999);
  ASSERT_STATES (1000, 1000, 1, 0, 1, 0);
  ASSERT_STATES (1000, 1, 7, 3, 7, 3);
}

TEST (full_schedule_visits_every_timestep)
{
  g_autoptr (DdpmSchedule) schedule = notebook_schedule ();
  g_autoptr (DdpmSampler) sampler = make (schedule,
      spec_of (DDPM_SAMPLER_DDPM, 0, 1000, 0));
  guint i;

  g_assert_cmpuint (sampler->n_steps, ==, 1000);
  g_assert_cmpuint (sampler->spec.steps, ==, 1000);
  for (i = 0; i < 1000; i++)
    g_assert_cmpuint (sampler->steps[i].t, ==, 999 - i);
}

/* What two elements in a row rest on */
TEST (split_runs_take_the_same_steps)
{
  g_autoptr (DdpmSchedule) schedule = notebook_schedule ();
  static const DdpmSamplerKind kinds[] =
      { DDPM_SAMPLER_DDPM, DDPM_SAMPLER_DDIM };
  guint k;

  for (k = 0; k < G_N_ELEMENTS (kinds); k++) {
    g_autoptr (DdpmSampler) whole = make (schedule, spec_of (kinds[k], 40,
            1000, 0));
    g_autoptr (DdpmSampler) upper = make (schedule, spec_of (kinds[k], 40,
            1000, 500));
    g_autoptr (DdpmSampler) lower = make (schedule, spec_of (kinds[k], 40,
            500, 0));

    g_assert_cmpuint (upper->n_steps, ==, 20);
    g_assert_cmpuint (lower->n_steps, ==, 20);
    g_assert_cmpmem (whole->steps, 20 * sizeof (DdpmSamplerStep),
        upper->steps, 20 * sizeof (DdpmSamplerStep));
    g_assert_cmpmem (whole->steps + 20, 20 * sizeof (DdpmSamplerStep),
        lower->steps, 20 * sizeof (DdpmSamplerStep));
  }
}

TEST (impossible_settings_are_refused)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  DdpmSamplerSpec bad[16];
  DdpmConfig config;
  guint i;

  ddpm_config_init_defaults (&config);

  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    bad[i] = spec_of (DDPM_SAMPLER_DDPM, 10, 1000, 0);
  bad[0].steps = 1001;
  bad[1].steps = G_MAXUINT;
  bad[2].start = 1001;
  bad[3].start = 0;
  bad[4].stop = 1000;
  bad[5].stop = G_MAXUINT;
  bad[6].eta = -0.01;
  bad[7].eta = 1.01;
  bad[8].eta = NAN;
  bad[9].kind = 3;
  bad[10].variance = 3;
  bad[11].spacing = 5;
  bad[12].variance = DDPM_VARIANCE_LEARNED_RANGE;
  bad[13].steps_offset = 1001;
  bad[14].clip_range = -1.0;
  bad[15].clip_range = NAN;
  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_fails (ddpm_sampler_new (s, &config, &bad[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
}
